"""Series in columns: many of one metric share their names of labels, their times, and one array of values."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, compress, groupby
from sys import getsizeof
from typing import Final, Protocol, TypeAlias
from weakref import WeakKeyDictionary, ref

import numpy as np
import numpy.typing as npt

from streamwatch.model.labels import NAME, Labels
from streamwatch.model.metric import Keys
from streamwatch.promql.match import Matcher
from streamwatch.promql.series import DROPPED, METADATA, STALE, Element, Vector, final, unique

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]
Bools: TypeAlias = npt.NDArray[np.bool_]

_STALE_BITS: Final = int(np.array([STALE]).view(np.int64)[0])
_GC_BYTES: Final = 16
"""What the garbage collector puts before a tuple."""
_MOST_SELECTIONS: Final = 256
"""Of one ``Keys``, before those are forgotten: queries by people must not fill the memory."""
_MOST_TOGETHER: Final = 64
"""Of keys that are those of several of which the first are the same: a round of all rules asks for a dozen."""


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

    def take(self, which: Bools | Ints) -> "Rows":
        """Return those where a mask is true, or those at some positions, in that order."""
        index = np.arange(len(self.keys)) if self.index is None else self.index
        return Rows(self.keys, self.fixed, index[which])

    def having(self, labels: Mapping[str, str]) -> "Rows":
        """Return the same with these labels, of which an empty one is none."""
        return Rows(self.keys, self.fixed.updated(labels), self.index)

    def may_have(self, name: str) -> bool:
        """Say whether one of them may have a label."""
        return name in self.fixed or name in self.keys.names

    def labels(self) -> list[Labels]:
        """Return the label sets, in order."""
        rows: Iterable[tuple[str, ...]] = self.keys.rows
        if self.index is not None:
            rows = (self.keys.rows[at] for at in self.index.tolist())
        names, fixed = self.keys.names, self.fixed.pairs
        return [Labels((*zip(names, row, strict=True), *fixed)) for row in rows]


@dataclass(frozen=True, slots=True, eq=False)
class SeriesBlock:
    """Series of one metric in a range of time."""

    rows: Rows
    times: Ints
    """Milliseconds since 1970, ascending."""
    values: Floats
    """A row a time, a column a series; a stale marker where a series has no sample."""

    def known(self) -> tuple[Rows, Floats, Bools | None]:
        """Return the series that have a sample, their values, and which of these are samples; None for all."""
        there = ~missing(self.values)
        if there.all():
            return self.rows, self.values, None
        some = np.asarray(there.any(axis=0))
        if some.all():
            return self.rows, self.values, there
        return self.rows.take(some), self.values[:, some], there[:, some]

    def whole(self) -> Iterator[tuple[Rows, Ints, Floats]]:
        """Yield series with times and values: those together that have samples at the same times."""
        there = ~missing(self.values)
        full = there.all(axis=0)
        if full.all():
            yield self.rows, self.times, self.values
            return
        alike: dict[bytes, list[int]] = {}
        for at, pattern in enumerate(np.packbits(there, axis=0).T):
            alike.setdefault(pattern.tobytes(), []).append(at)
        for columns in alike.values():
            own = there[:, columns[0]]
            if own.any():
                yield self.rows.take(np.array(columns)), self.times[own], self.values[np.ix_(own, np.array(columns))]


@dataclass(frozen=True, slots=True, eq=False)
class VectorPart:
    """Elements of a vector."""

    rows: Rows
    values: Floats


Frame: TypeAlias = tuple[VectorPart, ...]
"""A vector in columns; no label set twice."""


def vector(frame: Frame) -> Vector:
    """Return the elements one by one."""
    return [pair for part in frame for pair in zip(part.rows.labels(), part.values.tolist(), strict=True)]


def framed(elements: Iterable[Element]) -> Frame:
    """Return elements in columns, in their order: a part for those of one metric that follow each other."""
    return tuple(
        VectorPart(named([labels for labels, _ in some]), np.array([value for _, value in some]))
        for some in (list(run) for _, run in groupby(elements, lambda element: element[0].get(NAME, "")))
    )


def named(labels: Sequence[Labels]) -> Rows:
    """Return rows for label sets of one metric."""
    return Rows(keyed(labels), Labels({NAME: labels[0].get(NAME, "")}))


def keyed(labels: Sequence[Labels]) -> Keys:
    """Return keys for label sets, in their order: all their labels but the name."""
    plain = [dict(some.pairs) for some in labels]
    names = sorted({own for some in plain for own in some if own != NAME})
    return Keys(names, [tuple([some.get(own, "") for own in names]) for some in plain])


def size(frame: Frame) -> int:
    """Return how many elements there are."""
    return sum(len(part.rows) for part in frame)


def values_of(frame: Frame) -> Floats:
    """Return the values of all elements."""
    return np.concatenate([part.values for part in frame]) if frame else np.zeros(0)


def filtered(part: VectorPart, holds: Bools) -> VectorPart:
    """Return the elements for which it holds."""
    return part if holds.all() else VectorPart(part.rows.take(holds), part.values[holds])


def arranged(frame: Frame, order: Ints) -> Frame:
    """Return the elements at these positions, in this order."""
    ends = np.cumsum([len(part.rows) for part in frame])
    owners = np.searchsorted(ends, order, side="right")
    found = []
    for run in np.split(order, np.flatnonzero(np.diff(owners)) + 1):
        if len(run):
            at = int(np.searchsorted(ends, run[0], side="right"))
            own = run - (ends[at] - len(frame[at].rows))
            found.append(VectorPart(frame[at].rows.take(own), frame[at].values[own]))
    return tuple(found)


def distinct(frame: Frame, why: str = "vector cannot contain metrics with the same labelset") -> Frame:
    """Return the vector.

    Raises:
        EvaluationError: two elements have the same labels; says ``why``.

    """
    unique(vector(frame), why)
    return frame


def nameless(frame: Frame) -> Frame:
    """Return the vector without names.

    Raises:
        EvaluationError: they are what tells two elements apart.

    """
    # Only where there are several can two become the same.
    if len({part.rows.fixed.get(NAME, "") for part in frame}) > 1 or any(
        name in part.rows.keys.names for part in frame for name in METADATA
    ):
        return framed(unique([(labels.without(METADATA), value) for labels, value in vector(frame)]))
    return tuple(VectorPart(part.rows.having(dict.fromkeys(METADATA, "")), part.values) for part in frame)


def nameless_later(frame: Frame) -> Frame:
    """Return the vector marked: without names at the end."""
    return distinct(tuple(VectorPart(part.rows.having({DROPPED: "1"}), part.values) for part in frame))


def finished(frame: Frame) -> Vector:
    """Return the elements of a result: without names where they are marked."""
    if any(part.rows.may_have(DROPPED) for part in frame):
        return unique([(final(labels), value) for labels, value in vector(frame)])
    return vector(frame)


@dataclass(frozen=True, slots=True)
class _Together:
    """Keys that have the rows of several. Whoever has these keeps them alive, and nobody else."""

    parts: tuple[ref[Keys], ...]
    keys: Keys

    @property
    def bytes(self) -> int:
        """What it takes: the rows are those of others."""
        return getsizeof(self.keys.rows) + getsizeof(self.parts)

    @property
    def may_be_asked(self) -> bool:
        """Whether all parts are still there."""
        return all(one() is not None for one in self.parts)

    def is_of(self, parts: Sequence[Keys]) -> bool:
        """Say whether these are the parts, and not others that came where those had been."""
        return all(one() is part for one, part in zip(self.parts, parts, strict=True))


@dataclass(slots=True)
class _Known:
    """What was found out about one ``Keys``."""

    selections: dict[tuple[tuple[Matcher, ...], Labels], Ints | None]
    groups: dict[tuple[str, ...], tuple[Ints, Keys | None]]
    """None for the keys themselves, which would otherwise keep themselves alive."""
    together: dict[tuple[int, ...], _Together]
    """By the identities of several keys, of which these are the first; those last that were asked for last."""
    selected_bytes: int = 0
    grouped_bytes: int = 0
    is_asked: bool = True
    """Whether somebody has asked since ``forget_unasked``."""

    def select(self, asked: tuple[tuple[Matcher, ...], Labels], index: Ints | None) -> None:
        """Remember which rows match."""
        if len(self.selections) >= _MOST_SELECTIONS:
            self.selections.clear()
            self.selected_bytes = 0
        self.selections[asked] = index
        self.selected_bytes += 0 if index is None else getsizeof(index)

    def group(self, asked: tuple[str, ...], found: tuple[Ints, Keys | None]) -> None:
        """Remember each row's group."""
        if len(self.groups) >= _MOST_SELECTIONS:
            self.groups.clear()
            self.grouped_bytes = 0
        self.groups[asked] = found
        self.grouped_bytes += getsizeof(found[0]) + (0 if found[1] is None else _row_bytes(found[1]))


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
            try:  # one look: each hashes all matchers
                index = known.selections[asked]
            except KeyError:
                known.select(asked, index := _selected(keys, fixed, matchers))
        return None if index is not None and not len(index) else Rows(keys, fixed, index)

    def groups(self, keys: Keys, names: Sequence[str]) -> tuple[Ints, Keys]:
        """Return each row's group by these labels, of those that the keys have, and the groups."""
        asked = tuple(names)
        with self._lock:
            known = self._of(keys)
            if asked not in known.groups:
                known.group(asked, _grouped(keys, names))
            codes, groups = known.groups[asked]
            return codes, keys if groups is None else groups

    def together(self, parts: Sequence[Keys]) -> Keys:
        """Return all rows of keys with the same names, one after the other; of the same keys the same object."""
        with self._lock:
            known = self._of(parts[0]).together
            found = known.pop(asked := tuple(map(id, parts)), None)
            if found is None or not found.is_of(parts):
                if len(known) >= _MOST_TOGETHER:
                    del known[next(iter(known))]
                keys = Keys(parts[0].names, tuple(chain.from_iterable([part.rows for part in parts])))
                found = _Together(tuple(map(ref, parts)), keys)
            known[asked] = found
            return found.keys

    @property
    def bytes(self) -> int:
        """What the answers take that are kept."""
        with self._lock:
            together = sum(found.bytes for known in self._known.values() for found in known.together.values())
            return together + sum(known.selected_bytes + known.grouped_bytes for known in self._known.values())

    def forget_unasked(self) -> None:
        """Forget answers about keys that nobody has asked about since the last call.

        The keys themselves may stay for long: what had these series is looked back to, or is a part of other keys.
        """
        with self._lock:
            for keys, known in tuple(self._known.items()):
                if not known.is_asked:
                    del self._known[keys]
                known.is_asked = False
                known.together = {parts: one for parts, one in known.together.items() if one.may_be_asked}

    def _of(self, keys: Keys) -> _Known:
        known = self._known.get(keys)
        if known is None:
            known = self._known[keys] = _Known({}, {}, {})
        known.is_asked = True
        return known


def _row_bytes(keys: Keys) -> int:
    """Return what rows take whose texts are those of others."""
    rows = keys.rows
    return getsizeof(rows) + (len(rows) * (_GC_BYTES + getsizeof(rows[0])) if rows else 0)


def _selected(keys: Keys, fixed: Labels, matchers: Iterable[Matcher]) -> Ints | None:
    mask: list[bool] | None = None
    for matcher in matchers:
        if matcher.name not in keys.names:
            if not matcher.matches(fixed):
                return np.zeros(0, dtype=np.int64)
            continue
        at = keys.names.index(matcher.name)
        column = [row[at] for row in keys.rows]
        holds = {value: matcher.matches({matcher.name: value}) for value in set(column)}
        fits = [holds[value] for value in column]
        mask = fits if mask is None else [one and other for one, other in zip(mask, fits, strict=True)]
    if mask is None or all(mask):
        return None
    return np.array(list(compress(range(len(mask)), mask)), dtype=np.int64)


def _grouped(keys: Keys, names: Sequence[str]) -> tuple[Ints, Keys | None]:
    """Return each row's group, and the groups; None where each row is one by itself, with all its labels."""
    if tuple(names) == keys.names and len(set(keys.rows)) == len(keys):
        return np.arange(len(keys)), None
    at = [keys.names.index(name) for name in names]
    numbers: dict[tuple[str, ...], int] = {}
    codes = [numbers.setdefault(tuple([row[i] for i in at]), len(numbers)) for row in keys.rows]
    return np.array(codes, dtype=np.int64), Keys(names, tuple(numbers))


class Querier(Protocol):
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
    ) -> Iterator[SeriesBlock]:
        """Yield the series that match, with their samples from ``first_ms`` to ``last_ms``, both included.

        Of the newest there is one time, the last at which the metric was spoken of. No label set is in two blocks.
        ``weigh`` is called with a number of samples before they are brought together, and may object.
        """
