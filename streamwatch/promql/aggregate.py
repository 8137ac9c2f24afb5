"""Aggregations: many elements made few, by labels."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from streamwatch.errors import EvaluationError
from streamwatch.model.labels import NAME, Labels
from streamwatch.promql.nodes import Aggregation
from streamwatch.promql.numbers import mean, nan_last, quantile, total, variance, written
from streamwatch.promql.ranges import least, most
from streamwatch.promql.series import DROPPED, Vector

_FOLDS: Final[Mapping[str, Callable[[Sequence[float]], float]]] = {
    "sum": total,
    "avg": mean,
    "min": least,
    "max": most,
    "count": lambda values: float(len(values)),
    "group": lambda _: 1.0,
    "stddev": lambda values: math.sqrt(variance(values)),
    "stdvar": variance,
}
_LARGEST: Final = 2.0**63
OPERATORS: Final = frozenset({*_FOLDS, "topk", "bottomk", "quantile", "count_values"})


def aggregate(node: Aggregation, vector: Vector, param: float | str | None) -> Vector:
    """Return the aggregated vector.

    Args:
        node: how.
        vector: of what.
        param: the number of topk, bottomk and quantile, or the label of count_values.

    Raises:
        EvaluationError: the parameter is none.

    """
    if node.op == "count_values":
        return _count_values(node, vector, str(param))
    groups: dict[Labels, Vector] = {}
    for element in vector:
        groups.setdefault(_group(node, element[0]), []).append(element)
    if node.op in {"topk", "bottomk"}:
        return [one for some in groups.values() for one in _extremes(node.op, some, _number(node.op, param))]
    if node.op == "quantile":
        q = float(param or 0.0)
        return _marked([(labels, quantile(q, [value for _, value in some])) for labels, some in groups.items()], vector)
    fold = _FOLDS[node.op]
    return _marked([(labels, fold([value for _, value in some])) for labels, some in groups.items()], vector)


def _marked(found: Vector, vector: Vector) -> Vector:
    """Return the results, marked as the elements in their places: as Prometheus does with delayed removal of names."""
    return [
        (labels.updated({DROPPED: "1"}) if DROPPED in element[0] else labels, value)
        for (labels, value), element in zip(found, vector, strict=False)
    ]


def _group(node: Aggregation, labels: Labels) -> Labels:
    return labels.without({*node.labels, NAME, DROPPED}) if node.without else labels.only(node.labels)


def _number(op: str, param: float | str | None) -> int:
    value = float(param or 0.0)
    if math.isnan(value):
        raise EvaluationError(f"{op}: the number of elements is NaN")
    if value >= _LARGEST:
        raise EvaluationError(f"{op}: the number of elements, {value:g}, is larger than 64 bits")
    return int(max(-1.0, value))


def _extremes(op: str, elements: Vector, count: int) -> Vector:
    """Return so many of the largest or smallest, NaN last."""
    if count < 1:
        return []
    sign = -1.0 if op == "topk" else 1.0
    return sorted(elements, key=lambda element: nan_last(sign * element[1]))[:count]


def _count_values(node: Aggregation, vector: Vector, label: str) -> Vector:
    counts: dict[Labels, float] = {}
    for labels, value in vector:
        named = labels.updated({label: written(value)})
        # The label of the value is one that is grouped by; `without` takes it away as any other.
        group = _group(node, named) if node.without else named.only((*node.labels, label))
        counts[group] = counts.get(group, 0.0) + 1
    return list(counts.items())
