"""A day of an archive, written down."""

import math
from collections.abc import Sequence

import numpy as np

from streamwatch.advice.past import PastHours
from streamwatch.archive.numbers import BY_NAME, ArchivedNumber, EntityKind
from streamwatch.archive.rings import LEVELS, Curve
from streamwatch.model.metric import Metric

NOW = 1_800_000_000.0


class Hours:
    """What is archived of each number, by the minute up to now."""

    def __init__(self) -> None:
        self._days: dict[tuple[str, tuple[str, ...]], Sequence[float]] = {}

    def put(
        self,
        kind: EntityKind,
        metric: Metric,
        entity: tuple[str, ...],
        value: float | Sequence[float],
        hours: float = 24,
    ) -> None:
        """Let a number have this value, or these of the last minutes, for so many hours before now."""
        values = [value] * int(hours * 60) if isinstance(value, int | float) else list(value)
        self._days[BY_NAME[f"{kind}.{metric.name}"].name, entity] = values

    def lookup(self, number: ArchivedNumber, entity: tuple[str, ...], seconds: float) -> Curve | None:
        values = self._days.get((number.name, entity))
        if not values:
            return None
        level = next(each for each in LEVELS if each.span_seconds >= seconds)
        steps = np.full(level.steps, math.nan, dtype=np.float32)
        count = len(values) * 60 // level.seconds
        found = np.interp(np.arange(count) * level.seconds / 60, np.arange(len(values)), values)[-level.steps :]
        steps[level.steps - len(found) :] = found
        return Curve(level.seconds, int(NOW // level.seconds) - level.steps, np.stack([steps] * 3))

    def past(self) -> PastHours:
        return PastHours(self.lookup, NOW)
