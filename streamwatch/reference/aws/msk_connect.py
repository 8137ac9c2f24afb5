"""MSK Connect as far as watching it needs: connectors, and how many of their tasks run.

Left out: the connectors themselves, plugins, worker configurations, operations, and to change anything by its API.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from streamwatch.reference.kinesis.errors import ServiceError
from streamwatch.reference.metrics import Metrics

Parameters = Mapping[str, Any]
Answer = dict[str, Any]


@dataclass(slots=True)
class MskConnector:
    """One connector; ``live`` tells CloudWatch of it."""

    name: str
    arn: str
    metrics: Metrics
    made: float
    configuration: dict[str, str]
    bootstrap: str
    tasks: int = 1
    state: str = "RUNNING"
    reason: tuple[str, str] | None = None
    """A code, and a message."""
    failed_tasks: int = 0
    records_per_second: float = 0.0

    def live(self, now: float) -> None:
        """Tell CloudWatch, as long as there are workers."""
        if self.state not in {"RUNNING", "UPDATING"}:
            return
        rate = "SinkRecordReadRate" if "topics" in self.configuration else "SourceRecordPollRate"
        for name, value in (
            ("RunningTaskCount", self.tasks - self.failed_tasks),
            ("ErroredTaskCount", self.failed_tasks),
            (rate, self.records_per_second),
        ):
            self.metrics.put("AWS/KafkaConnect", name, (("ConnectorName", self.name),), value, "None", now)

    def mend(self) -> None:
        """Be well."""
        self.state, self.reason, self.failed_tasks = "RUNNING", None, 0

    def summary(self) -> Answer:
        """Return what the listing says of it."""
        return {
            "connectorArn": self.arn,
            "connectorName": self.name,
            "connectorState": self.state,
            "currentVersion": "K1",
            "creationTime": self.made,
            "kafkaCluster": {"apacheKafkaCluster": {"bootstrapServers": self.bootstrap}},
            "kafkaConnectVersion": "3.7.x",
        }

    def described(self) -> Answer:
        """Return it as the API describes it."""
        why = None if self.reason is None else {"code": self.reason[0], "message": self.reason[1]}
        return self.summary() | {"connectorConfiguration": self.configuration, "stateDescription": why}


@dataclass(slots=True)
class MskConnect:
    """One account's connectors in one region."""

    account: str
    region: str
    metrics: Metrics
    connectors: dict[str, MskConnector] = field(default_factory=dict)

    def create(self, name: str, configuration: dict[str, str], bootstrap: str, now: float) -> MskConnector:
        """Make a connector."""
        arn = f"arn:aws:kafkaconnect:{self.region}:{self.account}:connector/{name}/{uuid.uuid4()}-4"
        self.connectors[name] = found = MskConnector(name, arn, self.metrics, now, configuration, bootstrap)
        return found

    def mend(self) -> None:
        """Let all be well."""
        for one in self.connectors.values():
            one.mend()


def listed(house: MskConnect, parameters: Parameters) -> Answer:
    """ListConnectors."""
    names = [name for name in sorted(house.connectors) if name.startswith(parameters.get("connectorNamePrefix", ""))]
    start, most = int(parameters.get("nextToken", 0)), parameters.get("maxResults", 100)
    answer: Answer = {"connectors": [house.connectors[name].summary() for name in names[start : start + most]]}
    return answer | ({"nextToken": str(start + most)} if len(names) > start + most else {})


def describe(house: MskConnect, parameters: Parameters) -> Answer:
    """DescribeConnector."""
    for one in house.connectors.values():
        if one.arn == parameters["connectorArn"]:
            return one.described()
    raise ServiceError("NotFoundException", f"Could not find connector with ARN {parameters['connectorArn']}", 404)
