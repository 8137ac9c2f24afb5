"""EventBridge Pipes as far as watching them needs: pipes that read a reference stream for real, batch by batch.

Left out: filters, enrichments, targets (a batch succeeds or fails), and to change anything by its API.
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
class Pipe:
    """One pipe; ``live`` lets it read and tell CloudWatch."""

    name: str
    arn: str
    metrics: Metrics
    made: float
    source: str
    """ARN of what it reads, or ``smk://`` and an address."""
    settings: dict[str, Any]
    """SourceParameters."""
    poller: StreamPoller | None = None
    desired: str = "RUNNING"
    state: str = "RUNNING"
    reason: str = ""
    failing: bool = False
    """Whether its target takes nothing: each batch is tried again and again."""
    _batch: int = 0
    """Records that were read, and are tried again."""

    def live(self, now: float) -> None:
        """Read a batch, or try the last one again."""
        if self.state != "RUNNING":
            return
        if not self._batch and self.poller is not None:
            self._batch = len(self.poller.poll(now))
        invocations = int(self._batch > 0)
        self._put("Invocations", invocations, now)
        self._put("EventCount", self._batch, now)
        self._put("ExecutionFailed", invocations if self.failing else 0, now)
        if not self.failing:
            self._batch = 0

    def _put(self, name: str, value: float, now: float) -> None:
        self.metrics.put("AWS/EventBridge/Pipes", name, (("PipeName", self.name),), value, "None", now)

    def mend(self) -> None:
        """Be well."""
        self.desired, self.state, self.reason, self.failing = "RUNNING", "RUNNING", "", False

    def summary(self) -> Answer:
        """Return what the listing says of it."""
        return {
            "Name": self.name,
            "Arn": self.arn,
            "DesiredState": self.desired,
            "CurrentState": self.state,
            "StateReason": self.reason or None,
            "CreationTime": self.made,
            "Source": self.source,
            "Target": "arn:aws:lambda:us-east-1:123456789012:function:f",
        }


@dataclass(slots=True)
class Pipes:
    """One account's pipes in one region."""

    account: str
    region: str
    metrics: Metrics
    pipes: dict[str, Pipe] = field(default_factory=dict)

    def create(
        self, name: str, source: str, settings: dict[str, Any], now: float, poller: StreamPoller | None = None
    ) -> Pipe:
        """Make a pipe."""
        arn = f"arn:aws:pipes:{self.region}:{self.account}:pipe/{name}"
        self.pipes[name] = found = Pipe(name, arn, self.metrics, now, source, settings, poller)
        return found

    def mend(self) -> None:
        """Let all be well."""
        for one in self.pipes.values():
            one.mend()


def listed(house: Pipes, parameters: Parameters) -> Answer:
    """ListPipes."""
    prefix = parameters.get("SourcePrefix", "")
    found = [one.summary() for _, one in sorted(house.pipes.items()) if one.source.startswith(prefix)]
    start, most = int(parameters.get("NextToken", 0)), parameters.get("Limit", 100)
    answer: Answer = {"Pipes": found[start : start + most]}
    return answer | ({"NextToken": str(start + most)} if len(found) > start + most else {})


def describe(house: Pipes, parameters: Parameters) -> Answer:
    """DescribePipe."""
    name = parameters["Name"]
    if name not in house.pipes:
        raise ServiceError("NotFoundException", f"Pipe {name} does not exist.", 404)
    return house.pipes[name].summary() | {"SourceParameters": house.pipes[name].settings}
