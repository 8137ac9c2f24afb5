"""One metric, several sources: whose word counts. No series is told twice, and no counter is told by two in turn."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from streamwatch.model.metric import Metric, Samples

Row = tuple[str, ...]

Said = tuple[str, Samples]
"""Samples, with the kind of their source."""


class Trust:
    """Chooses between the sources of one cluster."""

    def __init__(self, order: Mapping[str, Sequence[str]] | None = None) -> None:
        """Begin.

        Args:
            order: kinds of sources, the most trusted first, by metric: where it is not the catalogue's order.

        """
        self._order = order or {}
        self._tellers: dict[Metric, str] = {}

    def choose(self, said: Iterable[Said]) -> list[Said]:
        """Return what is to be shown: of each series the word of the most trusted source that knows it.

        The samples are the same objects where only one kind of source speaks of a metric; otherwise they have fewer
        rows.
        """
        shown: list[Said] = []
        by_metric: dict[Metric, list[Said]] = {}
        for kind, one in said:
            if not one.metric.is_of_kafka:
                shown.append((kind, one))
            elif kind in self._trusted(one.metric):
                by_metric.setdefault(one.metric, []).append((kind, one))
        for metric, some in by_metric.items():
            if metric.kind == "counter":
                teller = self._teller(metric, some)
                shown += [one for one in some if one[0] == teller]
            elif len({kind for kind, _ in some}) == 1:
                shown += some
            else:
                trusted = list(self._trusted(metric))
                shown += _known_first(sorted(some, key=lambda one: trusted.index(one[0])))
        return shown

    def _trusted(self, metric: Metric) -> Sequence[str]:
        return self._order.get(metric.name, metric.precedence)

    def _teller(self, metric: Metric, said: Sequence[Said]) -> str:
        """Return who tells a counter, for good: two sources of one differ by more than what happened."""
        if metric not in self._tellers:
            telling = {kind for kind, one in said if not np.isnan(one.values).all()}
            known = [kind for kind in self._trusted(metric) if kind in telling]
            if not known:
                return said[0][0]
            self._tellers[metric] = known[0]
        return self._tellers[metric]


def _known_first(said: Iterable[Said]) -> list[Said]:
    """Return each row from the first that knows it."""
    taken: set[Row] = set()
    found: list[Said] = []
    for kind, one in said:
        known = [
            at
            for at, (row, value) in enumerate(zip(one.keys.rows, one.values.tolist(), strict=True))
            if value == value and row not in taken  # noqa: PLR0124 - NaN is not equal to itself
        ]
        taken |= {one.keys.rows[at] for at in known}
        if len(known) == len(one.keys):
            found.append((kind, one))
        elif known:
            index = np.array(known, dtype=np.intp)
            found.append((kind, one.metric.samples(one.keys.take(index), one.values[index])))
    return found
