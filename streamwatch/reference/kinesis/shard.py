"""One shard: its range of hash keys, its records, its limits, its parents."""

import hashlib
import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Final, NamedTuple

from streamwatch.reference.kinesis import sequence
from streamwatch.reference.kinesis.limits import Bucket, ReadLimits, WriteLimits

HASHES: Final = 2**128
_ITERATORS_A_SECOND: Final = 5


def hash_of(partition_key: str) -> int:
    """Return where a partition key falls: its MD5 as a number of 128 bits."""
    return int.from_bytes(hashlib.md5(partition_key.encode(), usedforsecurity=False).digest())


class Record(NamedTuple):
    """A record as it stands in a shard."""

    number: int
    """The sequence number, to be compared."""
    partition_key: str
    data: bytes
    size: int
    """What the limits count: data and key, in bytes."""
    arrived: float
    """Unix seconds."""


class Shard:
    """A shard; open while ``closed`` is None."""

    __slots__ = (
        "_indexes", "born", "closed", "ending", "first", "id", "index", "iterators", "last", "last_number", "made",
        "parents", "reads", "records", "starting", "writes",
    )  # fmt: skip

    def __init__(  # noqa: PLR0913, PLR0917 - what makes it a shard
        self,
        index: int,
        first: int,
        last: int,
        made: float,
        parents: tuple[str, ...] = (),
        indexes: Iterator[int] | None = None,
    ) -> None:
        """Make an empty shard for the hash keys from ``first`` to ``last``, both included.

        Args:
            index: what its id says.
            first: the first hash key.
            last: the last one.
            made: Unix seconds.
            parents: the ids of the shards that it goes on with; it begins a second after they ended.
            indexes: of its records; shared with its neighbours.

        """
        self.index = index
        self.id = f"shardId-{index:012d}"
        self.first, self.last = first, last
        self.made = made
        self.parents = parents
        self.closed: float | None = None
        self.records: list[Record] = []
        self._indexes = itertools.count() if indexes is None else indexes
        self.born = int(made) + bool(parents)
        self.starting = sequence.first_of(self.born, index)
        self.last_number = self.starting
        self.ending: int | None = None
        self.writes, self.reads, self.iterators = WriteLimits(), ReadLimits(), Bucket(_ITERATORS_A_SECOND)

    @property
    def is_open(self) -> bool:
        """Whether records may be put."""
        return self.closed is None

    def append(self, partition_key: str, data: bytes, size: int, now: float) -> Record:
        """Write a record; the limits have been asked."""
        written = max(int(now), self.born)
        number = sequence.number_of(self.starting, next(self._indexes), self.born, written)
        if number <= self.last_number:  # the first index, in the second in which the shard was made
            number = sequence.number_of(self.starting, next(self._indexes), self.born, written)
        record = Record(number, partition_key, data, size, now)
        self.records.append(record)
        self.last_number = number
        return record

    def close(self, now: float) -> None:
        """Take no more records."""
        self.closed = now
        self.ending = sequence.number_of(self.starting, sequence.LAST_INDEX, self.born, max(int(now), self.born))

    def trim(self, oldest: float) -> None:
        """Forget what arrived before a time."""
        if self.records and self.records[0].arrived < oldest:
            del self.records[: bisect_left(self.records, oldest, key=lambda one: one.arrived)]

    def after(self, number: int) -> int:
        """Return where in ``records`` the first one with a larger sequence number is."""
        if not self.records or number >= self.last_number:
            return len(self.records)
        return bisect_right(self.records, number, key=lambda one: one.number)

    def before_time(self, when: float) -> int:
        """Return the sequence number after which everything arrived then or later."""
        index = bisect_left(self.records, when, key=lambda one: one.arrived)
        if index < len(self.records):
            return self.records[index].number - 1
        return self.last_number
