"""DMS as far as watching it needs: tasks that write changes into a reference stream for real.

Left out: databases (changes are made by a call), full loads, tables, and to change anything by its API.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from streamwatch.reference.kinesis.account import Kinesis
from streamwatch.reference.kinesis.operations import OPERATIONS
from streamwatch.reference.metrics import Metrics

Parameters = Mapping[str, Any]
Answer = dict[str, Any]
_LISTED: Final = 100
_MOST_RECORDS: Final = 500


@dataclass(slots=True)
class ReplicationTask:
    """A task; ``live`` lets it write what has changed, and tells CloudWatch."""

    name: str
    arn: str
    metrics: Metrics
    target: str
    """ARN of the endpoint."""
    instance: str
    """ARN of the instance; empty of a serverless replication."""
    dimensions: tuple[tuple[str, str], ...]
    kinesis: Kinesis | None = None
    """Where its stream is; None of one that writes a topic."""
    stream: str = ""
    status: str = "running"
    stop_reason: str = ""
    failure: str = ""
    source_lag: float = 0.0
    """By so many seconds it reads the database's log late."""
    stalled: bool = False
    """Whether it writes nothing."""
    _changes: list[float] = field(default_factory=list)
    """When the changes were made that are not written yet."""

    def change(self, now: float, count: int = 1) -> None:
        """Let the database change."""
        self._changes += [now] * count

    def live(self, now: float) -> None:
        """Write the changes that were read."""
        if self.status != "running":
            return
        ready = [at for at in self._changes if at <= now - self.source_lag]
        if ready and not self.stalled:
            written = self._write(min(len(ready), _MOST_RECORDS), now)
            self._changes = self._changes[written:]
            ready = ready[written:]
        behind = now - self._changes[0] if self._changes else 0.0
        for name, value in (
            ("CDCLatencySource", min(self.source_lag, behind)),
            ("CDCLatencyTarget", behind),
            ("CDCIncomingChanges", len(ready)),
        ):
            self.metrics.put("AWS/DMS", name, self.dimensions, float(value), "None", now)

    def _write(self, count: int, now: float) -> int:
        if self.kinesis is None:
            return count
        records = [{"Data": b"{}", "PartitionKey": f"table.{at}"} for at in range(count)]
        answer = OPERATIONS["PutRecords"](self.kinesis, {"StreamName": self.stream, "Records": records}, now)
        return count - int(answer["FailedRecordCount"])

    def mend(self) -> None:
        """Be well."""
        self.status, self.stop_reason, self.failure, self.source_lag, self.stalled = "running", "", "", 0.0, False

    def described(self) -> Answer:
        """Return it as the API describes it."""
        answer: Answer = {"Status": self.status, "SourceEndpointArn": "arn:source", "TargetEndpointArn": self.target}
        if self.stop_reason:
            answer["StopReason"] = self.stop_reason
        if not self.instance:
            failures = [self.failure] if self.failure else []
            names = {"ReplicationConfigIdentifier": self.name, "ReplicationConfigArn": self.arn}
            return answer | names | {"FailureMessages": failures}
        if self.failure:
            answer["LastFailureMessage"] = self.failure
        names = {"ReplicationTaskIdentifier": self.name, "ReplicationTaskArn": self.arn}
        return answer | names | {"ReplicationInstanceArn": self.instance}


@dataclass(slots=True)
class Dms:
    """One account's tasks in one region, on one instance."""

    account: str
    region: str
    metrics: Metrics
    tasks: dict[str, ReplicationTask] = field(default_factory=dict)
    endpoints: dict[str, Answer] = field(default_factory=dict)
    instance: str = "replicator"
    """Its name, which is in no ARN."""

    def _arn(self, kind: str) -> str:
        return f"arn:aws:dms:{self.region}:{self.account}:{kind}:{uuid.uuid4().hex[:26].upper()}"

    @property
    def instance_arn(self) -> str:
        """The instance's."""
        return f"arn:aws:dms:{self.region}:{self.account}:rep:ABCDEFGHIJKLMNOPQRSTUVWXYZ"

    def of_stream(self, name: str, kinesis: Kinesis, stream: str, *, serverless: bool = False) -> ReplicationTask:
        """Make a task, or a serverless replication, that writes a stream."""
        arn = f"arn:aws:kinesis:{self.region}:{self.account}:stream/{stream}"
        task = self._task(name, {"EngineName": "kinesis", "KinesisSettings": {"StreamArn": arn}}, serverless=serverless)
        task.kinesis, task.stream = kinesis, stream
        return task

    def of_topic(self, name: str, broker: str, topic: str | None = None) -> ReplicationTask:
        """Make a task that writes a topic, DMS's own unless it is named."""
        settings = {"Broker": broker, "SaslPassword": "secret"} | ({"Topic": topic} if topic else {})
        return self._task(name, {"EngineName": "kafka", "KafkaSettings": settings}, serverless=False)

    def of_something_else(self, name: str) -> ReplicationTask:
        """Make a task that writes neither."""
        return self._task(name, {"EngineName": "s3", "S3Settings": {"BucketName": "b"}}, serverless=False)

    def _task(self, name: str, target: Answer, *, serverless: bool) -> ReplicationTask:
        endpoint = self._arn("endpoint")
        self.endpoints[endpoint] = target | {"EndpointArn": endpoint, "EndpointType": "target"}
        arn = self._arn("replication-config" if serverless else "task")
        dimensions: tuple[tuple[str, str], ...] = (("ReplicationConfigIdentifier", name),)
        if not serverless:
            of_task = ("ReplicationTaskIdentifier", arn.split(":")[-1])
            dimensions = (("ReplicationInstanceIdentifier", self.instance), of_task)
        instance = "" if serverless else self.instance_arn
        self.tasks[name] = found = ReplicationTask(name, arn, self.metrics, endpoint, instance, dimensions)
        return found

    def mend(self) -> None:
        """Let all be well."""
        for one in self.tasks.values():
            one.mend()


def endpoints(dms: Dms, parameters: Parameters) -> Answer:
    """DescribeEndpoints, with filters of engine and type."""
    wanted = {one["Name"]: one["Values"] for one in parameters.get("Filters", ())}
    members = {"engine-name": "EngineName", "endpoint-type": "EndpointType"}
    found = [
        one
        for one in dms.endpoints.values()
        if all(one[members[name]] in values for name, values in wanted.items() if name in members)
    ]
    return _page("Endpoints", found, parameters)


def tasks(dms: Dms, parameters: Parameters) -> Answer:
    """DescribeReplicationTasks."""
    return _page("ReplicationTasks", _described(dms, lambda one: bool(one.instance)), parameters)


def replications(dms: Dms, parameters: Parameters) -> Answer:
    """DescribeReplications."""
    return _page("Replications", _described(dms, lambda one: not one.instance), parameters)


def instances(dms: Dms, parameters: Parameters) -> Answer:
    """DescribeReplicationInstances."""
    one = {"ReplicationInstanceArn": dms.instance_arn, "ReplicationInstanceIdentifier": dms.instance}
    return _page("ReplicationInstances", [one], parameters)


def _described(dms: Dms, wanted: Callable[[ReplicationTask], bool]) -> list[Answer]:
    return [one.described() for _, one in sorted(dms.tasks.items()) if wanted(one)]


def _page(member: str, found: Sequence[Answer], parameters: Parameters) -> Answer:
    start, most = int(parameters.get("Marker") or 0), parameters.get("MaxRecords", _LISTED)
    answer: Answer = {member: found[start : start + most]}
    return answer | ({"Marker": str(start + most)} if len(found) > start + most else {})
