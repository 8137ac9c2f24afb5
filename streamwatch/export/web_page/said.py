"""What the sources said last, looked up by metric and label values, and how it is put into words."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from streamwatch.catalogue import agent
from streamwatch.model.metric import Metric, Samples
from streamwatch.model.snapshot import Snapshot

Health = Literal["good", "warn", "bad", "unknown"]
WORST_FIRST: Final[tuple[Health, ...]] = ("bad", "unknown", "warn", "good")

_UNITS: Final = (
    (1.0, 0.001, "ms"),
    (120.0, 1.0, "s"),
    (7200.0, 60.0, "min"),
    (172_800.0, 3600.0, "h"),
    (math.inf, 86_400.0, "days"),
)
"""Below so many seconds a time is told in this unit."""


@dataclass(frozen=True, slots=True)
class Read:
    """One source, and what it read last."""

    name: str
    part: str
    """The part of the configuration that it comes from."""
    kind: str
    """``kafka``, ``pages``, ``topics``, ``cloudwatch`` or ``kinesis``."""
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


class Said:
    """The values that are known now."""

    def __init__(self, samples: Iterable[Samples]) -> None:
        self._samples: dict[str, list[Samples]] = {}
        self._by_first: dict[tuple[str, int], dict[tuple[str, ...], dict[tuple[str, ...], float]]] = {}
        """By metric and number of labels: the values by those labels, and by the others."""
        for one in samples:
            self._samples.setdefault(one.metric.name, []).append(one)

    def of(self, metric: Metric, *first: str) -> Mapping[tuple[str, ...], float]:
        """Return the values of a metric whose first labels are these, by the labels that are left."""
        cut = len(first)
        found = self._by_first.get((metric.name, cut))
        if found is None:  # a page asks of every stream what it asks of one
            found = self._by_first[metric.name, cut] = {}
            for one in self._samples.get(metric.name, ()):
                for row, value in one.known().items():
                    found.setdefault(row[:cut], {})[row[cut:]] = value
        return found.get(first, {})

    def one(self, metric: Metric, *labels: str) -> float | None:
        """Return the value of a metric with exactly these labels; None where it is not known."""
        return self.of(metric, *labels).get(())

    def total(self, metric: Metric, *first: str) -> float | None:
        """Return the sum over the labels that are left; None where nothing is known."""
        found = self.of(metric, *first)
        return sum(found.values()) if found else None

    def is_up(self, read: Read) -> bool | None:
        """Say whether a source could be read; None where its last word is too old, or it has not spoken yet."""
        up = self.one(agent.SOURCE_UP, read.name)
        return None if up is None else bool(up)

    def most(self, metric: Metric, *first: str) -> float | None:
        """Return the largest of the values; None where nothing is known."""
        return max(self.of(metric, *first).values(), default=None)


def worst(some: Iterable[Health]) -> Health:
    """Return the worst; good where there is none."""
    found = set(some)
    return next((one for one in WORST_FIRST if one in found), "good")


def span(seconds: float | None) -> str:
    """Return a time as people say it."""
    if seconds is None or math.isnan(seconds):
        return "not known"
    if math.isinf(seconds):
        return "never"
    if seconds < 0.0005:  # noqa: PLR2004 - nothing, in the smallest unit
        return "0 s"
    unit, word = next((unit, word) for below, unit, word in _UNITS if seconds < below)
    return f"{seconds / unit:.0f} {word}"


def ago(seconds: float) -> str:
    """Return how long ago something was."""
    return "never" if math.isinf(seconds) else "now" if seconds < 1 else f"{span(seconds)} ago"


def number(value: float | None) -> str:
    """Return a number with its thousands apart."""
    if value is None or math.isnan(value):
        return "not known"
    return f"{value:,.0f}" if value == round(value) else f"{value:,.1f}"


def share(value: float | None) -> str:
    """Return a ratio as a percentage."""
    return "not known" if value is None else f"{value:.0%}"


def things(count: float, one: str, many: str = "") -> str:
    """Return a count with what is counted."""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"


def listed(names: list[str], most: int = 4) -> str:
    """Return names in a row, not too many of them."""
    shown = names[:most]
    if len(names) > most:
        return f"{', '.join(shown)} and {len(names) - most} more"
    return f"{', '.join(shown[:-1])} and {shown[-1]}" if len(shown) > 1 else "".join(shown)
