"""A source on a prepared cluster, with a clock that a test moves."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from streamwatch.core.clock import ManualClock
from streamwatch.model.kafka import ClusterSnapshot
from streamwatch.sources.kafka import Config, KafkaSource
from streamwatch.sources.kafka.config import Pulse
from tests.addresses import servers
from tests.prepared import PreparedCluster, Truth

INTERVAL = 15.0
Offsets = dict[tuple[str, int], int]


@dataclass
class Watched:
    """What is read, and who reads it."""

    truth: Truth
    cluster: PreparedCluster
    source: KafkaSource
    clock: ManualClock
    asked: dict[str, int] = field(default_factory=dict)
    """Requests of the last read, by API."""

    def read(self) -> ClusterSnapshot:
        """Read once, an interval after the last time."""
        self.clock.advance(INTERVAL)
        self.cluster.asked.clear()
        now = self.source.read()
        self.asked = dict(self.cluster.asked)
        return now


@contextmanager
def watched(truth: Truth, **settings: Any) -> Iterator[Watched]:
    """Serve a truth and watch it."""
    clock = ManualClock(1_700_000_000.0)
    with PreparedCluster(truth) as cluster:
        plain: dict[str, Any] = {
            "name": "prepared",
            "bootstrap": servers(cluster.bootstrap),
            "interval": INTERVAL,
            "request_timeout": 5.0,  # the pace follows how long answers take: a slow machine is no slow leader
            "connect_timeout": 1.0,
            "pulse": Pulse(enabled=False),
            "log_dirs_interval": 1e6,
            "topic_settings_interval": 1e6,
        }
        source = KafkaSource(Config(**(plain | settings)), clock, lambda: None)
        try:
            yield Watched(truth, cluster, source, clock)
        finally:
            source.close()


def by_partition(now: ClusterSnapshot, column: Any) -> dict[tuple[str, int], Any]:
    """Return a column (P) by topic and partition."""
    assert now.topology is not None
    names = [now.topology.topics[t] for t in now.topology.topic.tolist()]
    return dict(zip(zip(names, now.topology.partition.tolist(), strict=True), np.asarray(column).tolist(), strict=True))
