"""Which MSK cluster it is, and what of it is asked."""

import re
from dataclasses import dataclass
from typing import Literal

from streamwatch.settings.types import Duration, setting
from streamwatch.sources.aws.config import AwsAccess, CloudWatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Topics:
    """Partitions by MSK's own topic calls, for an agent that cannot reach the brokers (no way into the VPC)."""

    interval: Duration = setting(
        "how often topics are listed; those whose replicas fell out of sync, or came back, are described at once",
        default=30.0,
        minimum=1,
    )
    describe_interval: Duration = setting(
        "within this time every topic is described anew: what a leader's move looks like until then is not known",
        default=300.0,
        minimum=10,
    )

    @property
    def read_seconds(self) -> float:
        """How long one read may take."""
        return min(50.0, 0.8 * self.interval)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The cluster as Amazon MSK knows it: its state, what is done to it, and CloudWatch."""

    cluster: str | None = setting("the cluster's name or ARN", default=None)
    tags: tuple[str, ...] = setting(
        "instead of a name: tags that one cluster alone carries, as `key=value` or `key`", default=()
    )
    region: str | None = setting("its AWS region; an ARN says it itself", default=None)
    access: AwsAccess = setting("who the agent is there", default_factory=AwsAccess)
    interval: Duration = setting("how often MSK and CloudWatch are asked", default=60.0, minimum=1)
    metrics: Literal["missing", "all"] = setting(
        "CloudWatch metrics to ask for: those that neither the protocol nor the brokers' exporters have, or all",
        default="missing",
    )
    cloudwatch: CloudWatch = setting("what CloudWatch may cost", default_factory=CloudWatch)
    topics: Topics | None = setting(
        "partitions by MSK's topic calls (not of Serverless); left out, they are asked of the brokers alone",
        default=None,
    )

    def __post_init__(self) -> None:
        if (self.cluster is None) == (not self.tags):
            raise ValueError("cluster: say which cluster it is: give either its name or ARN, or `tags`")
        is_arn = self.cluster is not None and self.cluster.startswith("arn:")
        if is_arn:
            if not re.fullmatch(r"arn:aws[a-z-]*:kafka:[a-z0-9-]+:\d{12}:cluster/[^/]+/.+", self.cluster or ""):
                raise ValueError(f"cluster: {self.cluster!r} is no ARN of an MSK cluster")
        elif self.region is None:
            raise ValueError("region: a name alone does not say where the cluster is: give its region, or its ARN")

    @property
    def aws_region(self) -> str:
        """Where the cluster is."""
        return self.region or (self.cluster or "").split(":")[3]

    @property
    def read_seconds(self) -> float:
        """How long one read may take."""
        return min(50.0, 0.8 * self.interval)
