"""Columns that follow their entities while topics, groups and partitions come and go between two reads."""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, Final, Generic, NamedTuple, TypeVar

import numpy as np

from streamwatch.model.kafka import NO_ID, Bools, Int64s, Topology
from streamwatch.model.metric import Values

_SLACK: Final = 1000
"""So many names more than there are now are remembered before those that are gone are forgotten."""

Columns = TypeVar("Columns", bound=NamedTuple)


class TopicNumbers:
    """Gives each topic a number of its own; a topic made anew under the same name is another topic.

    Where the metadata gives no topic id, only the name tells.
    """

    def __init__(self) -> None:
        self._known: dict[str, tuple[bytes, int]] = {}
        self._next = 0

    def of(self, topology: Topology) -> Int64s:
        """Return the number of each topic (T)."""
        ids = topology.topic_ids or (NO_ID,) * len(topology.topics)
        found = np.fromiter(map(self._number, topology.topics, ids), dtype=np.int64, count=len(ids))
        if len(self._known) > 2 * len(ids) + _SLACK:
            self._known = {name: self._known[name] for name in topology.topics}
        return found

    def named(self, names: Iterable[str]) -> list[int]:
        """Return the numbers of topics that the metadata leave out, as far as they are remembered."""
        return [self._known[name][1] for name in names if name in self._known]

    def _number(self, name: str, topic_id: bytes) -> int:
        known = self._known.get(name)
        if known is not None and NO_ID not in {known[0], topic_id} and known[0] != topic_id:
            known = None
        if known is None:
            known, self._next = (topic_id, self._next), self._next + 1
        self._known[name] = known if known[0] != NO_ID else (topic_id, known[1])
        return known[1]


class PairNumbers:
    """Gives each pair of a group and a topic a number of its own."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], int] = {}
        self._next = 0

    def of(self, groups: Sequence[str], topics: Int64s) -> Int64s:
        """Return the number of each pair (same shape); topics by their ``TopicNumbers``."""
        pairs = list(zip(groups, topics.tolist(), strict=True))
        known = self._known
        for pair in pairs:
            if pair not in known:
                known[pair] = self._next
                self._next += 1
        if len(known) > 2 * len(pairs) + _SLACK:
            self._known = {pair: known[pair] for pair in pairs}
        return np.fromiter((known[pair] for pair in pairs), dtype=np.int64, count=len(pairs))

    def among(self, groups: Collection[str], topics: Collection[int]) -> Int64s:
        """Return the numbers of the pairs of these groups and topics, as far as they have one."""
        names, numbers = frozenset(groups), frozenset(topics)
        found = [number for (group, topic), number in self._known.items() if group in names and topic in numbers]
        return np.array(found, dtype=np.int64)


def partition_keys(owner: Int64s, partition: Int64s) -> Int64s:
    """Return one number for each partition of an owner, which is a number itself (same shape)."""
    return (owner << 32) | partition


def owners(keys: Int64s) -> Int64s:
    """Return the owner of each of these ``partition_keys`` (same shape)."""
    return keys >> 32


def places(keys: Int64s, among: Int64s) -> Int64s:
    """Return where each key stands in ``among`` (distinct, in any order), -1 where it does not."""
    if not len(among):
        return np.full(len(keys), -1, dtype=np.int64)
    order = np.argsort(among)
    at = order[np.minimum(np.searchsorted(among, keys, sorter=order), len(among) - 1)]
    return np.where(among[at] == keys, at, -1)


class Following(Generic[Columns]):
    """Columns of floats, one value a key; they move when the keys do.

    A key that is not there is remembered for a while: a coordinator that does not answer takes its groups' commits out
    of one read, and what was seen of them holds when they come back.
    """

    def __init__(self, blank: Columns, keep_seconds: float) -> None:
        """Begin with nothing.

        Args:
            blank: one number a column: what a key begins with.
            keep_seconds: how long a key that is not there is remembered.

        """
        self._blank = blank
        self._keep = keep_seconds
        self._keys: Int64s = np.zeros(0, dtype=np.int64)
        self._away: Int64s = self._keys
        self._left_at: Values = np.zeros(0)
        self._left_watched: Values = np.zeros(0)
        self._away_columns: list[Values] = [np.zeros(0) for _ in _numbers(blank)]
        self.columns: Columns = self._made(self._away_columns)

    def follow(self, keys: Int64s, at: float, watched: float = 0.0) -> Columns:
        """Return the columns in the order of these keys (distinct).

        Args:
            keys: those that are there.
            at: the time in seconds.
            watched: for how many seconds it was known, in all, which keys there are.

        """
        if np.array_equal(keys, self._keys):
            return self.columns
        known = np.concatenate((self._keys, self._away))
        left_at = np.concatenate((np.full(len(self._keys), at), self._left_at))
        left_watched = np.concatenate((np.full(len(self._keys), watched), self._left_watched))
        columns = [np.concatenate(pair) for pair in zip(_arrays(self.columns), self._away_columns, strict=True)]
        place = places(keys, known)
        found = place >= 0
        moved = []
        for column, begin in zip(columns, _numbers(self._blank), strict=True):
            values = np.full(len(keys), begin, dtype=np.float64)
            values[found] = column[place[found]]
            moved.append(values)
        gone = left_at > at - self._keep
        gone[place[found]] = False
        self._away, self._left_at, self._left_watched = known[gone], left_at[gone], left_watched[gone]
        self._away_columns = [column[gone] for column in columns]
        self._keys, self.columns = keys, self._made(moved)
        return self.columns

    @property
    def away(self) -> Int64s:
        """The keys that are remembered and not there."""
        return self._away

    def forget(self, gone: Bools, watched: float) -> None:
        """Forget keys that are gone.

        Args:
            gone: of each key that is ``away``, whether it will not come back.
            watched: those that left before it was known for so many seconds, in all, which keys there are.

        """
        kept = ~(gone & (self._left_watched < watched))
        self._away, self._left_at = self._away[kept], self._left_at[kept]
        self._left_watched = self._left_watched[kept]
        self._away_columns = [column[kept] for column in self._away_columns]

    def _made(self, columns: Sequence[Values]) -> Columns:
        kind: Callable[..., Columns] = type(self._blank)
        return kind(*columns)


def _numbers(blank: Any) -> tuple[float, ...]:  # noqa: ANN401 - a named tuple
    return tuple(blank)


def _arrays(columns: Any) -> tuple[Values, ...]:  # noqa: ANN401 - a named tuple
    return tuple(columns)
