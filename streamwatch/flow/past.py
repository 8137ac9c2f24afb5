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
        """Return how far in seconds; before the first read as far as then.

        Between two reads it may have caught up at any time. A record from between the newest two is left by a reader
        that goes on: the source counts as having gone on evenly, as Kafka's offsets do. An older one is left by a
        reader that stands, and most likely did before the source caught up: the worse of the two reads counts.
        """
        after = bisect_left(self.changed, (moment,))
        around = self.changed[max(0, after - 1) : after + 1]
        (before, was), (then, became) = around[0], around[-1]
        if then == moment:
            return _age(moment, became)
        if before < moment < then and after == len(self.changed) - 1:
            return _age(moment, was + (became - was) * (moment - before) / (then - before))
        return max(_age(at, changed) for at, changed in around)


def _age(at: float, changed: float) -> float:
    return max(0.0, at - changed)
