"""Committed offsets of all groups, in columns: many groups in one request to each coordinator."""

from dataclasses import dataclass, replace

import numpy as np

from streamwatch.core.errors import SourceError
from streamwatch.model.kafka import NOT_KNOWN, Bools, CommitKeys, GroupTable, Int64s, Topology
from streamwatch.model.snapshot import Problem
from streamwatch.sources.kafka import codes
from streamwatch.sources.kafka.apis import OFFSET_FETCH, Message
from streamwatch.sources.kafka.broker_connection import BrokerConnection
from streamwatch.sources.kafka.broker_pool import BrokerPool
from streamwatch.sources.kafka.groups import find_coordinators
from streamwatch.sources.kafka.layout import COMMIT, UNWALKABLE, Layout, Records, Run, walk_commits
from streamwatch.sources.kafka.problems import problem, refusal
from streamwatch.sources.kafka.read_session import ReadSession

_CHUNK = 500
"""Groups asked about in one request."""
_MANY = 8
"""The first version that takes many groups in one request."""

Chunk = tuple[BrokerConnection, tuple[str, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """The commits of some groups. ``shape`` is the same object as last time where the same partitions have commits."""

    shape: "Shape"
    committed: Int64s


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """Whose commits, and of which partitions: the runs name group and topic, ``partition`` each number."""

    groups: tuple[str, ...]
    """The groups that the answer is about, those without a commit too."""
    runs: tuple[Run, ...]
    partition: Int64s


class CommitReader:
    """Reads committed offsets, and remembers where they stood in the last answers."""

    def __init__(self) -> None:
        self._layouts: dict[Chunk, tuple[Layout, Shape]] = {}
        self._shapes: dict[Chunk, Shape] = {}
        self._reduced: dict[Chunk, tuple[Shape, Bools, Shape]] = {}
        """A shape, which of its partitions have a commit, and the shape of those."""
        self._wordy: set[str] = set()
        self._keys: CommitKeys | None = None
        self._keyed: tuple[Shape, ...] = ()
        self._commits_at: dict[str, int] = {}

    async def read(
        self, session: ReadSession, pool: BrokerPool, coordinator: dict[str, BrokerConnection]
    ) -> list[Batch]:
        """Return the commits of these groups, each asked of its coordinator, once more of another if it has moved."""
        moved: set[str] = set()
        chunks = self._chunks(coordinator)
        answers = await session.all({c: self._fetch(session, c, moved, last_try=False) for c in chunks}, _failed)
        batches = list(answers.values())
        if moved:
            again = self._chunks(await find_coordinators(session, pool, moved))
            retried = await session.all({c: self._fetch(session, c, moved, last_try=True) for c in again}, _failed)
            batches += retried.values()
        self._layouts = {c: self._layouts[c] for c in chunks if c in self._layouts}
        self._shapes = {c: self._shapes[c] for c in chunks if c in self._shapes}
        self._reduced = {c: self._reduced[c] for c in chunks if c in self._reduced}
        return batches

    def columns(
        self, session: ReadSession, batches: list[Batch], table: GroupTable, topology: Topology
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
        by_connection: dict[tuple[BrokerConnection, bool], list[str]] = {}
        for name in sorted(coordinator):
            by_connection.setdefault((coordinator[name], name in self._wordy), []).append(name)
        return [
            (connection, tuple(names[i : i + size]))
            for (connection, _), names in by_connection.items()
            for size in (_CHUNK if connection.versions.get(OFFSET_FETCH.key, _MANY) >= _MANY else 1,)
            for i in range(0, len(names), size)
        ]

    async def _fetch(self, session: ReadSession, chunk: Chunk, moved: set[str], *, last_try: bool) -> Batch:
        connection, names = chunk
        version = connection.version(OFFSET_FETCH)
        body = await session.ask(connection, OFFSET_FETCH, _request(version, names))
        if version >= _MANY:
            known = self._layouts.get(chunk)
            records = known[0].read(body) if known else None
            if known is not None and records is not None:
                return self._batch(session, chunk, known[1], records)
            try:
                layout = walk_commits(body, names)
            except UNWALKABLE:
                self._layouts.pop(chunk, None)
            else:
                shape = Shape(names, layout.runs, layout.records["partition"].astype(np.int64))
                self._layouts[chunk] = (layout, shape)
                return self._batch(session, chunk, shape, layout.records)
        return self._decode(session, chunk, version, body, moved, last_try=last_try)

    def _decode(  # noqa: PLR0913
        self, session: ReadSession, chunk: Chunk, version: int, body: bytes, moved: set[str], *, last_try: bool
    ) -> Batch:
        """Read an answer by its message class: an older version, errors of groups, or commits with metadata."""
        message, odd = OFFSET_FETCH.decode_names(version, body)
        refused: dict[int, list[str]] = {}
        left_out = set(chunk[1])
        answered: list[str] = []
        runs: list[Run] = []
        rows: list[tuple[int, int, int]] = []
        for group in message.groups if version >= _MANY else [message]:
            name = group.group_id if version >= _MANY else chunk[1][0]
            left_out.discard(name)
            if group.error_code in codes.MOVED_GROUP and not last_try:
                moved.add(name)
            elif group.error_code:
                refused.setdefault(group.error_code, []).append(name)
            else:
                answered.append(name)
                self._note_words(name, group)
                for topic in group.topics or ():
                    if topic.name in odd:
                        detail = f"group {name!r}: OffsetFetch: commits to topic {topic.name}, which is no UTF-8"
                        session.problems.append(Problem("group", "misread", detail))
                        continue
                    runs.append(Run(name, topic.name, 0, len(topic.partitions)))
                    rows += [(p.partition_index, p.committed_offset, p.error_code) for p in topic.partitions]
        session.problems += _refusals(refused, left_out)
        columns = np.array(rows, dtype=np.int64).reshape(-1, 3)
        shape = Shape(tuple(answered), tuple(runs), columns[:, 0].copy())
        last = self._shapes.get(chunk)
        if (
            last
            and (last.groups, last.runs) == (shape.groups, shape.runs)
            and np.array_equal(last.partition, shape.partition)
        ):
            shape = last
        self._shapes[chunk] = shape
        records = np.zeros(len(columns), dtype=COMMIT)
        records["offset"], records["error"] = columns[:, 1], columns[:, 2]
        return self._batch(session, chunk, shape, records)

    def _batch(self, session: ReadSession, chunk: Chunk, shape: Shape, records: Records) -> Batch:
        """Return the commits in these records; a negative offset is none, as services other than Kafka write it."""
        committed = _offsets(records, shape, session)
        there = (committed >= 0) | (records["error"] != 0)
        if there.all():
            return Batch(shape, committed)
        last = self._reduced.get(chunk)
        if last is None or last[0] is not shape or not np.array_equal(last[1], there):
            last = self._reduced[chunk] = (shape, there, _only(shape, there))
        return Batch(last[2], committed[there])

    def _note_words(self, name: str, group: Message) -> None:
        if any(p.metadata for topic in group.topics or () for p in topic.partitions):
            self._wordy.add(name)
        else:
            self._wordy.discard(name)


def _request(version: int, names: tuple[str, ...]) -> bytes:
    if version < _MANY:
        return OFFSET_FETCH.encode(version, group_id=names[0], topics=None)
    group = OFFSET_FETCH.request.OffsetFetchRequestGroup
    return OFFSET_FETCH.encode(version, groups=[group(version=version, group_id=n, topics=None) for n in names])


def _offsets(records: Records, shape: Shape, session: ReadSession) -> Int64s:
    """Return the committed offsets; a partition with an error is not known, and a problem."""
    committed: Int64s = records["offset"].astype(np.int64)
    errors = records["error"].astype(np.int64)
    if errors.any():
        committed[errors != 0] = NOT_KNOWN
        owners = np.repeat(np.arange(len(shape.runs)), [run.count for run in shape.runs])
        for code in np.unique(errors[errors != 0]).tolist():
            places = np.flatnonzero(errors == code)
            run, partition = shape.runs[int(owners[places[0]])], int(shape.partition[places[0]])
            what = f"group {run.owner!r}: {run.topic}-{partition} and {len(places) - 1} others: committed offsets"
            session.problems.append(refusal("partition", code, f"{what}: OffsetFetch", len(places)))
    return committed


def _only(shape: Shape, there: Bools) -> Shape:
    """Return the shape of only these partitions."""
    starts = np.cumsum([0, *(run.count for run in shape.runs)])
    counts = [int(there[start : start + run.count].sum()) for start, run in zip(starts, shape.runs, strict=False)]
    runs = tuple(replace(run, count=count) for run, count in zip(shape.runs, counts, strict=True) if count)
    return Shape(shape.groups, runs, shape.partition[there])


def _refusals(refused: dict[int, list[str]], left_out: set[str]) -> list[Problem]:
    """Return a problem for each error code that stands for groups' commits, and for groups that have no answer."""
    problems = [
        refusal(
            "group",
            code,
            f"group {names[0]!r} and {len(names) - 1} others: their commits: OffsetFetch",
            len(names),
        )
        for code, names in refused.items()
    ]
    if left_out:
        detail = f"OffsetFetch: group {min(left_out)!r} and {len(left_out) - 1} others: left out of the answer"
        problems.append(Problem("group", "misread", detail, len(left_out)))
    return problems


def _resolve(shapes: tuple[Shape, ...], table: GroupTable, topology: Topology) -> CommitKeys:
    """Turn names into places in the group table and the topology."""
    index = {group.name: i for i, group in enumerate(table.groups)}
    runs = [run for shape in shapes for run in shape.runs]
    counts = [run.count for run in runs]
    group = np.repeat(np.array([index.get(run.owner, -1) for run in runs], dtype=np.int32), counts)
    topic = np.repeat(np.array([topology.topic_index.get(run.topic, -1) for run in runs], dtype=np.int64), counts)
    partition = np.concatenate([shape.partition for shape in shapes]) if shapes else np.zeros(0, dtype=np.int64)
    told = {name for shape in shapes for name in shape.groups}
    answered = np.array([g.name in told for g in table.groups], dtype=bool)
    return CommitKeys(table, topology, group, topology.rows(topic, partition), answered)


def _failed(chunk: Chunk, error: SourceError) -> Problem:
    connection, names = chunk
    return problem("group", error, f"broker {connection.name}: commits of {len(names)} groups: {error}", len(names))
