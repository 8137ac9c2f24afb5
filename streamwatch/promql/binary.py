"""Operators between vectors and scalars."""

from collections.abc import Callable
from typing import Final

from streamwatch.errors import EvaluationError
from streamwatch.model.labels import NAME, Labels
from streamwatch.promql.nodes import Binary, Matching
from streamwatch.promql.numbers import ARITHMETIC, COMPARISONS
from streamwatch.promql.series import DROPPED, Bare, Element, Value, Vector, nameless, unmarked

SETS: Final = frozenset({"and", "or", "unless"})


def binary(node: Binary, left: Value, right: Value, bare: Bare = nameless) -> Value:
    """Return what the operator makes of both sides.

    Args:
        node: the operator.
        left: what is left of it.
        right: what is right of it.
        bare: takes names away.

    Raises:
        EvaluationError: elements match that must not, or several results have the same labels.

    """
    if isinstance(left, str) or isinstance(right, str):
        raise EvaluationError(f"{node.op}: a string is no operand")
    if isinstance(left, float) and isinstance(right, float):
        return _scalars(node.op, left, right)
    if isinstance(left, float) or isinstance(right, float):
        return _with_scalar(node, left, right, bare)
    if node.op in SETS:
        return _set(node, left, right)
    return _vectors(node, left, right, bare)


def _scalars(op: str, left: float, right: float) -> float:
    return float(COMPARISONS[op](left, right)) if op in COMPARISONS else ARITHMETIC[op](left, right)


def _with_scalar(node: Binary, left: Vector | float, right: Vector | float, bare: Bare) -> Vector:
    vector, other = (right, left) if isinstance(left, float) else (left, right)
    assert isinstance(vector, list)  # noqa: S101 - the caller has looked
    assert isinstance(other, float)  # noqa: S101
    found: Vector = []
    for labels, value in vector:
        one, two = (other, value) if isinstance(left, float) else (value, other)
        if node.op in ARITHMETIC:
            found.append((bare(labels), ARITHMETIC[node.op](one, two)))
        elif node.as_bool:
            found.append((bare(labels), float(COMPARISONS[node.op](one, two))))
        elif COMPARISONS[node.op](one, two):
            found.append((labels, value))
    return found


def _signature(matching: Matching) -> Callable[[Labels], Labels]:
    if matching.on:
        return lambda labels: labels.only(matching.labels)
    ignored = {*matching.labels, NAME, DROPPED}
    return lambda labels: labels.without(ignored)


def _set(node: Binary, left: Vector, right: Vector) -> Vector:
    signature = _signature(node.matching)
    if node.op == "or":
        there = {signature(labels) for labels, _ in left}
        return left + [element for element in right if signature(element[0]) not in there]
    there = {signature(labels) for labels, _ in right}
    return [element for element in left if (signature(element[0]) in there) is (node.op == "and")]


def _vectors(node: Binary, left: Vector, right: Vector, bare: Bare) -> Vector:
    if not left or not right:
        return []
    matching, signature = node.matching, _signature(node.matching)
    many, one = (right, left) if matching.many == "right" else (left, right)
    ones: dict[Labels, Element] = {}
    for element in one:
        key = signature(element[0])
        if key in ones:
            side = "left" if matching.many == "right" else "right"
            raise EvaluationError(
                f"{node.op}: found duplicate series for the match group {key} on the {side} hand-side of the operation:"
                f" {ones[key][0]} and {element[0]}: many-to-many matching is not allowed, matching labels must be"
                " unique on one side"
            )
        ones[key] = element
    found: Vector = []
    taken: dict[Labels, set[Labels]] = {}
    for element in many:
        key = signature(element[0])
        if key not in ones:
            continue
        both = (ones[key][1], element[1]) if matching.many == "right" else (element[1], ones[key][1])
        value = _combined(node, *both)
        if value is None:
            continue  # as in 3.5: what is filtered out takes no place (from 3.9 on it does)
        labels = _labels(node, unmarked(element[0]), ones[key][0])
        _claim(node, taken, key, labels)
        found.append((bare(labels) if node.as_bool else labels, value))
    return found


def _claim(node: Binary, taken: dict[Labels, set[Labels]], key: Labels, labels: Labels) -> None:
    """Note that an element matched; only the many may match more than once, and must stay apart."""
    if key not in taken:
        taken[key] = {labels}
        return
    if not node.matching.many:
        why = "many-to-one matching must be explicit (group_left/group_right)"
        raise EvaluationError(f"{node.op}: multiple matches for labels {key}: {why}")
    if labels in taken[key]:
        why = "grouping labels must ensure unique matches"
        raise EvaluationError(f"{node.op}: multiple matches for labels {key}: {why}")
    taken[key].add(labels)


def _combined(node: Binary, left: float, right: float) -> float | None:
    if node.op in ARITHMETIC:
        return ARITHMETIC[node.op](left, right)
    holds = COMPARISONS[node.op](left, right)
    if node.as_bool:
        return float(holds)
    return left if holds else None


def _labels(node: Binary, own: Labels, others: Labels) -> Labels:
    """Return the labels of a result: those of the many, or of the left."""
    matching = node.matching
    if node.op in ARITHMETIC:
        own = nameless(own)
    if not matching.many:
        own = own.only(matching.labels) if matching.on else own.without(matching.labels)
    if matching.include:
        own = own.updated({name: others.get(name, "") for name in matching.include})
    return own
