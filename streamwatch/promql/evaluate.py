"""Evaluates an expression at an instant, in columns: of many series at once."""

from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Final, TypeAlias

import numpy as np

from streamwatch.core.errors import EvaluationError, StreamWatchError
from streamwatch.model.labels import NAME, Labels
from streamwatch.promql.aggregate import aggregate
from streamwatch.promql.binary import Bare, binary
from streamwatch.promql.calls import call
from streamwatch.promql.columns import (
    Frame,
    KeyIndex,
    Querier,
    Rows,
    SeriesBlock,
    VectorPart,
    filtered,
    finished,
    missing,
    named,
    nameless,
    nameless_later,
    vector,
)
from streamwatch.promql.neighbours import merged
from streamwatch.promql.nodes import (
    Aggregation,
    At,
    Binary,
    Call,
    Expr,
    Negation,
    Number,
    RangeSelector,
    Selector,
    StringLiteral,
    Subquery,
)
from streamwatch.promql.ranges import RangeSamples
from streamwatch.promql.series import Element, Value, elements, unmarked

LOOKBACK_MS: Final = 300_000
STEP_MS: Final = 60_000
MOST_SAMPLES: Final = 50_000_000
MOST_HELD: Final = 10_000_000
_LOOK_EVERY: Final = 64
_AT_A_TIME: Final = 4096
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


def evaluate(node: Expr, querier: Querier, at_ms: int, options: Options | None = None) -> Value:
    """Return what an expression is at an instant.

    Args:
        node: the expression.
        querier: what knows the samples.
        at_ms: when, in milliseconds since 1970.
        options: how.

    Raises:
        EvaluationError: the data do not let it be evaluated, it touches too many samples, or the engine fails.

    """
    with _failing_by_name():
        return Evaluation(querier, options or Options(), at_ms, at_ms).result(node, at_ms)


def evaluate_range(  # noqa: PLR0913, PLR0917 - what, on what, from when until when, how
    node: Expr, querier: Querier, start_ms: int, end_ms: int, step_ms: int, options: Options | None = None
) -> dict[Labels, Points]:
    """Return an expression's values at each step, by series; a scalar is a series without labels.

    Raises:
        EvaluationError: the data do not let it be evaluated, it touches too many samples or steps, or the engine fails.

    """
    if step_ms <= 0 or (end_ms - start_ms) // step_ms >= MOST_STEPS:
        raise EvaluationError(f"a range query has at most {MOST_STEPS} steps: make the step longer")
    with _failing_by_name():
        evaluation = Evaluation(querier, options or Options(), start_ms, end_ms)
        return evaluation.stepped(evaluation.result, node, range(start_ms, end_ms + 1, step_ms))


@contextmanager
def _failing_by_name() -> Iterator[None]:
    """Let whatever goes wrong be an error of this evaluation: nobody else's, and never an unknown exception."""
    try:
        with np.errstate(all="ignore"):
            yield
    except (StreamWatchError, TimeoutError):
        raise
    except Exception as error:
        why = str(error) or "no reason given"
        raise EvaluationError(f"the engine failed: {type(error).__name__}: {why}: please report this") from error


def _there(part: VectorPart) -> VectorPart:
    """Return the elements that are not stale."""
    return filtered(part, ~missing(part.values))


class Evaluation:
    """One query, of which parts may be asked at many instants."""

    def __init__(self, querier: Querier, options: Options, start_ms: int, end_ms: int) -> None:
        self._querier = querier
        self._options = options
        self._start, self._end = start_ms, end_ms
        self._index = KeyIndex() if options.is_passing else querier.index
        self.bare: Final[Bare] = nameless_later if options.delayed_names else nameless
        """Takes names away, at once or at the end."""
        self._touched = self._held = self._look_at = 0

    def result(self, node: Expr, at: int) -> Value:
        """Return what a node is at an instant, element by element, names dropped that were to go at the end."""
        value = self._value(node, at)
        self._options.look()
        return finished(value) if isinstance(value, tuple) else value

    def _value(self, node: Expr, at: int) -> Frame | float | str:  # noqa: PLR0911 - one for each kind of node
        """Return what a node is at an instant."""
        self.touch(1)
        match node:
            case Number(value=number):
                return number
            case StringLiteral(value=text):
                return text
            case Selector():
                blocks = self._newest(node, at)
                parts = merged((VectorPart(block.rows, block.values[0]) for block in blocks), self._index)
                return tuple(_there(part) for part in parts)
            case Negation(inner=inner):
                return self._negated(self._operand("-", inner, at))
            case Binary(op=op):
                left, right = self._operand(op, node.left, at), self._operand(op, node.right, at)
                return binary(node, left, right, self.bare, self._index)
            case Aggregation():
                param = None if node.param is None else self._value(node.param, at)
                if isinstance(param, tuple):
                    raise EvaluationError(f"{node.op}: the parameter is a vector")
                return aggregate(node, self.frame(node.inner, at), param, self._index)
            case Call():
                found = call(self, node, at)
                return found if isinstance(found, float) else merged(found, self._index)
        raise EvaluationError("a range of samples is no result: use it in a function such as rate()")

    def frame(self, node: Expr, at: int) -> Frame:
        """Return a vector, and nothing else."""
        value = self._value(node, at)
        if not isinstance(value, tuple):
            raise EvaluationError("a vector is wanted here")
        return value

    def scalar(self, node: Expr, at: int) -> float:
        """Return a scalar, and nothing else."""
        value = self._value(node, at)
        if not isinstance(value, float):
            raise EvaluationError("a scalar is wanted here")
        return value

    def string(self, node: Expr, at: int) -> str:
        """Return a string, and nothing else."""
        value = self._value(node, at)
        if not isinstance(value, str):
            raise EvaluationError("a string is wanted here")
        return value

    def each(self, frame: Frame) -> Iterator[Element]:
        """Yield elements one by one: what takes them so takes its time, and is looked after."""
        for part in frame:
            for start in range(0, len(part.rows), _AT_A_TIME):
                some = np.arange(start, min(start + _AT_A_TIME, len(part.rows)))
                self.touch(len(some))
                yield from vector((VectorPart(part.rows.take(some), part.values[some]),))

    def _operand(self, op: str, node: Expr, at: int) -> Frame | float:
        value = self._value(node, at)
        if isinstance(value, str):
            raise EvaluationError(f"{op}: a string is no operand")
        return value

    def _negated(self, value: Frame | float) -> Frame | float:
        if isinstance(value, float):
            return -value
        return self.bare(tuple(VectorPart(part.rows, -part.values) for part in value))

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

    def newest(self, node: Selector, at: int) -> Iterator[tuple[VectorPart, int]]:
        """Yield the newest samples, with their times; a stale marker ends a series."""
        for block in self._newest(node, at):
            yield _there(VectorPart(block.rows, block.values[0])), int(block.times[0])

    def _newest(self, node: Selector, at: int) -> Iterator[SeriesBlock]:
        until = self._moment(at, node.at, node.offset_ms)
        return self._blocks(node, until - self._options.lookback_ms, until, newest=True)

    def samples(self, node: Expr, at: int, *, gaps: bool = False) -> Iterator[tuple[Rows, RangeSamples]]:
        """Yield the samples of series in a range, none of them stale.

        Args:
            node: what gives a range.
            at: when it is asked for, in milliseconds.
            gaps: whether series come together that have samples at different times; else only those with the same.

        """
        if isinstance(node, Subquery):
            until = self._moment(at, node.at, node.offset_ms)
            since = until - node.range_ms
            blocks = self._steps(node, since, until)
        elif isinstance(node, RangeSelector):
            until = self._moment(at, node.selector.at, node.selector.offset_ms)
            since = until - node.range_ms
            blocks = self._blocks(node.selector, since, until, newest=False)
        else:
            raise EvaluationError("a range of samples is wanted here, as in x[5m]")
        for block in blocks:
            if gaps:
                rows, values, there = block.known()
                if len(rows):
                    yield rows, RangeSamples(block.times, values, since, until, at, there)
                continue
            for rows, times, values in block.whole():
                self.touch(len(times))  # of many patterns each takes its time
                yield rows, RangeSamples(times, values, since, until, at)

    def _blocks(self, node: Selector, since: int, until: int, *, newest: bool) -> Iterator[SeriesBlock]:
        return self._querier.blocks(node.matchers, since + 1, until, newest=newest, index=self._index, weigh=self.touch)

    def _steps(self, node: Subquery, since: int, until: int) -> Iterator[SeriesBlock]:
        """Yield what an expression is at every step: series together that follow each other and have the same times."""
        step = node.step_ms or self._options.step_ms
        if node.range_ms // step > MOST_STEPS:
            raise EvaluationError(f"a subquery has at most {MOST_STEPS} steps: give a longer one")
        found = self.stepped(self._inner, node.inner, range((since // step + 1) * step, until + 1, step))
        for _, run in groupby(found, lambda labels: (labels.get(NAME, ""), found[labels][0].tobytes())):
            some = list(run)
            values = np.array([found[labels][1] for labels in some]).T
            yield SeriesBlock(named([unmarked(labels) for labels in some]), np.array(found[some[0]][0]), values)

    def _inner(self, node: Expr, at: int) -> Value:
        value = self._value(node, at)
        return vector(value) if isinstance(value, tuple) else value

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
