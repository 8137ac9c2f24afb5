"""SubscribeToShard: records are pushed, 2 MiB a second for each consumer and shard, for five minutes."""

from typing import Any, ClassVar, Final

from streamwatch.reference.kinesis.limits import MIB, READ_BYTES, Bucket
from streamwatch.reference.kinesis.shard import Record, Shard
from streamwatch.reference.kinesis.stream import Consumer, Stream

LIFE_SECONDS: Final = 300.0
_QUIET_SECONDS: Final = 5.0
"""Without records an empty event says so often how far behind the reader is."""
_MOST_BYTES: Final = MIB
"""Of one event."""


class Subscription:
    """One consumer on one shard."""

    HELD_SECONDS: ClassVar = 5.0
    """A call within this time after the last one is refused; later, it takes over."""

    def __init__(self, stream: Stream, consumer: Consumer, shard: Shard, after: int, now: float) -> None:
        self.began = now
        self._stream, self._consumer, self._shard = stream, consumer, shard
        self._after = after
        self._left = Bucket(READ_BYTES)
        self._sent_at = -_QUIET_SECONDS
        self._ended = False
        stream.put_metric("SubscribeToShard.Success", 1, "Count", now, consumer.name)

    def end(self) -> None:
        """Let another one take over."""
        self._ended = True

    def is_over(self, now: float) -> bool:
        """Whether no more events come."""
        return self._ended or now - self.began >= LIFE_SECONDS

    def next_event(self, now: float) -> dict[str, Any] | None:
        """Return the next SubscribeToShardEvent, or None where there is nothing to say yet."""
        if self._ended:
            return None
        shard = self._shard
        index = shard.after(self._after)
        room = min(self._left.fill(now), _MOST_BYTES)
        taken: list[Record] = []
        size = 0
        for record in shard.records[index : index + 10_000] if room > 0 else []:
            if taken and size + record.size > room:
                break
            taken.append(record)
            size += record.size
        at_end = not shard.is_open and index + len(taken) >= len(shard.records)
        if not taken and not at_end and now - self._sent_at < _QUIET_SECONDS:
            return None
        if taken:
            self._after = taken[-1].number
            self._left.take(size, now)
        self._sent_at = now
        behind = 0 if at_end else int(self._stream.behind(shard, index + len(taken), now) * 1000)
        self._count(len(taken), size, behind, now)
        event: dict[str, Any] = {
            "Records": taken,
            "ContinuationSequenceNumber": str(max(self._after, shard.starting)),
            "MillisBehindLatest": behind,
        }
        if at_end:
            del event["ContinuationSequenceNumber"]
            event["ChildShards"] = self._stream.children_of(shard)
            self._ended = True
        return event

    def _count(self, records: int, size: int, behind: int, now: float) -> None:
        stream, name = self._stream, self._consumer.name
        stream.put_metric("SubscribeToShardEvent.Success", 1, "Count", now, name)
        stream.put_metric("SubscribeToShardEvent.Bytes", size, "Bytes", now, name)
        stream.put_metric("SubscribeToShardEvent.Records", records, "Count", now, name)
        stream.put_metric("SubscribeToShardEvent.MillisBehindLatest", behind, "Milliseconds", now, name)
        if records:
            stream.put_shard_metric(self._shard, "OutgoingBytes", size, "Bytes", now)
            stream.put_shard_metric(self._shard, "OutgoingRecords", records, "Count", now)
