"""The newest samples, each looked up by what it is about."""

from collections.abc import Iterable, Mapping

from streamwatch.model.metric import Metric, Samples

Row = tuple[str, ...]


class NewestSamples:
    """Values of metrics by their labels; an index is made when it is first asked for. One thread at a time."""

    def __init__(self, samples: Iterable[Samples]) -> None:
        """Take the newest samples of all sources."""
        self._samples: dict[str, list[Samples]] = {}
        for each in samples:
            self._samples.setdefault(each.metric.name, []).append(each)
        self._values: dict[tuple[str, int], dict[Row, dict[Row, float]]] = {}
        """By metric and number of labels: the values by those labels, and by the others."""

    def values(self, metric: Metric, *first: str) -> Mapping[Row, float]:
        """Return the values of a metric whose first labels are these, by the labels that are left."""
        cut = len(first)
        index = self._values.get((metric.name, cut))
        if index is None:
            index = self._values[metric.name, cut] = {}
            for each in self._samples.get(metric.name, ()):
                for row, value in each.known().items():
                    index.setdefault(row[:cut], {})[row[cut:]] = value
        return index.get(first, {})

    def value(self, metric: Metric, *labels: str) -> float | None:
        """Return the value with exactly these labels; None where it is not known."""
        return self.values(metric, *labels).get(())
