"""What MSK and CloudWatch say of one cluster."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from streamwatch.model.cloudwatch import CloudWatchCost, Reading
from streamwatch.model.kinesis import CallCount
from streamwatch.model.metric import Metric
from streamwatch.model.snapshot import Problem

Type = Literal["standard", "express", "serverless"]
Level = Literal["DEFAULT", "PER_BROKER", "PER_TOPIC_PER_BROKER", "PER_TOPIC_PER_PARTITION"]
LEVELS: Final[tuple[Level, ...]] = ("DEFAULT", "PER_BROKER", "PER_TOPIC_PER_BROKER", "PER_TOPIC_PER_PARTITION")
"""Of enhanced monitoring: each has what those before it have."""
Statistic = Literal["Average", "Maximum", "Minimum", "Sum", "SampleCount"]
Row = tuple[str, ...]
"""Label values of a metric."""


@dataclass(frozen=True, slots=True)
class CloudWatchMapping:
    """The CloudWatch metric that has one of ours."""

    metric: Metric
    name: str
    statistic: Statistic
    scale: float = 1.0
    fixed: tuple[tuple[str, str], ...] = ()
    """Labels of ours that CloudWatch has in the metric's name."""
    level: Level = "DEFAULT"
    """Of enhanced monitoring, from which on there is such a metric."""
    on: frozenset[Type] = frozenset()
    """Types of clusters that have it: on others it is absent by design."""

    @property
    def vital(self) -> bool:
        """Whether it is asked for every minute, and not only as often as details are."""
        return self.metric.cloudwatch is not None and self.metric.cloudwatch.vital

    def is_at(self, level: Level) -> bool:
        """Whether there is such a metric at this level of enhanced monitoring."""
        return LEVELS.index(self.level) <= LEVELS.index(level)


@dataclass(frozen=True, slots=True)
class ScaledReading:
    """What CloudWatch has of one of our series."""

    reading: Reading
    scale: float
    """Multiply CloudWatch's value by this to get ours."""


@dataclass(frozen=True, slots=True)
class ClusterOperation:
    """Something that MSK does to the cluster, and has not ended."""

    type: str
    state: str


@dataclass(frozen=True, slots=True)
class Reassignment:
    """A move of topics between the types of brokers of one cluster (an upgrade from Standard to Express)."""

    state: str
    instance_type: str
    """Where to."""
    created_at: float
    topics: int | None
    """That are to be moved; None where MSK does not say, yet."""
    completed: int | None

    @property
    def has_ended(self) -> bool:
        """Whether nothing is moved any more."""
        return self.state in {"COMPLETE", "FAILED", "STOPPED"}


@dataclass(frozen=True, slots=True)
class AssessmentFinding:
    """Something that MSK's adviser found."""

    category: str
    severity: str
    resource: str
    message: str
    action: str
    """What MSK advises to do about it."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """What MSK's adviser found the last time that it was asked, by whomever."""

    arn: str
    created_at: float
    findings: tuple[AssessmentFinding, ...] = ()


@dataclass(frozen=True, slots=True)
class DescribedCluster:
    """One cluster, as MSK describes it."""

    name: str
    arn: str
    type: Type
    state: str
    kafka_version: str
    instance_type: str
    level: Level
    """Of enhanced monitoring: which metrics CloudWatch has."""
    brokers: int
    kraft: bool


@dataclass(frozen=True, eq=False, kw_only=True)
class MskSnapshot:
    """One read of MSK's control plane and of CloudWatch, for one cluster."""

    source: str
    cluster: str
    """As the configuration calls it: the label ``kafka_cluster``."""
    taken_at: float
    read_seconds: float
    described: DescribedCluster | None
    operations: tuple[ClusterOperation, ...] | None = None
    """Those that have not ended; None where they could not be read."""
    reassignments: tuple[Reassignment, ...] | None = None
    """The newest first; None where they could not be read."""
    assessment: Assessment | None = None
    """The newest that is complete."""
    readings: Mapping[tuple[Metric, Row], ScaledReading] = field(default_factory=dict)
    cost: CloudWatchCost = field(default_factory=CloudWatchCost)
    problems: tuple[Problem, ...] = ()
    calls: tuple[CallCount, ...] = ()

    @property
    def is_up(self) -> bool:
        """Whether MSK described the cluster."""
        return self.described is not None
