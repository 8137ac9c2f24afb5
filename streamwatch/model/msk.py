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
class Twin:
    """The CloudWatch metric that tells one of ours."""

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
class Told:
    """What CloudWatch tells of one of our series."""

    reading: Reading
    scale: float
    """Multiply CloudWatch's value by this to get ours."""


@dataclass(frozen=True, slots=True)
class Operation:
    """Something that MSK does to the cluster, and has not ended."""

    type: str
    state: str


@dataclass(frozen=True, slots=True)
class Described:
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
    described: Described | None
    operations: tuple[Operation, ...] | None = None
    """Those that have not ended; None where they could not be read."""
    readings: Mapping[tuple[Metric, Row], Told] = field(default_factory=dict)
    cost: CloudWatchCost = field(default_factory=CloudWatchCost)
    problems: tuple[Problem, ...] = ()
    calls: tuple[CallCount, ...] = ()

    @property
    def is_up(self) -> bool:
        """Whether MSK described the cluster."""
        return self.described is not None
