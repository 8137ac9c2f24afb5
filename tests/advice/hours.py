"""A day of an archive, written down."""

import math
from collections.abc import Sequence

import numpy as np

from streamwatch.advice.past import DAY_MINUTES, PastHours
from streamwatch.archive.numbers import BY_NAME, ArchivedNumber, EntityKind
from streamwatch.archive.rings import Curve
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

    def lookup(self, number: ArchivedNumber, entity: tuple[str, ...], _: float) -> Curve | None:
        values = self._days.get((number.name, entity))
        if values is None:
            return None
        minutes = np.full(DAY_MINUTES, math.nan, dtype=np.float32)
        minutes[DAY_MINUTES - len(values) :] = values
        return Curve(60, int(NOW // 60) - DAY_MINUTES, np.stack([minutes] * 3))

    def past(self) -> PastHours:
        return PastHours(self.lookup, NOW)
