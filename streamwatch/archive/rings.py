"""Values over time, consolidated: of each step of a level the lowest, the highest and the last, in rings.

A step in which nothing was known is NaN in all three: a gap stays one. All levels and rows share their time.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from streamwatch.model.metric import Values

Float32s = npt.NDArray[np.float32]
AnyFloats = Values | Float32s
Rows = npt.NDArray[np.intp]

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
"""What one row takes."""


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
        """Begin with room for so many rows; what no row uses takes no memory."""
        self._data: Float32s = np.empty((capacity, 3, SLOTS), dtype=np.float32)
        self.capacity = capacity
        self.used = 0
        """Rows below this one may be in use."""
        self.heads = [-1] * len(LEVELS)
        """The newest step of each level; -1 before the first."""
        self._at = -math.inf

    def clear(self, row: int) -> None:
        """Forget what a row had, and have it in use."""
        self._data[row] = np.nan
        self.used = max(self.used, row + 1)

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
            slots = [start + one % level.steps for one in fresh[: level.steps]]
            self._data[: self.used, :, slots] = np.nan

    def fold(self, rows: Rows, low: AnyFloats, high: AnyFloats, last: AnyFloats, when: float | None = None) -> None:
        """Take values into a step of every level; those that are not known change nothing.

        Args:
            rows: the rows, each once.
            low: the lowest value of each.
            high: the highest.
            last: the last.
            when: of which time the step is; the newest by default. One that is not within a level is nothing there.

        """
        for at, (level, start) in enumerate(zip(LEVELS, _STARTS, strict=True)):
            step = self.heads[at] if when is None else int(when // level.seconds)
            if not self.heads[at] - level.steps < step <= self.heads[at]:
                continue
            slot = start + step % level.steps
            data = self._data
            data[rows, LOW, slot] = np.fmin(data[rows, LOW, slot], low)
            data[rows, HIGH, slot] = np.fmax(data[rows, HIGH, slot], high)
            data[rows, LAST, slot] = np.where(np.isnan(last), data[rows, LAST, slot], last)

    def curve(self, row: int, at: int) -> Curve:
        """Return a copy of one row at a level, by the level's place."""
        level, start, head = LEVELS[at], _STARTS[at], self.heads[at]
        ring, oldest = self._data[row, :, start : start + level.steps], (head + 1) % level.steps
        values = np.concatenate([ring[:, oldest:], ring[:, :oldest]], axis=1)
        return Curve(level.seconds, head - level.steps + 1, values)

    def put(self, row: int, curves: Sequence[Curve]) -> None:
        """Put what ``curve`` gave at every level into a row, where that has nothing, and it is in these rings' time."""
        for at, (level, start, curve) in enumerate(zip(LEVELS, _STARTS, curves, strict=bool(curves))):
            steps = curve.first_step + np.arange(curve.values.shape[1])
            fits = (steps > self.heads[at] - level.steps) & (steps <= self.heads[at])
            slots = start + steps[fits] % level.steps
            before, stored = self._data[row][:, slots], curve.values[:, fits]
            self._data[row][:, slots] = np.where(np.isnan(before), stored, before)

    def step(self, number: int) -> Float32s | None:
        """Return a copy of a step of the finest level, of all rows (rows, 3); None where it is no more, or not yet."""
        level, head = LEVELS[0], self.heads[0]
        if not head - level.steps < number <= head:
            return None
        return self._data[: self.used, :, number % level.steps].copy()
