"""Aggregations: many elements made few, by labels."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from streamwatch.core.errors import EvaluationError
from streamwatch.model.labels import Labels
from streamwatch.promql.columns import Floats, Frame, Ints, KeyIndex, VectorPart, arranged, framed, values_of, vector
from streamwatch.promql.groups import By, grouped
from streamwatch.promql.nodes import Aggregation
from streamwatch.promql.numbers import mean, quantile, total, variance, written
from streamwatch.promql.series import DROPPED

Fold = Callable[[Sequence[float]], float]
_ONE_BY_ONE: Final[Mapping[str, Fold]] = {
    "sum": total,
    "avg": mean,
    "stddev": lambda values: math.sqrt(variance(values)),
    "stdvar": variance,
}
_LARGEST: Final = 2.0**63
_EXACT: Final = 2.0**53
OPERATORS: Final = frozenset(
    {*_ONE_BY_ONE, "min", "max", "count", "group", "topk", "bottomk", "quantile", "count_values"}
)


def aggregate(node: Aggregation, frame: Frame, param: float | str | None, index: KeyIndex) -> Frame:
    """Return the aggregated vector.

    Args:
        node: how.
        frame: of what.
        param: the number of topk, bottomk and quantile, or the label of count_values.
        index: answers about keys.

    Raises:
        EvaluationError: the parameter is none.

    """
    if node.op == "count_values":
        return _count_values(node, frame, str(param))
    values = values_of(frame)
    if not len(values):
        return ()
    some, groups = grouped(By.of(node), frame, index)
    codes = np.concatenate(some)
    if node.op in {"topk", "bottomk"}:
        return arranged(frame, _extremes(-values if node.op == "topk" else values, codes, _number(node.op, param)))
    there = np.bincount(codes, minlength=len(groups)) > 0
    if not there.all():
        codes, groups = (np.cumsum(there) - 1)[codes], groups.take(there)
    return _marked(VectorPart(groups, _folded(node.op, codes, values, param)), frame)


def _marked(found: VectorPart, frame: Frame) -> Frame:
    """Return the results, marked as the elements in their places: as Prometheus does with delayed removal of names."""
    if not any(part.rows.may_have(DROPPED) for part in frame):
        return (found,)
    return framed(
        (labels.updated({DROPPED: "1"}) if DROPPED in own else labels, value)
        for (labels, value), (own, _) in zip(vector((found,)), vector(frame), strict=False)
    )


def _folded(op: str, codes: Ints, values: Floats, param: float | str | None) -> Floats:
    """Return what becomes of each group; each has an element."""
    counts = np.bincount(codes).astype(np.float64)
    if op == "count":
        return counts
    if op == "group":
        return np.ones(len(counts))
    if op in {"min", "max"}:
        found = np.full(len(counts), math.nan)
        (np.fmin if op == "min" else np.fmax).at(found, codes, values)
        return found
    # Sums of whole numbers are exact in whatever order.
    if op in {"sum", "avg"} and (np.floor(values) == values).all() and float(np.abs(values).sum()) < _EXACT:
        sums = np.bincount(codes, weights=values).astype(np.float64)
        return sums / counts if op == "avg" else sums
    fold: Fold = _ONE_BY_ONE.get(op) or (lambda some: quantile(float(param or 0.0), some))
    return np.array([fold(some) for some in _split(codes, values, counts)])


def _split(codes: Ints, values: Floats, counts: Floats) -> Iterator[list[float]]:
    """Yield each group's values."""
    ordered, start = values[np.argsort(codes, kind="stable")].tolist(), 0
    for end in np.cumsum(counts).astype(np.int64).tolist():
        yield ordered[start:end]
        start = end


def _number(op: str, param: float | str | None) -> int:
    value = float(param or 0.0)
    if math.isnan(value):
        raise EvaluationError(f"{op}: the number of elements is NaN")
    if value >= _LARGEST:
        raise EvaluationError(f"{op}: the number of elements, {value:g}, is larger than 64 bits")
    return int(max(-1.0, value))


def _extremes(values: Floats, codes: Ints, count: int) -> Ints:
    """Return where so many of the smallest of each group are, NaN last."""
    order = np.lexsort((values, np.isnan(values), codes))
    ordered = codes[order]
    first = np.searchsorted(ordered, ordered)
    return order[np.arange(len(order)) - first < count]


def _count_values(node: Aggregation, frame: Frame, label: str) -> Frame:
    by, counts = By.of(node), dict[Labels, float]()
    for labels, value in vector(frame):
        valued = labels.updated({label: written(value)})
        # The label of the value is one that is grouped by; `without` takes it away as any other.
        group = valued.without(by.labels) if by.without else valued.only({*by.labels, label})
        counts[group] = counts.get(group, 0.0) + 1
    return framed(counts.items())
