"""Answers to expressions, ours and others', and whether they are the same."""

import math
from collections.abc import Callable
from typing import Any

from streamwatch.core.errors import EvaluationError, QueryError
from streamwatch.model.labels import Labels
from streamwatch.promql.columns import Querier
from streamwatch.promql.evaluate import Options, evaluate
from streamwatch.promql.parse import parse
from streamwatch.promql.series import Value

Answer = dict[Labels, float] | str
"""A vector, or the error."""


def ours(
    expression: str, querier: Querier, at: int, *, delayed_names: bool = False, is_passing: bool = False
) -> Answer:
    """Return what the engine makes of an expression at so many seconds; a scalar is an element without labels."""
    options = Options(step_ms=15_000, delayed_names=delayed_names, is_passing=is_passing)
    return _answer(lambda: evaluate(parse(expression), querier, at * 1000, options))


def _answer(made: Callable[[], Value]) -> Answer:
    try:
        value = made()
    except (EvaluationError, QueryError) as error:
        if "please report this" in str(error):
            raise
        return str(error)
    if isinstance(value, float):
        return {Labels(): value}
    assert isinstance(value, list)
    return dict(value)


def differ(one: Answer, other: Answer) -> bool:
    """Say whether two answers are not the same; errors are all alike."""
    if isinstance(one, str) or isinstance(other, str):
        return isinstance(one, str) is not isinstance(other, str)
    return one.keys() != other.keys() or any(not _same(value, other[labels]) for labels, value in one.items())


def _same(one: float, other: float) -> bool:
    if math.isnan(one) or math.isnan(other):
        return math.isnan(one) and math.isnan(other)
    return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)


def written(answer: Answer) -> Any:
    """Return an answer as JSON keeps it."""
    return answer if isinstance(answer, str) else [[dict(labels), repr(value)] for labels, value in answer.items()]


def read(kept: Any) -> Answer:
    """Return the answer that was kept."""
    return kept if isinstance(kept, str) else {Labels(labels): float(value) for labels, value in kept}
