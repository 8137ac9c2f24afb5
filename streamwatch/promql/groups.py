"""Elements of vectors by groups of labels: what aggregations, sets and matching have in common."""

from dataclasses import dataclass

import numpy as np

from streamwatch.model.labels import NAME, Labels
from streamwatch.model.metric import Keys
from streamwatch.promql.columns import Frame, Ints, KeyIndex, Rows
from streamwatch.promql.nodes import Aggregation, Matching
from streamwatch.promql.series import DROPPED


@dataclass(frozen=True, slots=True)
class By:
    """What a group is of: these labels, or all but these."""

    labels: frozenset[str]
    without: bool

    @classmethod
    def of(cls, node: Aggregation | Matching) -> "By":
        """Return what an aggregation or an operator groups by; names count only where they are asked for."""
        without = node.without if isinstance(node, Aggregation) else not node.on
        return cls(frozenset((*node.labels, NAME, DROPPED) if without else node.labels), without)

    def fixed(self, rows: Rows) -> Labels:
        """Return what all have in common, of these labels."""
        return rows.fixed.without(self.labels) if self.without else rows.fixed.only(self.labels)

    def names(self, rows: Rows) -> list[str]:
        """Return the other labels, of these."""
        return [
            name for name in rows.keys.names if (name in self.labels) is not self.without and name not in rows.fixed
        ]


def grouped(by: By, frame: Frame, index: KeyIndex) -> tuple[list[Ints], Rows]:
    """Return each part's elements' groups, and the labels of the groups, some of which may have no element."""
    if not frame:
        return [], Rows(Keys((), ()), Labels())
    first = frame[0].rows
    fixed, names = by.fixed(first), by.names(first)
    # Parts of the same entities, as most are, have their groups in common: nothing need be compared.
    if all(part.rows.keys is first.keys and by.fixed(part.rows) == fixed for part in frame) and all(
        by.names(part.rows) == names for part in frame
    ):
        codes, keys = index.groups(first.keys, names)
        return [codes if part.rows.index is None else codes[part.rows.index] for part in frame], Rows(keys, fixed)
    numbers: dict[Labels, int] = {}
    found = [_codes(by, part.rows, index, numbers) for part in frame]
    listed = sorted({own for labels in numbers for own in labels})
    return found, Rows(Keys(listed, [tuple([number.get(own, "") for own in listed]) for number in numbers]), Labels())


def _codes(by: By, rows: Rows, index: KeyIndex, numbers: dict[Labels, int]) -> Ints:
    """Return each row's group; groups are numbered as they are met."""
    local, keys = index.groups(rows.keys, by.names(rows))
    if rows.index is not None:
        local = local[rows.index]
    found = np.zeros(len(keys), dtype=np.int64)
    meant = np.flatnonzero(np.bincount(local, minlength=len(keys)))
    for at, labels in zip(meant.tolist(), Rows(keys, by.fixed(rows), meant).labels(), strict=True):
        found[at] = numbers.setdefault(labels, len(numbers))
    return found[local]
