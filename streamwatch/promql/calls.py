"""Functions that need more than one value at a time: of ranges, of labels, of several arguments."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, Protocol

from streamwatch.model.labels import NAME, Labels
from streamwatch.promql import functions, histogram, ranges, relabel
from streamwatch.promql.dates import MOMENTS
from streamwatch.promql.match import Matcher
from streamwatch.promql.nodes import Call, Expr, Selector, Window
from streamwatch.promql.numbers import nan_last, quantile
from streamwatch.promql.ranges import Samples
from streamwatch.promql.series import DROPPED, Value, Vector, unique


class Evaluation(Protocol):
    """What evaluates arguments."""

    def vector(self, node: Expr, at: int) -> Vector:
        """Return a vector."""

    def scalar(self, node: Expr, at: int) -> float:
        """Return a scalar."""

    def string(self, node: Expr, at: int) -> str:
        """Return a string."""

    def newest(self, node: Selector, at: int) -> Iterator[tuple[Labels, int, float]]:
        """Yield the newest sample of each series."""

    def samples(self, node: Expr, at: int) -> Iterator[tuple[Labels, Samples]]:
        """Yield the samples of each series in a range."""

    def bare(self, labels: Labels) -> Labels:
        """Return labels without the metric's name, type and unit, now or at the end."""

    def hold(self, count: int) -> None:
        """Count what is kept until the query ends, in samples."""


Args = Sequence[Expr]
_USUAL: Final = 256
_BYTES: Final = 16
"""Of a sample: its time and its value."""


def call(within: Evaluation, node: Call, at: int) -> Value:
    """Return what a function makes of its arguments at an instant."""
    name, args = node.name, node.args
    if name in functions.EACH:
        return _each(within, within.vector(args[0], at), functions.EACH[name])
    if name in MOMENTS:
        vector = within.vector(args[0], at) if args else [(Labels(), at / 1000)]
        return _each(within, vector, MOMENTS[name])
    if name in ranges.FUNCTIONS:
        return _over_range(within, name, args[0], at, ranges.FUNCTIONS[name])
    return unique(_OTHERS[name](within, args, at))


def _each(within: Evaluation, vector: Vector, function: Callable[[float], float]) -> Value:
    return unique([(within.bare(labels), function(value)) for labels, value in vector])


def _over_range(
    within: Evaluation, name: str, window: Expr, at: int, function: Callable[[Samples], float | None]
) -> Value:
    found: Vector = []
    for labels, samples in within.samples(window, at):
        value = function(samples)
        if value is not None:
            found.append((labels if name in ranges.KEEP_NAME else within.bare(labels), value))
    return unique(found)


def _quantile_over_time(within: Evaluation, args: Args, at: int) -> Value:
    q = within.scalar(args[0], at)
    return _over_range(within, "", args[1], at, lambda samples: quantile(q, samples.values))


def _predict_linear(within: Evaluation, args: Args, at: int) -> Value:
    seconds = within.scalar(args[1], at)
    return _over_range(within, "", args[0], at, lambda samples: ranges.predict_linear(samples, seconds))


def _absent(within: Evaluation, args: Args, at: int) -> Value:
    return [] if within.vector(args[0], at) else [(_labels_of(args[0]), 1.0)]


def _absent_over_time(within: Evaluation, args: Args, at: int) -> Value:
    if any(True for _ in within.samples(args[0], at)):
        return []
    labels = _labels_of(args[0])
    marked = within.bare(labels)  # in Prometheus only what is dropped at the end is dropped here
    return [(marked if DROPPED in marked else labels, 1.0)]


def _labels_of(node: Expr) -> Labels:
    """Return the labels that a selector's matchers say a series would have: those with one ``=`` and nothing else."""
    matchers: Sequence[Matcher] = ()
    if isinstance(node, Selector):
        matchers = node.matchers
    elif isinstance(node, Window):
        matchers = node.selector.matchers
    found: dict[str, str] = {}
    for one in matchers:
        # As in Prometheus, one by one: whatever comes after the first `=` takes its label away again.
        if one.name != NAME and (one.op == "=" or one.name in found):
            found[one.name] = "" if one.name in found else one.value
    return Labels(found)


def _clamp(within: Evaluation, args: Args, at: int, least: float, most: float) -> Value:
    vector = within.vector(args[0], at)
    return [] if least > most else _each(within, vector, lambda value: functions.clamp(value, least, most))


def _round(within: Evaluation, args: Args, at: int) -> Value:
    nearest = within.scalar(args[1], at) if len(args) > 1 else 1.0
    return _each(within, within.vector(args[0], at), lambda value: functions.rounded(value, nearest))


def _scalar(within: Evaluation, args: Args, at: int) -> Value:
    vector = within.vector(args[0], at)
    return vector[0][1] if len(vector) == 1 else math.nan


def _sorted(within: Evaluation, args: Args, at: int, sign: float) -> Value:
    return sorted(within.vector(args[0], at), key=lambda element: nan_last(sign * element[1]))


def _timestamp(within: Evaluation, args: Args, at: int) -> Value:
    if isinstance(args[0], Selector):
        return [(within.bare(labels), time / 1000) for labels, time, _ in within.newest(args[0], at)]
    return [(within.bare(labels), at / 1000) for labels, _ in within.vector(args[0], at)]


def _histogram_quantile(within: Evaluation, args: Args, at: int) -> Value:
    q = within.scalar(args[0], at)
    return _of_buckets(within, args[1], at, lambda buckets: histogram.quantile(q, buckets))


def _histogram_fraction(within: Evaluation, args: Args, at: int) -> Value:
    lower, upper = within.scalar(args[0], at), within.scalar(args[1], at)
    return _of_buckets(within, args[2], at, lambda buckets: histogram.fraction(lower, upper, buckets))


def _of_buckets(within: Evaluation, node: Expr, at: int, function: Callable[[histogram.Buckets], float]) -> Value:
    """Return what becomes of each histogram; those of two metrics are two, and then of the same labels."""
    groups: dict[Labels, list[tuple[float, float]]] = {}
    for labels, count in within.vector(node, at):
        upper = histogram.bound(labels.get("le", ""))
        if upper is not None:
            groups.setdefault(labels.without(["le"]), []).append((upper, count))
    return [(within.bare(labels), function(buckets)) for labels, buckets in groups.items()]


def _label_replace(within: Evaluation, args: Args, at: int) -> Value:
    target, replacement, source, pattern = (within.string(one, at) for one in args[1:])
    return _held(
        within, relabel.label_replace(within.vector(args[0], at), target, replacement, source, pattern), target
    )


def _label_join(within: Evaluation, args: Args, at: int) -> Value:
    target, separator, *sources = (within.string(one, at) for one in args[1:])
    return _held(within, relabel.label_join(within.vector(args[0], at), target, separator, sources), target)


def _held(within: Evaluation, vector: Vector, target: str) -> Vector:
    """Return the elements; the text of their new label counts where it is more than any label's should be."""
    within.hold(sum(max(0, len(labels.get(target, "")) - _USUAL) for labels, _ in vector) // _BYTES)
    return vector


_OTHERS: Final[Mapping[str, Callable[[Evaluation, Args, int], Value]]] = {
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
    "vector": lambda e, args, at: [(Labels(), e.scalar(args[0], at))],
}

NAMES: Final = frozenset({*functions.EACH, *MOMENTS, *ranges.FUNCTIONS, *_OTHERS})
"""Every function that the engine knows."""
