"""What CloudWatch is asked for, and what it answered."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from streamwatch.model.metric import Metric

MINUTE_SECONDS: Final = 60.0
_MOST_OWN: Final = 3
_DIMENSIONS: Final = {"stream": "StreamName", "shard": "ShardId", "consumer": "ConsumerName"}


@dataclass(frozen=True, slots=True)
class Series:
    """One statistic of one CloudWatch metric, for one entity."""

    namespace: str
    name: str
    statistic: str
    dimensions: tuple[tuple[str, str], ...]
    """Names and values, sorted by name."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What is known of a series; NaN where CloudWatch has no point."""

    asked_at: float
    """When CloudWatch was last asked for it, and answered."""
    minute: float
    """The start of the newest minute that has a point, in seconds since 1970."""
    value: float
    """The statistic in that minute."""
    total: float
    """Of Sums and counts: everything since the agent began to watch, each minute added exactly once."""
    own: int = 0
    """Newer minutes that count the agent's own reads, and nobody else's as far as is known."""
    period: float = MINUTE_SECONDS
    """How long such a minute is: shorter of a reference in a hurry, and with it whatever is counted in minutes."""

    @property
    def a_minute(self) -> float:
        """The value of a Sum, as much as it would be in a minute."""
        return self.value * MINUTE_SECONDS / self.period

    def is_news(self, within_seconds: float) -> bool:
        """Whether the newest minute had ended so short a time before CloudWatch was asked; never without a minute.

        Minutes of the agent's own do not count as time, if they are few: they hide what there was to see.
        """
        hidden = min(self.own, _MOST_OWN) * self.period
        return self.asked_at - (self.minute + self.period) - hidden <= within_seconds * self.period / MINUTE_SECONDS


@dataclass(frozen=True, slots=True)
class CloudWatchCost:
    """What asking CloudWatch has cost since the source began."""

    metrics: int = 0
    """Metrics requested, as they are billed."""
    dollars: float = 0.0


@dataclass(frozen=True, slots=True)
class CloudWatchSnapshot:
    """Everything that is known of the series that were asked for; those that are not here are unknown."""

    readings: Mapping[Series, Reading] = field(default_factory=dict)


def series_of(metric: Metric, labels: Mapping[str, str]) -> Series:
    """Return the series that has a metric of the catalogue, for the entity with these labels."""
    mapping = metric.cloudwatch
    if mapping is None:
        raise ValueError(f"{metric.name}: CloudWatch does not have it")
    dimensions = tuple(sorted((_DIMENSIONS[label], labels[label]) for label in metric.labels if label in _DIMENSIONS))
    return Series(mapping.namespace, mapping.name, mapping.statistic, dimensions)
