"""From what the workers of Kafka Connect answer to samples."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import numpy as np

from streamwatch.catalogue import kafka_connect as c
from streamwatch.collectors.keys_cache import KeysCache
from streamwatch.model.connect import FAILED, RUNNING, Connector, ConnectSnapshot, Heartbeat, Mirror, Progress
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
        answering = [worker for worker in now.workers if worker.is_up is not None]
        infos = [
            (*of, worker.address, worker.version, worker.kafka_cluster_id) for worker in now.workers if worker.version
        ]
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
            *self._heartbeats([(row, one.heartbeat) for row, one in rows if one.heartbeat is not None]),
            *self._progress([(row, one.progress) for row, one in rows if one.progress is not None]),
        ]

    def _heartbeats(self, some: Sequence[tuple[Row, Heartbeat]]) -> Iterator[Samples]:
        yield self._ones(c.HEARTBEAT_TOPIC, [(*row, one.topic) for row, one in some if one.topic is not None])
        yield self._samples(c.HEARTBEAT_INTERVAL, [(row, one.seconds) for row, one in some])
        writes = [(row, float(one.writes_source)) for row, one in some if one.writes_source is not None]
        yield self._samples(c.HEARTBEAT_WRITES_SOURCE, writes)

    def _progress(self, some: Sequence[tuple[Row, Progress]]) -> Iterator[Samples]:
        changes = [(row, one.changed_at) for row, one in some if one.changed_at is not None]
        yield self._samples(c.CHANGE_TIMESTAMP, changes)
        yield from self._mirrors([(row, one.mirror) for row, one in some if one.mirror is not None])

    def _mirrors(self, some: Sequence[tuple[Row, Mirror]]) -> Iterator[Samples]:
        at_source = [((cluster, of.source_cluster, name, target), of) for (cluster, target, name), of in some]
        topics = [((*row, topic.name, topic.target), topic) for row, of in at_source for topic in of.topics or ()]
        yield self._samples(c.MIRROR_PARTITIONS, [(row, float(one.partitions)) for row, one in topics])
        yield self._samples(c.MIRROR_COPIED_PARTITIONS, [(row, float(one.copied)) for row, one in topics])
        yield self._samples(c.MIRROR_OFFSET, [(row, float(one.offset)) for row, one in topics])
        yield self._ones(c.MIRROR_GROUP, [(*row, group) for row, of in at_source for group in of.groups or ()])
        checkpoints = [(row, of) for row, of in some if of.checkpoint_topic is not None]
        rows = [(*row, of.source_cluster, of.checkpoint_topic or "") for row, of in checkpoints]
        yield self._ones(c.MIRROR_CHECKPOINT_TOPIC, rows)

    def _ones(self, metric: Metric, rows: Sequence[Row]) -> Samples:
        return metric.samples(self._keys.of(metric.labels, rows), np.ones(len(rows)))

    def _samples(self, metric: Metric, parts: Iterable[tuple[Row, float]]) -> Samples:
        found = dict(parts)
        keys = self._keys.of(metric.labels, tuple(found))
        return metric.samples(keys, np.fromiter(found.values(), dtype=np.float64, count=len(found)))


def _tasks(row: Row, connector: Connector) -> Iterator[tuple[Row, float]]:
    counts = Counter({RUNNING: 0, FAILED: 0})
    counts.update(task.state for task in connector.tasks)
    yield from (((*row, state), float(count)) for state, count in counts.items())


def _traces(of: Row, now: ConnectSnapshot) -> Iterator[Row]:
    for one, task in now.failures()[:_MOST_TRACES]:
        trace = one.trace if task is None else task.trace
        yield (*of, one.name, "" if task is None else str(task.id), trace)
