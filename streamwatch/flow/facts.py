"""The samples that a map is made of, by metric and labels, with their time."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from streamwatch.model.metric import Metric, Samples

Row = tuple[str, ...]
_NONE: Final[Mapping[Row, float]] = {}


@dataclass(frozen=True, slots=True)
class Part:
    """What is known of a part of the configuration."""

    samples: Sequence[Samples]
    at: float | None
    """When it was read, in seconds since 1970; None where that is not known."""


class Facts:
    """The values that are known now."""

    def __init__(self, parts: Iterable[Part]) -> None:
        self._samples: dict[str, list[tuple[Samples, float | None]]] = {}
        self._values: dict[str, Mapping[Row, float]] = {}
        self._times: dict[str, Mapping[Row, float | None]] = {}
        for part in parts:
            for one in part.samples:
                self._samples.setdefault(one.metric.name, []).append((one, part.at))

    def of(self, metric: Metric) -> Mapping[Row, float]:
        """Return what is known of a metric, by its labels."""
        if metric.name not in self._samples:
            return _NONE
        found = self._values.get(metric.name)
        if found is None:
            each = (one.known() for one, _ in self._samples[metric.name])
            found = self._values[metric.name] = {row: value for some in each for row, value in some.items()}
        return found

    def times(self, metric: Metric) -> Mapping[Row, float | None]:
        """Return when each value of a metric was so, known or not."""
        found = self._times.get(metric.name)
        if found is None:
            some = self._samples.get(metric.name, ())
            found = self._times[metric.name] = {row: at for one, at in some for row in one.keys.rows}
        return found
