"""How far a source was behind at an earlier moment: what a reader has left to read passed it then, and not now."""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from streamwatch.flow.facts import Row
from streamwatch.model.metric import Metric

Points = Sequence[tuple[float, float]]
"""Moments in seconds since 1970, ascending, and what a number was then; at least one."""
Past = Callable[[Metric], Mapping[Row, Points]]
"""What a metric was, by its labels, as far back as that is kept."""


def no_past(_: Metric) -> Mapping[Row, Points]:
    """Return that nothing was kept."""
    return {}


@dataclass(frozen=True, slots=True)
class SourceAges:
    """How far a source was behind, by when its last change was at each read."""

    changed: Points

    def at(self, moment: float) -> float:
        """Return how far in seconds: the more of the reads before and after, so that it is at most one read too low."""
        after = bisect_left(self.changed, (moment,))
        if self.changed[after : after + 1] and self.changed[after][0] == moment:
            return _age(self.changed[after])
        return max(map(_age, self.changed[max(0, after - 1) : after + 1]))


def _age(read: tuple[float, float]) -> float:
    at, changed = read
    return max(0.0, at - changed)
