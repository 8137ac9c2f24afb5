"""The archive: the numbers that matter of each entity, over the last hour, day and week, within a budget of memory."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from streamwatch.archive.marks import AlertMarks
from streamwatch.archive.numbers import LABELS, NUMBERS, ArchivedNumber
from streamwatch.archive.placing import NO_ROWS, Entity, Placing, folded, placing
from streamwatch.archive.rings import HIGH, LAST, LEVELS, LOW, ROW_BYTES, Curve, Float32s, Rings, Rows
from streamwatch.catalogue import archive as c
from streamwatch.core.clock import Clock
from streamwatch.model.metric import Samples, Values

Row = tuple[str, Entity]
"""What a row is of: the number's name, and the entity."""

_QUIET_SECONDS: Final = 3600.0
"""A row of which nothing was known for so long gives way to one that is as important."""
_FORGET_SECONDS: Final = float(LEVELS[-1].span_seconds)
_SWEEP_SECONDS: Final = 600.0
_BY_METRIC: Final[Mapping[str, list[ArchivedNumber]]] = {
    number.metric.name: [other for other in NUMBERS if other.metric is number.metric] for number in NUMBERS
}
_RANK: Final = {number.name: at for at, number in enumerate(NUMBERS)}


@dataclass(frozen=True, slots=True)
class RowCopy:
    """A row with all that it has."""

    row: Row
    version: int
    """Another one when the row is of something else."""
    curves: list[Curve]


@dataclass(frozen=True, slots=True)
class _Taken:
    """What was taken of a number of a part."""

    number: ArchivedNumber
    where: Placing
    values: Values
    """Of each entity."""
    is_read: bool
    """Whether it was read since the last time."""


class Archive:
    """The hours before. May be used from any thread; nobody waits for a disk."""

    def __init__(self, memory_bytes: int, clock: Clock) -> None:
        """Begin with nothing.

        Args:
            memory_bytes: what values may take.
            clock: what time it is.

        """
        self._clock = clock
        self._lock = threading.Lock()
        self._rings = Rings(memory_bytes // ROW_BYTES)
        capacity = self._rings.capacity
        self.marks = AlertMarks()
        self._rows: dict[Row, int] = {}
        self._of: list[Row | None] = [None] * capacity
        self._versions = [0] * capacity
        self._free = list(range(capacity - 1, -1, -1))
        self._rank = np.full(capacity, -1, dtype=np.int64)
        self._known_at = np.zeros(capacity)
        """When something was last known of each row."""
        self._counted, self._counted_at = np.full(capacity, np.nan), np.zeros(capacity)
        """Of rates, the metric's last value, and when it was so."""
        self._rates = np.full(capacity, np.nan)
        self._placings: dict[tuple[str, str], Placing] = {}
        self._steps: dict[str, int] = {}
        """The step of the finest level in which each part was taken last."""
        self._generation = 0
        """Grows whenever a row is taken from what it was of."""
        self._restored: tuple[Sequence[Row | None], int, Rows] = (), 0, NO_ROWS
        """What was looked up last for a step of a file, of which generation that is, and the rows."""
        self._swept_at = clock.now()

    def take(self, part: str, samples: Sequence[Samples], at: float) -> None:
        """Take what is known of a part of the configuration.

        Args:
            part: its name.
            samples: all that is known of it now.
            at: when it was true, in seconds since 1970.

        """
        wanted: dict[str, list[Samples]] = {}
        for each in samples:
            if each.metric.name in _BY_METRIC and len(each.keys):
                wanted.setdefault(each.metric.name, []).append(each)
        with self._lock:
            if not self._rings.capacity:
                return
            now = self._clock.now()
            self._rings.advance(now)
            self._sweep(now)
            taken, failed = list[_Taken](), None
            for name, of_metric in wanted.items():
                for number in _BY_METRIC[name]:
                    try:
                        taken.append(self._taken(number, part, of_metric, now))
                    except Exception as error:  # noqa: BLE001 - whatever it is, the other numbers are true
                        failed = error
            self._fold(taken, at)
            if failed is not None:
                raise failed
            self._steps[part] = self._rings.heads[0]

    def has_step(self, part: str) -> bool:
        """Say whether something was taken of a part in the step of the finest level that is now."""
        with self._lock:
            self._rings.advance(self._clock.now())
            return self._steps.get(part) == self._rings.heads[0]

    def forget_part(self, part: str) -> None:
        """Note that a part of the configuration is no more; what is archived of it stays its time."""
        with self._lock:
            self._placings = {key: where for key, where in self._placings.items() if key[1] != part}
            self._steps.pop(part, None)

    def curve(self, number: ArchivedNumber, entity: Entity, span_seconds: float) -> Curve | None:
        """Return a number over the last so many seconds or more, up to now, at the finest level that has them.

        None where nothing is archived of it.
        """
        with self._lock:
            row = self._rows.get((number.name, entity))
            if row is None:
                return None
            self._rings.advance(self._clock.now())
            fitting = [at for at, level in enumerate(LEVELS) if level.span_seconds >= span_seconds]
            return self._rings.curve(row, fitting[0] if fitting else len(LEVELS) - 1)

    def since(self, number: ArchivedNumber, entity: Entity) -> float | None:
        """Return since when a number has its last known value, to the step; None where it is not known.

        Where it had it as long as anything is known of it, this is since when something is known.
        """
        with self._lock:
            row = self._rows.get((number.name, entity))
            if row is None:
                return None
            self._rings.advance(self._clock.now())
            curves = [self._rings.curve(row, at) for at in range(len(LEVELS))]
        return _since(curves)

    def rows(self) -> int:
        """Return below which row all are that are in use."""
        with self._lock:
            return self._rings.used

    def copy(self, row: int) -> RowCopy | None:
        """Return a row; None where it is of nothing."""
        with self._lock:
            of = self._of[row]
            if of is None:
                return None
            return RowCopy(of, self._versions[row], [self._rings.curve(row, at) for at in range(len(LEVELS))])

    def identity(self, row: int) -> tuple[Row, int] | None:
        """Return what a row is of, and its version; None where it is of nothing."""
        with self._lock:
            of = self._of[row]
            return None if of is None else (of, self._versions[row])

    def head(self) -> int:
        """Return the step of the finest level that is now, and not over yet."""
        with self._lock:
            self._rings.advance(self._clock.now())
            return self._rings.heads[0]

    def step(self, number: int) -> Float32s | None:
        """Return a step of the finest level, of all rows (rows, 3); None where it is not there."""
        with self._lock:
            return self._rings.step(number)

    def restore(self, of: Row, curves: Sequence[Curve]) -> None:
        """Take a row of a file, where there is room: what is known here already stays."""
        with self._lock:
            if not self._rings.capacity:
                return
            now = self._clock.now()
            self._rings.advance(now)
            row, known_until = self._rows.get(of), _known_until(curves)
            if row is None and (row := self._row(of, now)) is not None:
                self._known_at[row] = known_until
            if row is not None:
                self._rings.put(row, curves)
                self._known_at[row] = max(self._known_at[row], known_until)

    def restore_step(self, number: int, of: Sequence[Row | None], values: Float32s) -> None:
        """Take a step of the finest level of a file, with (rows, 3) values; a coarser step is made of such.

        Args:
            number: of the step.
            of: what each row of the values is of; None where that is not known. The same object is looked up once.
            values: the values.

        """
        at = float(number * LEVELS[0].seconds)
        with self._lock:
            if self._restored[0] is not of or self._restored[1] != self._generation:
                found = [-1 if each is None else self._rows.get(each, -1) for each in of]
                self._restored = of, self._generation, np.array(found, dtype=np.intp)
            rows = self._restored[2]
            if (rows < 0).any():
                values, rows = values[rows >= 0], rows[rows >= 0]
            if len(rows):
                self._rings.fold(rows, values[:, LOW], values[:, HIGH], values[:, LAST], at)
                self._known_at[rows] = np.maximum(self._known_at[rows], at)

    def collect(self) -> list[Samples]:
        """Return what there is to say about the archive."""
        with self._lock:
            rows, refused = len(self._rows), sum(where.refused for where in self._placings.values())
        return [
            c.ARCHIVE_SERIES.sample(float(rows)),
            c.ARCHIVE_BYTES.sample(float(rows * ROW_BYTES)),
            c.ARCHIVE_REFUSED.sample(float(refused)),
        ]

    def _taken(self, number: ArchivedNumber, part: str, samples: Sequence[Samples], now: float) -> _Taken:
        """Return a number of a part, with a row for each entity that has a value, as far as there are rows."""
        where = self._placings.get((number.name, part))
        if where is None or where.keys != tuple(each.keys for each in samples):
            where = self._placings[number.name, part] = placing(number, samples)
        arrays = tuple(each.values for each in samples)
        is_read = len(arrays) != len(where.arrays) or any(a is not b for a, b in zip(arrays, where.arrays, strict=True))
        where.arrays = arrays
        values = folded(number, where, samples)
        if where.generation != self._generation or not np.isnan(values[where.missing]).all():
            self._place(number, where, values, now)
        self._known_at[where.rows[~np.isnan(values[where.placed])]] = now
        return _Taken(number, where, values, is_read)

    def _fold(self, taken: Sequence[_Taken], at: float) -> None:
        """Fold numbers into the rings, all at once: of small clusters each call costs more than what it folds."""
        rows, values = [NO_ROWS], [np.zeros(0)]
        for each in taken:
            where = each.where
            if where.generation != self._generation:  # another has taken a row since: it may get one at the next time
                self._locate(each.number, where, each.values)
                where.generation = self._generation if not where.refused else -1
            known = each.values[where.placed]
            if each.number.is_rate:
                if each.is_read:
                    self._count(where.rows, known, at)
                known = self._rates[where.rows]
            rows.append(where.rows)
            values.append(known)
        every = np.concatenate(values)
        self._rings.fold(np.concatenate(rows), every, every, every)

    def _count(self, rows: Rows, values: Values, at: float) -> None:
        """Make rates of what counters have grown by; one that fell, or was not known, has none."""
        seconds, grown = at - self._counted_at[rows], values - self._counted[rows]
        is_known = (seconds > 0) & (grown >= 0)
        self._rates[rows] = np.divide(grown, seconds, out=np.full(len(rows), np.nan), where=is_known)
        self._counted[rows], self._counted_at[rows] = values, at

    def _place(self, number: ArchivedNumber, where: Placing, values: Values, now: float) -> None:
        """Give a row to each entity that has a value; where there are no more, it is refused."""
        known = [(number.name, where.entities[at]) for at in np.flatnonzero(~np.isnan(values)).tolist()]
        for of in known:
            if of in self._rows:  # what is known again gives way to none of the others
                self._known_at[self._rows[of]] = now
        for of in known:
            if of not in self._rows:
                self._row(of, now)
        self._locate(number, where, values)

    def _locate(self, number: ArchivedNumber, where: Placing, values: Values) -> None:
        """Find the rows that entities have."""
        rows = [self._rows.get((number.name, entity), -1) for entity in where.entities]
        chosen, is_unknown = np.array(rows, dtype=np.intp), np.isnan(values)
        where.placed = np.flatnonzero(chosen >= 0)
        where.rows = chosen[where.placed]
        where.missing = np.flatnonzero((chosen < 0) & is_unknown)
        where.refused = int(np.count_nonzero((chosen < 0) & ~is_unknown))
        where.generation = self._generation

    def _row(self, of: Row, now: float) -> int | None:
        """Return a row for something that has none: a free one, or that of something that matters less."""
        if not self._free:
            victim = self._victim(_RANK[of[0]], now)
            if victim is None:
                return None
            self._release(victim)
        row = self._free.pop()
        self._rows[of], self._of[row] = row, of
        self._rank[row], self._known_at[row] = _RANK[of[0]], now
        self._versions[row] += 1
        self._counted[row] = self._rates[row] = np.nan
        self._rings.clear(row)
        return row

    def _victim(self, rank: int, now: float) -> int | None:
        """Return the row that gives way to one of this rank; None where all are as important, and in use."""
        quiet = np.flatnonzero((self._known_at < now - _QUIET_SECONDS) & (self._rank >= rank))
        if len(quiet):
            return int(quiet[np.argmin(self._known_at[quiet])])
        last = int(np.argmax(self._rank)) if len(self._rank) else 0
        return last if len(self._rank) and self._rank[last] > rank else None

    def _release(self, row: int) -> None:
        of = self._of[row]
        if of is not None:
            del self._rows[of]
        self._of[row], self._rank[row] = None, -1
        self._free.append(row)
        self._generation += 1

    def _sweep(self, now: float) -> None:
        """Forget rows of which nothing is left."""
        if abs(now - self._swept_at) >= _SWEEP_SECONDS:
            self._swept_at = now
            for row in np.flatnonzero((self._rank >= 0) & (self._known_at < now - _FORGET_SECONDS)).tolist():
                self._release(row)


def entity_of(number: ArchivedNumber, labels: Mapping[str, str]) -> Entity:
    """Return the entity that has these labels; one that is not there is empty."""
    return tuple(labels.get(name, "") for name in LABELS[number.entity])


def _known_until(curves: Sequence[Curve]) -> float:
    """Return until when something is known."""
    known = [
        float((curve.first_step + int(steps[-1]) + 1) * curve.seconds)
        for curve in curves
        if len(steps := np.flatnonzero(~np.isnan(curve.values[LAST])))
    ]
    return max(known, default=0.0)


def _since(curves: Sequence[Curve]) -> float | None:
    """Return since when the last value is as it is: as far as a finer level reaches, by that one."""
    found: float | None = None
    value: float | None = None
    for curve in curves:
        last = curve.values[LAST]
        known = np.flatnonzero(~np.isnan(last))
        if not len(known):
            continue
        value = float(last[known[-1]]) if value is None else value
        others = np.flatnonzero(~np.isnan(last) & (last != value))
        before = int(others[-1]) if len(others) else -1
        same = known[known > before]
        if len(same):
            start = float((curve.first_step + int(same[0])) * curve.seconds)
            found = start if found is None else min(found, start)
        if len(others):
            return found
    return found
