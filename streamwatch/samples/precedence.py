"""One metric, several sources: which of them counts. A series has one source, and a counter never changes its own."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from streamwatch.model.metric import Metric, Samples

LabelValues = tuple[str, ...]

KindSamples = tuple[str, Samples]
"""Samples, with the kind of their source."""


class SourcePrecedence:
    """Chooses between the sources of one cluster."""

    def __init__(self, order: Mapping[str, Sequence[str]] | None = None) -> None:
        """Begin.

        Args:
            order: kinds of sources, the first counts most, by metric: where it is not the catalogue's order.

        """
        self._order = order or {}
        self._counter_kinds: dict[Metric, str] = {}

    def choose(self, samples: Iterable[KindSamples]) -> list[KindSamples]:
        """Return what is to be shown: each series from the first source, in the order of precedence, that knows it.

        The samples are the same objects where only one kind of source has a metric; otherwise they have fewer
        rows.
        """
        chosen: list[KindSamples] = []
        by_metric: dict[Metric, list[KindSamples]] = {}
        for kind, each in samples:
            if not each.metric.is_of_kafka:
                chosen.append((kind, each))
            elif kind in self._kinds(each.metric):
                by_metric.setdefault(each.metric, []).append((kind, each))
        for metric, candidates in by_metric.items():
            if metric.kind == "counter":
                counted = self._counter_kind(metric, candidates)
                chosen += [candidate for candidate in candidates if candidate[0] == counted]
            elif len(candidates) == 1 or len({kind for kind, _ in candidates}) == 1:
                chosen += candidates
            else:
                kinds = list(self._kinds(metric))
                chosen += _known_first(sorted(candidates, key=lambda candidate: kinds.index(candidate[0])))
        return chosen

    def _kinds(self, metric: Metric) -> Sequence[str]:
        return self._order.get(metric.name, metric.precedence)

    def _counter_kind(self, metric: Metric, candidates: Sequence[KindSamples]) -> str:
        """Return from where a counter is taken, for good: two sources of one differ by more than what happened."""
        if metric not in self._counter_kinds:
            knowing = {kind for kind, samples in candidates if not np.isnan(samples.values).all()}
            known = [kind for kind in self._kinds(metric) if kind in knowing]
            if not known:
                return candidates[0][0]
            self._counter_kinds[metric] = known[0]
        return self._counter_kinds[metric]


def _known_first(candidates: Iterable[KindSamples]) -> list[KindSamples]:
    """Return each row from the first that knows it."""
    taken: set[LabelValues] = set()
    chosen: list[KindSamples] = []
    for kind, samples in candidates:
        known = [
            at
            for at, (row, value) in enumerate(zip(samples.keys.rows, samples.values.tolist(), strict=True))
            if value == value and row not in taken  # noqa: PLR0124 - NaN is not equal to itself
        ]
        taken |= {samples.keys.rows[at] for at in known}
        if len(known) == len(samples.keys):
            chosen.append((kind, samples))
        elif known:
            index = np.array(known, dtype=np.intp)
            chosen.append((kind, samples.metric.samples(samples.keys.take(index), samples.values[index])))
    return chosen
