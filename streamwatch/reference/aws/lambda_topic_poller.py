"""What Lambda does for a mapping on a topic, as a model: it is a member of a real group of a reference cluster.

It has no thread: ``live`` lets it do what is due. A batch that fails is tried again, and nothing else of its partition
is read before it succeeds or is given up. Its group is the mapping's; of queue mode (a share group) there is no model.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from streamwatch.reference.aws.cloud import Cloud
from streamwatch.reference.aws.lambdas import FOR_EVER, EventSourceMapping, Function
from streamwatch.reference.kafka.assignors import Slot
from streamwatch.reference.kafka.consumer_members import JOIN, LEAVE, HeartbeatRequest
from streamwatch.reference.kafka.offsets import Committed, Key
from streamwatch.reference.kafka.site import Site

if TYPE_CHECKING:  # who runs streams only does not pay for kafka-python
    from streamwatch.reference.aws.server import ReferenceAws
    from streamwatch.reference.kafka.server import ReferenceKafka

_NAMESPACE: Final = "AWS/Lambda"
_REBALANCE_SECONDS: Final = 60.0
_MEMBER: Final = "lambda-1"

Points = list[tuple[str, float]]
"""Names of the function's metrics, and values."""


@dataclass(slots=True)
class TopicPoller:
    """One mapping on one topic."""

    aws: "ReferenceAws"
    kafka: "ReferenceKafka"
    mapping: EventSourceMapping
    function: Function = field(default_factory=Function)
    poison: set[Key] = field(default_factory=set)
    """(topic, partition) of those whose next record fails, for as long as they are in here."""
    is_dead: bool = False
    """It is in no group, though the mapping is enabled."""
    abandoned: int = 0
    """Records, in all."""
    _epoch: int = JOIN
    _owned: frozenset[Slot] = frozenset()
    _attempts: dict[Key, int] = field(default_factory=dict)

    @property
    def topic(self) -> str:
        """What it reads."""
        return str(self.mapping.source["Topics"][0])

    @property
    def group(self) -> str:
        """The id of its group."""
        for name in ("AmazonManagedKafkaEventSourceConfig", "SelfManagedKafkaEventSourceConfig"):
            if found := self.mapping.source.get(name, {}).get("ConsumerGroupId"):
                return str(found)
        return self.mapping.uuid

    def live(self) -> None:
        """Beat, and poll each partition that it has once."""
        points = self.kafka.do(self._poll_all)
        place = (("FunctionName", self.mapping.function),)

        def put(cloud: Cloud, now: float) -> None:
            for name, value in points:
                cloud.metrics().put(_NAMESPACE, name, place, value, "Count", now)

        self.aws.do(put)

    def lag(self) -> int:
        """Return how many records of the topic are not done with."""
        return self.kafka.do(lambda site, _: sum(end - at for _, at, end in self._places(site)))

    def _poll_all(self, site: Site, now: float) -> Points:
        if self.mapping.state != "Enabled" or self.is_dead:
            self._leave(site, now)
            return []
        self._beat(site, now)
        points: Points = []
        for key, at, end in self._places(site):
            if at < end and (site.cluster.topics[self.topic].id, key[1]) in self._owned:
                points += self._poll(site, key, at, min(end, at + self._most), now)
        return [*points, ("OffsetLag", float(sum(end - at for _, at, end in self._places(site))))]

    @property
    def _most(self) -> int:
        return min(self.mapping.batch_size, self.function.records_a_call)

    def _beat(self, site: Site, now: float) -> None:
        is_new = self._epoch == JOIN
        beaten = site.groups.beat(
            self.group,
            HeartbeatRequest(
                member_id=_MEMBER,
                epoch=self._epoch,
                client_id="lambda",
                host="/127.0.0.1",
                topics=(self.topic,) if is_new else None,
                rebalance_seconds=_REBALANCE_SECONDS if is_new else None,
                owned=frozenset() if is_new else self._owned,
            ),
            now,
        )
        if beaten.code:
            self._epoch, self._owned = JOIN, frozenset()
            return
        self._epoch = beaten.epoch
        self._owned = self._owned if beaten.assignment is None else beaten.assignment

    def _leave(self, site: Site, now: float) -> None:
        if self._epoch != JOIN:
            beat = HeartbeatRequest(member_id=_MEMBER, epoch=LEAVE, client_id="lambda", host="/127.0.0.1")
            site.groups.beat(self.group, beat, now)
            self._epoch, self._owned = JOIN, frozenset()

    def _places(self, site: Site) -> Iterator[tuple[Key, int, int]]:
        """Yield of each partition where the group is, and where the partition ends."""
        committed = site.groups.offsets.of(self.group)
        for partition in site.cluster.topics[self.topic].partitions:
            leader = partition.leader
            if leader is not None:
                at = committed.get(partition.key)
                yield partition.key, leader.log.start if at is None else at.offset, leader.high_watermark

    def _poll(self, site: Site, key: Key, at: int, until: int, now: float) -> Points:
        if self.function.is_throttled:
            return [("Throttles", 1.0)]
        fails = self.function.fails or key in self.poison
        self.mapping.result = "PROBLEM: Function call failed" if fails else "OK"
        if not fails:
            self._attempts.pop(key, None)
            self._commit(site, key, until, now)
            return [("Invocations", 1.0), ("Errors", 0.0), ("Throttles", 0.0)]
        self._attempts[key] = attempts = self._attempts.get(key, 0) + 1
        if self.mapping.attempts != FOR_EVER and attempts > self.mapping.attempts:
            self._attempts.pop(key)
            self.abandoned += until - at
            self._commit(site, key, until, now)
        return [("Invocations", 1.0), ("Errors", 1.0), ("Throttles", 0.0)]

    def _commit(self, site: Site, key: Key, offset: int, now: float) -> None:
        site.groups.put(self.group, {key: Committed(offset, at=now)}, now)
