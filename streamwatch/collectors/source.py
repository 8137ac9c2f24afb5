"""The source itself: what it could not learn, and what asking has cost."""

from collections import Counter

import numpy as np

from streamwatch.catalogue import agent as c
from streamwatch.collectors.keys_cache import KeysCache
from streamwatch.model.kafka import ClusterSnapshot
from streamwatch.model.kinesis import StreamsSnapshot
from streamwatch.model.metric import Keys, Samples
from streamwatch.model.msk import MskSnapshot
from streamwatch.model.probe import StreamProbeSnapshot
from streamwatch.model.reader import ReadersSnapshot
from streamwatch.model.snapshot import Snapshot


class SourceCollector:
    """Tells how the last read went."""

    def __init__(self, interval_seconds: float) -> None:
        self._interval = interval_seconds
        self._last_success: float | None = None

    def collect(self, now: Snapshot) -> list[Samples]:
        """Return the agent's own samples about this source."""
        if now.is_up:
            self._last_success = now.taken_at
        elif self._last_success is not None:
            # Where the wall clock was set back since: nothing has succeeded at a time that is still to come.
            self._last_success = min(self._last_success, now.taken_at)
        samples = [
            c.SOURCE_UP.sample(float(now.is_up), source=now.source),
            c.SOURCE_INTERVAL_SECONDS.sample(self._interval, source=now.source),
            c.SOURCE_READ_SECONDS.sample(now.read_seconds, source=now.source),
        ]
        if self._last_success is not None:
            samples.append(c.SOURCE_LAST_SUCCESS.sample(self._last_success, source=now.source))
        return [*samples, *_problems(now)]


class RequestCollector:
    """Tells what asking Kafka's brokers has cost."""

    def __init__(self) -> None:
        self._keys = KeysCache()

    def collect(self, now: ClusterSnapshot) -> list[Samples]:
        """Return the totals by API and broker."""
        rows = [(now.cluster, count.api, count.broker) for count in now.requests]
        self._keys.turn()
        keys = self._keys.of(c.REQUEST, rows)
        columns = {
            c.REQUESTS: [count.requests for count in now.requests],
            c.REQUEST_FAILURES: [count.failures for count in now.requests],
            c.REQUEST_SECONDS: [count.seconds for count in now.requests],
            c.REQUEST_SENT_BYTES: [count.sent_bytes for count in now.requests],
            c.REQUEST_RECEIVED_BYTES: [count.received_bytes for count in now.requests],
            c.REQUEST_THROTTLED_SECONDS: [count.throttled_seconds for count in now.requests],
        }
        return [metric.samples(keys, np.array(values, dtype=np.float64)) for metric, values in columns.items()]


class CallCollector:
    """Tells what asking AWS has cost."""

    def __init__(self) -> None:
        self._keys = KeysCache()

    def collect(self, now: StreamsSnapshot | MskSnapshot | ReadersSnapshot | StreamProbeSnapshot) -> list[Samples]:
        """Return the totals by operation, and CloudWatch's bill."""
        rows = [(now.source, count.region, count.service, count.operation) for count in now.calls]
        self._keys.turn()
        keys = self._keys.of(c.CALL, rows)
        columns = {
            c.CALLS: [float(count.calls) for count in now.calls],
            c.CALL_FAILURES: [float(count.failures) for count in now.calls],
            c.CALLS_THROTTLED: [float(count.throttled) for count in now.calls],
            c.CALL_SECONDS: [count.seconds for count in now.calls],
        }
        return [
            *(metric.samples(keys, np.array(values, dtype=np.float64)) for metric, values in columns.items()),
            c.CLOUDWATCH_METRICS.sample(float(now.cost.metrics), source=now.source),
            c.CLOUDWATCH_COST.sample(now.cost.dollars, source=now.source),
        ]


def _problems(now: Snapshot) -> list[Samples]:
    counts: Counter[tuple[str, str]] = Counter()
    for problem in now.problems:
        counts[problem.scope, problem.reason] += problem.count
    keys = Keys(c.SOURCE_PROBLEMS.labels, [(now.source, *key) for key in sorted(counts)])
    return [c.SOURCE_PROBLEMS.samples(keys, np.array([float(counts[key]) for key in sorted(counts)]))]
