"""Samples in memory, written as promtool's tests write them."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from streamwatch.model.labels import NAME, Labels
from streamwatch.promql.columns import KeyIndex, SeriesBlock, named
from streamwatch.promql.match import Matcher
from streamwatch.promql.series import STALE

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
    """A querier over a few series, each of them a block of its own."""

    def __init__(self, series: Mapping[str, str], step_ms: int = STEP_MS) -> None:
        self.index = KeyIndex()
        self._series = []
        for name, written in series.items():
            times, values = samples(written, step_ms)
            self._series.append((labels(name), named([labels(name)]), np.array(times, np.int64), np.array(values)))

    def blocks(  # noqa: PLR0913 - as the history
        self,
        matchers: Sequence[Matcher],
        first_ms: int,
        last_ms: int,
        *,
        newest: bool,
        index: KeyIndex | None = None,  # noqa: ARG002 - nothing is remembered
        weigh: Callable[[int], None] | None = None,
    ) -> Iterator[SeriesBlock]:
        """Yield the series that match, one by one."""
        for own, rows, times, values in self._series:
            if not all(matcher.matches(own) for matcher in matchers):
                continue
            start, end = bisect_left(times, first_ms), bisect_right(times, last_ms)
            if newest:
                start = max(start, end - 1)
            if start < end:
                if weigh is not None:
                    weigh(end - start)
                yield SeriesBlock(rows, times[start:end], values[start:end, np.newaxis])
