"""What Lambda does for a mapping on a Kinesis stream, as a model: it takes real records, and calls a modelled function.

It has no thread: ``live`` lets it poll each shard once. A batch that fails is tried again at the next poll, and nothing
else of its shard is read before it succeeds or is given up.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from streamwatch.reference.aws.cloud import Cloud
from streamwatch.reference.aws.lambdas import FOR_EVER, EventSourceMapping, Function
from streamwatch.reference.kinesis.account import Kinesis
from streamwatch.reference.kinesis.errors import ServiceError
from streamwatch.reference.kinesis.operations import OPERATIONS
from streamwatch.reference.kinesis.shard import Record, Shard

POISON: Final = b"poison"
"""A record of this fails whenever it is in a batch, unless the function takes it."""
_NAMESPACE: Final = "AWS/Lambda"


@dataclass(slots=True)
class _Place:
    """How far it is in one shard."""

    after: int
    waiting: list[list[Record]] = field(default_factory=list)
    """Batches that were read and are not done, the first one first."""
    attempts: int = 0
    """Calls with the first batch that failed."""


@dataclass(slots=True)
class Poller:
    """One mapping on one stream."""

    cloud: Cloud
    mapping: EventSourceMapping
    function: Function
    stream: str
    now: float
    is_fan_out: bool = False
    is_dead: bool = False
    """It does not poll, though the mapping is enabled."""
    loses_failures: bool = False
    """What it gives up does not reach the destination."""
    abandoned: int = 0
    """Records, in all."""
    _places: dict[str, _Place] = field(default_factory=dict)

    @property
    def kinesis(self) -> Kinesis:
        """Where its stream is."""
        return self.cloud.kinesis()

    def live(self, now: float) -> None:
        """Poll each shard once."""
        self.now = now
        if self.mapping.state != "Enabled" or self.is_dead:
            return
        for shard in self._shards():
            place = self._places.setdefault(shard.id, _Place(shard.starting))
            if self._may_read(shard):
                self._poll(shard, place)

    def lag(self) -> float:
        """Return how old the oldest record is that is not done with; 0 where there is none."""
        oldest = self.now
        for shard in self._shards():
            place = self._places.get(shard.id, _Place(shard.starting))
            batches = [one for batch in place.waiting for one in batch]
            left = batches or shard.records[shard.after(place.after) :]
            oldest = min(oldest, left[0].arrived if left else self.now)
        return self.now - oldest

    def _shards(self) -> Iterable[Shard]:
        return self.kinesis.streams[self.stream].shards.values()

    def _may_read(self, shard: Shard) -> bool:
        shards = self.kinesis.streams[self.stream].shards
        before = [shards[one] for one in shard.parents if one in shards]
        return not any(self._is_behind(one) for one in before)

    def _is_behind(self, shard: Shard) -> bool:
        place = self._places.get(shard.id, _Place(shard.starting))
        return bool(place.waiting) or shard.after(place.after) < len(shard.records)

    def _poll(self, shard: Shard, place: _Place) -> None:
        self._forget_expired(shard, place)
        if not place.waiting:
            records = self._read(shard, place)
            self._count("PolledEventCount", len(records))
            if records:
                place.after = records[-1].number
                place.waiting = [list(records)]
        done = 0
        while place.waiting and done < self.function.records_a_call:
            batch = place.waiting[0]
            if not self._call(batch):
                self._failed(place, batch)
                return
            done += len(batch)
            place.waiting.pop(0)
            place.attempts = 0
        if done:
            self.mapping.result = "OK"

    def _forget_expired(self, shard: Shard, place: _Place) -> None:
        """Retention deletes what is not read: nothing counts it."""
        oldest = self.now - self.kinesis.streams[self.stream].retention_hours * 3600
        shard.trim(oldest)
        place.waiting = [kept for batch in place.waiting if (kept := [one for one in batch if one.arrived >= oldest])]

    def _read(self, shard: Shard, place: _Place) -> Sequence[Record]:
        """Take the records that follow: one of the shard's five calls a second, but for enhanced fan-out."""
        most = min(self.mapping.batch_size, self.function.records_a_call)
        after = shard.after(place.after)
        if not self.is_fan_out:
            request: dict[str, Any] = {"StreamName": self.stream, "ShardId": shard.id}
            request |= {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": str(place.after)}
            if place.after == shard.starting:
                request = {"StreamName": self.stream, "ShardId": shard.id, "ShardIteratorType": "TRIM_HORIZON"}
            try:
                iterator = OPERATIONS["GetShardIterator"](self.kinesis, request, self.now)["ShardIterator"]
                answer = OPERATIONS["GetRecords"](self.kinesis, {"ShardIterator": iterator, "Limit": most}, self.now)
            except ServiceError:
                return ()
            return shard.records[after : after + len(answer["Records"])]
        return shard.records[after : after + most]

    def _call(self, batch: Sequence[Record]) -> bool:
        """Call the function with a batch; return whether it succeeded."""
        age = (self.now - batch[-1].arrived) * 1000
        if self.function.is_throttled:
            self._tell("Throttles", 1)
            return False
        self._tell("Invocations", 1)
        self._tell("IteratorAge", age, "Milliseconds")
        poisoned = not self.function.takes_poison and any(one.data == POISON for one in batch)
        fails = self.function.fails or poisoned
        self._tell("Errors", float(fails))
        self._tell("Throttles", 0)
        self._count("InvokedEventCount", len(batch))
        if fails:
            self._count("FailedInvokeEventCount", len(batch))
        return not fails

    def _failed(self, place: _Place, batch: list[Record]) -> None:
        self.mapping.result = "PROBLEM: Function call failed"
        if self.function.is_throttled:
            return
        place.attempts += 1
        mapping = self.mapping
        is_spent = mapping.attempts != FOR_EVER and place.attempts > mapping.attempts
        is_old = mapping.record_age != FOR_EVER and self.now - batch[0].arrived > mapping.record_age
        if mapping.bisects and len(batch) > 1 and not is_old:
            middle = len(batch) // 2
            place.waiting[:1] = [batch[:middle], batch[middle:]]
            place.attempts = 0
        elif is_spent or is_old:
            self._give_up(batch)
            place.waiting.pop(0)
            place.attempts = 0

    def _give_up(self, batch: Sequence[Record]) -> None:
        self.abandoned += len(batch)
        if self.mapping.destination and not self.loses_failures:
            self._count("OnFailureDestinationDeliveredEventCount", len(batch))
            return
        if self.mapping.destination:
            self._tell("DestinationDeliveryFailures", 1)
        self._count("DroppedEventCount", len(batch))

    def _tell(self, name: str, value: float, unit: str = "Count") -> None:
        place = (("FunctionName", self.mapping.function),)
        self.cloud.metrics().put(_NAMESPACE, name, place, value, unit, self.now)

    def _count(self, name: str, value: float) -> None:
        """Count events of the mapping, where that is switched on."""
        if "EventCount" in self.mapping.measured:
            place = (("EventSourceMappingUUID", self.mapping.uuid),)
            self.cloud.metrics().put(_NAMESPACE, name, place, value, "Count", self.now)
