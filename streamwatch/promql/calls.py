"""Functions, of whatever arguments."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

import numpy as np

from streamwatch.model.labels import NAME, Labels
from streamwatch.promql import functions, histogram, ranges, relabel
from streamwatch.promql.columns import (
    Floats,
    Frame,
    Rows,
    VectorPart,
    arranged,
    distinct,
    filtered,
    framed,
    missing,
    size,
    values_of,
)
from streamwatch.promql.dates import MOMENTS
from streamwatch.promql.match import Matcher
from streamwatch.promql.nodes import Call, Expr, RangeSelector, Selector, Subquery
from streamwatch.promql.ranges import RangeSamples
from streamwatch.promql.series import DROPPED, Element, Vector, unique


class ArgumentEvaluator(Protocol):
    """What evaluates arguments."""

    def frame(self, node: Expr, at: int) -> Frame:
        """Return a vector."""

    def scalar(self, node: Expr, at: int) -> float:
        """Return a scalar."""

    def string(self, node: Expr, at: int) -> str:
        """Return a string."""

    def newest(self, node: Selector, at: int) -> Iterator[tuple[VectorPart, int]]:
        """Yield the newest samples, with their times."""

    def samples(self, node: Expr, at: int, *, gaps: bool = False) -> Iterator[tuple[Rows, RangeSamples]]:
        """Yield the samples in a range; with ``gaps`` of series together that have them at different times."""

    def each(self, frame: Frame) -> Iterator[Element]:
        """Yield elements one by one."""

    def bare(self, frame: Frame) -> Frame:
        """Return a vector without the metrics' names, types and units, now or at the end."""

    def hold(self, count: int) -> None:
        """Count what is kept until the query ends, in samples."""


Args = Sequence[Expr]
_USUAL: Final = 256
_BYTES: Final = 16
"""Of a sample: its time and its value."""


def call(within: ArgumentEvaluator, node: Call, at: int) -> Frame | float:
    """Return what a function makes of its arguments at an instant."""
    name, args = node.name, node.args
    if name in functions.EACH:
        return _each(within, within.frame(args[0], at), functions.EACH[name])
    if name in MOMENTS:
        return _each(within, within.frame(args[0], at) if args else _single(at / 1000), MOMENTS[name])
    if name in ranges.FUNCTIONS:
        parts = _over_range(within, args[0], at, ranges.FUNCTIONS[name], gaps=name in ranges.WITH_GAPS)
        if name in ranges.KEEP_NAME:
            return distinct(parts) if isinstance(args[0], Subquery) else parts
        return within.bare(parts)
    return _OTHERS[name](within, args, at)


def _single(value: float, labels: Labels = Labels()) -> Frame:  # noqa: B008 - labels never change
    return framed([(labels, value)])


def _each(within: ArgumentEvaluator, frame: Frame, function: Callable[[Floats], Any]) -> Frame:
    return within.bare(tuple(VectorPart(part.rows, function(part.values)) for part in frame))


def _over_range(
    within: ArgumentEvaluator, node: Expr, at: int, function: ranges.RangeFunction, *, gaps: bool = False
) -> Frame:
    """Return what a function makes of ranges, metrics' names kept."""
    parts = []
    for rows, samples in within.samples(node, at, gaps=gaps):
        values = function(samples)
        if values is not None:
            parts.append(filtered(VectorPart(rows, values), ~missing(values)))
    return tuple(part for part in parts if len(part.rows))


def _quantile_over_time(within: ArgumentEvaluator, args: Args, at: int) -> Frame:
    q = within.scalar(args[0], at)
    return within.bare(_over_range(within, args[1], at, lambda samples: ranges.quantile_over_time(samples, q)))


def _predict_linear(within: ArgumentEvaluator, args: Args, at: int) -> Frame:
    seconds = within.scalar(args[1], at)
    return within.bare(_over_range(within, args[0], at, lambda samples: ranges.predict_linear(samples, seconds)))


def _absent(within: ArgumentEvaluator, args: Args, at: int) -> Frame:
    return () if size(within.frame(args[0], at)) else _single(1.0, _labels_of(args[0]))


def _absent_over_time(within: ArgumentEvaluator, args: Args, at: int) -> Frame:
    if any(True for _ in within.samples(args[0], at)):
        return ()
    found = _single(1.0, _labels_of(args[0]))
    marked = within.bare(found)  # in Prometheus only what is dropped at the end is dropped here
    return marked if marked[0].rows.may_have(DROPPED) else found


def _labels_of(node: Expr) -> Labels:
    """Return the labels that a selector's matchers say a series would have: those with one ``=`` and nothing else."""
    matchers: Sequence[Matcher] = ()
    if isinstance(node, Selector):
        matchers = node.matchers
    elif isinstance(node, RangeSelector):
        matchers = node.selector.matchers
    found: dict[str, str] = {}
    for matcher in matchers:
        # As in Prometheus, one by one: whatever comes after the first `=` takes its label away again.
        if matcher.name != NAME and (matcher.op == "=" or matcher.name in found):
            found[matcher.name] = "" if matcher.name in found else matcher.value
    return Labels(found)


def _clamp(within: ArgumentEvaluator, args: Args, at: int, least: float, most: float) -> Frame:
    frame = within.frame(args[0], at)
    return () if least > most else _each(within, frame, lambda values: functions.clamp(values, least, most))


def _round(within: ArgumentEvaluator, args: Args, at: int) -> Frame:
    nearest = within.scalar(args[1], at) if len(args) > 1 else 1.0
    return _each(within, within.frame(args[0], at), lambda values: functions.rounded(values, nearest))


def _scalar(within: ArgumentEvaluator, args: Args, at: int) -> float:
    values = values_of(within.frame(args[0], at))
    return float(values[0]) if len(values) == 1 else math.nan


def _sorted(within: ArgumentEvaluator, args: Args, at: int, sign: float) -> Frame:
    frame = within.frame(args[0], at)
    values = sign * values_of(frame)
    return arranged(frame, np.lexsort((values, np.isnan(values))))


def _timestamp(within: ArgumentEvaluator, args: Args, at: int) -> Frame:
    if isinstance(args[0], Selector):
        found = [(part.rows, time) for part, time in within.newest(args[0], at)]
    else:
        found = [(part.rows, at) for part in within.frame(args[0], at)]
    return within.bare(tuple(VectorPart(rows, np.full(len(rows), time / 1000)) for rows, time in found))


def _histogram_quantile(within: ArgumentEvaluator, args: Args, at: int) -> Frame:
    q = within.scalar(args[0], at)
    return _of_buckets(within, args[1], at, lambda buckets: histogram.quantile(q, buckets))


def _histogram_fraction(within: ArgumentEvaluator, args: Args, at: int) -> Frame:
    lower, upper = within.scalar(args[0], at), within.scalar(args[1], at)
    return _of_buckets(within, args[2], at, lambda buckets: histogram.fraction(lower, upper, buckets))


def _of_buckets(
    within: ArgumentEvaluator, node: Expr, at: int, function: Callable[[histogram.Buckets], float]
) -> Frame:
    """Return what becomes of each histogram; those of two metrics are two, and then of the same labels."""
    groups: dict[Labels, list[tuple[float, float]]] = {}
    for labels, count in within.each(within.frame(node, at)):
        upper = histogram.bound(labels.get("le", ""))
        if upper is not None:
            groups.setdefault(labels.without(["le"]), []).append((upper, count))
    return within.bare(framed((labels, function(buckets)) for labels, buckets in groups.items()))


def _label_replace(within: ArgumentEvaluator, args: Args, at: int) -> Frame:
    target, replacement, source, pattern = (within.string(arg, at) for arg in args[1:])
    elements = within.each(within.frame(args[0], at))
    return _held(within, relabel.label_replace(elements, target, replacement, source, pattern), target)


def _label_join(within: ArgumentEvaluator, args: Args, at: int) -> Frame:
    target, separator, *sources = (within.string(arg, at) for arg in args[1:])
    return _held(within, relabel.label_join(within.each(within.frame(args[0], at)), target, separator, sources), target)


def _held(within: ArgumentEvaluator, elements: Vector, target: str) -> Frame:
    """Return the elements; the text of their new label counts where it is more than any label's should be."""
    within.hold(sum(max(0, len(labels.get(target, "")) - _USUAL) for labels, _ in elements) // _BYTES)
    return framed(unique(elements))


_OTHERS: Final[Mapping[str, Callable[[ArgumentEvaluator, Args, int], Frame | float]]] = {
    "absent": _absent,
    "absent_over_time": _absent_over_time,
    "clamp": lambda e, args, at: _clamp(e, args, at, e.scalar(args[1], at), e.scalar(args[2], at)),
    "clamp_max": lambda e, args, at: _clamp(e, args, at, -math.inf, e.scalar(args[1], at)),
    "clamp_min": lambda e, args, at: _clamp(e, args, at, e.scalar(args[1], at), math.inf),
    "histogram_fraction": _histogram_fraction,
    "histogram_quantile": _histogram_quantile,
    "label_join": _label_join,
    "label_replace": _label_replace,
    "pi": lambda *_: math.pi,
    "predict_linear": _predict_linear,
    "quantile_over_time": _quantile_over_time,
    "round": _round,
    "scalar": _scalar,
    "sort": lambda e, args, at: _sorted(e, args, at, 1.0),
    "sort_desc": lambda e, args, at: _sorted(e, args, at, -1.0),
    "time": lambda _, __, at: at / 1000,
    "timestamp": _timestamp,
    "vector": lambda e, args, at: _single(e.scalar(args[0], at)),
}

NAMES: Final = frozenset({*functions.EACH, *MOMENTS, *ranges.FUNCTIONS, *_OTHERS})
"""Every function that the engine knows."""
