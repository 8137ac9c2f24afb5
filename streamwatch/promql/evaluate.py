"""Evaluates an expression at an instant, one series after the other: clear and exact; the oracle of what is quicker."""

from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from streamwatch.errors import EvaluationError
from streamwatch.model.labels import Labels
from streamwatch.promql.aggregate import aggregate
from streamwatch.promql.binary import binary
from streamwatch.promql.calls import call
from streamwatch.promql.nodes import (
    Aggregation,
    At,
    Binary,
    Call,
    Expr,
    Negation,
    Number,
    Selector,
    Subquery,
    Text,
    Window,
)
from streamwatch.promql.ranges import Samples
from streamwatch.promql.series import (
    Bare,
    Querier,
    Value,
    Vector,
    elements,
    final,
    is_stale,
    nameless,
    nameless_later,
    unique,
    unmarked,
)

LOOKBACK_MS: Final = 300_000
STEP_MS: Final = 60_000
MOST_SAMPLES: Final = 50_000_000
MOST_HELD: Final = 10_000_000
_LOOK_EVERY: Final = 64
MOST_STEPS: Final = 11_000
_NO_RANGE: Final = "a string has no range"
Points: TypeAlias = tuple["array[int]", "array[float]"]
"""Times and as many values."""


def _go_on() -> None:
    """Never object."""


@dataclass(frozen=True, slots=True)
class Options:
    """How an expression is evaluated."""

    lookback_ms: int = LOOKBACK_MS
    """How old an instant selector's sample may be."""
    step_ms: int = STEP_MS
    """The step of a subquery that gives none."""
    most_samples: int = MOST_SAMPLES
    """More samples than that are refused: those that are read, and those that inner evaluations make."""
    most_held: int = MOST_HELD
    """And more than that at a time, of 16 bytes each."""
    look: Callable[[], None] = _go_on
    """Called now and then while an expression is evaluated; what it raises ends the evaluation."""
    is_passing: bool = False
    """Whether nobody asks the same again and again, so that nothing is remembered for then."""
    delayed_names: bool = False
    """Whether the metric's name is dropped at the end only (Prometheus's feature `promql-delayed-name-removal`)."""


def evaluate(
    node: Expr, querier: Querier, at_ms: int, options: Options | None = None, *, span: tuple[int, int] | None = None
) -> Value:
    """Return what an expression is at an instant.

    Args:
        node: the expression.
        querier: what knows the samples.
        at_ms: when, in milliseconds since 1970.
        options: how.
        span: the start and end of the query, of which the instant is one step; the instant itself by default.

    Raises:
        EvaluationError: the data do not let it be evaluated, or it touches too many samples.

    """
    start, end = span or (at_ms, at_ms)
    return Evaluation(querier, options or Options(), start, end).result(node, at_ms)


def evaluate_range(  # noqa: PLR0913, PLR0917 - what, on what, from when until when, how
    node: Expr, querier: Querier, start_ms: int, end_ms: int, step_ms: int, options: Options | None = None
) -> dict[Labels, Points]:
    """Return an expression's values at each step, by series; a scalar is a series without labels."""
    return stepped(Evaluation(querier, options or Options(), start_ms, end_ms), node, start_ms, end_ms, step_ms)


def stepped(evaluation: "Evaluation", node: Expr, start_ms: int, end_ms: int, step_ms: int) -> dict[Labels, Points]:
    """Return an expression's values at each step, by series."""
    if step_ms <= 0 or (end_ms - start_ms) // step_ms >= MOST_STEPS:
        raise EvaluationError(f"a range query has at most {MOST_STEPS} steps: make the step longer")
    return evaluation.stepped(evaluation.result, node, range(start_ms, end_ms + 1, step_ms))


class Evaluation:
    """One query; ``value`` may be asked at many instants."""

    def __init__(self, querier: Querier, options: Options, start_ms: int, end_ms: int) -> None:
        self._querier = querier
        self._options = options
        self._start, self._end = start_ms, end_ms
        self.bare: Final[Bare] = nameless_later if options.delayed_names else nameless
        """Takes names away, at once or at the end."""
        self._touched = self._held = self._look_at = 0

    def result(self, node: Expr, at: int) -> Value:
        """Return what a node is at an instant, names dropped that were to go at the end."""
        value = self.value(node, at)
        if not self._options.delayed_names or not isinstance(value, list):
            return value
        return unique([(final(labels), one) for labels, one in value])

    def value(self, node: Expr, at: int) -> Value:  # noqa: PLR0911 - one for each kind of node
        """Return what a node is at an instant."""
        self.touch(1)
        match node:
            case Number(value=number):
                return number
            case Text(value=text):
                return text
            case Selector():
                return [(labels, value) for labels, _, value in self.newest(node, at)]
            case Negation(inner=inner):
                return self._negated(self.value(inner, at))
            case Binary():
                return unique(binary(node, self.value(node.left, at), self.value(node.right, at), self.bare))
            case Aggregation():
                param = None if node.param is None else self.value(node.param, at)
                if isinstance(param, list):
                    raise EvaluationError(f"{node.op}: the parameter is a vector")
                return aggregate(node, self.vector(node.inner, at), param)
            case Call():
                return call(self, node, at)
        raise EvaluationError("a range of samples is no result: use it in a function such as rate()")

    def vector(self, node: Expr, at: int) -> Vector:
        """Return a vector, and nothing else."""
        value = self.value(node, at)
        if not isinstance(value, list):
            raise EvaluationError("a vector is wanted here")
        return value

    def scalar(self, node: Expr, at: int) -> float:
        """Return a scalar, and nothing else."""
        value = self.value(node, at)
        if not isinstance(value, float):
            raise EvaluationError("a scalar is wanted here")
        return value

    def string(self, node: Expr, at: int) -> str:
        """Return a string, and nothing else."""
        value = self.value(node, at)
        if not isinstance(value, str):
            raise EvaluationError("a string is wanted here")
        return value

    def _negated(self, value: Value) -> Value:
        if isinstance(value, list):
            return unique([(self.bare(labels), -one) for labels, one in value])
        if isinstance(value, str):
            raise EvaluationError("a string cannot be negated")
        return -value

    # Samples

    def _moment(self, at: int, fixed: At | None, offset: int) -> int:
        """Return the time that a selector speaks of."""
        base = {"start": self._start, "end": self._end}.get(fixed, at) if isinstance(fixed, str) else fixed
        return (at if base is None else base) - offset

    def touch(self, count: int) -> None:
        """Count samples that are looked at, and steps that are taken; now and then, look whether to go on.

        Raises:
            EvaluationError: they are too many.

        """
        self._touched += count
        if self._touched > self._options.most_samples:
            raise EvaluationError(f"the query touches more than {self._options.most_samples} samples")
        if self._touched >= self._look_at:
            self._look_at = self._touched + _LOOK_EVERY
            self._options.look()

    def hold(self, count: int) -> None:
        """Count samples that are kept until the query ends.

        Raises:
            EvaluationError: they are too many.

        """
        self._held += count
        if self._held > self._options.most_held:
            raise EvaluationError(
                f"the query keeps more than {self._options.most_held} samples: ask for less at a time"
            )

    def newest(self, node: Selector, at: int) -> Iterator[tuple[Labels, int, float]]:
        """Yield the newest sample of each series, with its time; a stale marker ends a series."""
        until = self._moment(at, node.at, node.offset_ms)
        for series in self._querier.select(node.matchers, until - self._options.lookback_ms + 1, until):
            if not len(series.times):
                continue
            self.touch(1)
            value = series.values[-1]
            if not is_stale(value):
                yield series.labels, series.times[-1], value

    def samples(self, node: Expr, at: int) -> Iterator[tuple[Labels, Samples]]:
        """Yield the samples of each series in a range, none of them stale."""
        if isinstance(node, Subquery):
            yield from self._steps(node, at)
            return
        if not isinstance(node, Window):
            raise EvaluationError("a range of samples is wanted here, as in x[5m]")
        until = self._moment(at, node.selector.at, node.selector.offset_ms)
        since = until - node.range_ms
        for series in self._querier.select(node.selector.matchers, since + 1, until):
            pairs = [(t, v) for t, v in zip(series.times, series.values, strict=True) if not is_stale(v)]
            self.touch(len(pairs))
            if pairs:
                yield series.labels, Samples([t for t, _ in pairs], [v for _, v in pairs], since, until, at)

    def _steps(self, node: Subquery, at: int) -> Iterator[tuple[Labels, Samples]]:
        until = self._moment(at, node.at, node.offset_ms)
        since, step = until - node.range_ms, node.step_ms or self._options.step_ms
        if node.range_ms // step > MOST_STEPS:
            raise EvaluationError(f"a subquery has at most {MOST_STEPS} steps: give a longer one")
        inner = self.stepped(self.value, node.inner, range((since // step + 1) * step, until + 1, step))
        for labels, (times, values) in inner.items():
            yield unmarked(labels), Samples(times, values, since, until, at)

    def stepped(self, made: Callable[[Expr, int], Value], node: Expr, moments: range) -> dict[Labels, Points]:
        """Return an expression's values at each step, by series."""
        found: dict[Labels, Points] = {}
        for moment in moments:
            some = elements(made(node, moment), _NO_RANGE)
            self.touch(len(some))
            self.hold(len(some))
            for labels, one in some:
                times, values = found.get(labels) or found.setdefault(labels, (array("q"), array("d")))
                times.append(moment)
                values.append(one)
        return found
