"""Samples in memory, written as promtool's tests write them."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence

from streamwatch.model.labels import NAME, Labels
from streamwatch.promql.match import Matcher
from streamwatch.promql.series import STALE, Series

STEP_MS = 15_000


def samples(text: str, step_ms: int = STEP_MS) -> tuple[list[int], list[float]]:
    """Return times and values of ``1 2 _ stale NaN +Inf``: one a step from 0 on, ``_`` for none."""
    pairs = [(at * step_ms, token) for at, token in enumerate(text.split()) if token != "_"]
    return [at for at, _ in pairs], [STALE if token == "stale" else float(token) for _, token in pairs]


def labels(text: str) -> Labels:
    """Return the labels of ``up{job="a", x="y"}``; values hold no quotes and no commas here."""
    name, _, rest = text.partition("{")
    pairs = [one.partition("=") for one in rest.rstrip("}").split(",") if one.strip()]
    return Labels({NAME: name, **{key.strip(): value.strip().strip('"') for key, _, value in pairs}})


class Memory:
    """A querier over a few series."""

    def __init__(self, series: Mapping[str, str], step_ms: int = STEP_MS) -> None:
        self._series = [Series(labels(name), *samples(values, step_ms)) for name, values in series.items()]

    def select(self, matchers: Sequence[Matcher], first_ms: int, last_ms: int) -> list[Series]:
        """Return the series that match."""
        found = []
        for one in self._series:
            if all(matcher.matches(one.labels) for matcher in matchers):
                start, end = bisect_left(one.times, first_ms), bisect_right(one.times, last_ms)
                found.append(Series(one.labels, one.times[start:end], one.values[start:end]))
        return found
