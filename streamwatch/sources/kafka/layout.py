"""Answers that are long lists of records of a fixed size, read as numpy arrays.

ListOffsets, OffsetFetch and DescribeLogDirs repeat the same topics and partitions in every answer, and only offsets
and sizes change. The first answer is *walked*, topic by topic, which leaves a ``Layout``: where the records stand and
what all other bytes are. The next answers are compared with it and their records read in one go, without a loop.
Whatever does not fit (another length, another name, a commit with metadata, tagged fields) is walked again, and what
cannot be walked is decoded by the message classes.
"""

import struct
from dataclasses import dataclass
from sys import intern
from typing import Any

import numpy as np
import numpy.typing as npt

from streamwatch.model.kafka import Int64s
from streamwatch.sources.kafka.text import readable
from streamwatch.sources.kafka.versions import LOG_DIRS_WITH_ERROR, LOG_DIRS_WITH_VOLUMES, THROTTLE_BYTES

Records = npt.NDArray[Any]
"""A structured array; its fields are the record's."""

OFFSET = np.dtype(
    [("partition", ">i4"), ("error", ">i2"), ("timestamp", ">i8"), ("offset", ">i8"), ("epoch", ">i4"), ("tags", "u1")]
)
"""A partition in ListOffsets v6 and later."""

COMMIT = np.dtype(
    [("partition", ">i4"), ("offset", ">i8"), ("epoch", ">i4"), ("metadata", "u1"), ("error", ">i2"), ("tags", "u1")]
)
"""A partition in OffsetFetch v6 and later, while its metadata is null (0) or empty (1)."""

REPLICA = np.dtype([("partition", ">i4"), ("size", ">i8"), ("lag", ">i8"), ("future", "u1"), ("tags", "u1")])
"""A replica in DescribeLogDirs v2 and later."""

_VOLUME = struct.Struct(">qq")
"""Total and usable bytes of a log directory's volume (KIP-827)."""

_THROTTLE = (0, THROTTLE_BYTES)
"""Where an answer says for how long the client is throttled: no part of what it is about."""

_FIXED_FIELDS = {"partition", "metadata", "future", "tags"}
"""What must be the same in the next answer for the layout to hold."""


class NotFixed(Exception):
    """The answer is not made of fixed-size records: decode it by its message class."""


UNWALKABLE = (NotFixed, IndexError, ValueError, struct.error)
"""What a walk raises where the bytes are not what it expects."""


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive records of one topic, under one owner (a group, a log directory; empty for none)."""

    owner: str
    topic: str
    at: int
    count: int


class Layout:
    """Where the records of an answer stand, and what surrounds them. The answer itself is not kept."""

    __slots__ = ("_around", "_gaps", "_joined", "_record", "_records", "_size", "_spans", "runs")

    def __init__(self, body: bytes, runs: list[Run], record: np.dtype[Any], loose: list[tuple[int, int]]) -> None:
        """Learn from one answer.

        Args:
            body: the answer's body.
            runs: where its records stand, in their order.
            record: what one record is made of.
            loose: ranges of other bytes that may differ in the next answer, in their order.

        """
        self.runs = tuple(runs)
        self._record = record
        spans = [(run.at, run.at + run.count * record.itemsize) for run in runs]
        edges = [0, *(edge for both in sorted(spans + loose) for edge in both), len(body)]
        self._spans = np.array(spans, dtype=np.int64).reshape(-1, 2)
        self._gaps = np.array(edges, dtype=np.int64).reshape(-1, 2)
        self._size = len(body)
        self._around = _joined(body, self._gaps)
        self._joined = _joined(body, self._spans)
        self._records = np.frombuffer(self._joined, dtype=record)

    @property
    def records(self) -> Records:
        """The records of the answer read last."""
        return self._records

    def read(self, body: bytes) -> Records | None:
        """Return the records of another answer, in the same order; None where the layout does not fit it.

        The very same array is returned where the records are the same to the byte.
        """
        if len(body) != self._size or _joined(body, self._gaps) != self._around:
            return None
        joined = _joined(body, self._spans)
        if joined == self._joined:
            return self._records
        records = np.frombuffer(joined, dtype=self._record)
        names = _FIXED_FIELDS.intersection(self._record.names or ())
        if any(not np.array_equal(records[name], self._records[name]) for name in names):
            return None
        self._joined, self._records = joined, records
        return records


def _joined(body: bytes, parts: Int64s) -> bytes:
    """Return these parts of a body, each from where to where, one after the other."""
    starts, ends = parts.T.tolist()
    return b"".join([body[start:end] for start, end in zip(starts, ends, strict=True)])


class Walker:
    """Steps through the bytes of an answer, as Kafka's flexible versions write them."""

    __slots__ = ("at", "body")

    def __init__(self, body: bytes, at: int = 0) -> None:
        self.body = body
        self.at = at

    def varint(self) -> int:
        """Read an unsigned varint."""
        value = shift = 0
        while True:
            byte = self.body[self.at]
            self.at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:  # noqa: PLR2004 - the last byte of a varint has no high bit
                return value
            shift += 7
            if shift > 28:  # noqa: PLR2004 - lengths are 32 bits
                raise NotFixed

    def count(self) -> int:
        """Read the length of a compact array; a null one is empty."""
        return max(0, self.varint() - 1)

    def string(self) -> str:
        """Read a compact string; a null one is empty."""
        size = self.count()
        start, self.at = self.at, self.at + size
        return self.body[start : self.at].decode()

    def text(self) -> tuple[str, bool]:
        """Read a compact string that may be no UTF-8, and say whether it is."""
        size = self.count()
        start, self.at = self.at, self.at + size
        return readable(self.body[start : self.at])

    def integer(self, size: int) -> int:
        """Read a signed integer of that many bytes."""
        start, self.at = self.at, self.at + size
        return int.from_bytes(self.body[start : self.at], "big", signed=True)

    def raw(self, size: int) -> bytes:
        """Read that many bytes as they are."""
        start, self.at = self.at, self.at + size
        return bytes(self.body[start : self.at])

    def no_tags(self) -> None:
        """Read the tagged fields of a structure, which must be none."""
        if self.body[self.at]:
            raise NotFixed
        self.at += 1

    def runs(self, owner: str, record: np.dtype[Any], into: list[Run]) -> None:
        """Read a compact array of topics, each a name and a compact array of records."""
        for _ in range(self.count()):
            topic = intern(self.string())
            count = self.count()
            into.append(Run(owner, topic, self.at, count))
            self.at += count * record.itemsize
            if self.at >= len(self.body):
                raise NotFixed
            self.no_tags()

    def ended(self) -> None:
        """Check that everything was read."""
        if self.at != len(self.body):
            raise NotFixed


def checked(layout: Layout) -> Layout:
    """Return the layout if each record is really one: no tagged fields, no metadata that takes space."""
    records = layout.records
    if records["tags"].any() or ("metadata" in (records.dtype.names or ()) and (records["metadata"] > 1).any()):
        raise NotFixed
    return layout


def walk_offsets(body: bytes) -> Layout:
    """Learn the layout of a ListOffsets answer, v6 to v9."""
    walker, runs = Walker(body, THROTTLE_BYTES), list[Run]()
    walker.runs("", OFFSET, runs)
    walker.no_tags()
    walker.ended()
    return checked(Layout(body, runs, OFFSET, [_THROTTLE]))


def walk_commits(body: bytes, groups: tuple[str, ...] | None = None) -> Layout:
    """Learn the layout of an OffsetFetch answer, v8, in which no group has an error of its own.

    Args:
        body: the answer's body.
        groups: the groups that it must be about, all of them and no other; None where that does not matter.

    """
    walker, runs, found = Walker(body, THROTTLE_BYTES), list[Run](), list[str]()
    for _ in range(walker.count()):
        group = walker.string()
        found.append(group)
        walker.runs(group, COMMIT, runs)
        if walker.integer(2):
            raise NotFixed
        walker.no_tags()
    walker.no_tags()
    walker.ended()
    if groups is not None and sorted(found) != sorted(groups):
        raise NotFixed
    return checked(Layout(body, runs, COMMIT, [_THROTTLE]))


@dataclass(frozen=True, slots=True)
class Volume:
    """A log directory in a DescribeLogDirs answer, and where its volume's sizes stand (-1: not in this version)."""

    path: str
    error: int
    sizes_at: int

    def sizes(self, body: bytes) -> tuple[int, int]:
        """Return the volume's total and usable bytes, -1 where they are not known."""
        if self.sizes_at < 0:
            return -1, -1
        total, usable = _VOLUME.unpack_from(body, self.sizes_at)
        return total, usable


def walk_log_dirs(body: bytes, version: int) -> tuple[Layout, list[Volume]]:
    """Learn the layout of a DescribeLogDirs answer, v2 to v4, and where each directory's volume sizes stand."""
    walker, runs, volumes = Walker(body, THROTTLE_BYTES), list[Run](), list[Volume]()
    loose = [_THROTTLE]
    if version >= LOG_DIRS_WITH_ERROR and walker.integer(2):
        raise NotFixed
    for _ in range(walker.count()):
        error, path = walker.integer(2), walker.string()
        walker.runs(path, REPLICA, runs)
        at = -1
        if version >= LOG_DIRS_WITH_VOLUMES:
            at, walker.at = walker.at, walker.at + _VOLUME.size
            loose.append((at, walker.at))
        volumes.append(Volume(path, error, at))
        walker.no_tags()
    walker.no_tags()
    walker.ended()
    return checked(Layout(body, runs, REPLICA, loose)), volumes
