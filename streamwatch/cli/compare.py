"""The same metric from several sources, side by side, and whether what differs is explained."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_brokers as b
from streamwatch.cli.snapshot import SourceRead
from streamwatch.model.comparison import Line, Verdict
from streamwatch.model.metric import Metric

_MOVING: Final = "it moves between two reads"
_AGE: Final = "it moves, and CloudWatch's minute is over"
_OWN_COUNT: Final = "CloudWatch is counted from the agent's beginning, not the broker's"
_REASONS: Final = {
    k.BROKER_LEADERS: "leadership moved between two reads, or metadata is behind a broker that just died",
    k.BROKER_UNDER_REPLICATED: "the metadata learns of a dead broker when its session ends, a leader by itself",
    b.ROOT_DISK: "the node exporter leaves out what is kept for root",
    b.APP_LOGS_DISK: "the node exporter leaves out what is kept for root",
    b.CPU: "each measures its own last minute",
}
_MOVES: Final = frozenset({"seconds", "bytes", "ratio", "records"})
"""Units of what never stands still."""
_NEAR: Final = 0.02
"""Gauges that always move count as equal within this share."""
_AGED: Final = 0.5
"""A share that such a gauge may have moved by since CloudWatch's minute ..."""
_SMALL: Final = {"ratio": 0.05, "records": 100.0, "seconds": 1.0}
"""... or a change too small to be worth a word."""


def compared(seen: Sequence[SourceRead]) -> Iterator[Line]:
    """Yield a line for each series that at least two of these sources know."""
    by_metric: dict[Metric, dict[tuple[str, ...], dict[str, float]]] = {}
    for one in seen:
        for samples in one.samples:
            for row, value in samples.known().items():
                by_metric.setdefault(samples.metric, {}).setdefault(row, {})[one.kind] = value
    for metric, rows in by_metric.items():
        for row, values in sorted(rows.items()):
            if len(values) > 1:
                verdict, reason = judged(metric, values)
                yield Line(metric.name, dict(zip(metric.labels, row, strict=True)), values, verdict, reason)


def judged(metric: Metric, values: Mapping[str, float]) -> tuple[Verdict, str]:
    """Return whether these values of one series, by kind of source, are the same, and if not whether that is known."""
    if len(set(values.values())) == 1:
        return "equal", ""
    if metric.kind == "counter" and "cloudwatch" in values:
        return "explained", _OWN_COUNT
    if metric.kind == "counter" or metric.unit in _MOVES:
        now = [value for kind, value in values.items() if kind != "cloudwatch"]
        if _spread(list(values.values())) <= _NEAR:
            return "explained", _MOVING
        if "cloudwatch" in values and _spread(now) <= _NEAR and _could_age(metric, list(values.values())):
            return "explained", _AGE
    reason = _REASONS.get(metric)
    return ("explained", reason) if reason is not None else ("differs", "")


def _spread(values: Sequence[float]) -> float:
    """Return by how much the values differ, as a share of the largest."""
    largest = max(map(abs, values))
    return (max(values) - min(values)) / largest if largest else 0.0


def _could_age(metric: Metric, values: Sequence[float]) -> bool:
    return _spread(values) <= _AGED or max(values) - min(values) <= _SMALL.get(metric.unit, 0.0)
