"""Committed offsets of all groups, in columns: many groups in one request to each coordinator."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from streamwatch.core.errors import SourceError
from streamwatch.model.kafka import Bools, CommitKeys, GroupTable, Int64s, Topology
from streamwatch.model.snapshot import Problem
from streamwatch.sources.kafka.apis import OFFSET_FETCH
from streamwatch.sources.kafka.broker_connection import BrokerConnection
from streamwatch.sources.kafka.broker_pool import BrokerPool
from streamwatch.sources.kafka.commit_batches import CommitBatch, Shape, committed_offsets, decode
from streamwatch.sources.kafka.coordinators import find_coordinators
from streamwatch.sources.kafka.layout import UNWALKABLE, Layout, Records, walk_commits
from streamwatch.sources.kafka.problems import problem
from streamwatch.sources.kafka.read_session import ReadSession
from streamwatch.sources.kafka.versions import OFFSET_FETCH_OF_MANY_GROUPS

_CHUNK: Final = 500
"""Groups asked about in one request."""

Chunk = tuple[BrokerConnection, tuple[str, ...]]
"""Groups that one coordinator is asked about in one request."""


@dataclass(slots=True)
class _Memory:
    """What was asked about a chunk, and what the last answer was like."""

    request: tuple[int, bytes] | None = None
    """Its version and its body."""
    layout: Layout | None = None
    """None where it was not walked, but decoded."""
    shape: Shape | None = None
    whole: Shape | None = None
    """The last shape of which not all partitions had a commit."""
    present: Bools | None = None
    """Which of them had one."""
    reduced: Shape | None = None
    """The shape of those."""


class CommitReader:
    """Reads committed offsets, and remembers where they stood in the last answers."""

    def __init__(self) -> None:
        self._memory: dict[Chunk, _Memory] = {}
        self._with_metadata: set[str] = set()
        """Groups whose commits carry metadata: their answers cannot be walked."""
        self._keys: CommitKeys | None = None
        self._keyed: tuple[Shape, ...] = ()
        self._commits_at: dict[str, int] = {}

    async def read(
        self, session: ReadSession, pool: BrokerPool, coordinator: dict[str, BrokerConnection]
    ) -> list[CommitBatch]:
        """Return the commits of these groups, each asked of its coordinator, once more of another if it has moved."""
        moved: set[str] = set()
        chunks = self._chunks(coordinator)
        answers = await session.all({c: self._fetch(session, c, moved, last_try=False) for c in chunks}, _failed)
        batches = list(answers.values())
        if moved:
            again = self._chunks(await find_coordinators(session, pool, moved))
            retried = await session.all({c: self._fetch(session, c, moved, last_try=True) for c in again}, _failed)
            batches += retried.values()
        self._memory = {chunk: self._memory[chunk] for chunk in chunks if chunk in self._memory}
        return batches

    def columns(
        self, session: ReadSession, batches: list[CommitBatch], table: GroupTable, topology: Topology
    ) -> tuple[CommitKeys, Int64s]:
        """Join batches to columns; the keys are the last ones' object where nothing moved."""
        shapes = tuple(batch.shape for batch in batches)
        committed = np.concatenate([batch.committed for batch in batches]) if batches else np.zeros(0, dtype=np.int64)
        keys = self._keys
        same = len(shapes) == len(self._keyed) and all(a is b for a, b in zip(shapes, self._keyed, strict=True))
        if keys is None or not same or keys.table is not table or keys.topology is not topology:
            keys = self._keys = _resolve(shapes, table, topology)
            self._keyed = shapes
            self._doubt(session, shapes, table)
        return keys, committed

    def _doubt(self, session: ReadSession, shapes: tuple[Shape, ...], table: GroupTable) -> None:
        """Note groups that had commits a read ago, and have none where they are coordinated now: see GroupReader."""
        committing = {run.owner for shape in shapes for run in shape.runs}
        before, self._commits_at = (
            self._commits_at,
            {g.name: g.coordinator for g in table.groups if g.name in committing},
        )
        moved = {g.name for g in table.groups if before.get(g.name, g.coordinator) != g.coordinator} - committing
        if moved:
            detail = f"group {min(moved)!r} and {len(moved) - 1} others: no commits at their new coordinator yet"
            session.problems.append(Problem("group", "moved", detail, len(moved)))

    def _chunks(self, coordinator: dict[str, BrokerConnection]) -> list[Chunk]:
        """Cut the groups into requests. Those whose commits carry metadata are kept apart: they are read slowly."""
        together: dict[tuple[BrokerConnection, bool], list[str]] = {}
        for name in sorted(coordinator):
            together.setdefault((coordinator[name], name in self._with_metadata), []).append(name)
        chunks: list[Chunk] = []
        for (connection, _), names in together.items():
            size = _CHUNK if _takes_many(connection) else 1
            chunks += [(connection, tuple(names[i : i + size])) for i in range(0, len(names), size)]
        return chunks

    async def _fetch(self, session: ReadSession, chunk: Chunk, moved: set[str], *, last_try: bool) -> CommitBatch:
        """Ask about some groups; those that have moved are put into ``moved``, and a problem on the last try."""
        connection, names = chunk
        version = connection.version(OFFSET_FETCH)
        memory = self._memory.setdefault(chunk, _Memory())
        if memory.request is None or memory.request[0] != version:
            memory.request = version, _request(version, names)
        body = await session.ask(connection, OFFSET_FETCH, memory.request[1])
        records = _walked(memory, body, names) if version >= OFFSET_FETCH_OF_MANY_GROUPS else None
        if records is None:
            decoded = decode(version, body, names, last_try=last_try)
            records = decoded.records
            moved |= decoded.moved
            session.problems += decoded.problems
            self._with_metadata = (self._with_metadata - set(decoded.shape.groups)) | decoded.with_metadata
            if memory.shape is None or not memory.shape.same_as(decoded.shape):
                memory.shape = decoded.shape
        return _batch(session, memory, records)


def _takes_many(connection: BrokerConnection) -> bool:
    """Whether a coordinator takes many groups in one request; one that offers nothing says so when it is asked."""
    return connection.versions.get(OFFSET_FETCH.key, OFFSET_FETCH_OF_MANY_GROUPS) >= OFFSET_FETCH_OF_MANY_GROUPS


def _request(version: int, names: tuple[str, ...]) -> bytes:
    if version < OFFSET_FETCH_OF_MANY_GROUPS:
        return OFFSET_FETCH.encode(version, group_id=names[0], topics=None)
    group = OFFSET_FETCH.request.OffsetFetchRequestGroup
    return OFFSET_FETCH.encode(version, groups=[group(version=version, group_id=n, topics=None) for n in names])


def _walked(memory: _Memory, body: bytes, names: tuple[str, ...]) -> Records | None:
    """Return the records of an answer that is made of such only; None where it must be decoded."""
    if memory.layout is not None:
        records = memory.layout.read(body)
        if records is not None:
            return records
    try:
        memory.layout = walk_commits(body, names)
    except UNWALKABLE:
        memory.layout = None
        return None
    records = memory.layout.records
    memory.shape = Shape(names, memory.layout.runs, records["partition"].astype(np.int64))
    return records


def _batch(session: ReadSession, memory: _Memory, records: Records) -> CommitBatch:
    """Return the commits in these records; a negative offset is none, as services other than Kafka write it."""
    shape = memory.shape
    assert shape is not None  # noqa: S101 - whoever has records has set it
    committed, problems = committed_offsets(records, shape)
    session.problems += problems
    present = (committed >= 0) | (records["error"] != 0)
    if present.all():
        return CommitBatch(shape, committed)
    is_known = memory.whole is shape and memory.present is not None and np.array_equal(memory.present, present)
    if memory.reduced is None or not is_known:
        memory.whole, memory.present, memory.reduced = shape, present, shape.only(present)
    return CommitBatch(memory.reduced, committed[present])


def _resolve(shapes: tuple[Shape, ...], table: GroupTable, topology: Topology) -> CommitKeys:
    """Turn names into places in the group table and the topology."""
    index = {group.name: i for i, group in enumerate(table.groups)}
    runs = [run for shape in shapes for run in shape.runs]
    counts = [run.count for run in runs]
    group = np.repeat(np.array([index.get(run.owner, -1) for run in runs], dtype=np.int32), counts)
    topic = np.repeat(np.array([topology.topic_index.get(run.topic, -1) for run in runs], dtype=np.int64), counts)
    partition = np.concatenate([shape.partition for shape in shapes]) if shapes else np.zeros(0, dtype=np.int64)
    answering = {name for shape in shapes for name in shape.groups}
    answered = np.array([g.name in answering for g in table.groups], dtype=bool)
    return CommitKeys(table, topology, group, topology.rows(topic, partition), answered)


def _failed(chunk: Chunk, error: SourceError) -> Problem:
    connection, names = chunk
    return problem("group", error, f"broker {connection.name}: commits of {len(names)} groups: {error}", len(names))
