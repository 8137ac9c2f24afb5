"""Under which names CloudWatch has a metric of ours: some by the metric alone, some for one value of a label only."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from streamwatch.catalogue.cloudwatch_mappings import MAPPINGS
from streamwatch.model.metric import Metric
from streamwatch.model.msk import CloudWatchMapping


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
        suffix = "".join(f", {label}={value}" for label, value in self.labels)
        return f"{self.name} ({self.statistic}{suffix})"


def cloudwatch_names(metric: Metric) -> tuple[CloudWatchName, ...]:
    """Return every CloudWatch metric that tells this one, or a part of it."""
    mappings = _BY_METRIC.get(metric.name, ())
    found = [CloudWatchName(one.name, "AWS/Kafka", one.level, one.statistic, one.fixed) for one in mappings]
    mapping = metric.cloudwatch
    if mapping is not None and mapping.name not in {one.name for one in found}:
        found.append(CloudWatchName(mapping.name, mapping.namespace, mapping.level, mapping.statistic))
    return tuple(found)


def _by_metric() -> Mapping[str, tuple[CloudWatchMapping, ...]]:
    found: dict[str, tuple[CloudWatchMapping, ...]] = {}
    for mapping in MAPPINGS:
        found[mapping.metric.name] = (*found.get(mapping.metric.name, ()), mapping)
    return found


_BY_METRIC: Final = _by_metric()
