"""Managed Flink as far as watching it needs: applications that read a reference stream for real.

Left out: jobs, snapshots, code, operations, and to change anything by its API.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from streamwatch.reference.aws.poller import StreamPoller
from streamwatch.reference.kinesis.errors import ServiceError
from streamwatch.reference.metrics import Metrics

Parameters = Mapping[str, Any]
Answer = dict[str, Any]


@dataclass(slots=True)
class FlinkApplication:
    """One application; ``live`` lets it read and tell CloudWatch."""

    name: str
    arn: str
    metrics: Metrics
    properties: dict[str, dict[str, str]]
    """By group."""
    runtime: str = "FLINK-1_20"
    poller: StreamPoller | None = None
    status: str = "RUNNING"
    looping: bool = False
    """Whether the job fails and starts again, each time that it lives."""
    stalled: bool = False
    """Whether it reads nothing, and its checkpoints fail."""
    restarts: int = 0
    failed_checkpoints: int = 0

    def live(self, now: float) -> None:
        """Read, or do not; and tell CloudWatch."""
        if self.status != "RUNNING":
            return
        self.restarts += self.looping
        self.failed_checkpoints += self.stalled
        is_new = self.runtime >= "FLINK-2_2"
        lag = -1.0
        if self.poller is not None and not self.looping:
            if not self.stalled:
                self.poller.poll(now)
            lag = self.poller.lag(now) * 1000
        for name, value in (
            ("millisBehindLatest", lag),
            ("numRestarts" if is_new else "fullRestarts", self.restarts),
            ("numberOfFailedCheckpoints", self.failed_checkpoints),
            ("lastCheckpointDuration", 200.0),
            ("restartingTime" if is_new else "downtime", 5000.0 if self.looping else 0.0),
        ):
            self.metrics.put("AWS/KinesisAnalytics", name, (("Application", self.name),), float(value), "None", now)

    def mend(self) -> None:
        """Be well."""
        self.status, self.looping, self.stalled = "RUNNING", False, False

    def summary(self) -> Answer:
        """Return what the listing says of it."""
        return {
            "ApplicationName": self.name,
            "ApplicationARN": self.arn,
            "ApplicationStatus": self.status,
            "ApplicationVersionId": 1,
            "RuntimeEnvironment": self.runtime,
            "ApplicationMode": "STREAMING",
        }

    def described(self) -> Answer:
        """Return it as the API describes it."""
        groups = [{"PropertyGroupId": name, "PropertyMap": of} for name, of in self.properties.items()]
        told = {"EnvironmentPropertyDescriptions": {"PropertyGroupDescriptions": groups}}
        return self.summary() | {"ApplicationConfigurationDescription": told}


@dataclass(slots=True)
class Flink:
    """One account's applications in one region."""

    account: str
    region: str
    metrics: Metrics
    applications: dict[str, FlinkApplication] = field(default_factory=dict)

    def create(
        self, name: str, properties: dict[str, dict[str, str]], poller: StreamPoller | None = None
    ) -> FlinkApplication:
        """Make an application."""
        arn = f"arn:aws:kinesisanalytics:{self.region}:{self.account}:application/{name}"
        self.applications[name] = found = FlinkApplication(name, arn, self.metrics, properties, poller=poller)
        return found

    def mend(self) -> None:
        """Let all be well."""
        for one in self.applications.values():
            one.mend()


def listed(house: Flink, parameters: Parameters) -> Answer:
    """ListApplications."""
    found = [one.summary() for _, one in sorted(house.applications.items())]
    start, most = int(parameters.get("NextToken", 0)), parameters.get("Limit", 50)
    answer: Answer = {"ApplicationSummaries": found[start : start + most]}
    return answer | ({"NextToken": str(start + most)} if len(found) > start + most else {})


def describe(house: Flink, parameters: Parameters) -> Answer:
    """DescribeApplication."""
    name = parameters["ApplicationName"]
    if name not in house.applications:
        raise ServiceError("ResourceNotFoundException", f"Application {name} not found")
    return {"ApplicationDetail": house.applications[name].described()}
