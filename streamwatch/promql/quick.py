"""Evaluates in columns what pays: selectors, functions of ranges, operators with a number, aggregation.

Everything else, and every doubt, goes the plain way of ``evaluate``, which is also what this is tested against.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import numpy as np

from streamwatch.errors import EvaluationError, StreamWatchError
from streamwatch.model.labels import Labels
from streamwatch.promql import ranges, windows
from streamwatch.promql.binary import binary
from streamwatch.promql.columns import (
    Block,
    Bools,
    ColumnQuerier,
    Frame,
    KeyIndex,
    Part,
    framed,
    missing,
    nameless,
    vector,
)
from streamwatch.promql.evaluate import Evaluation, Options, Points, stepped
from streamwatch.promql.groups import COMPARE, COMPUTE, FOLDED, aggregated, kept, of_many, of_same, of_sets
from streamwatch.promql.nodes import Aggregation, Binary, Call, Expr, Negation, Number, Selector, Window
from streamwatch.promql.ranges import Samples
from streamwatch.promql.series import Value, elements, unique

_SCALARS: Final = frozenset({"scalar", "time", "pi"})


def evaluate(node: Expr, querier: ColumnQuerier, at_ms: int, options: Options | None = None) -> Value:
    """Return what an expression is at an instant; as ``evaluate.evaluate``, and sooner.

    Raises:
        EvaluationError: the data do not let it be evaluated, it touches too many samples, or the engine fails.

    """
    with _failing_by_name():
        return Quick(querier, options or Options(), at_ms, at_ms).result(node, at_ms)


def evaluate_range(  # noqa: PLR0913, PLR0917 - what, on what, from when until when, how
    node: Expr, querier: ColumnQuerier, start_ms: int, end_ms: int, step_ms: int, options: Options | None = None
) -> dict[Labels, Points]:
    """Return an expression's values at each step, by series; a scalar is a series without labels.

    Raises:
        EvaluationError: the data do not let it be evaluated, it touches too many samples or steps, or the engine fails.

    """
    with _failing_by_name():
        return stepped(Quick(querier, options or Options(), start_ms, end_ms), node, start_ms, end_ms, step_ms)


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


class Quick(Evaluation):
    """One query, in columns where that is possible."""

    def __init__(self, querier: ColumnQuerier, options: Options, start_ms: int, end_ms: int) -> None:
        super().__init__(querier, options, start_ms, end_ms)
        self._columns = querier
        self._index = KeyIndex() if options.is_passing else querier.index

    def value(self, node: Expr, at: int) -> Value:
        """Return what a node is at an instant."""
        if isinstance(node, Aggregation) and node.op in FOLDED:
            frame = self.frame(node.inner, at)
            if frame is not None:
                return aggregated(node, frame, self._index)
        elif not isinstance(node, Aggregation):
            frame = self.frame(node, at)
            if frame is not None:
                return vector(frame)
        return super().value(node, at)

    def newest(self, node: Selector, at: int) -> Iterator[tuple[Labels, int, float]]:
        """Yield the newest sample of each series, with its time."""
        for block in self._newest(node, at):
            known = ~missing(block.values[0])
            labels, time = block.rows.take(known).labels(), int(block.times[0])
            yield from ((one, time, value) for one, value in zip(labels, block.values[0][known].tolist(), strict=True))

    def samples(self, node: Expr, at: int) -> Iterator[tuple[Labels, Samples]]:
        """Yield the samples of each series in a range, none of them stale."""
        if not isinstance(node, Window):
            yield from super().samples(node, at)
            return
        until = self._moment(at, node.selector.at, node.selector.offset_ms)
        since = until - node.range_ms
        for block in self._blocks(node.selector, since, until, newest=False):
            there = ~missing(block.values)
            for column, labels in enumerate(block.rows.labels()):
                own = there[:, column]
                if own.any():
                    values = block.values[own, column].tolist()
                    yield labels, Samples(block.times[own].tolist(), values, since, until, at)

    def frame(self, node: Expr, at: int) -> Frame | None:
        """Return a vector in columns; None where the plain way must be gone.

        None comes before anything of the right is evaluated: what was evaluated and then thrown away would be
        evaluated again at every level of a nested expression.
        """
        self.touch(1)
        if self._options.delayed_names:
            return None
        match node:
            case Selector():
                return tuple(_known(block) for block in self._newest(node, at))
            case Negation(inner=inner):
                found = self.frame(inner, at)
                return None if found is None else nameless(tuple(Part(part.rows, -part.values) for part in found))
            case Call(name=name, args=(Window() as window,)) if name in windows.FUNCTIONS:
                return self._over_range(name, window, at)
            case Binary():
                return self._binary(node, at)
        return None

    def _binary(self, node: Binary, at: int) -> Frame | None:
        of_numbers = node.op in COMPARE or node.op in COMPUTE
        if of_numbers and _is_scalar(node.right):
            return None if _is_scalar(node.left) else self._with_scalar(node, node.left, node.right, at, swapped=False)
        if of_numbers and _is_scalar(node.left):
            return self._with_scalar(node, node.right, node.left, at, swapped=True)
        sets, matching = node.op in {"and", "unless"}, node.matching
        met = matching.many == "left" and not matching.include
        same = not matching.on and not matching.labels and not matching.many
        if not sets and not (of_numbers and (met or same)):
            return None
        left = self.frame(node.left, at)
        if left is None:
            return None
        right = self._framed(node.right, at)
        if sets:
            return of_sets(node, left, right, self._index)
        found = of_many(node, left, right, self._index) if met else of_same(node, left, right)
        return found if found is not None else _plainly(node, left, right)

    def _framed(self, node: Expr, at: int) -> Frame:
        """Return a vector in columns, of whatever kind the expression is."""
        found = self.frame(node, at)
        return found if found is not None else framed(self.vector(node, at))

    def _newest(self, node: Selector, at: int) -> Iterator[Block]:
        until = self._moment(at, node.at, node.offset_ms)
        return self._blocks(node, until - self._options.lookback_ms, until, newest=True)

    def _blocks(self, node: Selector, since: int, until: int, *, newest: bool) -> Iterator[Block]:
        return self._columns.blocks(node.matchers, since + 1, until, newest=newest, index=self._index, weigh=self.touch)

    def _with_scalar(self, node: Binary, many: Expr, one: Expr, at: int, *, swapped: bool) -> Frame | None:
        found = self.frame(many, at)
        if found is None:
            return None
        number = self.scalar(one, at)
        if node.op in COMPARE and not node.as_bool:
            return tuple(
                kept(part, COMPARE[node.op](number, part.values) if swapped else COMPARE[node.op](part.values, number))
                for part in found
            )
        compute = COMPUTE.get(node.op) or COMPARE[node.op]
        values = (compute(number, part.values) if swapped else compute(part.values, number) for part in found)
        return nameless(
            tuple(Part(part.rows, np.asarray(one, np.float64)) for part, one in zip(found, values, strict=True))
        )

    def _over_range(self, name: str, window: Window, at: int) -> Frame | None:
        until = self._moment(at, window.selector.at, window.selector.offset_ms)
        since = until - window.range_ms
        parts: list[Part] = []
        for block in self._blocks(window.selector, since, until, newest=False):
            parts += _ranged(name, block, since, until, at)
        return tuple(parts) if name in ranges.KEEP_NAME else nameless(tuple(parts))


def _plainly(node: Binary, left: Frame, right: Frame) -> Frame:
    """Return what the plain way makes of two vectors."""
    return framed(elements(unique(binary(node, vector(left), vector(right))), "a string is no vector"))


def _is_scalar(node: Expr) -> bool:
    match node:
        case Number():
            return True
        case Call(name=name):
            return name in _SCALARS
        case Negation(inner=inner):
            return _is_scalar(inner)
        case Binary(left=left, right=right):
            return _is_scalar(left) and _is_scalar(right)
    return False


def _known(block: Block) -> Part:
    gone = missing(block.values[0])
    if gone.any():
        return Part(block.rows.take(~gone), block.values[0][~gone])
    return Part(block.rows, block.values[0])


def _ranged(name: str, block: Block, since: int, until: int, at: int) -> Iterator[Part]:
    """Yield the function's values: of the series that have all samples in one go, of the others one by one."""
    gone = missing(block.values)
    spoken = ~gone.all(axis=1)
    times, values, gone = block.times[spoken], block.values[spoken], gone[spoken]
    if not len(times):
        return
    whole: Bools = np.logical_not(gone.any(axis=0))
    if whole.any():
        found = windows.FUNCTIONS[name](times, values if whole.all() else values[:, whole], since, until)
        if found is not None:
            yield Part(block.rows.take(whole), found)
    function = ranges.FUNCTIONS[name]
    for column in np.flatnonzero(~whole & ~gone.all(axis=0)).tolist():
        there = ~gone[:, column]
        samples = Samples(times[there].tolist(), values[there, column].tolist(), since, until, at)
        one = function(samples)
        if one is not None:
            yield Part(block.rows.at(column), np.array([one]))
