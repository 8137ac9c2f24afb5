"""From what the workers of Kafka Connect answer to samples."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import numpy as np

from streamwatch.catalogue import kafka_connect as c
from streamwatch.collectors.keys_cache import KeysCache
from streamwatch.model.connect import FAILED, RUNNING, Connector, ConnectSnapshot
from streamwatch.model.metric import Metric, Samples

_MOST_TRACES: Final = 20
"""Traces are texts: so many are exported at a time."""

Row = tuple[str, ...]


class ConnectCollector:
    """Makes samples of workers, connectors and tasks; of what no worker knows it makes none."""

    def __init__(self) -> None:
        self._keys = KeysCache()

    def collect(self, now: ConnectSnapshot) -> list[Samples]:
        """Return all samples; what is not known is left out."""
        self._keys.turn()
        of = (now.source, now.kafka_cluster)
        answering = [one for one in now.workers if one.is_up is not None]
        infos = [(*of, one.address, one.version, one.kafka_cluster_id) for one in now.workers if one.version]
        samples = [
            self._samples(c.WORKER_UP, [((*of, one.address), float(bool(one.is_up))) for one in answering]),
            self._ones(c.WORKER_INFO, infos),
        ]
        if now.is_rebalancing is not None:
            samples.append(self._samples(c.REBALANCING, [(of, float(now.is_rebalancing))]))
        if now.connectors is not None:
            samples.append(self._samples(c.CONNECTORS, [(of, float(len(now.connectors)))]))
            samples += self._connectors(of, now.connectors)
            samples.append(self._ones(c.TASK_FAILURE, list(_traces(of, now))))
        return samples

    def _connectors(self, of: Row, some: tuple[Connector, ...]) -> list[Samples]:
        rows = [((*of, one.name), one) for one in some]
        return [
            self._ones(c.CONNECTOR_STATE, [(*row, one.state) for row, one in rows]),
            self._samples(c.CONNECTOR_TASKS, [part for row, one in rows for part in _tasks(row, one)]),
            self._samples(
                c.CONNECTOR_TASKS_MAX, [(row, float(one.tasks_max)) for row, one in rows if one.tasks_max is not None]
            ),
            self._ones(c.CONNECTOR_INFO, [(*row, one.type, one.plugin, one.tolerance) for row, one in rows]),
            self._ones(c.CONNECTOR_GROUP, [(*row, one.group) for row, one in rows if one.group is not None]),
            self._ones(
                c.DEAD_LETTER_TOPIC,
                [(*row, one.dead_letter_topic) for row, one in rows if one.dead_letter_topic is not None],
            ),
            self._ones(
                c.HEARTBEAT_TOPIC,
                [(*row, one.heartbeat_topic) for row, one in rows if one.heartbeat_topic is not None],
            ),
            self._ones(
                c.CONNECTOR_TOPIC,
                [
                    *((*row, topic, "name") for row, one in rows for topic in one.topics),
                    *((*row, one.topic_prefix, "prefix") for row, one in rows if one.topic_prefix),
                ],
            ),
            self._ones(
                c.TASK_STATE,
                [(*row, str(task.id), task.worker, task.state) for row, one in rows for task in one.tasks],
            ),
        ]

    def _ones(self, metric: Metric, rows: Sequence[Row]) -> Samples:
        return metric.samples(self._keys.of(metric.labels, rows), np.ones(len(rows)))

    def _samples(self, metric: Metric, parts: Iterable[tuple[Row, float]]) -> Samples:
        found = dict(parts)
        keys = self._keys.of(metric.labels, tuple(found))
        return metric.samples(keys, np.fromiter(found.values(), dtype=np.float64, count=len(found)))


def _tasks(row: Row, one: Connector) -> Iterator[tuple[Row, float]]:
    counts = Counter({RUNNING: 0, FAILED: 0})
    counts.update(task.state for task in one.tasks)
    yield from (((*row, state), float(count)) for state, count in counts.items())


def _traces(of: Row, now: ConnectSnapshot) -> Iterator[Row]:
    for one, task in now.failures()[:_MOST_TRACES]:
        trace = one.trace if task is None else task.trace
        yield (*of, one.name, "" if task is None else str(task.id), trace)
