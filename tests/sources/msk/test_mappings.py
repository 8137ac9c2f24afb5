"""Each CloudWatch metric becomes ours: with its labels, its statistic and its unit."""

from collections.abc import Iterable
from functools import partial

import pytest

from streamwatch.catalogue import kafka_brokers as b
from streamwatch.catalogue import kafka_groups as g
from streamwatch.catalogue import msk as m
from streamwatch.catalogue.cloudwatch_mappings import MAPPINGS
from streamwatch.model.metric import Metric, Samples
from streamwatch.model.msk import CloudWatchMapping
from streamwatch.reference.aws.cloud import Cloud
from tests.sources.msk.house import House, read, told

NAMES = {
    "broker": "Broker ID",
    "topic": "Topic",
    "group": "Consumer Group",
    "authentication": "Client Authentication",
    "partition": "Partition",
}
EVERY_MINUTE = "cluster: shop, metrics: all, cloudwatch: {detail_interval: 60s}"


def labels(mapping: CloudWatchMapping) -> list[str]:
    """The labels that are dimensions in CloudWatch."""
    return [name for name in mapping.metric.labels[1:] if name not in dict(mapping.fixed)]


def put(house: House, mapping: CloudWatchMapping, values: Iterable[float]) -> None:
    """Let CloudWatch have these values of a metric, in the present minute."""
    dimensions = {"Cluster Name": "shop"} | {NAMES[name]: f"the {name}" for name in labels(mapping)}
    at = tuple(sorted(dimensions.items()))
    for value in values:
        house.aws.do(partial(_put, mapping.name, at, value))


def _put(name: str, at: tuple[tuple[str, str], ...], value: float, cloud: Cloud, now: float) -> None:
    cloud.metrics().put("AWS/Kafka", name, at, value, "", now)


def row(mapping: CloudWatchMapping) -> str:
    fixed = dict(mapping.fixed)
    return " ".join(fixed.get(name, f"the {name}") for name in mapping.metric.labels[1:])


def value_of(samples: list[Samples], mapping: CloudWatchMapping) -> float:
    return told(samples, mapping.metric)[row(mapping)]


@pytest.mark.parametrize("mapping", MAPPINGS, ids=lambda one: f"{one.metric.name}-{one.name}")
def test_each_metric_arrives_as_ours(house: House, mapping: CloudWatchMapping) -> None:
    house.cluster.sampler.level = "PER_TOPIC_PER_PARTITION"
    msk = house.msk(EVERY_MINUTE)
    expected = {"Average": 3, "Sum": 6, "Maximum": 4, "Minimum": 2}[mapping.statistic] * mapping.scale
    totals = []
    for _ in range(3):
        put(house, mapping, (2, 4))
        house.time.advance(60)
        now, samples = read(msk)
        totals.append(value_of(samples, mapping))

    assert now.problems == ()
    if mapping.metric.kind == "counter":
        assert totals[2] - totals[1] == pytest.approx(expected)
    else:
        assert totals[2] == pytest.approx(expected)


def test_no_metric_is_told_by_two_of_cloudwatchs() -> None:
    places = [(one.metric, one.fixed, kind) for one in MAPPINGS for kind in one.on]
    twice = {(metric.name, kind) for metric, fixed, kind in places if places.count((metric, fixed, kind)) > 1}

    assert twice == set()


def scaled(metric: Metric) -> set[float]:
    return {one.scale for one in MAPPINGS if one.metric is metric}


def test_units_are_ours() -> None:
    seconds = [one for one in MAPPINGS if one.name.endswith(("MsMean", "ThrottleTime"))]
    percent = [one for one in MAPPINGS if one.name.endswith("Used") and one.metric.unit == "ratio"]

    assert {one.scale for one in seconds} == {0.001}
    assert {one.metric.unit for one in seconds} == {"seconds"}
    assert {one.scale for one in percent} == {0.01}
    assert scaled(b.HANDLER_IDLE) == scaled(b.PROCESSOR_IDLE) == {1.0}, "called percent, and a ratio"
    assert scaled(b.HEAP_AFTER_GC) == scaled(m.BURST_BALANCE) == scaled(b.CPU) == {0.01}
    assert scaled(b.BYTES_IN) == {60.0}, "a rate, added up by the minute"
    assert scaled(g.GROUP_TOPIC_LAG) == {1.0}
    assert all(one.scale == 1 for one in MAPPINGS if one.name.startswith("Volume"))
