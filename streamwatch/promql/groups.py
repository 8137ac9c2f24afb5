"""Elements of vectors in columns by groups of labels: aggregation, sets, and many that meet one."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np

from streamwatch.model.labels import NAME, Labels
from streamwatch.promql.columns import Bools, Floats, Frame, Ints, KeyIndex, Part, nameless
from streamwatch.promql.nodes import Aggregation, Binary, Matching
from streamwatch.promql.numbers import mean, total
from streamwatch.promql.series import Vector

Compute: TypeAlias = Callable[[Floats | float, Floats | float], Any]
"""Of values and values, or of values and one number, either way round."""

COMPARE: Final[Mapping[str, Compute]] = {
    "==": np.equal, "!=": np.not_equal, ">": np.greater, "<": np.less, ">=": np.greater_equal, "<=": np.less_equal,
}  # fmt: skip
COMPUTE: Final[Mapping[str, Compute]] = {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide}
FOLDED: Final = frozenset({"sum", "avg", "min", "max", "count", "group"})


@dataclass(frozen=True, slots=True)
class _By:
    """What a group is of: these labels, or all but these and the name."""

    labels: frozenset[str]
    without: bool

    def codes(self, part: Part, index: KeyIndex, numbers: dict[Labels, int]) -> Ints:
        """Return each element's group; groups are numbered as they are met."""
        keys, fixed = part.rows.keys, part.rows.fixed
        names = [name for name in keys.names if (name in self.labels) is not self.without]
        fixed = fixed.without(self.labels) if self.without else fixed.only(self.labels)
        local, groups = index.groups(keys, names)
        if part.rows.index is not None:
            local = local[part.rows.index]
        meant = np.flatnonzero(np.bincount(local, minlength=len(groups)))
        found = np.zeros(len(groups), dtype=np.int64)
        for at in meant.tolist():
            labels = Labels((*zip(names, groups[at], strict=True), *fixed.pairs))
            found[at] = numbers.setdefault(labels, len(numbers))
        return found[local]


def _by_matching(matching: Matching) -> _By:
    return _By(frozenset(matching.labels if matching.on else (*matching.labels, NAME)), not matching.on)


def aggregated(node: Aggregation, frame: Frame, index: KeyIndex) -> Vector:
    """Return what becomes of each group of labels."""
    numbers: dict[Labels, int] = {}
    by = _By(frozenset((*node.labels, NAME) if node.without else node.labels), node.without)
    parts = [part for part in frame if len(part.rows)]
    if not parts:
        return []
    codes = np.concatenate([by.codes(part, index, numbers) for part in parts])
    values = np.concatenate([part.values for part in parts])
    folded = _fold(node.op, codes, values, len(numbers))
    return list(zip(numbers, folded.tolist(), strict=True))


def of_sets(node: Binary, left: Frame, right: Frame, index: KeyIndex) -> Frame:
    """Return what `and` or `unless` leaves of the left."""
    if not left:
        return left
    numbers: dict[Labels, int] = {}
    by = _by_matching(node.matching)
    mine = [by.codes(part, index, numbers) for part in left]
    theirs = [by.codes(part, index, numbers) for part in right]
    there = np.zeros(len(numbers), dtype=np.bool_)
    for codes in theirs:
        there[codes] = True
    wanted = there if node.op == "and" else np.logical_not(there)
    return tuple(kept(part, wanted[codes]) for part, codes in zip(left, mine, strict=True))


def of_many(node: Binary, many: Frame, one: Frame, index: KeyIndex) -> Frame | None:
    """Return what becomes of many that each meet one; None where the one is not one: that is an error."""
    numbers: dict[Labels, int] = {}
    by = _by_matching(node.matching)
    theirs = [by.codes(part, index, numbers) for part in one]
    ones = np.concatenate(theirs) if theirs else np.zeros(0, dtype=np.int64)
    if len(np.unique(ones)) < len(ones):
        return None
    mine = [by.codes(part, index, numbers) for part in many]
    value, there = np.zeros(len(numbers)), np.zeros(len(numbers), dtype=np.bool_)
    for part, codes in zip(one, theirs, strict=True):
        value[codes], there[codes] = part.values, True
    met = tuple(kept(part, there[codes]) for part, codes in zip(many, mine, strict=True))
    others = [value[codes[there[codes]]] for codes in mine]
    return _paired(node, met, others)


def of_same(node: Binary, left: Frame, right: Frame) -> Frame | None:
    """Return what becomes of two metrics of the same entities; None where they are not that."""
    if len(left) != 1 or len(right) != 1 or left[0].rows.keys is not right[0].rows.keys:
        return None
    one, other = left[0].rows, right[0].rows
    if one.fixed.without([NAME]) != other.fixed.without([NAME]) or NAME in one.keys.names:
        return None
    if one.index is None and other.index is None:
        return _paired(node, left, [right[0].values])
    both = np.zeros((2, len(one.keys)), dtype=np.bool_)
    values = np.zeros(len(one.keys))
    mine = np.arange(len(one.keys)) if one.index is None else one.index
    theirs = np.arange(len(one.keys)) if other.index is None else other.index
    both[0, mine], both[1, theirs], values[theirs] = True, True, right[0].values
    met = kept(left[0], both[1, mine])
    return _paired(node, (met,), [values[mine[both[1, mine]]]])


def _paired(node: Binary, left: Frame, right: list[Floats]) -> Frame:
    """Return the operator's result, element by element, with the left's labels."""
    if node.op in COMPARE and not node.as_bool:
        return tuple(kept(part, COMPARE[node.op](part.values, other)) for part, other in zip(left, right, strict=True))
    compute = COMPUTE.get(node.op) or COMPARE[node.op]
    return nameless(
        tuple(
            Part(part.rows, np.asarray(compute(part.values, other), np.float64))
            for part, other in zip(left, right, strict=True)
        )
    )


def kept(part: Part, holds: Bools) -> Part:
    """Return the elements for which it holds."""
    return part if holds.all() else Part(part.rows.take(holds), part.values[holds])


def _fold(op: str, codes: Ints, values: Floats, groups: int) -> Floats:
    counts = np.asarray(np.bincount(codes, minlength=groups), np.float64)
    if op == "count":
        return counts
    if op == "group":
        return np.ones(groups)
    if op in {"min", "max"}:
        found = np.full(groups, math.nan)
        (np.fmin if op == "min" else np.fmax).at(found, codes, values)
        return found
    return _sum(op, codes, values, counts)


def _sum(op: str, codes: Ints, values: Floats, counts: Floats) -> Floats:
    """Return sums or means: of whole numbers at once, which is exact; of others one by one, as the plain way does."""
    sums = np.zeros(len(counts)) + np.bincount(codes, weights=values, minlength=len(counts))
    whole = bool((np.floor(values) == values).all()) and float(np.abs(values).sum()) < 2.0**53
    if not whole:
        order = np.argsort(codes, kind="stable")
        ends = np.cumsum(counts).astype(np.int64)
        for at, some in enumerate(np.split(values[order], ends[:-1])):
            sums[at] = (mean if op == "avg" else total)(some.tolist())
    elif op == "avg":
        sums /= counts
    return sums
