"""What every part of the model knows: brokers, topics, settings, timers, and what happened. It decides nothing."""

import uuid
from collections import deque
from collections.abc import Iterator
from random import Random
from typing import Final, Protocol

from streamwatch.reference.kafka.broker import Broker
from streamwatch.reference.kafka.log_dir import LogDir
from streamwatch.reference.kafka.partition import Partition, PartitionRecord, Topic
from streamwatch.reference.kafka.settings import Settings
from streamwatch.reference.kafka.spec import FIRST_HELD, Spec
from streamwatch.reference.timers import Timers

_REMEMBERED: Final = 1000


class Meters(Protocol):
    """Where replication counts its bytes."""

    def replicated(self, follower: int, leader: int, size: int, now: float) -> None:
        """A follower fetched so many bytes from a leader."""


class ClusterState:
    """What is shared by whoever replicates, decides, or makes topics."""

    def __init__(self, spec: Spec, meters: Meters) -> None:
        self.spec = spec
        self.timers = Timers()
        self.random = Random(spec.seed)  # noqa: S311 - a rehearsal is to be the same every time
        self.settings = Settings(spec.settings)
        self.meters = meters
        self.topics: dict[str, Topic] = {}
        self.topics_by_id: dict[uuid.UUID, Topic] = {}
        self.metric_names: dict[str, set[str]] = {}
        """Topics by their names in metrics, where a dot is an underscore."""
        self.changes = 0
        """Rises whenever metadata changes."""
        self.events: deque[tuple[float, str]] = deque(maxlen=_REMEMBERED)
        """What happened, with its time."""
        self.moved: list[Partition] = []
        """Partitions whose leader changed since somebody last looked (and emptied it)."""
        self.switched: list[Broker] = []
        """Brokers that stopped, started, froze or thawed since somebody last looked (and emptied it)."""
        self.brokers = {each: self._broker(each) for each in spec.broker_ids}

    def _broker(self, number: int) -> Broker:
        dirs = [LogDir(f"/kafka/data-{i}", self.spec.disk_bytes) for i in range(self.spec.dirs)]
        return Broker(number, f"rack-{(number - 1) % self.spec.racks + 1}", dirs)

    def record_event(self, now: float, what: str) -> None:
        """Remember what happened."""
        self.events.append((now, what))

    def partitions(self) -> Iterator[Partition]:
        """Yield every partition."""
        for topic in self.topics.values():
            yield from topic.partitions

    def partition(self, topic: str, index: int) -> Partition | None:
        """Return a partition; None where there is none."""
        found = self.topics.get(topic)
        return found.partitions[index] if found and 0 <= index < len(found.partitions) else None

    def setting(self, topic: Topic, name: str) -> str:
        """Return a topic's setting, its own or the brokers'."""
        return self.settings.topic(topic.settings, name)

    def min_isr(self, partition: Partition) -> int:
        """Return how many replicas must be in sync for acks=all: never more than there are, from 3.7 on."""
        wanted = int(self.setting(partition.topic, "min.insync.replicas"))
        return min(wanted, len(partition.state.replicas)) if self.spec.release >= FIRST_HELD else wanted

    def state_for(self, broker: Broker, partition: Partition) -> PartitionRecord:
        """Return what a broker knows of a partition: the truth, unless it is cut off."""
        return broker.stale.get(partition, partition.state) if broker.stale is not None else partition.state

    def leader_changed(self, partition: Partition) -> None:
        """Note that somebody else leads."""
        self.moved.append(partition)
