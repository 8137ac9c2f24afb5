"""Share groups (KIP-932): from where they read on, and how much they have left, beside the committed offsets.

A share group is done with records out of order. Its *start offset* is the first that it may not be done with, and
stands in the column of committed offsets; how many records beyond it are done with is the column ``completed``. The
coordinator says how many are left (KIP-1226), which is what ``kafka-share-groups.sh`` prints as LAG.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from streamwatch.core.errors import SourceError
from streamwatch.model.kafka import NOT_KNOWN, CommitKeys, Int64s
from streamwatch.model.snapshot import Problem
from streamwatch.sources.kafka import codes
from streamwatch.sources.kafka.apis import SHARE_OFFSETS, Message, decoding
from streamwatch.sources.kafka.broker_connection import BrokerConnection
from streamwatch.sources.kafka.broker_pool import BrokerPool
from streamwatch.sources.kafka.commit_batches import CommitBatch, Shape
from streamwatch.sources.kafka.coordinators import find_coordinators
from streamwatch.sources.kafka.layout import Run
from streamwatch.sources.kafka.problems import problem, refusal
from streamwatch.sources.kafka.read_session import ReadSession
from streamwatch.sources.kafka.versions import THROTTLE_BYTES

_REQUESTS: Final = 50
"""Sent to one coordinator in a read, one after the other; up to so many groups each has one of its own.

For a group the coordinator asks the brokers that keep its state. Where it does that for two groups at once, of one
request or of two, it may forget to send a question for 2 s (seen on 4.3: 5 of 40 requests, none of 400 in turn).
"""
_LATER: Final = codes.MOVED_GROUP | {codes.GROUP_ID_NOT_FOUND}
"""What a coordinator answers that is not the group's, or has just become it."""

Chunk = tuple[BrokerConnection, tuple[str, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class ShareBatch(CommitBatch):
    """What some share groups have left; ``committed`` holds their start offsets."""

    left: Int64s
    """Records from the start offset on that the group is not done with; ``NOT_KNOWN`` where it is not answered."""


@dataclass(frozen=True, slots=True, eq=False)
class _Last:
    """What was found of a batch's partitions in the last read."""

    start: Int64s
    end: Int64s
    position: Int64s
    """Start offset and what is completed beyond it; ``NOT_KNOWN`` where that was not known."""


class ShareReader:
    """Reads what share groups have left, and remembers the answers: those that repeat are not read again."""

    def __init__(self) -> None:
        self._answers: dict[Chunk, tuple[bytes, ShareBatch]] = {}
        self._last: dict[Shape, _Last] = {}

    async def read(
        self, session: ReadSession, pool: BrokerPool, coordinator: dict[str, BrokerConnection]
    ) -> list[ShareBatch]:
        """Return what these groups have left, each asked of its coordinator, once more of another if it has moved.

        It must be asked after the end offsets: see ``columns``.
        """
        chunks = _chunks(session, coordinator)
        moved: set[str] = set()
        batches = await self._ask_all(session, chunks, moved, last_try=False)
        if moved:
            again = _chunks(session, await find_coordinators(session, pool, moved))
            batches += await self._ask_all(session, again, moved, last_try=True)
        asked = [chunk for own in chunks.values() for chunk in own]
        self._answers = {c: self._answers[c] for c in asked if c in self._answers}
        return batches

    def columns(
        self, batches: list[ShareBatch], keys: CommitKeys, committed: Int64s, end: Int64s, start: Int64s
    ) -> tuple[Int64s, Int64s]:
        """Return committed and completed offsets (C) of all groups, these batches being the last of the columns.

        What a group has left was counted a moment after the end offsets were asked for, so that what came in that
        moment counts as not done with yet. Two things follow. A position may seem to go back by less than came
        since the last read: it is kept. And a start offset may stand beyond the end: it counts as ahead only where
        it stood there in the last read already.

        Args:
            batches: what ``read`` returned.
            keys: whose the columns are.
            committed: C: committed offsets, and start offsets of share groups.
            end: P: end offsets.
            start: P: log start offsets.

        """
        last, self._last = self._last, {}
        committed, completed = committed.copy(), np.zeros(len(committed), dtype=np.int64)
        at = len(committed) - sum(len(batch.left) for batch in batches)
        for batch in batches:
            own = slice(at, at + len(batch.left))
            at = own.stop
            ends, starts = _of(end, keys.row[own]), _of(start, keys.row[own])
            committed[own], completed[own] = self._settle(batch, ends, starts, last.get(batch.shape))
        return committed, completed

    def _settle(self, batch: ShareBatch, end: Int64s, start: Int64s, last: _Last | None) -> tuple[Int64s, Int64s]:
        """Return start offsets and what is completed beyond them, of the partitions of one batch."""
        beyond = (batch.committed > end) & (end >= 0)
        ahead = beyond & ((batch.left < NOT_KNOWN) | (last is not None and last.start > end))
        counted = (batch.left >= 0) | beyond
        known = counted & (batch.committed >= 0) & (end >= 0)
        committed = np.where(beyond & ~ahead, end, batch.committed)
        base = np.maximum(committed, start)
        position = np.maximum(end - np.maximum(batch.left, 0), base)
        if last is not None:
            back = last.position - position
            retained = (back > 0) & (back <= end - last.end) & (last.position <= end)
            position = np.where(retained, last.position, position)
        self._last[batch.shape] = _Last(batch.committed, end, np.where(known, position, NOT_KNOWN))
        return committed, np.where(known, position - base, np.where(counted, 0, NOT_KNOWN))

    async def _ask_all(
        self, session: ReadSession, chunks: dict[BrokerConnection, list[Chunk]], moved: set[str], *, last_try: bool
    ) -> list[ShareBatch]:
        """Ask all coordinators at once, and each of them in turn for its groups."""
        calls = {
            connection: self._ask_in_turn(session, own, moved, last_try=last_try) for connection, own in chunks.items()
        }
        answers = await session.all(calls, lambda connection, error: _failed(chunks[connection], error))
        return [batch for batches in answers.values() for batch in batches]

    async def _ask_in_turn(
        self, session: ReadSession, chunks: list[Chunk], moved: set[str], *, last_try: bool
    ) -> list[ShareBatch]:
        """Ask one coordinator; where an answer fails, those that came before it count."""
        batches: list[ShareBatch] = []
        for at, chunk in enumerate(chunks):
            try:
                with decoding(SHARE_OFFSETS):
                    batches.append(await self._ask(session, chunk, moved, last_try=last_try))
            except SourceError as error:
                session.problems.append(_failed(chunks[at:], error))
                break
        return batches

    async def _ask(self, session: ReadSession, chunk: Chunk, moved: set[str], *, last_try: bool) -> ShareBatch:
        """Ask about some groups; those that are not there are put into ``moved``, and a problem on the last try."""
        connection, names = chunk
        version = connection.versions[SHARE_OFFSETS.key]
        kind = SHARE_OFFSETS.request.DescribeShareGroupOffsetsRequestGroup
        wanted = [kind(version=version, group_id=name, topics=None) for name in names]
        body = await session.ask(connection, SHARE_OFFSETS, SHARE_OFFSETS.encode(version, groups=wanted))
        known = self._answers.get(chunk)
        if known and known[0] == body[THROTTLE_BYTES:]:
            return known[1]
        answered: list[Message] = []
        clean = True
        for group in SHARE_OFFSETS.decode(version, body).groups:
            if not group.error_code:
                answered.append(group)
                continue
            clean = False
            if group.error_code in _LATER and not last_try:
                moved.add(group.group_id)
            else:
                session.problems.append(
                    refusal("group", group.error_code, f"group {group.group_id!r}: what it has left")
                )
        batch = _batch(session, answered, known[1].shape if known else None)
        clean = clean and not (batch.committed < 0).any()
        self._answers[chunk] = (body[THROTTLE_BYTES:] if clean else b"", batch)
        return batch


def _of(column: Int64s, row: Int64s) -> Int64s:
    """Return the rows of a column, ``NOT_KNOWN`` where there is no such partition."""
    return np.append(column, NOT_KNOWN)[row]


def _batch(session: ReadSession, groups: list[Message], last: Shape | None) -> ShareBatch:
    """Read what groups have left. A partition that a group was never done with any record of is left out."""
    runs: list[Run] = []
    rows: list[tuple[int, int, int]] = []
    refused: dict[int, list[str]] = {}
    for group in groups:
        for topic in group.topics:
            before = len(rows)
            for partition in topic.partitions:
                if partition.error_code:
                    where = f"group {group.group_id!r}: {topic.topic_name}-{partition.partition_index}"
                    refused.setdefault(partition.error_code, []).append(where)
                    rows.append((partition.partition_index, NOT_KNOWN, NOT_KNOWN))
                elif partition.start_offset >= 0:
                    rows.append((partition.partition_index, partition.start_offset, partition.lag))
            runs.append(Run(group.group_id, topic.topic_name, 0, len(rows) - before))
    for code, places in refused.items():
        detail = f"{places[0]} and {len(places) - 1} others: what is left"
        session.problems.append(refusal("partition", code, detail, len(places)))
    columns = np.array(rows, dtype=np.int64).reshape(-1, 3)
    shape = Shape(tuple(group.group_id for group in groups), tuple(runs), columns[:, 0].copy())
    if last is not None and last.same_as(shape):
        shape = last
    return ShareBatch(shape, columns[:, 1].copy(), columns[:, 2].copy())


def _chunks(session: ReadSession, coordinator: dict[str, BrokerConnection]) -> dict[BrokerConnection, list[Chunk]]:
    """Cut the groups into requests; those whose coordinator does not offer the API are one problem."""
    by_connection: dict[BrokerConnection, list[str]] = {}
    mute: list[str] = []
    for name in sorted(coordinator):
        connection = coordinator[name]
        (by_connection.setdefault(connection, []) if SHARE_OFFSETS.key in connection.versions else mute).append(name)
    if mute:
        detail = f"group {mute[0]!r} and {len(mute) - 1} others: what they have left is not known: no broker offers "
        detail += f"{SHARE_OFFSETS.name} version {SHARE_OFFSETS.lowest} (Kafka 4.2)"
        session.problems.append(Problem("group", "unsupported", detail, len(mute)))
    chunks = {}
    for connection, names in by_connection.items():
        size = -(-len(names) // _REQUESTS)
        chunks[connection] = [(connection, tuple(names[i : i + size])) for i in range(0, len(names), size)]
    return chunks


def _failed(chunks: list[Chunk], error: SourceError) -> Problem:
    names = [name for _, own in chunks for name in own]
    detail = f"broker {chunks[0][0].name}: what share group {names[0]!r} and {len(names) - 1} others have left: {error}"
    return problem("group", error, detail, len(names))
