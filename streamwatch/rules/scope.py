"""Which rules can be evaluated for some targets alone: where the part of the value is the value of the part.

Targets differ by a label, ``kafka_cluster``. An expression is local where each of its elements has
that label, and depends on samples of the same target only, or on what belongs to no target, such as a limit that a
rule records.
"""

import enum
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from streamwatch.promql.columns import KeyIndex, Querier, SeriesBlock
from streamwatch.promql.match import Matcher
from streamwatch.promql.nodes import (
    Aggregation,
    Binary,
    Call,
    Expr,
    Matching,
    Negation,
    Number,
    RangeSelector,
    Selector,
    StringLiteral,
    Subquery,
)
from streamwatch.rules.rule import metric_of
from streamwatch.rules.state import Active

TARGET: Final = "kafka_cluster"

_BY_ELEMENT: Final = frozenset({
    *("abs", "ceil", "floor", "round", "clamp", "clamp_min", "clamp_max", "sgn", "timestamp"),
    *("exp", "ln", "log2", "log10", "sqrt"),
    *("rate", "irate", "increase", "delta", "idelta", "deriv", "predict_linear", "changes", "resets"),
    *("avg_over_time", "min_over_time", "max_over_time", "sum_over_time", "count_over_time", "last_over_time"),
    *("present_over_time", "stddev_over_time", "stdvar_over_time", "quantile_over_time"),
})  # fmt: skip
"""Functions that make one element of each, and keep its label."""
_SCALARS: Final = frozenset({"time", "pi"})


class Reach(enum.Enum):
    """What the value of an expression depends on."""

    FIXED = enum.auto()
    """Nothing that has the label."""
    LOCAL = enum.auto()
    """Each element on samples of its own target only."""
    WHOLE = enum.auto()
    """Whatever there is."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Targets, and which metrics are theirs."""

    targets: frozenset[str]
    metrics: Collection[str]
    """Those of which every series has the label, with the name of the target that appends it."""

    def within(self, samples: "Divisible") -> Querier:
        """Return the samples of these targets, and all that belong to none."""
        return _Within(samples, self)

    def others(self, active: Active) -> Active:
        """Return the alerts of other targets."""
        return {labels: alert for labels, alert in active.items() if labels.get(TARGET) not in self.targets}


class Divisible(Querier, Protocol):
    """Samples that can be read of some targets alone."""

    def blocks(  # noqa: PLR0913 - as the querier
        self,
        matchers: Sequence[Matcher],
        first_ms: int,
        last_ms: int,
        *,
        newest: bool,
        index: KeyIndex | None = None,
        weigh: Callable[[int], None] | None = None,
        sources: Collection[str] | None = None,
    ) -> Iterator[SeriesBlock]:
        """Yield what the querier yields, of these sources only; of all by default."""


def reach(expr: Expr, labelled: Collection[str]) -> Reach:
    """Return what an expression depends on.

    Args:
        expr: the expression.
        labelled: the metrics of which every series has the label.

    """
    match expr:
        case Number() | StringLiteral():
            return Reach.FIXED
        case Selector():
            name = metric_of(expr)
            return Reach.WHOLE if name is None else Reach.LOCAL if name in labelled else Reach.FIXED
        case RangeSelector(selector=inner) | Subquery(inner=inner) | Negation(inner=inner):
            return reach(inner, labelled)
        case Call():
            found = [reach(arg, labelled) for arg in expr.args]
            return _same(found, is_kept=expr.name in _BY_ELEMENT and found.count(Reach.LOCAL) == 1)
        case Aggregation(inner=inner, param=param):
            found = [reach(inner, labelled), Reach.FIXED if param is None else reach(param, labelled)]
            is_kept = (TARGET in expr.labels) != expr.without and expr.op != "count_values"
            return _same(found, is_kept=is_kept and found[1] is Reach.FIXED)
        case Binary():
            return _binary(expr, reach(expr.left, labelled), reach(expr.right, labelled))


def _same(found: Sequence[Reach], *, is_kept: bool) -> Reach:
    """Return what the whole depends on, where its parts depend on this, and it keeps the label, or does not."""
    if all(one is Reach.FIXED for one in found):
        return Reach.FIXED
    return Reach.LOCAL if is_kept and Reach.WHOLE not in found else Reach.WHOLE


def _binary(expr: Binary, left: Reach, right: Reach) -> Reach:
    matching = expr.matching
    if left is right is Reach.LOCAL:
        return _same([left, right], is_kept=_matches_by_label(matching) and TARGET not in matching.include)
    if _is_scalar(expr.left) or _is_scalar(expr.right):
        return _same([left, right], is_kept=True)
    # Beside what belongs to no target, each element stands for itself where many may match.
    is_set = expr.op in {"and", "unless"}
    kept_left = left is Reach.LOCAL and (is_set or matching.many == "left")
    kept_right = right is Reach.LOCAL and matching.many == "right"
    return _same([left, right], is_kept=(kept_left or kept_right) and TARGET not in matching.include)


def _matches_by_label(matching: Matching) -> bool:
    return (TARGET in matching.labels) == matching.on


def _is_scalar(expr: Expr) -> bool:
    match expr:
        case Number():
            return True
        case Negation(inner=inner):
            return _is_scalar(inner)
        case Call(name=name):
            return name in _SCALARS
        case Binary(left=left, right=right):
            return _is_scalar(left) and _is_scalar(right)
        case _:
            return False


class _Within:
    """The samples of some targets, and all that belong to none."""

    def __init__(self, samples: Divisible, scope: Scope) -> None:
        self._samples, self._scope = samples, scope

    @property
    def index(self) -> KeyIndex:
        return self._samples.index

    def blocks(  # noqa: PLR0913 - as the querier
        self,
        matchers: Sequence[Matcher],
        first_ms: int,
        last_ms: int,
        *,
        newest: bool,
        index: KeyIndex | None = None,
        weigh: Callable[[int], None] | None = None,
    ) -> Iterator[SeriesBlock]:
        name = metric_of(Selector(tuple(matchers)))
        sources = self._scope.targets if name in self._scope.metrics else None
        return self._samples.blocks(
            matchers, first_ms, last_ms, newest=newest, index=index, weigh=weigh, sources=sources
        )
