"""Who reads a stream on somebody's behalf, as a model: it takes real GetRecords, so it lags and stalls for real."""

from dataclasses import dataclass, field
from typing import Any, Final

from streamwatch.reference.kinesis.account import Kinesis
from streamwatch.reference.kinesis.errors import ServiceError
from streamwatch.reference.kinesis.operations import OPERATIONS

_MOST_RECORDS: Final = 10_000


@dataclass(slots=True)
class StreamPoller:
    """Reads every shard of a stream; it has no thread: ``poll`` reads once."""

    kinesis: Kinesis
    stream: str
    most_records: int = _MOST_RECORDS
    """Of one call of GetRecords."""
    refused: int = 0
    """Calls that were refused, since ``poll`` was last called."""
    _positions: dict[str, str] = field(default_factory=dict)
    """The sequence number that was read last, by shard."""

    def poll(self, now: float) -> list[dict[str, Any]]:
        """Read each shard once; return the records."""
        found: list[dict[str, Any]] = []
        self.refused = 0
        for shard in list(self.kinesis.streams[self.stream].shards):
            place: dict[str, Any] = {"StreamName": self.stream, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}
            if shard in self._positions:
                place |= {
                    "ShardIteratorType": "AFTER_SEQUENCE_NUMBER",
                    "StartingSequenceNumber": self._positions[shard],
                }
            try:
                iterator = OPERATIONS["GetShardIterator"](self.kinesis, place, now)["ShardIterator"]
                given = {"ShardIterator": iterator, "Limit": self.most_records}
                records = OPERATIONS["GetRecords"](self.kinesis, given, now)["Records"]
            except ServiceError:
                self.refused += 1
                continue
            if records:
                self._positions[shard] = records[-1]["SequenceNumber"]
                found += records
        return found

    def lag(self, now: float) -> float:
        """Return how old the oldest record is that it has not read; 0 where there is none."""
        oldest = now
        for shard in self.kinesis.streams[self.stream].shards.values():
            position = self._positions.get(shard.id)
            left = shard.records[0 if position is None else shard.after(int(position)) :]
            if left:
                oldest = min(oldest, left[0].arrived)
        return now - oldest
