"""Parts of a vector that follow each other and are alike, made one: what comes after costs for each part, not each row.

An agent that watches a hundred small clusters has a hundred parts of three rows of each metric.
"""

from collections.abc import Hashable, Iterable, Sequence
from itertools import accumulate, groupby
from typing import Final

import numpy as np

from streamwatch.model.labels import Labels
from streamwatch.model.metric import Keys
from streamwatch.promql.columns import Frame, Ints, KeyIndex, Rows, VectorPart

_MOST_ROWS: Final = 128
"""Of a part that is merged with those of other keys. What is done with a part costs some 20 µs besides its rows. To
group its rows anew, where a neighbour's keys are others than before, costs 0.2 µs a row: of many more rows that is more
than is saved."""
_LEAST_PARTS: Final = 4
"""Of fewer nothing is saved: to merge them costs as much as to do one thing with each."""


def merged(parts: Iterable[VectorPart], index: KeyIndex) -> Frame:
    """Return the same elements in the same order, small parts together that follow each other and have the same labels.

    Args:
        parts: no label set is in two of them.
        index: remembers the keys of those that are merged.

    """
    found: list[VectorPart] = []
    for _, run in groupby(parts, _kind):
        some = list(run)
        if len(some) < _LEAST_PARTS:
            found += some
        else:
            found.append(_together(some, index))
    return tuple(found)


def _kind(part: VectorPart) -> tuple[Labels, Hashable]:
    """Return what parts have in common that may be one: names of labels, or the very keys where these are many."""
    keys = part.rows.keys
    return part.rows.fixed, keys.names if len(keys) <= _MOST_ROWS else keys


def _together(parts: Sequence[VectorPart], index: KeyIndex) -> VectorPart:
    every = [part.rows for part in parts]
    different = tuple(dict.fromkeys(rows.keys for rows in every))
    keys = different[0] if len(different) == 1 else index.together(different)
    is_whole = len(different) == len(every) and all(rows.index is None for rows in every)
    rows = Rows(keys, every[0].fixed, None if is_whole else _places(every, different))
    return VectorPart(rows, np.concatenate([part.values for part in parts]))


def _places(every: Sequence[Rows], different: Sequence[Keys]) -> Ints:
    """Return where the rows are among those of all different keys, one after the other."""
    starts = dict(zip(different, accumulate(map(len, different), initial=0), strict=False))
    return np.concatenate(
        [(np.arange(len(rows.keys)) if rows.index is None else rows.index) + starts[rows.keys] for rows in every]
    )
