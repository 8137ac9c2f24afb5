"""Connectors of Kafka Connect as readers: the same questions as of every other kind, from what their workers answer."""

from collections.abc import Mapping
from typing import Final

from streamwatch.catalogue import readers as r
from streamwatch.collectors.readers import ReaderCollector
from streamwatch.model.connect import FAILED, RUNNING, SINK, Connector, ConnectSnapshot, Task
from streamwatch.model.metric import Samples
from streamwatch.model.reader import Reader, ReadersSnapshot, State, Work

_STATES: Final[Mapping[str, State]] = {
    "PAUSED": "disabled",
    "STOPPED": "disabled",
    "UNASSIGNED": "changing",
    "RESTARTING": "changing",
}
_LAG: Final[Mapping[str, str]] = {
    SINK: "lag: it is its consumer group's, by protocol",
    "source": "lag: a source's position is not shown",
}


class ConnectReaderCollector:
    """Makes the `reader_*` samples of the connectors; of those that no worker knows it makes none."""

    def __init__(self) -> None:
        self._collector = ReaderCollector()

    def collect(self, now: ConnectSnapshot) -> list[Samples]:
        """Return all samples but the count of readers, which ``kafka_connect_connectors`` is.

        That count has no label for the Connect cluster: two clusters would have one series.
        """
        if now.connectors is None:
            return []
        snapshot = ReadersSnapshot(
            source=now.source,
            taken_at=now.taken_at,
            read_seconds=now.read_seconds,
            readers=tuple(_reader(now, one) for one in now.connectors),
        )
        return [one for one in self._collector.collect(snapshot) if one.metric is not r.READERS]


def _reader(now: ConnectSnapshot, one: Connector) -> Reader:
    mirror = one.progress.mirror if one.progress is not None else None
    copies = mirror if mirror is not None and mirror.is_copying else None
    names = one.topics if copies is None else ()  # of a mirror they are no label: not every read tells them
    copied = () if copies is None else tuple(topic.name for topic in copies.topics or ())
    failed = [task for task in one.tasks if task.state == FAILED]
    return Reader(
        kind="kafka_connect",
        name=f"{now.source}/{one.name}",
        owner=one.name,
        account="",
        region="",
        cluster=now.kafka_cluster if copies is None else copies.source_cluster,
        topic=names[0] if len(names) == 1 else None,
        topics="" if len(names) == 1 else ",".join(copied or names) or one.topic_prefix or "",
        group=one.group,
        target=None if copies is None else now.kafka_cluster,
        state=_state(one, failed),
        reason=_reason(one, failed),
        positions=(),
        work=Work(
            tasks=float(sum(task.state == RUNNING for task in one.tasks)),
            failed_tasks=float(len(failed)),
        ),
        unknown=(_LAG.get(one.type, "lag: whether it is a sink or a source is not known"),),
    )


def _state(one: Connector, failed: list[Task]) -> State:
    """Say how it is: a connector that is RUNNING works as far as its tasks do."""
    if one.state in _STATES:
        return _STATES[one.state]
    if one.state == FAILED or (one.state == RUNNING and len(failed) == len(one.tasks)):
        return "stopped"
    if one.state != RUNNING:
        return "unknown"
    running = sum(task.state == RUNNING for task in one.tasks)
    if failed:
        return "partly"
    return "running" if running else "changing"


def _reason(one: Connector, failed: list[Task]) -> str:
    if one.state == FAILED:
        return f"it is FAILED{f': {one.trace}' if one.trace else ''}"
    if failed:
        trace = next((task.trace for task in failed if task.trace), "")
        return f"{len(failed)} of {len(one.tasks)} tasks failed{f': {trace}' if trace else ''}"
    return f"it is {one.state}" if one.tasks or one.state != RUNNING else "it is RUNNING and has no tasks"
