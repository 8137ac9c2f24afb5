"""The label sets of a source over time: ticks that have a few more, or a few fewer, share one list of them.

The list grows as series come. Each series has its place for good, so that what a tick has is its values in the order of
the list, as long as that was then. Where more than a few of its series are gone, the next tick begins another.
"""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final
from weakref import WeakSet, ref

import numpy as np

from streamwatch.model.metric import Keys, Values
from streamwatch.promql.columns import Ints
from streamwatch.promql.series import STALE

_GC_BYTES: Final = 16
"""What the garbage collector puts before a tuple."""
_LEAST_GONE: Final = 16
_GONE_SHARE: Final = 4
"""A list may have this many series that are gone, or this part of those that are there."""
_SETTLED_TICKS: Final = 60
"""After so many ticks with the same keys, these begin a list of their own: then nothing has to be put in order, and the
rows are those that the reader has."""
_MOST_UNIONS: Final = 8
_UNASKED_TURNS: Final = 4
"""After so many ticks what nobody has asked for in them is dropped: of a range that moves on, each union is asked for
until the next list comes or the oldest one is out of it, and never again."""


@dataclass(slots=True, eq=False)
class Union:
    """Keys that hold those of several lists."""

    parts: Sequence[Keys]
    keys: Keys
    places: list[Ints]
    """Where in the keys the rows of each part are."""
    is_asked: bool = True
    """Whether somebody has asked for it since ``forget_unasked``."""

    @property
    def bytes(self) -> int:
        """What it takes besides the parts."""
        return sys.getsizeof(self.keys.rows) + sum(sys.getsizeof(places) for places in self.places)


class SharedKeys:
    """Label sets in the order in which they came."""

    __slots__ = ("__weakref__", "_before", "_inherited_bytes", "_own_bytes", "keys", "unions")

    def __init__(self, keys: Keys, before: "SharedKeys | None" = None) -> None:
        """Begin with these; whoever keeps something for the keys may forget it with them.

        Args:
            keys: the first ones.
            before: the list that this one follows: rows that both have are there once, for as long as it is looked
                back to.

        """
        had = {row: row for row in _rows_of(before, keys.names)}
        rows = tuple([had.get(row, row) for row in keys.rows]) if had else keys.rows
        self.keys = Keys(keys.names, rows)
        """All of them; another object whenever there are more."""
        self._before = None if before is None else ref(before)
        self._own_bytes = _row_bytes([row for row in rows if row not in had] if had else rows)
        self._inherited_bytes = _row_bytes([row for row in rows if row in had]) if had else 0
        self.unions: dict[tuple[int, ...], Union] = {}
        """With the keys of older lists, by the identities of all of them."""

    @property
    def inherits(self) -> bool:
        """Whether some of its rows are those of the list before it."""
        return self._inherited_bytes > 0

    @property
    def mean_row_bytes(self) -> float:
        """What one of the rows takes, on average."""
        return (self._own_bytes + self._inherited_bytes) / max(len(self.keys), 1)

    @property
    def bytes(self) -> int:
        """What it takes."""
        unions = sum(union.bytes for union in tuple(self.unions.values()))
        is_sharing = self._before is not None and self._before() is not None  # which counts what both have
        rows = self._own_bytes + (0 if is_sharing else self._inherited_bytes)
        return sys.getsizeof(self.keys.rows) + rows + unions

    def place(self, keys: Keys) -> "Placement | None":
        """Return where these keys are, those that are new added; None where they had better have their own list."""
        own = self.keys.rows
        if keys.names != self.keys.names:
            return None
        if keys.rows == own:
            return Placement(self, None, len(own))
        places = dict(zip(own, range(len(own)), strict=True))
        found = list(map(places.get, keys.rows))
        new = [row for row, at in zip(keys.rows, found, strict=True) if at is None] if None in found else []
        gone = len(own) + len(new) - len(keys)
        if len(places) < len(own) or gone > max(_LEAST_GONE, len(keys) // _GONE_SHARE):
            return None
        if new:
            places.update(zip(new, range(len(own), len(own) + len(new)), strict=True))
            if len(places) < len(own) + len(new):
                return None
            self._own_bytes += _row_bytes(new)
            self.unions = {}
            self.keys = Keys(keys.names, (*own, *new))
            found = list(map(places.get, keys.rows))
        return Placement(self, np.array(found, dtype=np.int64), len(self.keys))

    def union(self, parts: Sequence[Keys]) -> Union:
        """Return keys that hold all these, and where in them the rows of each are.

        Args:
            parts: keys of lists, this one's last.

        """
        identities = tuple(id(keys) for keys in parts)
        known = self.unions.get(identities)
        if known is None:
            rows: dict[tuple[str, ...], int] = {}
            names = parts[-1].names
            for keys in reversed(parts):
                for row in _in_order(keys, names):
                    rows.setdefault(row, len(rows))
            places = [np.array([rows[row] for row in _in_order(keys, names)], dtype=np.int64) for keys in parts]
            known = Union(parts, Keys(names, tuple(rows)), places)
            if len(self.unions) >= _MOST_UNIONS:
                self.unions = {}
            self.unions[identities] = known
        known.is_asked = True
        return known

    def forget_unasked(self) -> None:
        """Drop the unions that nobody has asked for since the last call.

        Each has a place for every row of every older list: kept with each list of an hour in which series come and go,
        they grow with the square of it.
        """
        unions = {parts: union for parts, union in tuple(self.unions.items()) if union.is_asked}
        for union in unions.values():
            union.is_asked = False
        self.unions = unions


@dataclass(slots=True, eq=False)
class Placement:
    """Where in shared keys some keys are."""

    shared: SharedKeys
    places: Ints | None
    """Of each row; None where they are the shared ones, in their order."""
    size: int
    """How many the shared ones were then."""
    ticks: int = 0

    @property
    def may_settle(self) -> bool:
        """Whether the keys have stayed for long, and are not the very rows that their reader has."""
        return self.ticks >= _SETTLED_TICKS and (self.places is not None or self.shared.inherits)

    @property
    def own_copy_bytes(self) -> int:
        """About what the keys take besides the shared ones, with rows of their own."""
        if self.places is None and not self.shared.inherits:
            return 0
        count = self.size if self.places is None else len(self.places)
        return round(count * self.shared.mean_row_bytes) + sys.getsizeof(self.shared.keys.rows)

    def spread(self, values: Values) -> Values:
        """Return values in the order of the shared keys; what has none there is stale."""
        if self.places is None:
            return values
        spread = np.full(self.size, STALE)
        spread[self.places] = values
        return spread


class KeySharing:
    """The shared keys of one source: its metrics that have the same keys share the same ones."""

    def __init__(self) -> None:
        self._before: dict[Keys, Placement] = {}
        self._now: dict[Keys, Placement] = {}
        self._alive: WeakSet[SharedKeys] = WeakSet()
        self._turns = 0

    @property
    def bytes(self) -> int:
        """What the shared keys take that a tick or a query has, and those that came last where they are others."""
        last = {**self._before, **self._now}.values()
        return sum(shared.bytes for shared in self._alive) + sum(placement.own_copy_bytes for placement in last)

    def turn(self) -> None:
        """Begin the next tick; of keys that the last one did not have, nothing is kept."""
        self._before, self._now = self._now, {}
        self._turns += 1
        if self._turns % _UNASKED_TURNS == 0:
            self.forget_unasked()

    def forget_unasked(self) -> None:
        """Drop the unions of several lists that nobody has asked for since the last call."""
        for shared in self._alive:
            shared.forget_unasked()

    def place(self, keys: Keys, current: SharedKeys | None) -> Placement:
        """Return where these keys are: among the metric's present ones, if that is better than new ones."""
        known = self._now.get(keys)
        if known is None:
            known = self._before.get(keys)
            if known is None or known.may_settle:
                placed = None if known is not None or current is None else current.place(keys)
                if placed is None and current is not None:
                    current.unions = {}  # who looks back asks the newest list
                if placed is None:
                    placed = Placement(SharedKeys(keys, current if known is None else None), None, len(keys))
                known = placed
                self._alive.add(known.shared)
            known.ticks += 1
            self._now[keys] = known
        return known


def _rows_of(before: SharedKeys | None, names: tuple[str, ...]) -> Sequence[tuple[str, ...]]:
    return () if before is None or before.keys.names != names else before.keys.rows


def _row_bytes(rows: Sequence[tuple[str, ...]]) -> int:
    """Return what rows take, each of their texts counted once; those of one character are Python's own."""
    texts = list(chain.from_iterable(rows))
    once = dict(zip(map(id, texts), texts, strict=True)).values()
    of_rows = len(rows) * (_GC_BYTES + sys.getsizeof(rows[0])) if rows else 0
    return of_rows + sum(sys.getsizeof(text) for text in once if len(text) > 1)


def _in_order(keys: Keys, names: tuple[str, ...]) -> Iterable[tuple[str, ...]]:
    """Return the rows with their labels in this order; a label that the keys do not have is empty."""
    if keys.names == names:
        return keys.rows
    own = {name: at for at, name in enumerate(keys.names)}
    return [tuple(row[own[name]] if name in own else "" for name in names) for row in keys.rows]
