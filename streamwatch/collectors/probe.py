"""From what a probe has measured to samples."""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Final

import numpy as np

from streamwatch.catalogue import kafka_probe, kinesis_probe
from streamwatch.catalogue.probes import ProbeHistogram, ProbeMetrics
from streamwatch.collectors.keys_cache import KeysCache
from streamwatch.model.metric import Metric, Samples
from streamwatch.model.probe import BOUNDS, Cause, Latencies, Measured, ProbeSnapshot, Stage, StreamProbeSnapshot

_LE: Final = (*(repr(bound) for bound in BOUNDS), "+Inf")
_Rows = Sequence[tuple[str, ...]]


class ProbeCollector:
    """Makes samples of each broker's attempts; there are none of a broker that was never seen."""

    def __init__(self) -> None:
        self._figures = _Figures(kafka_probe.PROBE)

    def collect(self, now: ProbeSnapshot) -> list[Samples]:
        """Return counters and histograms by broker."""
        rows = [(now.cluster, str(each.broker)) for each in now.brokers]
        found = self._figures.collect(rows, now.brokers)
        covered = np.array([float(each.is_covered) for each in now.brokers], dtype=np.float64)
        keys = self._figures.keys.of(kafka_probe.COVERED.labels, rows)
        return [kafka_probe.COVERED.samples(keys, covered), *found]


class StreamProbeCollector:
    """Makes samples of the attempts through a stream; there are none before it is known whose it is."""

    def __init__(self) -> None:
        self._figures = _Figures(kinesis_probe.PROBE)

    def collect(self, now: StreamProbeSnapshot) -> list[Samples]:
        """Return counters and histograms."""
        return [] if now.stream is None else self._figures.collect([now.stream], [now.measured])


class _Figures:
    """Counters and histograms of a probe's records, of one row of labels each."""

    def __init__(self, metrics: ProbeMetrics) -> None:
        self._metrics = metrics
        self.keys = KeysCache()

    def collect(self, rows: _Rows, measured: Sequence[Measured]) -> list[Samples]:
        self.keys.turn()
        metrics = self._metrics
        keys = self.keys.of(metrics.attempts.labels, rows)
        counts = {
            metrics.attempts: [float(each.attempts) for each in measured],
            metrics.successes: [float(each.successes) for each in measured],
        }
        return [
            *(metric.samples(keys, np.array(values, dtype=np.float64)) for metric, values in counts.items()),
            self._by_cause(metrics.failures, rows, [each.failures for each in measured]),
            self._by_cause(metrics.failure_age, rows, [each.failure_ages for each in measured]),
            *self._histogram(metrics.produce, rows, [each.produced for each in measured]),
            *self._histogram(metrics.consume, rows, [each.consumed for each in measured]),
        ]

    def _by_cause(self, metric: Metric, rows: _Rows, values: Sequence[Mapping[tuple[Stage, Cause], float]]) -> Samples:
        found = [
            ((*row, stage, cause), value)
            for row, each in zip(rows, values, strict=True)
            for (stage, cause), value in sorted(each.items())
        ]
        keys = self.keys.of(metric.labels, [row for row, _ in found])
        return metric.samples(keys, np.array([value for _, value in found], dtype=np.float64))

    def _histogram(self, metrics: ProbeHistogram, rows: _Rows, measured: Sequence[Latencies]) -> list[Samples]:
        buckets = self.keys.of(metrics.bucket.labels, [(*row, le) for row in rows for le in _LE])
        values = [count for each in measured for count in accumulate(each.counts)]
        keys = self.keys.of(metrics.sum.labels, rows)
        return [
            metrics.bucket.samples(buckets, np.array(values, dtype=np.float64)),
            metrics.sum.samples(keys, np.array([each.seconds for each in measured], dtype=np.float64)),
            metrics.count.samples(keys, np.array([sum(each.counts) for each in measured], dtype=np.float64)),
        ]
