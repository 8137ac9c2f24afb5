"""Series in columns: many of one metric share their names of labels, their times, and one array of values."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Final, Protocol, TypeAlias
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from streamwatch.model.labels import NAME, Labels
from streamwatch.model.metric import Keys
from streamwatch.promql.match import Matcher
from streamwatch.promql.series import METADATA, STALE, Querier, Vector, unique

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]
Bools: TypeAlias = npt.NDArray[np.bool_]

_STALE_BITS: Final = int(np.array([STALE]).view(np.int64)[0])
_MOST_SELECTIONS: Final = 256
"""Of one ``Keys``, before those are forgotten: queries by people must not fill the memory."""


def missing(values: Floats) -> Bools:
    """Say where there is no sample: where a stale marker stands (any other NaN is a value)."""
    found: Bools = np.ascontiguousarray(values).view(np.int64) == _STALE_BITS
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Which series: rows of keys, and the labels that all of them have besides, the metric's name for one."""

    keys: Keys
    fixed: Labels
    index: Ints | None = None
    """The rows that are meant, in this order; None for all."""

    def __len__(self) -> int:
        return len(self.keys) if self.index is None else len(self.index)

    def take(self, mask: Bools) -> "Rows":
        """Return those where the mask is true."""
        index = np.flatnonzero(mask) if self.index is None else self.index[mask]
        return Rows(self.keys, self.fixed, index)

    def at(self, position: int) -> "Rows":
        """Return the one at a position."""
        index = position if self.index is None else int(self.index[position])
        return Rows(self.keys, self.fixed, np.array([index], dtype=np.int64))

    def nameless(self) -> "Rows":
        """Return the same without the metric's name."""
        return Rows(self.keys, self.fixed.without(METADATA), self.index)

    def labels(self) -> list[Labels]:
        """Return the label sets, in order."""
        rows: Iterable[tuple[str, ...]] = self.keys.rows
        if self.index is not None:
            rows = (self.keys.rows[at] for at in self.index.tolist())
        names, fixed = self.keys.names, self.fixed.pairs
        return [Labels((*zip(names, row, strict=True), *fixed)) for row in rows]


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Series of one metric in a range of time."""

    rows: Rows
    times: Ints
    """Milliseconds since 1970, ascending."""
    values: Floats
    """A row a time, a column a series; a stale marker where a series has no sample."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Elements of a vector."""

    rows: Rows
    values: Floats


Frame: TypeAlias = tuple[Part, ...]
"""A vector in columns; no label set twice."""


def vector(frame: Frame) -> Vector:
    """Return the elements one by one."""
    return [pair for part in frame for pair in zip(part.rows.labels(), part.values.tolist(), strict=True)]


def framed(elements: Vector) -> Frame:
    """Return elements in columns: a part for each metric name."""
    by_name: dict[str, Vector] = {}
    for element in elements:
        by_name.setdefault(element[0].get(NAME, ""), []).append(element)
    return tuple(
        Part(Rows(keyed(some), Labels({NAME: name})), np.array([value for _, value in some]))
        for name, some in by_name.items()
    )


def keyed(elements: Vector) -> Keys:
    """Return keys for elements of one metric, in their order: all their labels but the name."""
    names = sorted({own for labels, _ in elements for own in labels if own != NAME})
    return Keys(names, [tuple([labels.get(own, "") for own in names]) for labels, _ in elements])


def nameless(frame: Frame) -> Frame:
    """Return the vector without names.

    Raises:
        EvaluationError: they are what tells two elements apart.

    """
    # Only where there are several can two become the same.
    if len({part.rows.fixed.get(NAME, "") for part in frame}) > 1 or any(
        name in p.rows.keys.names for p in frame for name in METADATA
    ):
        bare = [(labels.without(METADATA), value) for labels, value in vector(frame)]
        unique(bare)
        return framed(bare)
    return tuple(Part(part.rows.nameless(), part.values) for part in frame)


@dataclass(slots=True)
class _Known:
    """What was found out about one ``Keys``."""

    selections: dict[tuple[tuple[Matcher, ...], Labels], Ints | None]
    groups: dict[tuple[str, ...], tuple[Ints, list[tuple[str, ...]]]]


class KeyIndex:
    """Answers about keys, found out once for each ``Keys`` object. May be asked from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: WeakKeyDictionary[Keys, _Known] = WeakKeyDictionary()

    def select(self, keys: Keys, fixed: Labels, matchers: Sequence[Matcher]) -> Rows | None:
        """Return the rows that match; None where there are none."""
        asked = tuple(matchers), fixed
        with self._lock:
            known = self._of(keys)
            if asked not in known.selections:
                if len(known.selections) >= _MOST_SELECTIONS:
                    known.selections.clear()
                known.selections[asked] = _selected(keys, fixed, matchers)
            index = known.selections[asked]
        return None if index is not None and not len(index) else Rows(keys, fixed, index)

    def groups(self, keys: Keys, names: Sequence[str]) -> tuple[Ints, list[tuple[str, ...]]]:
        """Return each row's group by these labels, of those that the keys have, and each group's values of them."""
        asked = tuple(names)
        with self._lock:
            known = self._of(keys)
            if asked not in known.groups:
                if len(known.groups) >= _MOST_SELECTIONS:
                    known.groups.clear()
                known.groups[asked] = _grouped(keys, names)
            return known.groups[asked]

    def _of(self, keys: Keys) -> _Known:
        if keys not in self._known:
            self._known[keys] = _Known({}, {})
        return self._known[keys]


def _selected(keys: Keys, fixed: Labels, matchers: Iterable[Matcher]) -> Ints | None:
    kept: list[bool] | None = None
    for matcher in matchers:
        if matcher.name not in keys.names:
            if not matcher.matches(fixed):
                return np.zeros(0, dtype=np.int64)
            continue
        at = keys.names.index(matcher.name)
        column = [row[at] for row in keys.rows]
        holds = {value: matcher.matches({matcher.name: value}) for value in set(column)}
        fits = [holds[value] for value in column]
        kept = fits if kept is None else [one and other for one, other in zip(kept, fits, strict=True)]
    if kept is None or all(kept):
        return None
    return np.array(list(compress(range(len(kept)), kept)), dtype=np.int64)


def _grouped(keys: Keys, names: Sequence[str]) -> tuple[Ints, list[tuple[str, ...]]]:
    at = [keys.names.index(name) for name in names]
    numbers: dict[tuple[str, ...], int] = {}
    codes = [numbers.setdefault(tuple([row[i] for i in at]), len(numbers)) for row in keys.rows]
    return np.array(codes, dtype=np.int64), list(numbers)


class ColumnQuerier(Querier, Protocol):
    """What knows the samples in columns."""

    @property
    def index(self) -> KeyIndex:
        """Answers about its keys."""

    def blocks(  # noqa: PLR0913 - what, from when until when, how
        self,
        matchers: Sequence[Matcher],
        first_ms: int,
        last_ms: int,
        *,
        newest: bool,
        index: KeyIndex | None = None,
        weigh: Callable[[int], None] | None = None,
    ) -> Iterator[Block]:
        """Yield the series that match, with their samples from ``first_ms`` to ``last_ms``, both included.

        Of the newest there is one time, the last at which the metric was spoken of. No label set is in two blocks.
        ``weigh`` is called with a number of samples before they are brought together, and may object.
        """
