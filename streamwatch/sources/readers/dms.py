"""DMS: tasks that write the changes of a database into a Kinesis stream or a topic. They are writers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from streamwatch.model.reader import Kind, State
from streamwatch.sources.msk.naming import MskName, named_by_servers
from streamwatch.sources.readers.attached import (
    Answer,
    Api,
    Described,
    Listed,
    Measure,
    account_of,
    stream_of,
)

_PAGE: Final = 100
_MARKER: Final = ("Marker", "Marker")
_TARGETS: Final = [
    {"Name": "engine-name", "Values": ["kinesis", "kafka"]},
    {"Name": "endpoint-type", "Values": ["target"]},
]
_DEFAULT_TOPIC: Final = "kafka-default-topic"
_STATES: Final[Mapping[str, State]] = {
    "running": "running",
    "failed": "stopped",
    "failed-move": "stopped",
    "stopped": "stopped",
    "ready": "disabled",
    "created": "disabled",
    "deleting": "disabled",
}
"""The others are on their way: starting, stopping, modifying, testing, and so on."""
_INTENDED: Final = ("NORMAL", "FULL_LOAD_ONLY_FINISHED", "STOPPED_AFTER_", "STOPPED_AT_")
"""How the reason begins where a task was stopped by somebody, or has done what it was to do."""


@dataclass(frozen=True, slots=True)
class _Target:
    """What an endpoint says of the stream or topic; the rest of it holds secrets, such as SaslPassword."""

    stream: str | None
    stream_arn: str
    cluster: MskName | None
    topic: str | None


@dataclass(frozen=True, slots=True)
class _Task:
    """A task, or a serverless replication."""

    arn: str
    status: str
    why: str
    target: _Target
    dimensions: tuple[tuple[str, str], ...]


class DmsKind:
    """Replication tasks, and serverless replications, whose target is a stream or a topic."""

    kind: Kind = "dms"
    service = "dms"
    namespace = "AWS/DMS"

    @staticmethod
    def listed(api: Api) -> list[Listed]:
        """Return those that write streams or topics; one list each says everything of them."""
        given = {"Filters": _TARGETS, "MaxRecords": _PAGE}
        endpoints = api.pages("DescribeEndpoints", given, "Endpoints", _MARKER)
        targets = {one["EndpointArn"]: _target(one) for one in endpoints}
        page = {"MaxRecords": _PAGE}
        tasks = api.pages("DescribeReplicationTasks", page | {"WithoutSettings": True}, "ReplicationTasks", _MARKER)
        serverless = api.pages("DescribeReplications", page, "Replications", _MARKER)
        instances = api.pages("DescribeReplicationInstances", page, "ReplicationInstances", _MARKER)
        names = {one["ReplicationInstanceArn"]: one["ReplicationInstanceIdentifier"] for one in instances}
        return [*_tasks(tasks, targets, names), *_serverless(serverless, targets)]

    @staticmethod
    def described(_: Api, listed: Listed) -> Described:
        """Return one as it was listed."""
        task: _Task = listed.answer
        state = _STATES.get(task.status, "unknown")
        if task.status == "stopped" and _reason(task.why).startswith(_INTENDED):
            state = "disabled"
        return Described(
            name=listed.name,
            account=account_of(task.arn),
            stream=task.target.stream,
            stream_arn=task.target.stream_arn,
            cluster=task.target.cluster,
            topic=task.target.topic,
            state=state,
            reason=f"it is {task.status}{f': {task.why}' if task.why else ''}",
            dimensions=task.dimensions,
            unknown=() if all(value for _, value in task.dimensions) else ("lag: its instance is not listed",),
            is_writer=True,
        )

    @staticmethod
    def measures(described: Described) -> Sequence[Measure]:
        """Return what CloudWatch is asked of it; nothing where its instance is gone, by whose name its series are."""
        if not all(value for _, value in described.dimensions):
            return []
        return [
            Measure("lag_seconds", "CDCLatencyTarget", "Maximum", vital=True),
            Measure("source_lag_seconds", "CDCLatencySource", "Maximum", vital=True),
            Measure("lag_records", "CDCIncomingChanges", "Maximum"),
        ]


def _target(endpoint: Answer) -> _Target:
    kinesis, kafka = endpoint.get("KinesisSettings") or {}, endpoint.get("KafkaSettings") or {}
    return _Target(
        stream=stream_of(kinesis.get("StreamArn", "")),
        stream_arn=kinesis.get("StreamArn", ""),
        cluster=named_by_servers(kafka.get("Broker", "")),
        topic=kafka.get("Topic", _DEFAULT_TOPIC) if endpoint.get("EngineName") == "kafka" else None,
    )


def _reason(why: str) -> str:
    """Return the code of a reason to stop: AWS writes `Stop Reason NORMAL`, and the code alone in other places."""
    return why.removeprefix("Stop Reason ")


def _why(stopped: str, failure: str) -> str:
    """Return why one does not run: the code says that it failed, and the message what; an old one says nothing new."""
    if _reason(stopped).startswith(_INTENDED):
        return stopped
    return ": ".join(filter(None, (stopped, failure)))


def _tasks(
    tasks: Iterable[Answer], targets: Mapping[str, _Target], instances: Mapping[str, str]
) -> Iterable[Listed]:  # fmt: skip
    for one in tasks:
        target, name = targets.get(one["TargetEndpointArn"]), one["ReplicationTaskIdentifier"]
        if target is None:
            continue
        arn = one["ReplicationTaskArn"]
        # The instance by its name, and the task by the last part of its ARN, which is not its name.
        instance = instances.get(one.get("ReplicationInstanceArn", ""), "")
        dimensions = (("ReplicationInstanceIdentifier", instance), ("ReplicationTaskIdentifier", arn.split(":")[-1]))
        why = _why(one.get("StopReason", ""), one.get("LastFailureMessage", ""))
        yield _listed(name, _Task(arn, one["Status"], why, target, dimensions))


def _serverless(replications: Iterable[Answer], targets: Mapping[str, _Target]) -> Iterable[Listed]:
    for one in replications:
        target, name = targets.get(one["TargetEndpointArn"]), one["ReplicationConfigIdentifier"]
        if target is not None:
            why = _why(one.get("StopReason", ""), "; ".join(map(str, one.get("FailureMessages") or ())))
            dimensions = (("ReplicationConfigIdentifier", name),)
            yield _listed(name, _Task(one["ReplicationConfigArn"], one["Status"], why, target, dimensions))


def _listed(name: str, task: _Task) -> Listed:
    return Listed(name, f"{task.status} {task.why}", task, task.arn)
