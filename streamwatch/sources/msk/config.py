"""Which MSK cluster it is, and what of it is asked."""

import re
from dataclasses import dataclass
from typing import Literal

from streamwatch.model.settings import Duration, setting
from streamwatch.sources.aws.config import Access, CloudWatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The cluster as Amazon MSK knows it: its state, what is done to it, and CloudWatch."""

    cluster: str = setting("the cluster's name or ARN")
    region: str | None = setting("its AWS region; an ARN says it itself", default=None)
    access: Access = setting("who the agent is there", default_factory=Access)
    interval: Duration = setting("how often MSK and CloudWatch are asked", default=60.0, minimum=1)
    metrics: Literal["missing", "all"] = setting(
        "CloudWatch metrics to ask for: those that neither the protocol nor the brokers' pages tell, or all",
        default="missing",
    )
    cloudwatch: CloudWatch = setting("what CloudWatch may cost", default_factory=CloudWatch)

    def __post_init__(self) -> None:
        if self.cluster.startswith("arn:"):
            if not re.fullmatch(r"arn:aws[a-z-]*:kafka:[a-z0-9-]+:\d{12}:cluster/[^/]+/.+", self.cluster):
                raise ValueError(f"cluster: {self.cluster!r} is no ARN of an MSK cluster")
        elif self.region is None:
            raise ValueError("region: a name alone does not say where the cluster is: give its region, or its ARN")

    @property
    def aws_region(self) -> str:
        """Where the cluster is."""
        return self.region or self.cluster.split(":")[3]

    @property
    def read_seconds(self) -> float:
        """How long one read may take."""
        return min(50.0, 0.8 * self.interval)
