"""From a Metadata answer to brokers and a topology.

The part about topics is byte for byte the same while nothing changes, from whichever broker it comes, and then the
topology stays the same object. When it changes it is read topic by topic: records of one size in one go, others one
by one.
"""

import hashlib
import struct
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from streamwatch.core.errors import SourceMisread
from streamwatch.model.kafka import NO_ID, Bools, Int32s, Int64s, Topology
from streamwatch.model.snapshot import Problem
from streamwatch.sources.kafka import codes
from streamwatch.sources.kafka.apis import METADATA, UNDECODABLE, Message
from streamwatch.sources.kafka.layout import UNWALKABLE, NotFixed, Walker
from streamwatch.sources.kafka.problems import refusal
from streamwatch.sources.kafka.versions import (
    METADATA_WITH_TOPIC_IDS,
    METADATA_WITHOUT_CLUSTER_OPERATIONS,
    OPERATIONS_BYTES,
    THROTTLE_BYTES,
    TOPIC_ID_BYTES,
)

_Scalar = TypeVar("_Scalar", bound=np.generic)

_PARTITION = struct.Struct(">hiii")
"""Error, index, leader, leader epoch: what a partition begins with."""
_LONG_LIST = 100
"""Lists of brokers are shorter than this, so that their length is one byte; others are left to the message class."""
_LONGEST_NAME = 249
"""Of a topic, by Kafka's own rule."""
_COMES_OR_GOES = frozenset({codes.NONE, codes.UNKNOWN_TOPIC_OR_PARTITION, codes.LEADER_NOT_AVAILABLE})
"""The codes of a topic without partitions that is on its way in or out."""


@dataclass(frozen=True, slots=True)
class Registered:
    """A broker as the metadata lists it."""

    id: int
    host: str
    port: int
    rack: str | None


@dataclass(frozen=True, slots=True)
class Metadata:
    """What one Metadata answer says."""

    brokers: tuple[Registered, ...]
    cluster_id: str | None
    controller_id: int
    topology: Topology
    problems: tuple[Problem, ...] = ()
    """Topics that are there, and of which the answer has no partitions."""


class MetadataReader:
    """Reads Metadata answers, and remembers the last one."""

    def __init__(self) -> None:
        self._digest: bytes | None = None
        self._topology: Topology | None = None
        self._problems: tuple[Problem, ...] = ()

    def read(self, body: bytes, version: int) -> Metadata:
        """Return what the answer says; the topology is the last one's object where nothing changed.

        Raises:
            SourceMisread: it is no Metadata answer of that version.

        """
        try:
            return self._read(body, version)
        except UNWALKABLE:
            self._digest = None
            return decode(body, version)

    def _read(self, body: bytes, version: int) -> Metadata:
        walker = Walker(body, THROTTLE_BYTES)
        brokers = []
        for _ in range(walker.count()):
            node, host, port, rack = walker.integer(4), walker.text()[0], walker.integer(4), walker.text()[0]
            brokers.append(Registered(node, host, port, rack or None))
            walker.no_tags()
        cluster_id = walker.text()[0] or None
        controller_id = walker.integer(4)
        # Not the bytes themselves: they are as large as all that is made of them.
        digest = hashlib.blake2b(memoryview(body)[walker.at :]).digest()
        if digest != self._digest:
            self._digest = None
            columns = _Columns()
            columns.walk(walker, version)
            self._topology, self._problems = columns.topology(), columns.problems()
            self._digest = digest
        assert self._topology is not None  # noqa: S101 - set with the digest
        return Metadata(tuple(brokers), cluster_id, controller_id, self._topology, self._problems)


class _Columns:
    """Gathers the columns of a topology, in the order of the answer."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._ids: list[bytes] = []
        self._internal: list[bool] = []
        self._topic: list[Int32s] = []
        self._partition: list[Int32s] = []
        self._leader: list[Int32s] = []
        self._replicas: list[Int32s] = []
        self._replica_count: list[Int32s] = []
        self._in_sync: list[Bools] = []
        self._refused: dict[int, list[str]] = {}
        self._odd: list[str] = []
        self._bare: list[str] = []

    def walk(self, walker: Walker, version: int) -> None:
        """Read the topics of an answer to its end."""
        for _ in range(walker.count()):
            code = walker.integer(2)  # The error of a topic without a leader is seen in its partitions.
            name, is_utf8 = walker.text()
            topic_id = walker.raw(TOPIC_ID_BYTES) if version >= METADATA_WITH_TOPIC_IDS else NO_ID
            internal = walker.integer(1) != 0
            count = walker.count()
            is_name = is_utf8 and len(name) <= _LONGEST_NAME
            if count and is_name:
                self._begin(name, topic_id, internal=internal)
                if not self._uniform(walker, count):
                    self._one_by_one(walker, count)
            else:
                self._leave_out(name, code, is_name=is_name)
                past = _Columns()  # read past
                past._begin(name, topic_id, internal=internal)
                past._one_by_one(walker, count)
            walker.at += OPERATIONS_BYTES
            walker.no_tags()
        if version < METADATA_WITHOUT_CLUSTER_OPERATIONS:
            walker.at += OPERATIONS_BYTES
        walker.no_tags()
        walker.ended()

    def _leave_out(self, name: str, code: int, *, is_name: bool) -> None:
        """Note a topic of which no partitions are known; one on its way in or out is no problem."""
        if not is_name:
            self._odd.append(name[:_LONGEST_NAME])
        elif code not in _COMES_OR_GOES:
            self._refused.setdefault(code, []).append(name)

    def problems(self) -> tuple[Problem, ...]:
        """Return a problem for the topics that had to be left out, by reason."""
        found = [
            refusal(
                "topic", code, f"topic {names[0]!r} and {len(names) - 1} others: their partitions: Metadata", len(names)
            )
            for code, names in self._refused.items()
        ]
        if self._odd:
            others = f"{self._odd[0]} and {len(self._odd) - 1} others"
            detail = f"Metadata: topic {others}: names that are not UTF-8, or too long: left out"
            found.append(Problem("topic", "misread", detail, len(self._odd)))
        if self._bare:
            others = f"{self._bare[0]!r} and {len(self._bare) - 1} others"
            detail = f"Metadata: topic {others}: a partition without replicas, which cannot be: left out"
            found.append(Problem("topic", "misread", detail, len(self._bare)))
        return tuple(found)

    def _begin(self, name: str, topic_id: bytes, *, internal: bool) -> None:
        self._names.append(name)
        self._ids.append(topic_id)
        self._internal.append(internal)

    def _add(
        self,
        partition: Int32s,
        leader: Int32s,
        replicas: Int32s,
        replica_count: Int32s,
        in_sync: Bools,
    ) -> None:
        """Take the partitions of the topic that was begun last; where one has no replicas, take the topic back."""
        if not replica_count.all():
            self._bare.append(self._names.pop())
            self._ids.pop()
            self._internal.pop()
            return
        self._topic.append(np.full(len(partition), len(self._names) - 1, dtype=np.int32))
        self._partition.append(partition)
        self._leader.append(leader)
        self._replicas.append(replicas)
        self._replica_count.append(replica_count)
        self._in_sync.append(in_sync)

    def _uniform(self, walker: Walker, count: int) -> bool:
        """Read all partitions of a topic as records of one size: the same number of replicas, all in sync."""
        at, body = walker.at, walker.body
        replicas = body[at + _PARTITION.size] - 1
        if not 0 < replicas < _LONG_LIST:
            return False
        ids = (">i4", (replicas,))
        record = np.dtype(
            [
                ("error", ">i2"), ("partition", ">i4"), ("leader", ">i4"), ("epoch", ">i4"),
                ("replica_count", "u1"), ("replicas", *ids), ("isr_count", "u1"), ("isr", *ids), ("end", "u1", (2,)),
            ]
        )  # fmt: skip
        if at + count * record.itemsize > len(body):
            return False
        rows = np.frombuffer(body, record, count, at)
        lengths = (rows["replica_count"] == replicas + 1) & (rows["isr_count"] == replicas + 1)
        if not (lengths & (rows["end"] == (1, 0)).all(axis=1)).all():
            return False
        members = rows["replicas"].astype(np.int32)
        if not (np.sort(rows["isr"]) == np.sort(rows["replicas"])).all():
            return False
        self._add(
            rows["partition"].astype(np.int32),
            rows["leader"].astype(np.int32),
            members.reshape(-1),
            np.full(count, replicas, dtype=np.int32),
            np.ones(members.size, dtype=bool),
        )
        walker.at = at + count * record.itemsize
        return True

    def _one_by_one(self, walker: Walker, count: int) -> None:
        partition, leader, sizes, replicas, in_sync = [], [], [], list[int](), list[bool]()
        body = walker.body
        for _ in range(count):
            _, index, led_by, _ = _PARTITION.unpack_from(body, walker.at)
            walker.at += _PARTITION.size
            members, isr, _ = _ids(walker), _ids(walker), _ids(walker)
            walker.no_tags()
            partition.append(index)
            leader.append(led_by)
            sizes.append(len(members))
            replicas += members
            in_sync += [member in isr for member in members]
        self._add(
            np.array(partition, dtype=np.int32),
            np.array(leader, dtype=np.int32),
            np.array(replicas, dtype=np.int32),
            np.array(sizes, dtype=np.int32),
            np.array(in_sync, dtype=bool),
        )

    def add_message(self, topic: Message, odd: frozenset[str] = frozenset()) -> None:
        """Read one topic from a decoded message; ``odd`` are the names that are no UTF-8."""
        partitions = topic.partitions
        is_name = topic.name not in odd and len(topic.name) <= _LONGEST_NAME
        if not partitions or not is_name:
            self._leave_out(topic.name, topic.error_code, is_name=is_name)
            return
        uuid = getattr(topic, "topic_id", None)
        topic_id = NO_ID if uuid is None else uuid.bytes
        self._begin(topic.name, topic_id, internal=bool(topic.is_internal))
        self._add(
            np.array([p.partition_index for p in partitions], dtype=np.int32),
            np.array([p.leader_id for p in partitions], dtype=np.int32),
            np.array([r for p in partitions for r in p.replica_nodes], dtype=np.int32),
            np.array([len(p.replica_nodes) for p in partitions], dtype=np.int32),
            np.array([r in p.isr_nodes for p in partitions for r in p.replica_nodes], dtype=bool),
        )

    def topology(self) -> Topology:
        """Return the topology: topics sorted by name, rows by topic and partition."""
        by_name = sorted(range(len(self._names)), key=self._names.__getitem__)
        rank = np.empty(len(by_name), dtype=np.int32)
        rank[by_name] = np.arange(len(by_name), dtype=np.int32)
        topic = rank[_moved(self._topic, np.int32)]
        partition = _moved(self._partition, np.int32)
        order = np.lexsort((partition, topic)).astype(np.int32)
        topic, partition = topic[order], partition[order]
        sizes = _moved(self._replica_count, np.int32)
        starts = np.concatenate(([0], np.cumsum(sizes)))
        sizes = sizes[order]
        taken = _ranges(starts[:-1][order], sizes)
        del starts
        replica, in_sync = _moved(self._replicas, np.int32)[taken], _moved(self._in_sync, np.bool_)[taken]
        del taken
        return Topology(
            topics=tuple(self._names[i] for i in by_name),
            internal=np.array([self._internal[i] for i in by_name], dtype=bool),
            topic_start=np.searchsorted(topic, np.arange(len(by_name) + 1)).astype(np.int64),
            topic=topic,
            partition=partition,
            leader=_moved(self._leader, np.int32)[order],
            replica_start=np.concatenate(([0], np.cumsum(sizes))).astype(np.int64),
            replica=replica,
            in_sync=in_sync,
            topic_ids=tuple(self._ids[i] for i in by_name),
        )


def decode(body: bytes, version: int) -> Metadata:
    """Read an answer by its message class: slow, and the oracle for the walk.

    Raises:
        SourceMisread: it is no Metadata answer of that version.

    """
    message, odd = METADATA.decode_names(version, body)
    columns = _Columns()
    try:
        for topic in message.topics:
            columns.add_message(topic, odd)
        brokers = tuple(Registered(b.node_id, b.host, b.port, b.rack or None) for b in message.brokers)
        return Metadata(
            brokers, message.cluster_id or None, message.controller_id, columns.topology(), columns.problems()
        )
    except UNDECODABLE as error:  # a list that is null where it must not be
        raise SourceMisread(f"Metadata v{version}: decodes to what cannot be: {error!r}") from error


def _ids(walker: Walker) -> tuple[int, ...]:
    count = walker.body[walker.at] - 1
    if not 0 <= count < _LONG_LIST:
        raise NotFixed
    at = walker.at + 1
    walker.at = at + 4 * count
    return struct.unpack_from(f">{count}i", walker.body, at)


def _moved(parts: list[npt.NDArray[_Scalar]], dtype: type[_Scalar]) -> npt.NDArray[_Scalar]:
    """Return a column of its parts, which are let go: an answer of 100 MB must not be held many times over."""
    joined = np.concatenate(parts) if parts else np.zeros(0, dtype=dtype)
    parts.clear()
    return joined


def _ranges(starts: Int64s, sizes: Int32s) -> Int64s:
    """Return the indices ``start, start + 1, ...`` of many ranges, one after the other."""
    ends = np.cumsum(sizes, dtype=np.int64)
    total = int(ends[-1]) if len(ends) else 0
    shift: Int64s = np.repeat(starts - (ends - sizes), sizes)
    return np.arange(total, dtype=np.int64) + shift
