"""Many histories in one cluster, as an agent sees them read by read."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from random import Random
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from streamwatch.model.kafka import ClusterSnapshot, CommitKeys, Group, GroupTable
from tests.collectors.histories import INTERVAL, KINDS, History
from tests.snapshots import group, snapshot, topology


class World:
    """Many histories in one cluster, seen read by read."""

    def __init__(self, histories: Sequence[History], until: float) -> None:
        self.histories = list(histories)
        self.until = until
        one = (1, (1,), (1,))
        self.topics = {f"t{i:05}": [one] * len(history.parts) for i, history in enumerate(self.histories)}
        self.shape = topology(self.topics)
        self.parts = [(h, p, part) for h, history in enumerate(self.histories) for p, part in enumerate(history.parts)]
        self._base = snapshot(self.topics, of=self.shape)
        self._written = [np.array(part.log.written) for *_, part in self.parts]
        self._stable = [np.maximum.accumulate(np.array([*part.log.stable])) for *_, part in self.parts]
        self._table: tuple[Any, GroupTable] | None = None
        self._keys: tuple[Any, CommitKeys] | None = None

    def reads(self, rng: Random) -> Iterator[tuple[float, ClusterSnapshot]]:
        """Yield what an agent sees, and when."""
        at = 0.0
        while at < self.until:
            yield at, self._at(at)
            at += INTERVAL if rng.random() < 0.95 else rng.uniform(1, 3 * INTERVAL)

    def _at(self, at: float) -> ClusterSnapshot:
        ends, stables, starts, commits = [], [], [], []
        for row, (h, _, part) in enumerate(self.parts):
            end = int(np.searchsorted(self._written[row], at, side="right"))
            stable = min(int(np.searchsorted(self._stable[row], at, side="right")), end)
            if at >= part.falls_at:
                end = stable = part.falls_to
            ends.append(end)
            stables.append(stable)
            starts.append(_last(part.start, at, 0))
            dark = any(since <= at < until for since, until in self.histories[h].dark)
            commits.append(-2 if dark else _last(part.committed, at, -1))
        committed = np.array(commits, dtype=np.int64)
        rows = np.flatnonzero(committed >= 0)
        answered = tuple(not any(s <= at < u for s, u in one.dark) for one in self.histories)
        table = self._groups(tuple(map(lambda one: _membership(one, at), self.histories)))  # noqa: C417
        keys = self._keys_of(table, rows, answered)
        return replace(
            self._base,
            taken_at=1e9 + at,
            offsets_at=1e9 + at,
            offsets_monotonic=at,
            end_offset=np.array(ends, dtype=np.int64),
            stable_offset=np.array(stables, dtype=np.int64),
            start_offset=np.array(starts, dtype=np.int64),
            groups=table,
            commits=keys,
            committed=committed[rows],
            completed=np.zeros(len(rows), dtype=np.int64),
            unread_at=np.full(len(rows), np.nan),
        )

    def _groups(self, states: tuple[str, ...]) -> GroupTable:
        if self._table is not None and self._table[0] == states:
            return self._table[1]
        groups: list[Group] = []
        owner: list[int] = []
        rows: list[int] = []
        for h, (history, state) in enumerate(zip(self.histories, states, strict=True)):
            groups.append(_group(h, history, state))
            if state == "holds":
                first = int(self.shape.topic_start[h])
                owner += [h] * len(history.parts)
                rows += range(first, first + len(history.parts))
        table = GroupTable(tuple(groups), np.array(owner, dtype=np.int32), np.array(rows, dtype=np.int64))
        self._table = states, table
        return table

    def _keys_of(self, table: GroupTable, rows: Any, answered: tuple[bool, ...]) -> CommitKeys:
        if self._keys is not None:
            (before, some, told), keys = self._keys
            if before is table and told == answered and np.array_equal(some, rows):
                return keys
        owner = np.array([h for h, *_ in self.parts], dtype=np.int32)[rows]
        keys = CommitKeys(table, self.shape, owner, rows, np.array(answered, dtype=bool))
        self._keys = (table, rows, answered), keys
        return keys


def some(rng: Random, count: int, until: float) -> World:
    """Return a world of so many histories of any kind."""
    return World([rng.choice(KINDS)(rng, until) for _ in range(count)], until)


def _membership(history: History, at: float) -> str:
    if at >= history.gone_at:
        return "gone"
    for i, (since, until) in enumerate(history.rebalances):
        if since <= at < until:
            return "gone" if i % 2 else "moves"
    return "holds"


_MEMBERS: Final[Mapping[str, dict[str, Any]]] = MappingProxyType(
    {
        "holds": {"members": 1, "idle_members": 0},
        "moves": {"state": "PreparingRebalance", "members": 1, "idle_members": None},
        "gone": {"state": "Empty", "members": 0, "idle_members": 0},
    }
)


def _group(h: int, history: History, state: str) -> Group:
    facts = dict(_MEMBERS[state])
    if state == "holds":
        topic = f"t{h:05}"
        facts |= {"assigned": ((topic, tuple(range(len(history.parts)))),), "subscribed": frozenset({topic})}
    return group(f"g{h:05}", **facts)


def _last(steps: Sequence[tuple[float, int]], at: float, default: int) -> int:
    value = default
    for when, what in steps if len(steps) < 8 else steps[max(_place(steps, at) - 2, 0) :]:
        if when > at:
            break
        value = what
    return value


def _place(steps: Sequence[tuple[float, int]], at: float) -> int:
    low, high = 0, len(steps)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if steps[middle][0] <= at else (low, middle)
    return low
