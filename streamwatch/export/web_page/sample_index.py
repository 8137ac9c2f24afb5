"""The newest samples, looked up by metric and label values."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from streamwatch.catalogue import agent
from streamwatch.model.metric import Metric, Samples
from streamwatch.model.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Read:
    """One source, and what it read last."""

    name: str
    part: str
    """The part of the configuration that it comes from."""
    kind: str
    """``kafka``, ``pages``, ``topics``, ``cloudwatch``, ``kinesis`` or ``connect``."""
    interval_seconds: float
    last: Snapshot | None
    """None before the first read has ended."""

    @property
    def why(self) -> str:
        """What keeps it from being read, where it cannot be."""
        problems = () if self.last is None or self.last.is_up else self.last.problems
        return problems[0].detail if problems else "the agent's log says why"

    def age(self, now: float) -> float:
        """Return how many seconds ago the last read began; infinity before the first has ended."""
        return math.inf if self.last is None else max(0.0, now - self.last.taken_at)


class SampleIndex:
    """The values that are known now."""

    def __init__(self, samples: Iterable[Samples]) -> None:
        self._samples: dict[str, list[Samples]] = {}
        self._by_first: dict[tuple[str, int], dict[tuple[str, ...], dict[tuple[str, ...], float]]] = {}
        """By metric and number of labels: the values by those labels, and by the others."""
        for each in samples:
            self._samples.setdefault(each.metric.name, []).append(each)

    def of(self, metric: Metric, *first: str) -> Mapping[tuple[str, ...], float]:
        """Return the values of a metric whose first labels are these, by the labels that are left."""
        cut = len(first)
        found = self._by_first.get((metric.name, cut))
        if found is None:  # a page asks of every stream what it asks of one
            found = self._by_first[metric.name, cut] = {}
            for each in self._samples.get(metric.name, ()):
                for row, value in each.known().items():
                    found.setdefault(row[:cut], {})[row[cut:]] = value
        return found.get(first, {})

    def value(self, metric: Metric, *labels: str) -> float | None:
        """Return the value of a metric with exactly these labels; None where it is not known."""
        return self.of(metric, *labels).get(())

    def total(self, metric: Metric, *first: str) -> float | None:
        """Return the sum over the labels that are left; None where nothing is known."""
        found = self.of(metric, *first)
        return sum(found.values()) if found else None

    def is_up(self, read: Read) -> bool | None:
        """Say whether a source could be read; None where its last samples have expired, or there are none yet."""
        up = self.value(agent.SOURCE_UP, read.name)
        return None if up is None else bool(up)

    def most(self, metric: Metric, *first: str) -> float | None:
        """Return the largest of the values; None where nothing is known."""
        return max(self.of(metric, *first).values(), default=None)
