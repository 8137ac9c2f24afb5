"""The same metric from several sources, side by side, and whether what differs is explained."""

from collections.abc import Iterator, Sequence
from typing import Final

from streamwatch.catalogue import kafka as k
from streamwatch.model.comparison import Line, Verdict
from streamwatch.model.metric import Metric
from streamwatch.once import Seen

_MOVING: Final = "it moves between two reads"
_REASONS: Final = {
    k.BROKER_LEADERS: "leadership moved between two reads, or metadata is behind a broker that just died",
    k.BROKER_UNDER_REPLICATED: "the metadata learns of a dead broker when its session ends, a leader by itself",
}
_NEAR: Final = 0.02
"""Gauges that always move count as equal within this share."""


def compared(seen: Sequence[Seen]) -> Iterator[Line]:
    """Yield a line for each series that at least two of these sources know."""
    told: dict[Metric, dict[tuple[str, ...], dict[str, float]]] = {}
    for one in seen:
        for samples in one.samples:
            for row, value in samples.known().items():
                told.setdefault(samples.metric, {}).setdefault(row, {})[one.kind] = value
    for metric, rows in told.items():
        for row, values in sorted(rows.items()):
            if len(values) > 1:
                verdict, reason = _judged(metric, list(values.values()))
                yield Line(metric.name, dict(zip(metric.labels, row, strict=True)), values, verdict, reason)


def _judged(metric: Metric, values: list[float]) -> tuple[Verdict, str]:
    least, most = min(values), max(values)
    if least == most:
        return "equal", ""
    if metric.kind == "counter" or metric.unit in {"seconds", "bytes", "ratio"}:
        near = abs(most - least) <= _NEAR * max(abs(most), abs(least))
        return ("explained", _MOVING) if near else ("differs", "")
    reason = _REASONS.get(metric)
    return ("explained", reason) if reason is not None else ("differs", "")
