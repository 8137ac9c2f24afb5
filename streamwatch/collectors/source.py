"""The source itself: what it could not learn, and what asking has cost."""

from collections import Counter

import numpy as np

from streamwatch.catalogue import agent as c
from streamwatch.model.kafka import ClusterSnapshot
from streamwatch.model.metric import Keys, Samples


class SourceCollector:
    """Tells how the last read went."""

    def __init__(self, interval_seconds: float) -> None:
        self._interval = interval_seconds
        self._last_success: float | None = None
        self._keys = Keys(c.REQUEST, [])

    def collect(self, now: ClusterSnapshot) -> list[Samples]:
        """Return the agent's own samples about this source."""
        read = now.topology is not None
        if read:
            self._last_success = now.taken_at
        samples = [
            c.SOURCE_UP.sample(float(read), source=now.cluster),
            c.SOURCE_INTERVAL_SECONDS.sample(self._interval, source=now.cluster),
            c.SOURCE_READ_SECONDS.sample(now.read_seconds, source=now.cluster),
        ]
        if self._last_success is not None:
            samples.append(c.SOURCE_LAST_SUCCESS.sample(self._last_success, source=now.cluster))
        return [*samples, *_problems(now), *self._requests(now)]

    def _requests(self, now: ClusterSnapshot) -> list[Samples]:
        rows = [(now.cluster, count.api, count.broker) for count in now.requests]
        if tuple(rows) != self._keys.rows:
            self._keys = Keys(c.REQUEST, rows)
        columns = {
            c.REQUESTS: [count.requests for count in now.requests],
            c.REQUEST_FAILURES: [count.failures for count in now.requests],
            c.REQUEST_SECONDS: [count.seconds for count in now.requests],
            c.REQUEST_SENT_BYTES: [count.sent_bytes for count in now.requests],
            c.REQUEST_RECEIVED_BYTES: [count.received_bytes for count in now.requests],
            c.REQUEST_THROTTLED_SECONDS: [count.throttled_seconds for count in now.requests],
        }
        return [metric.samples(self._keys, np.array(values, dtype=np.float64)) for metric, values in columns.items()]


def _problems(now: ClusterSnapshot) -> list[Samples]:
    counts: Counter[tuple[str, str]] = Counter()
    for problem in now.problems:
        counts[problem.scope, problem.reason] += problem.count
    keys = Keys(c.SOURCE_PROBLEMS.labels, [(now.cluster, *key) for key in sorted(counts)])
    return [c.SOURCE_PROBLEMS.samples(keys, np.array([float(counts[key]) for key in sorted(counts)]))]
