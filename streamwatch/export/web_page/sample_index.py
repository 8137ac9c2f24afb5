"""The newest samples, looked up by metric and label values."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from streamwatch.catalogue import agent
from streamwatch.model.metric import Metric
from streamwatch.model.newest_samples import NewestSamples
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


class SampleIndex(NewestSamples):
    """The values that are known now, as a page asks for them."""

    def of(self, metric: Metric, *first: str) -> Mapping[tuple[str, ...], float]:
        """Return the values of a metric whose first labels are these, by the labels that are left."""
        return self.values(metric, *first)

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
