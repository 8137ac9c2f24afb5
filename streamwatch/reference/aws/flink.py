"""Managed Flink as far as watching it needs: applications that read a reference stream for real.

Left out: jobs, snapshots, code, operations, and to change anything by its API.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from streamwatch.reference.aws.poller import StreamPoller
from streamwatch.reference.kinesis.errors import ServiceError
from streamwatch.reference.metrics import Metrics

_FIRST_DELAY, _GROWS, _LONGEST_DELAY = 1.0, 1.5, 60.0
"""Seconds before a job that failed is started again, as Flink does by default: each time longer, up to the last."""
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
    started_at: float | None = None
    """Since when the job runs; None while it does not."""
    tries_at: float | None = None
    """When a job that failed starts again."""
    delay: float = _FIRST_DELAY

    def live(self, now: float) -> None:
        """Read, or do not; and tell CloudWatch."""
        if self.status != "RUNNING":
            self.started_at = self.tries_at = None
            return
        tried = self._start_again(now) if self.looping else self._run(now)
        self.failed_checkpoints += self.stalled
        is_new = self.runtime >= "FLINK-2_2"
        waiting = 0.0 if self.tries_at is None else max(0.0, self.delay - (self.tries_at - now))
        numbers = {
            "numRestarts" if is_new else "fullRestarts": float(self.restarts),
            "numberOfFailedCheckpoints": float(self.failed_checkpoints),
            "lastCheckpointDuration": 200.0,
            "runningTime" if is_new else "uptime": 0.0 if self.started_at is None else 1000 * (now - self.started_at),
            # Real Flink's downtime is of a job that fails as a whole, and stays 0 of one that is started again.
            "restartingTime" if is_new else "downtime": 1000 * waiting if is_new else 0.0,
        }
        if tried is not None:
            numbers["millisBehindLatest"] = tried
        for name, value in numbers.items():
            self.metrics.put("AWS/KinesisAnalytics", name, (("Application", self.name),), value, "None", now)

    def _run(self, now: float) -> float:
        """Work; return how far what was read is behind, in milliseconds; -1 where that is not known yet."""
        if self.started_at is None:
            self.started_at, self.tries_at, self.delay = now, None, _FIRST_DELAY
        if self.poller is None:
            return -1.0
        if not self.stalled:
            self.poller.poll(now)
        return self.poller.lag(now) * 1000

    def _start_again(self, now: float) -> float | None:
        """Fail, and start again after Flink's delays; return what it says of its lag where it started, else None.

        A job that starts reads all that there is, from its last checkpoint on: it says that it is not behind.
        """
        self.started_at = None
        before = self.restarts
        self.tries_at = now if self.tries_at is None else self.tries_at
        while self.tries_at <= now:
            self.restarts += 1
            self.tries_at += self.delay
            self.delay = min(_LONGEST_DELAY, _GROWS * self.delay)
        return 0.0 if self.restarts > before else None

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
        configuration = {"EnvironmentPropertyDescriptions": {"PropertyGroupDescriptions": groups}}
        return self.summary() | {"ApplicationConfigurationDescription": configuration}


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
