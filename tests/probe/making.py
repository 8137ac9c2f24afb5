"""A probe of a reference cluster, in a hurry."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from streamwatch.core.clock import SystemClock
from streamwatch.model.probe import BrokerProbe, ProbeSnapshot
from streamwatch.probe.source import ProbeSource
from streamwatch.reference.kafka import faults
from streamwatch.reference.kafka.server import ReferenceKafka
from streamwatch.reference.kafka.spec import Spec
from streamwatch.reference.kafka.topics import create
from streamwatch.sources.cluster_config import ClusterConfig
from streamwatch.sources.probe_config import KafkaProbe
from tests.addresses import servers
from tests.waiting import wait_for

SESSION_MS = 1500
TOPIC = "probes"


@dataclass
class Probed:
    """A cluster, and its probe."""

    kafka: ReferenceKafka
    source: ProbeSource
    config: ClusterConfig

    def break_(self, fault: str, **parameters: Any) -> None:
        """Break something of the cluster, or heal it."""
        self.kafka.do(lambda site, now: faults.apply(site, now, fault, parameters))

    def read(self) -> ProbeSnapshot:
        return self.source.read()

    def broker(self, number: int) -> BrokerProbe:
        """Return what is known of a broker; nothing was measured of one that is not known yet."""
        found = {each.broker: each for each in self.read().brokers}
        return found.get(number, BrokerProbe(number, is_covered=False))

    def causes(self, number: int) -> set[str]:
        return {cause for _, cause in self.broker(number).failures}

    def wait_for_success(self, number: int, more: int = 2) -> None:
        """Wait until more records went through a broker than until now."""
        before = self.broker(number).successes
        wait_for(lambda: self.broker(number).successes >= before + more, 20, f"records go through broker {number}")


def make_topic(kafka: ReferenceKafka, replicas: Mapping[int, tuple[int, ...]], **settings: str) -> None:
    kafka.do(lambda site, now: create(site.cluster, TOPIC, list(replicas.values()), settings, now))


@contextmanager
def probed(kafka: ReferenceKafka, **settings: Any) -> Iterator[Probed]:
    """Probe a cluster."""
    plain: dict[str, Any] = {"enabled": True, "topic": TOPIC, "interval": 0.1, "timeout": 1.0}
    config = ClusterConfig(
        name="c",
        bootstrap=servers(kafka.bootstrap.split(",")),
        connect_timeout=0.5,
        probe=KafkaProbe(**(plain | settings)),
    )
    source = ProbeSource("c/probe", config, config.probe, SystemClock(), lambda: config.bootstrap)
    try:
        yield Probed(kafka, source, config)
    finally:
        source.close()


SPEC = Spec(settings={"broker.session.timeout.ms": str(SESSION_MS), "replica.lag.time.max.ms": "1500"})
