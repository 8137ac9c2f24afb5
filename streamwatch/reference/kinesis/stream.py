"""A stream: its shards and how they change, its consumers, what it was set to. What may be asked is in operations/."""

import hashlib
import itertools
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from streamwatch.reference.kinesis import sequence
from streamwatch.reference.kinesis.limits import Bucket
from streamwatch.reference.kinesis.shard import HASHES, Shard
from streamwatch.reference.metrics import Dimensions, Metrics

HOUR: Final = 3600.0
DAY_HOURS: Final = 24
NAMESPACE: Final = "AWS/Kinesis"
_LIST_SHARDS_A_SECOND: Final = 1000

SHARD_METRICS: Final = (
    "IncomingBytes",
    "IncomingRecords",
    "OutgoingBytes",
    "OutgoingRecords",
    "WriteProvisionedThroughputExceeded",
    "ReadProvisionedThroughputExceeded",
    "IteratorAgeMilliseconds",
)


@dataclass(slots=True, eq=False)
class Consumer:
    """A registered consumer (enhanced fan-out)."""

    name: str
    arn: str
    made: float
    status: str = "CREATING"


@dataclass(slots=True, eq=False)
class Stream:
    """One stream."""

    name: str
    arn: str
    made: float
    metrics: Metrics
    mode: str = "PROVISIONED"
    status: str = "CREATING"
    retention_hours: int = DAY_HOURS
    most_record_kib: int = 1024
    distribution: str = "USER_PARTITION_KEY"
    warm_mibps: int | None = None
    """What an on-demand stream of On-demand Advantage is kept ready for, in MiB a second; None where nobody said."""
    key: str | None = None
    """The KMS key; None where the stream is not encrypted."""
    policy: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    consumers: dict[str, Consumer] = field(default_factory=dict)
    shards: dict[str, Shard] = field(default_factory=dict)
    """By id, in the order in which they were made; without those that expired."""
    watched: frozenset[str] = frozenset()
    """The shard-level metrics that are on (enhanced monitoring)."""
    resized: list[float] = field(default_factory=list)
    """When UpdateShardCount was called, within the last day."""
    modes_changed: list[float] = field(default_factory=list)
    listings: Bucket = field(default_factory=lambda: Bucket(_LIST_SHARDS_A_SECOND))
    id: bytes = field(init=False)
    _next: int = 0
    _indexes: Iterator[int] = field(default_factory=itertools.count)
    """Of the records of the shards that are made now."""
    _turn: int = 0
    _open: list[Shard] = field(default_factory=list)
    _starts: list[int] = field(default_factory=list)
    _sums: dict[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Name it apart from others of its name."""
        self.id = hashlib.blake2b(f"{self.arn} {self.made!r}".encode(), digest_size=8).digest()

    @property
    def open_shards(self) -> list[Shard]:
        """Those that take records, by their first hash key."""
        return self._open

    @property
    def retention_seconds(self) -> float:
        """For how long a record stays."""
        return self.retention_hours * HOUR

    def add(self, first: int, last: int, now: float, parents: tuple[str, ...] = ()) -> Shard:
        """Make a shard for a range of hash keys."""
        if not self._next % sequence.SHARED_BY:
            self._indexes = itertools.count()
        shard = Shard(self._next, first, last, now, parents, self._indexes)
        self._next += 1
        self.shards[shard.id] = shard
        index = bisect_right(self._starts, first)
        self._open.insert(index, shard)
        self._starts.insert(index, first)
        return shard

    def _close(self, shard: Shard, now: float) -> None:
        shard.close(now)
        index = bisect_right(self._starts, shard.first) - 1
        del self._open[index], self._starts[index]

    def lay_out(self, count: int, now: float) -> None:
        """Make the first shards, of equal ranges."""
        for index in range(count):
            self.add(HASHES * index // count, HASHES * (index + 1) // count - 1, now)

    def shard_for(self, hash_key: int) -> Shard:
        """Return the open shard that a hash key belongs to."""
        return self._open[bisect_right(self._starts, hash_key) - 1]

    def shard_in_turn(self) -> Shard:
        """Return the open shards one after the other."""
        self._turn += 1
        return self._open[self._turn % len(self._open)]

    def split(self, shard: Shard, at: int, now: float) -> tuple[Shard, Shard]:
        """Close a shard and open two for its range, the second one from ``at`` on."""
        self._close(shard, now)
        return self.add(shard.first, at - 1, now, (shard.id,)), self.add(at, shard.last, now, (shard.id,))

    def merge(self, shard: Shard, adjacent: Shard, now: float) -> Shard:
        """Close two adjacent shards and open one for both ranges."""
        self._close(shard, now)
        self._close(adjacent, now)
        return self.add(min(shard.first, adjacent.first), max(shard.last, adjacent.last), now, (shard.id, adjacent.id))

    def resize(self, count: int, now: float) -> None:
        """Split and merge until there are so many shards of equal ranges (UNIFORM_SCALING)."""
        borders = [HASHES * index // count for index in range(1, count)]
        for border in borders:
            shard = self.shard_for(border)
            if shard.first != border:
                self.split(shard, border, now)
        starts = {0, *borders}
        for shard in list(self._open):
            if shard.is_open and shard.first in starts:
                self._grow(shard, starts, now)

    def _grow(self, shard: Shard, starts: set[int], now: float) -> None:
        """Merge what follows into a shard until the next border."""
        while shard.last != HASHES - 1 and shard.last + 1 not in starts:
            shard = self.merge(shard, self.shard_for(shard.last + 1), now)

    def trim(self, now: float) -> None:
        """Forget records after the retention, and closed shards that can hold none any more."""
        oldest = now - self.retention_seconds
        for shard in list(self.shards.values()):
            shard.trim(oldest)
            if shard.closed is not None and shard.closed < oldest:
                del self.shards[shard.id]

    def children_of(self, shard: Shard) -> list[Shard]:
        """Return the shards that go on with its range."""
        return [one for one in self.shards.values() if shard.id in one.parents]

    def behind(self, shard: Shard, index: int, now: float) -> float:
        """Return how many seconds a reader is behind who will next get the record at this place; 0 at the tip."""
        return now - shard.records[index].arrived if index < len(shard.records) else 0.0

    def put_metric(self, name: str, value: float, unit: str, now: float, consumer: str | None = None) -> None:
        """Give CloudWatch a value of the stream, or of one of its registered consumers."""
        dimensions: Dimensions = (("StreamName", self.name),)
        if consumer is not None:
            dimensions = (("ConsumerName", consumer), *dimensions)
        self.metrics.put(NAMESPACE, name, dimensions, value, unit, now)

    def put_shard_metric(self, shard: Shard, name: str, value: float, unit: str, now: float) -> None:
        """Give CloudWatch a value of a shard, where that metric is on."""
        if name in self.watched:
            self.metrics.put(NAMESPACE, name, (("ShardId", shard.id), ("StreamName", self.name)), value, unit, now)

    def count_traffic(self, size: int, now: float) -> None:
        """Remember how much is written each minute: an on-demand stream grows by it."""
        minute = int(now) // 60
        if minute not in self._sums:
            self._sums = {minute: 0.0}
        self._sums[minute] += size

    def wanted_shards(self, bytes_a_second: int) -> int:
        """Return how many shards hold twice the traffic of this minute so far, at so many bytes a second each."""
        total = next(iter(self._sums.values()), 0.0)
        return -int(-2 * total / 60 // bytes_a_second)
