"""What an audit knows, written down by hand."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from streamwatch.audit.checks import CHECKS
from streamwatch.audit.facts import AuditFacts, ClusterFacts
from streamwatch.audit.finding import NotChecked, Observation, Outcome
from streamwatch.model.cluster_settings import ClusterSettings
from streamwatch.model.kafka import CleanupPolicy, ClusterSnapshot
from streamwatch.model.metric import Keys, Metric, Samples
from streamwatch.model.newest_samples import NewestSamples
from tests.snapshots import Partition, snapshot

NOW = 1_800_000_000.0
DAY = 86_400.0
WELL: Partition = (1, (1, 2, 3), (1, 2, 3))
ANSWERED = ClusterSettings(
    asked_at=NOW,
    brokers={
        broker: {
            "listeners": "CLIENT://:9094,CONTROLLER://127.0.0.1:9093",
            "listener.security.protocol.map": "CLIENT:SASL_SSL,CONTROLLER:PLAINTEXT",
            "log.cleaner.enable": "true",
            "offsets.retention.minutes": "10080",
            "unclean.leader.election.enable": "false",
        }
        for broker in (1, 2, 3)
    },
    topics={"orders": {"unclean.leader.election.enable": "false", "min.cleanable.dirty.ratio": "0.5"}},
    is_looked_up=True,
)
Values = Mapping[Metric, Mapping[tuple[str, ...], float]]


def read(
    topics: Mapping[str, Sequence[Partition]], racks: Sequence[str | None] = ("a", "b", "c"), **others: Any
) -> ClusterSnapshot:
    """Return a read of a cluster that is set well, but for what is said otherwise."""
    count = len(topics)
    plain: dict[str, Any] = {
        "min_isr": np.full(count, 2),
        "retention_ms": np.full(count, 604_800_000),
        "retention_bytes": np.full(count, -1),
        "cleanup_policy": np.full(count, CleanupPolicy.DELETE),
        "version": "4.3",
    }
    now = snapshot(topics, **(plain | others))
    every = snapshot({"t": [(1, range(1, len(racks) + 1), ())]}).brokers
    return replace(
        now, brokers=tuple(replace(one, rack=rack) for one, rack in zip(every, racks, strict=True)), cluster="shop"
    )


def facts(now: ClusterSnapshot | None = None, values: Values | None = None, **others: Any) -> AuditFacts:
    """Return what is known of one cluster, called shop."""
    plain: dict[str, Any] = {"settings": ANSWERED}
    cluster = ClusterFacts(name="shop", snapshot=now or read({"orders": [WELL]}), **(plain | others))
    return AuditFacts(now=NOW, clusters=(cluster,), samples=index(values or {}))


def index(values: Values) -> NewestSamples:
    """Return samples by metric and labels."""
    return NewestSamples(
        Samples(metric, Keys(metric.labels, tuple(rows)), np.array([*rows.values()], dtype=np.float64))
        for metric, rows in values.items()
    )


def outcomes(name: str, known: AuditFacts) -> list[Outcome]:
    """Return what a check yields."""
    run: Callable[[AuditFacts], Iterator[Outcome]] = next(check.run for check in CHECKS if check.name == name)
    return [*run(known)]


def observed(name: str, known: AuditFacts) -> list[Observation]:
    """Return what a check finds; it has looked at everything."""
    every = outcomes(name, known)
    assert [each for each in every if isinstance(each, NotChecked)] == []
    return [each for each in every if isinstance(each, Observation)]


def only(name: str, known: AuditFacts) -> Observation:
    """Return the one thing that a check finds."""
    (observation,) = observed(name, known)
    return observation


def unknown(name: str, known: AuditFacts) -> list[str]:
    """Return why a check could not look at things; it finds nothing."""
    every = outcomes(name, known)
    assert [each for each in every if isinstance(each, Observation)] == []
    return [each.why for each in every if isinstance(each, NotChecked)]
