"""One metric, several sources: whose word counts. No series is told twice, and no counter is told by two in turn."""

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from streamwatch.model.metric import Metric, Samples

ORDER: Final = ("kafka", "pages", "cloudwatch")
"""Kinds of sources, the most trusted first: the protocol is the freshest and costs the least, pages are scraped by the
minute, CloudWatch is minutes late."""

Row = tuple[str, ...]


Said = tuple[str, Samples]
"""Samples, with the kind of their source."""


def merged(said: Iterable[Said]) -> list[Said]:
    """Return what is to be shown: of each series the word of the most trusted source that knows it.

    The samples are the same objects where only one kind of source speaks of a metric; otherwise they have fewer rows.
    """
    said = list(said)
    kinds: dict[Metric, set[str]] = {}
    for kind, one in said:
        kinds.setdefault(one.metric, set()).add(kind)
    shared = {metric for metric, some in kinds.items() if len(some) > 1}
    if not shared:
        return said
    plain = [pair for pair in said if pair[1].metric not in shared]
    return plain + [pair for metric in shared for pair in _chosen([one for one in said if one[1].metric is metric])]


def _chosen(said: Sequence[Said]) -> list[Said]:
    """Return the rows of one metric, each from the first source that knows it."""
    taken: set[Row] = set()
    found: list[Said] = []
    for kind, one in sorted(said, key=lambda pair: _rank(pair[0])):
        is_counter = one.metric.kind == "counter"
        known = [
            at
            for at, (row, value) in enumerate(zip(one.keys.rows, one.values.tolist(), strict=True))
            if value == value and (row[:1] if is_counter else row) not in taken  # noqa: PLR0124 - NaN is not
        ]
        # A counter belongs to one source for the whole cluster: two of them differ by more than what happened.
        taken |= {one.keys.rows[at][:1] if is_counter else one.keys.rows[at] for at in known}
        if len(known) == len(one.keys):
            found.append((kind, one))
        elif known:
            index = np.array(known, dtype=np.intp)
            found.append((kind, one.metric.samples(one.keys.take(index), one.values[index])))
    return found


def _rank(kind: str) -> int:
    return ORDER.index(kind) if kind in ORDER else len(ORDER)
