"""Positions of groups, compared by columns: which were set back, and which moved though the group has no member."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

import numpy as np

from streamwatch.journal.kinds import Difference, moved
from streamwatch.journal.packing import Column, PackError, pack, unpack
from streamwatch.model.distinct import distinct
from streamwatch.model.kafka import NOT_KNOWN, Bools, ClusterSnapshot, CommitKeys, Int32s, Int64s


@dataclass(frozen=True, slots=True, eq=False)
class PositionTable:
    """Committed offsets (C) by group, topic and partition."""

    groups: tuple[str, ...]
    topics: tuple[str, ...]
    group: Int32s
    """C: index into ``groups``."""
    topic: Int32s
    """C: index into ``topics``."""
    partition: Int32s
    """C: its number."""
    committed: Int64s
    """C: ``NOT_KNOWN`` where nothing can be said of what follows it."""
    keys: CommitKeys | None = None
    """What the columns were made of; None after a restart."""

    def without(self, which: Bools) -> "PositionTable":
        """Return it with these positions (C) unknown."""
        return replace(self, committed=np.where(which, NOT_KNOWN, self.committed))

    def filled(self, before: "PositionTable", groups: Collection[str]) -> "PositionTable":
        """Return it with the positions that these groups had before: of them, nobody answered."""
        if not groups:
            return self
        mine = np.array([name in groups for name in before.groups] or [False], dtype=bool)[before.group]
        if not mine.any():
            return self
        names, group = _joined(self.groups, before.groups, before.group[mine])
        topics, topic = _joined(self.topics, before.topics, before.topic[mine])
        return PositionTable(
            names, topics, np.concatenate((self.group, group)), np.concatenate((self.topic, topic)),
            np.concatenate((self.partition, before.partition[mine])),
            np.concatenate((self.committed, before.committed[mine])),
        )  # fmt: skip

    def held(self, before: "PositionTable", groups: Collection[str]) -> "PositionTable":
        """Return it with what these groups had before, where they are behind that now."""
        if not groups:
            return self
        was = _aligned(before, self)
        mine = np.array([name in groups for name in self.groups] or [False], dtype=bool)[self.group]
        is_back = mine & (self.committed >= 0) & (self.committed < was)
        return replace(self, committed=np.where(is_back, was, self.committed))

    def pack(self) -> bytes:
        """Return it as bytes."""
        columns: dict[str, Column] = {
            "group": self.group,
            "topic": self.topic,
            "partition": self.partition,
            "committed": self.committed,
        }
        return pack({"groups": self.groups, "topics": self.topics}, columns)


def _joined(names: tuple[str, ...], others: tuple[str, ...], rows: Int32s) -> tuple[tuple[str, ...], Int32s]:
    """Return names with those of others that rows (R) have, and the place among all of each row's (R)."""
    used, at = np.unique(rows, return_inverse=True)
    mine = [others[i] for i in used.tolist()]
    place = {name: i for i, name in enumerate(dict.fromkeys((*names, *mine)))}
    return tuple(place), np.array([place[name] for name in mine], dtype=np.int32)[at]


def unpack_positions(body: bytes) -> PositionTable:
    """Return the table that was packed.

    Raises:
        PackError: it cannot be read.

    """
    head, columns = unpack(body)
    try:
        names = tuple(head["groups"]), tuple(head["topics"])
        return PositionTable(*names, columns["group"], columns["topic"], columns["partition"], columns["committed"])
    except (KeyError, TypeError) as error:
        raise PackError(str(error)) from error


def positions_of(snapshot: ClusterSnapshot, before: PositionTable | None) -> PositionTable:
    """Return what a read shows. A position beyond the end of its partition is one of another log: it is unknown."""
    keys = snapshot.commits
    shape = keys.topology
    row = np.maximum(keys.row, 0)
    is_there = (keys.row >= 0) & (keys.group >= 0)
    end = snapshot.end_offset[row] if len(snapshot.end_offset) else np.full(row.shape, NOT_KNOWN)
    is_beyond = (end >= 0) & (snapshot.committed > end)
    committed = np.where(is_there & ~is_beyond, snapshot.committed, NOT_KNOWN)
    if before is not None and before.keys is keys:
        return PositionTable(
            before.groups, before.topics, before.group, before.topic, before.partition, committed, keys
        )
    return PositionTable(
        tuple(group.name for group in keys.table.groups), shape.topics, keys.group,
        shape.topic[row] if len(shape.topic) else np.zeros(len(row), dtype=np.int32),
        shape.partition[row] if len(shape.partition) else np.zeros(len(row), dtype=np.int32), committed, keys,
    )  # fmt: skip


def compare_positions(
    before: PositionTable, now: PositionTable, idle: Collection[str]
) -> tuple[list[Difference], frozenset[str]]:
    """Compare two tables; return what differs, and the groups of which any position moved.

    Args:
        before: what was last seen.
        now: what a read shows.
        idle: groups that have no member, had none, and whose positions stood in the read before.

    """
    was = _aligned(before, now)
    known = (was >= 0) & (now.committed >= 0) & (was != now.committed)
    moved = np.flatnonzero(known)
    by = now.committed[moved] - was[moved]
    names = frozenset(now.groups[i] for i in distinct(now.group[moved]).tolist())
    back = moved[by < 0]
    differences = list(_moves("group.set_back", now, back, by[by < 0]))
    if names & set(idle):
        is_idle = np.array([name in idle for name in now.groups], dtype=bool)
        ahead = (by > 0) & is_idle[now.group[moved]]
        differences += _moves("group.set_forward", now, moved[ahead], by[ahead])
    return differences, names


def _aligned(before: PositionTable, now: PositionTable) -> Int64s:
    """Return the earlier position of each that is there now (C), ``NOT_KNOWN`` for a new one."""
    if before.keys is not None and before.keys is now.keys:
        return before.committed
    if not len(before.committed) or not len(now.committed):
        return np.full(len(now.committed), NOT_KNOWN, dtype=np.int64)
    width = int(max(before.partition.max(), now.partition.max())) + 1
    topics = {name: i for i, name in enumerate(before.topics)}
    groups = {name: i for i, name in enumerate(before.groups)}
    group = np.array([groups.get(name, -1) for name in now.groups] or [-1], dtype=np.int64)[now.group]
    topic = np.array([topics.get(name, -1) for name in now.topics] or [-1], dtype=np.int64)[now.topic]
    earlier = (before.group.astype(np.int64) * len(topics) + before.topic) * width + before.partition
    order = np.argsort(earlier, kind="stable")
    wanted = (group * len(topics) + topic) * width + now.partition
    at = np.minimum(np.searchsorted(earlier[order], wanted), len(order) - 1)
    hit = (earlier[order][at] == wanted) & (group >= 0) & (topic >= 0)
    return np.where(hit, before.committed[order][at], NOT_KNOWN)


def _moves(kind: str, now: PositionTable, rows: Int64s, by: Int64s) -> Iterator[Difference]:
    """Yield a difference for each group of which positions moved."""
    for i in distinct(now.group[rows]).tolist():
        mine = now.group[rows] == i
        topics = distinct(now.topic[rows[mine]])
        records, count = int(np.abs(by[mine]).sum()), int(mine.sum())
        where = f"topic {now.topics[topics[0]]}" if len(topics) == 1 else f"{len(topics)} topics"
        yield Difference(kind, now.groups[i], after=moved(records, count, where))
