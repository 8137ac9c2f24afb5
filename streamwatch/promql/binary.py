"""Operators between vectors and scalars."""

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

import numpy as np

from streamwatch.core.errors import EvaluationError
from streamwatch.model.distinct import distinct
from streamwatch.model.labels import Labels
from streamwatch.promql.columns import (
    Floats,
    Frame,
    Ints,
    KeyIndex,
    Rows,
    VectorPart,
    arranged,
    filtered,
    framed,
    nameless,
    size,
    values_of,
    vector,
)
from streamwatch.promql.groups import By, grouped
from streamwatch.promql.nodes import Binary
from streamwatch.promql.numbers import ARITHMETIC, COMPARISONS, Operator
from streamwatch.promql.series import DROPPED, unique, unmarked
from streamwatch.promql.series import nameless as without_name

SETS: Final = frozenset({"and", "or", "unless"})
_OPERATORS: Final[Mapping[str, Operator]] = {**ARITHMETIC, **COMPARISONS}
Bare: TypeAlias = Callable[[Frame], Frame]
"""Takes names away, at once or at the end."""


def binary(node: Binary, left: Frame | float, right: Frame | float, bare: Bare, index: KeyIndex) -> Frame | float:
    """Return what the operator makes of both sides.

    Args:
        node: the operator.
        left: what is left of it.
        right: what is right of it.
        bare: takes names away.
        index: answers about keys.

    Raises:
        EvaluationError: elements match that must not, or several results have the same labels.

    """
    if isinstance(left, tuple):
        if isinstance(right, tuple):
            return _set(node, left, right, index) if node.op in SETS else _vectors(node, left, right, bare, index)
        found = tuple(_combined(node, part, part.values, right, part.values) for part in left)
    elif isinstance(right, tuple):
        found = tuple(_combined(node, part, left, part.values, part.values) for part in right)
    else:
        return float(_OPERATORS[node.op](left, right))
    return found if _filters(node) else bare(found)


def _filters(node: Binary) -> bool:
    return node.op in COMPARISONS and not node.as_bool


def _combined(
    node: Binary, part: VectorPart, left: Floats | float, right: Floats | float, values: Floats
) -> VectorPart:
    """Return what the operator makes of a part: its results, or those of the values of which a comparison is true."""
    found = _OPERATORS[node.op](left, right)
    return (
        filtered(VectorPart(part.rows, values), found)
        if _filters(node)
        else VectorPart(part.rows, found.astype(np.float64))
    )


def _set(node: Binary, left: Frame, right: Frame, index: KeyIndex) -> Frame:
    codes, groups = grouped(By.of(node.matching), left + right, index)
    mine, theirs = codes[: len(left)], codes[len(left) :]
    there = np.zeros(len(groups), dtype=np.bool_)
    for some in mine if node.op == "or" else theirs:
        there[some] = True
    if node.op == "or":
        return left + tuple(filtered(part, ~there[some]) for part, some in zip(right, theirs, strict=True))
    wanted = there if node.op == "and" else ~there
    return tuple(filtered(part, wanted[some]) for part, some in zip(left, mine, strict=True))


def _vectors(node: Binary, left: Frame, right: Frame, bare: Bare, index: KeyIndex) -> Frame:
    if not size(left) or not size(right):
        return ()
    swapped = node.matching.many == "right"
    many, one = (right, left) if swapped else (left, right)
    codes, groups = grouped(By.of(node.matching), many + one, index)
    position = _positions(node, one, np.concatenate(codes[len(many) :]), groups)
    others, found, met = values_of(one), [], []
    for part, own in zip(many, codes, strict=False):
        at = position[own]
        matched, at = filtered(part, at >= 0), at[at >= 0]
        sides = (others[at], matched.values) if swapped else (matched.values, others[at])
        result = _OPERATORS[node.op](*sides)
        if _filters(node):
            found.append(filtered(VectorPart(matched.rows, sides[0]), result))
            met.append(at[result])
        else:
            found.append(VectorPart(matched.rows, result.astype(np.float64)))
            met.append(at)
    return _labelled(node, tuple(found), one, np.concatenate(met), bare)


def _positions(node: Binary, frame: Frame, codes: Ints, groups: Rows) -> Ints:
    """Return which element of the one side a group has; -1 for none."""
    found = np.full(len(groups), -1, dtype=np.int64)
    found[codes] = np.arange(len(codes))
    twice = np.flatnonzero(found[codes] != np.arange(len(codes)))
    if len(twice):
        last = int(found[codes[twice[0]]])
        (key,) = groups.take(codes[twice[:1]]).labels()
        both = [labels for labels, _ in vector(arranged(frame, np.array([twice[0], last])))]
        side = "left" if node.matching.many == "right" else "right"
        raise EvaluationError(
            f"{node.op}: found duplicate series for the match group {key} on the {side} hand-side of the operation:"
            f" {both[0]} and {both[1]}: many-to-many matching is not allowed, matching labels must be"
            " unique on one side"
        )
    return found


def _labelled(node: Binary, found: Frame, frame: Frame, met: Ints, bare: Bare) -> Frame:
    """Return results with their labels: those of the many, or of the left; each met an element of the one side.

    As in 3.5, what is filtered out takes no place (from 3.9 on it does).
    """
    matching = node.matching
    if not matching.many and len(distinct(met)) < len(met):
        raise EvaluationError(
            f"{node.op}: multiple matches: many-to-one matching must be explicit (group_left/group_right)"
        )
    are_theirs = not matching.include and (matching.many or not (matching.on or matching.labels))
    if are_theirs and not any(part.rows.may_have(DROPPED) for part in found):
        if node.op in ARITHMETIC:
            return nameless(found)
        return bare(found) if node.as_bool else found
    others = vector(arranged(frame, met)) if matching.include else vector(found)
    labels = [_labels(node, unmarked(own), other) for (own, _), (other, _) in zip(vector(found), others, strict=True)]
    why = f"{node.op}: multiple matches: grouping labels must ensure unique matches"
    elements = unique(list(zip(labels, values_of(found).tolist(), strict=True)), why)
    return bare(framed(elements)) if node.as_bool else framed(elements)


def _labels(node: Binary, own: Labels, others: Labels) -> Labels:
    matching = node.matching
    if node.op in ARITHMETIC:
        own = without_name(own)
    if not matching.many:
        own = own.only(matching.labels) if matching.on else own.without(matching.labels)
    if matching.include:
        own = own.updated({name: others.get(name, "") for name in matching.include})
    return own
