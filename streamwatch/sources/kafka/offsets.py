"""Offsets of all partitions, in columns: one request a leader and bound."""

import struct
import zlib
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from streamwatch.core.errors import SourceError, SourceMisread
from streamwatch.model.distinct import distinct
from streamwatch.model.kafka import NOT_KNOWN, Bools, Int64s, Topology
from streamwatch.model.snapshot import Problem
from streamwatch.sources.kafka import codes
from streamwatch.sources.kafka.apis import LIST_OFFSETS
from streamwatch.sources.kafka.broker_connection import BrokerConnection
from streamwatch.sources.kafka.broker_pool import BrokerPool
from streamwatch.sources.kafka.layout import UNWALKABLE, Layout, walk_offsets
from streamwatch.sources.kafka.problems import problem, refusal
from streamwatch.sources.kafka.read_session import ReadSession
from streamwatch.sources.kafka.timestamps import Isolation, Timestamp


@dataclass(frozen=True, slots=True)
class Bound:
    """Something that every partition has one offset of, and how ListOffsets asks for it."""

    name: str
    timestamp: Timestamp
    isolation: Isolation = Isolation.READ_UNCOMMITTED


LATEST: Final = Bound("end offsets", Timestamp.LATEST)
EARLIEST: Final = Bound("start offsets", Timestamp.EARLIEST)
STABLE: Final = Bound("last stable offsets", Timestamp.LATEST, Isolation.READ_COMMITTED)

_CONSUMER: Final = -1
"""Instead of a follower's id."""
_ANY_EPOCH: Final = -1
"""Of the leader: it is not checked (KIP-320)."""
_ASKED = np.dtype([("partition", ">i4"), ("epoch", ">i4"), ("timestamp", ">i8"), ("tags", "u1")])
"""A partition in a ListOffsets request, v6 and later."""


@dataclass(frozen=True, slots=True)
class Answered:
    """One leader's answer: which rows it is about, their offsets, timestamps (ms, -1 for none) and error codes."""

    rows: Int64s
    offset: Int64s
    timestamp: Int64s
    error: Int64s


class OffsetReader:
    """Reads offsets, and remembers requests and the places of the answers while the topology stays."""

    def __init__(self) -> None:
        self._topology: Topology | None = None
        self._wanted: Bools | None = None
        self._leaders: list[int] = []
        # Compressed: to a thirtieth or less, since partitions count up; unpacking takes 2 ms for 200,000 partitions.
        self._requests: dict[tuple[int, Bound], bytes] = {}
        self._layouts: dict[tuple[int, Bound], tuple[Layout, Int64s]] = {}

    async def read(
        self, session: ReadSession, pool: BrokerPool, topology: Topology, wanted: Bools, bounds: tuple[Bound, ...]
    ) -> dict[Bound, tuple[Int64s, Int64s]]:
        """Return, for each bound, a column of offsets and one of error codes (0 where none is known).

        Args:
            session: this read's session.
            pool: the brokers.
            topology: whose rows the columns follow.
            wanted: which rows to ask about.
            bounds: what to ask for.

        """
        if topology is not self._topology or wanted is not self._wanted:
            self._topology, self._wanted = topology, wanted
            self._requests.clear()
            self._layouts.clear()
            self._leaders = [int(node) for node in distinct(topology.leader[wanted]).tolist() if node >= 0]
        calls = {
            (node, bound): self._ask(session, pool.connections[node], node, bound)
            for bound in bounds
            for node in self._leaders
            if node in pool.connections and pool.connections[node].up
        }
        answers = await session.all(calls, self._failed)
        columns = {}
        for bound in bounds:
            offset = np.full(len(topology.partition), NOT_KNOWN, dtype=np.int64)
            error = np.zeros(len(topology.partition), dtype=np.int64)
            for (_, of), answered in answers.items():
                if of == bound:
                    offset[answered.rows] = np.where(answered.error == 0, answered.offset, NOT_KNOWN)
                    error[answered.rows] = answered.error
            columns[bound] = (offset, error)
        return columns

    async def _ask(self, session: ReadSession, connection: BrokerConnection, node: int, bound: Bound) -> Answered:
        assert self._topology is not None  # noqa: S101 - set by read
        assert self._wanted is not None  # noqa: S101 - set by read
        topology = self._topology
        version = connection.version(LIST_OFFSETS)
        packed = self._requests.get((node, bound))
        if packed is None:
            rows = np.flatnonzero((topology.leader == node) & self._wanted)
            request = encode(topology, rows, bound.timestamp, bound.isolation)
            self._requests[node, bound] = zlib.compress(request, level=1)
        else:
            request = zlib.decompress(packed)
        body = await session.ask(connection, LIST_OFFSETS, request)
        known = self._layouts.get((node, bound))
        records = known[0].read(body) if known else None
        if known is not None and records is not None:
            return _answered(records, known[1])
        answered, layout = read_answer(body, version, topology)
        if layout is not None and topology is self._topology:
            self._layouts[node, bound] = (layout, answered.rows)
        return answered

    def _failed(self, key: tuple[int, Bound], error: SourceError) -> Problem:
        assert self._topology is not None  # noqa: S101 - set by read
        node, bound = key
        count = int(((self._topology.leader == node) & self._wanted).sum())
        return problem("partition", error, f"broker {node}: {bound.name} of {count} partitions: {error}", count)


def encode(
    topology: Topology, rows: Int64s, timestamp: Int64s | int, isolation: Isolation = Isolation.READ_UNCOMMITTED
) -> bytes:
    """Return the body of a ListOffsets request, v6 to v9, about these rows (sorted), by one timestamp or one for each.

    The message class needs one object a partition; this is the same bytes, written by topic.
    """
    records = np.zeros(len(rows), dtype=_ASKED)
    records["partition"] = topology.partition[rows]
    records["epoch"] = _ANY_EPOCH
    records["timestamp"] = timestamp
    packed = records.tobytes()
    topics, starts = np.unique(topology.topic[rows], return_index=True)
    ends = np.append(starts[1:], len(rows))[: len(starts)]
    parts = [struct.pack(">ib", _CONSUMER, isolation), _varint(len(topics) + 1)]
    for topic, start, end in zip(topics.tolist(), starts.tolist(), ends.tolist(), strict=True):
        name = topology.topics[topic].encode()
        parts += (_varint(len(name) + 1), name, _varint(end - start + 1))
        parts += (packed[start * _ASKED.itemsize : end * _ASKED.itemsize], b"\0")
    parts.append(b"\0")
    return b"".join(parts)


def refused(errors: Int64s, what: str) -> list[Problem]:
    """Return a problem for each error code among these."""
    codes_seen, counts = np.unique(errors[errors != 0], return_counts=True)
    return [
        refusal("partition", code, f"{what} of {count} partitions: ListOffsets", count)
        for code, count in zip(codes_seen.tolist(), counts.tolist(), strict=True)
    ]


def moved(errors: Int64s) -> Bools:
    """Say which rows are led by another broker than the one that was asked."""
    if not errors.any():  # nearly always, and much quicker
        return np.zeros(len(errors), dtype=bool)
    return np.isin(errors, list(codes.MOVED_PARTITION))


def read_answer(body: bytes, version: int, topology: Topology) -> tuple[Answered, Layout | None]:
    """Read an answer to ListOffsets; its layout comes with it, if it has one.

    Raises:
        SourceMisread: it is about partitions that are not there.

    """
    try:
        layout = walk_offsets(body)
    except UNWALKABLE:
        return _decode(body, version, topology), None
    counts = [run.count for run in layout.runs]
    topic = np.repeat([topology.topic_index.get(run.topic, -1) for run in layout.runs], counts).astype(np.int64)
    rows = _asked(topology.rows(topic, layout.records["partition"].astype(np.int64)))
    return _answered(layout.records, rows), layout


def _answered(records: Any, rows: Int64s) -> Answered:  # noqa: ANN401 - a structured array
    offset, timestamp = records["offset"].astype(np.int64), records["timestamp"].astype(np.int64)
    return Answered(rows, offset, timestamp, records["error"].astype(np.int64))


def _decode(body: bytes, version: int, topology: Topology) -> Answered:
    found = [
        (topology.topic_index.get(topic.name, -1), p.partition_index, p.offset, p.timestamp, p.error_code)
        for topic in LIST_OFFSETS.decode(version, body).topics
        for p in topic.partitions
    ]
    columns = np.array(found, dtype=np.int64).reshape(-1, 5)
    return Answered(_asked(topology.rows(columns[:, 0], columns[:, 1])), columns[:, 2], columns[:, 3], columns[:, 4])


def _asked(rows: Int64s) -> Int64s:
    if (rows < 0).any():
        raise SourceMisread("ListOffsets: an answer about partitions that were not asked about")
    return rows


def _varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:  # noqa: PLR2004 - seven bits a byte
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
