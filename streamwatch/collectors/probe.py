"""From what a probe has measured to samples."""

from itertools import accumulate
from typing import Final

import numpy as np

from streamwatch.catalogue import kafka_probe as c
from streamwatch.collectors.keys_cache import KeysCache
from streamwatch.model.metric import Metric, Samples
from streamwatch.model.probe import BOUNDS, Latencies, ProbeSnapshot

_LE: Final = (*(repr(bound) for bound in BOUNDS), "+Inf")


class ProbeCollector:
    """Makes samples of each broker's attempts; there are none of a broker that was never seen."""

    def __init__(self) -> None:
        self._keys = KeysCache()

    def collect(self, now: ProbeSnapshot) -> list[Samples]:
        """Return counters and histograms by broker."""
        self._keys.turn()
        rows = [(now.cluster, str(each.broker)) for each in now.brokers]
        keys = self._keys.of(c.COVERED.labels, rows)
        columns = {
            c.COVERED: [float(each.is_covered) for each in now.brokers],
            c.ATTEMPTS: [float(each.attempts) for each in now.brokers],
            c.SUCCESSES: [float(each.successes) for each in now.brokers],
        }
        return [
            *(metric.samples(keys, np.array(values, dtype=np.float64)) for metric, values in columns.items()),
            self._failures(now),
            *self._histogram(c.PRODUCE_BUCKET, rows, [each.produced for each in now.brokers]),
            *self._totals((c.PRODUCE_SUM, c.PRODUCE_COUNT), rows, [each.produced for each in now.brokers]),
            *self._histogram(c.CONSUME_BUCKET, rows, [each.consumed for each in now.brokers]),
            *self._totals((c.CONSUME_SUM, c.CONSUME_COUNT), rows, [each.consumed for each in now.brokers]),
        ]

    def _failures(self, now: ProbeSnapshot) -> Samples:
        rows = [
            ((now.cluster, str(each.broker), stage, cause), count)
            for each in now.brokers
            for (stage, cause), count in sorted(each.failures.items())
        ]
        keys = self._keys.of(c.FAILURES.labels, [row for row, _ in rows])
        return c.FAILURES.samples(keys, np.array([count for _, count in rows], dtype=np.float64))

    def _histogram(self, metric: Metric, rows: list[tuple[str, str]], measured: list[Latencies]) -> list[Samples]:
        keys = self._keys.of(metric.labels, [(*row, le) for row in rows for le in _LE])
        values = [count for each in measured for count in accumulate(each.counts)]
        return [metric.samples(keys, np.array(values, dtype=np.float64))]

    def _totals(
        self, metrics: tuple[Metric, Metric], rows: list[tuple[str, str]], measured: list[Latencies]
    ) -> list[Samples]:
        total, count = metrics
        keys = self._keys.of(total.labels, rows)
        return [
            total.samples(keys, np.array([each.seconds for each in measured], dtype=np.float64)),
            count.samples(keys, np.array([sum(each.counts) for each in measured], dtype=np.float64)),
        ]
