"""Values over time, consolidated: of each step of a level the lowest, the highest and the last, in rings.

A step in which nothing was known is NaN in all three: a gap stays one. All levels and rows share their time.

What nothing was written to takes no memory: an hour after the start a level of a week has used six of its 1,008 steps.
For that, values are kept with each bit turned over, so that memory as the machine gives it, of zeros, says NaN; and a
few rows are side by side step by step, so that their next step is beside their last.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from streamwatch.core.memory import untouched
from streamwatch.model.metric import Values

Float32s = npt.NDArray[np.float32]
AnyFloats = Values | Float32s
Rows = npt.NDArray[np.intp]
_Turned = npt.NDArray[np.uint32]
"""The bits of values, each turned over: 0 is NaN."""

LOW, HIGH, LAST = range(3)
_SLEW_SECONDS: Final = 2.0
"""A clock that goes back by no more is only adjusted: what comes belongs to the newest step."""


@dataclass(frozen=True, slots=True)
class Level:
    """One resolution."""

    seconds: int
    """The length of a step."""
    steps: int

    @property
    def span_seconds(self) -> int:
        """How far back it reaches."""
        return self.seconds * self.steps


LEVELS: Final = (Level(10, 360), Level(60, 1440), Level(600, 1008))
"""An hour by 10 s, a day by minutes, a week by 10 minutes."""
_STARTS: Final = tuple(sum(level.steps for level in LEVELS[:at]) for at in range(len(LEVELS)))
SLOTS: Final = sum(level.steps for level in LEVELS)
ROW_BYTES: Final = 3 * SLOTS * 4
"""What one row takes when all of its steps have something."""
_BESIDE: Final = 4
"""Rows that are kept side by side: with more of them a curve is read from more places, with fewer a step is written
to more."""


@dataclass(frozen=True, slots=True)
class Curve:
    """One row over the steps of a level, the oldest first."""

    seconds: int
    """The length of a step."""
    first_step: int
    """The number of the first step; it begins so many times ``seconds`` after 1970."""
    values: Float32s
    """The lowest, the highest and the last of each step (3, steps); NaN where nothing was known."""


class Rings:
    """The rows. Not for several threads at once."""

    def __init__(self, capacity: int) -> None:
        """Begin with room for so many rows, or up to three less: there are whole blocks of them."""
        self._beside = max(1, min(_BESIDE, capacity))
        blocks = capacity // self._beside
        self.capacity = blocks * self._beside
        count = self.capacity * 3 * SLOTS
        memory: _Turned = np.frombuffer(untouched(self.capacity * ROW_BYTES), np.uint32, count)
        self._turned = memory.reshape(blocks, SLOTS, 3, self._beside)
        self.used = 0
        """Rows below this one may be in use."""
        self.heads = [-1] * len(LEVELS)
        """The newest step of each level; -1 before the first."""
        self._at = -math.inf

    def clear(self, row: int) -> None:
        """Forget what a row had, and have it in use."""
        _forget(self._of(row))
        self.used = max(self.used, row + 1)

    def _of(self, row: int) -> _Turned:
        """Return the steps of a row (SLOTS, 3), to be changed in place."""
        return self._turned[row // self._beside, :, :, row % self._beside]

    def advance(self, now: float) -> None:
        """Let time go on: steps that are new have nothing yet, and those after a time that a clock was set back to."""
        if 0.0 < self._at - now <= _SLEW_SECONDS:
            now = self._at
        self._at = now
        for at, (level, start) in enumerate(zip(LEVELS, _STARTS, strict=True)):
            step, head = int(now // level.seconds), self.heads[at]
            self.heads[at] = step
            if head < 0 or step == head:
                continue
            fresh = range(max(head + 1, step - level.steps + 1), step + 1) if step > head else range(step + 1, head + 1)
            for one in fresh[: level.steps]:
                _forget(self._blocks()[:, start + one % level.steps])

    def fold(self, rows: Rows, low: AnyFloats, high: AnyFloats, last: AnyFloats, when: float | None = None) -> None:
        """Take values into a step of every level; those that are not known change nothing.

        Args:
            rows: the rows, each once.
            low: the lowest value of each.
            high: the highest.
            last: the last.
            when: of which time the step is; the newest by default. One that is not within a level is nothing there.

        """
        known = ~(np.isnan(low) & np.isnan(high) & np.isnan(last))
        if not known.all():  # what is not known takes no memory
            rows, low, high, last = rows[known], low[known], high[known], last[known]
        for at, (level, start) in enumerate(zip(LEVELS, _STARTS, strict=True)):
            step = self.heads[at] if when is None else int(when // level.seconds)
            if not self.heads[at] - level.steps < step <= self.heads[at]:
                continue
            # An array for the blocks, one for the places within: of each row, its three values (rows, 3).
            there = rows // self._beside, start + step % level.steps, slice(None), rows % self._beside
            values = _values(self._turned[there])
            values[:, LOW] = np.fmin(values[:, LOW], low)
            values[:, HIGH] = np.fmax(values[:, HIGH], high)
            values[:, LAST] = np.where(np.isnan(last), values[:, LAST], last)
            self._turned[there] = ~values.view(np.uint32)

    def curve(self, row: int, at: int) -> Curve:
        """Return a copy of one row at a level, by the level's place."""
        level, start, head = LEVELS[at], _STARTS[at], self.heads[at]
        ring, oldest = self._of(row)[start : start + level.steps].T, (head + 1) % level.steps
        return Curve(level.seconds, head - level.steps + 1, _values(np.hstack((ring[:, oldest:], ring[:, :oldest]))))

    def put(self, row: int, curves: Sequence[Curve]) -> None:
        """Put what ``curve`` gave at every level into a row, where that has nothing, and it is in these rings' time."""
        for at, (level, start, curve) in enumerate(zip(LEVELS, _STARTS, curves, strict=bool(curves))):
            steps = curve.first_step + np.arange(curve.values.shape[1])
            fits = (steps > self.heads[at] - level.steps) & (steps <= self.heads[at])
            slots = start + steps[fits] % level.steps
            ring, stored = self._of(row), curve.values[:, fits].T
            at_step, which = np.nonzero(np.isnan(_values(ring[slots])) & ~np.isnan(stored))
            ring[slots[at_step], which] = ~stored[at_step, which].view(np.uint32)

    def step(self, number: int) -> Float32s | None:
        """Return a copy of a step of the finest level, of all rows (rows, 3); None where it is no more, or not yet."""
        level, head = LEVELS[0], self.heads[0]
        if not head - level.steps < number <= head:
            return None
        rows = self._blocks()[:, number % level.steps].transpose(0, 2, 1).reshape(-1, 3)
        return _values(rows[: self.used])

    def _blocks(self) -> _Turned:
        """Return the blocks of which a row may be in use (blocks, SLOTS, 3, rows), to be changed in place."""
        return self._turned[: -(-self.used // self._beside)]


def _values(turned: _Turned) -> Float32s:
    """Return what bits that were turned over say, in an array of its own."""
    return (~turned).view(np.float32)


def _forget(turned: _Turned) -> None:
    """Have nothing there; what has nothing already is not written, and takes no memory."""
    turned[turned != 0] = 0
