"""Under which names CloudWatch has a metric of ours: some by the metric alone, some for one value of a label only."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from streamwatch.catalogue.msk_twins import TWINS
from streamwatch.model.metric import Metric
from streamwatch.model.msk import Twin


@dataclass(frozen=True, slots=True)
class CloudWatchName:
    """One CloudWatch metric that tells one of ours, or those series of it that have certain labels."""

    name: str
    namespace: str
    level: str
    """Of monitoring, from which on CloudWatch has it."""
    statistic: str
    labels: tuple[tuple[str, str], ...] = ()
    """Label and value of the series that it tells; without any it tells all."""

    def __str__(self) -> str:
        told = "".join(f", {label}={value}" for label, value in self.labels)
        return f"{self.name} ({self.statistic}{told})"


def cloudwatch_names(metric: Metric) -> tuple[CloudWatchName, ...]:
    """Return every CloudWatch metric that tells this one, or a part of it."""
    twins = _BY_METRIC.get(metric.name, ())
    found = [CloudWatchName(one.name, "AWS/Kafka", one.level, one.statistic, one.fixed) for one in twins]
    twin = metric.cloudwatch
    if twin is not None and twin.name not in {one.name for one in found}:
        found.append(CloudWatchName(twin.name, twin.namespace, twin.level, twin.statistic))
    return tuple(found)


def _by_metric() -> Mapping[str, tuple[Twin, ...]]:
    found: dict[str, tuple[Twin, ...]] = {}
    for twin in TWINS:
        found[twin.metric.name] = (*found.get(twin.metric.name, ()), twin)
    return found


_BY_METRIC: Final = _by_metric()
