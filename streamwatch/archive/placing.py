"""How the samples of one metric become values of an archived number: which series belong to which entity."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from streamwatch.archive.numbers import LABELS, ArchivedNumber
from streamwatch.archive.rings import Rows
from streamwatch.model.metric import Keys, Samples, Values

Entity = tuple[str, ...]
"""The values of an entity's labels."""

_REDUCE: Final = {"sum": np.add, "max": np.fmax, "min": np.fmin}
"""A sum with an unknown addend is unknown; of the others, what is known counts."""
NO_ROWS: Final[Rows] = np.zeros(0, dtype=np.intp)


@dataclass(eq=False, slots=True)
class Placing:
    """Where the values of these series belong; right as long as the keys are the same objects."""

    keys: tuple[Keys, ...]
    entities: list[Entity]
    order: Rows | None
    """The series by their entity; None where each is an entity of its own."""
    starts: Rows
    """Where in that order the series of each entity begin."""
    generation: int = -1
    """Of the archive's rows when ``rows`` were chosen."""
    placed: Rows = field(default_factory=lambda: NO_ROWS)
    """The entities that have a row."""
    rows: Rows = field(default_factory=lambda: NO_ROWS)
    """Their rows."""
    missing: Rows = field(default_factory=lambda: NO_ROWS)
    """The entities that had no value yet when rows were chosen."""
    refused: int = 0
    """How many entities had a value, and no row was free."""
    arrays: tuple[Values, ...] = ()
    """The values that were taken last: a counter whose array is the same object was not read again."""


def placing(number: ArchivedNumber, samples: Sequence[Samples]) -> Placing:
    """Return where these samples belong; an entity that lacks a series which counts belongs nowhere."""
    labels = len(LABELS[number.entity])
    places: dict[Entity, list[int]] = {}
    rows = [row for each in samples for row in each.keys.rows]
    for at, row in enumerate(rows):
        if not number.of or row[labels] in number.of:
            places.setdefault(row[:labels], []).append(at)
    if number.of:
        places = {entity: members for entity, members in places.items() if len(members) == len(number.of)}
    keys = tuple(each.keys for each in samples)
    counts = [len(members) for members in places.values()]
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.intp) if counts else NO_ROWS
    order = None
    if len(rows) != len(places):
        order = np.array([at for members in places.values() for at in members], dtype=np.intp)
    return Placing(keys, list(places), order, starts)


def folded(number: ArchivedNumber, where: Placing, samples: Sequence[Samples]) -> Values:
    """Return one value an entity, in the order of its entities; NaN where it is not known."""
    values = samples[0].values if len(samples) == 1 else np.concatenate([each.values for each in samples])
    if where.order is None:
        return values
    if not len(where.starts):
        return values[:0]
    reduced: Values = _REDUCE[number.fold].reduceat(values[where.order], where.starts)
    return reduced
