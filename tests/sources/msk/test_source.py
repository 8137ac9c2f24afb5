"""A cluster of MSK's: its control plane and CloudWatch, from the reference; each trap of CloudWatch's numbers."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from streamwatch.agent.config import parse
from streamwatch.catalogue import agent as c
from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_brokers as b
from streamwatch.catalogue import kafka_groups as g
from streamwatch.catalogue import msk as m
from streamwatch.core.errors import ConfigError
from streamwatch.model.metric import Metric
from streamwatch.model.msk import MskSnapshot
from streamwatch.reference.aws import faults as cloud_faults
from tests.snapshots import values
from tests.sources.msk.house import House, read, told


def test_the_control_plane_says_what_the_cluster_is_and_what_is_done_to_it(house: House) -> None:
    house.cluster.state = "REBOOTING_BROKER"
    house.cluster.operations += [
        {"OperationArn": "arn:1", "OperationState": "UPDATE_IN_PROGRESS", "OperationType": "REBOOT_NODE"},
        {"OperationArn": "arn:2", "OperationState": "UPDATE_COMPLETE", "OperationType": "UPDATE_BROKER_COUNT"},
    ]
    now, samples = read(house.msk())

    assert isinstance(now, MskSnapshot)
    assert told(samples, m.CLUSTER_INFO) == {"standard kraft 4.3.0 kafka.m7g.large PER_BROKER": 1}
    assert told(samples, m.CLUSTER_STATE) == {"REBOOTING_BROKER": 1}
    assert told(samples, m.PARTITIONS_LIMIT) == {"recommended": 1000, "maximum": 1500}
    assert told(samples, m.IAM_CONNECTIONS_LIMIT) == {"open": 3000, "new": 100}
    assert told(samples, m.OPERATIONS) == {"REBOOT_NODE": 1}
    assert now.problems == ()


@pytest.mark.parametrize(
    ("instance", "kind", "limits"),
    [
        ("express.m7g.2xlarge", "express", {"recommended": 2500, "maximum": 4000}),
        ("kafka.t3.small", "standard", {"recommended": 300, "maximum": 300}),
        ("kafka.x9.gigantic", "standard", {}),
    ],
)
def test_how_many_partitions_a_broker_should_hold_depends_on_its_type(
    house: House, instance: str, kind: str, limits: dict[str, float]
) -> None:
    house.cluster.instance_type = instance
    now, samples = read(house.msk())

    assert now.described.type == kind
    assert told(samples, m.PARTITIONS_LIMIT) == limits


def test_cloudwatch_and_the_protocol_say_the_same(house: House) -> None:
    house.minute()
    protocol, msk = house.parts()
    kafka, (_, samples) = read(protocol)[1], read(msk)

    for metric in (
        k.ACTIVE_CONTROLLERS, k.OFFLINE_PARTITIONS, k.PARTITIONS, k.TOPICS, k.BROKER_PARTITIONS, k.BROKER_LEADERS,
        k.BROKER_UNDER_REPLICATED, k.BROKER_UNDER_MIN_ISR, g.GROUP_TOPIC_LAG,
    ):  # fmt: skip
        assert values(samples, metric) == values(kafka, metric) != {}, metric.name
    disks, ours = told(samples, b.DATA_DISK), told(kafka, b.DATA_DISK)
    assert disks == pytest.approx(ours, abs=1e-6)


def test_a_lag_that_is_no_longer_measured_disappears_and_comes_back(house: House) -> None:
    msk = house.msk("cluster: shop, metrics: all, cloudwatch: {detail_interval: 60s}")
    house.minute()
    assert "g orders" in told(read(msk)[1], g.GROUP_TOPIC_LAG)
    for _ in range(7):
        house.time.advance(60)  # nothing is measured any more: what was known gets old
    assert told(read(msk)[1], g.GROUP_TOPIC_LAG) == {}
    house.minute()
    assert "g orders" in told(read(msk)[1], g.GROUP_TOPIC_LAG)


def test_by_default_only_what_no_cheaper_source_tells_is_asked_for(house: House) -> None:
    house.minute()
    _, everything = read(house.msk())
    _, missing = read(house.msk("cluster: shop, metrics: missing"))

    assert told(missing, k.BROKER_LEADERS) == {}
    assert told(missing, b.HANDLER_IDLE) == told(everything, b.HANDLER_IDLE) != {}
    (few,), (many,) = (told(one, c.CLOUDWATCH_METRICS).values() for one in (missing, everything))
    assert 0 < few < many


def test_what_a_lowered_level_had_is_not_paid_for_any_more(house: House) -> None:
    house.minute()
    msk = house.msk()
    read(msk)
    assert told(read(msk)[1], b.HANDLER_IDLE) != {}
    house.cluster.sampler.level = "DEFAULT"
    house.time.advance(300)
    before = told(read(msk)[1], c.CLOUDWATCH_METRICS)[""]
    house.time.advance(300)
    now, samples = read(msk)

    assert now.described.level == "DEFAULT"
    assert told(samples, b.HANDLER_IDLE) == {}
    paid = told(samples, c.CLOUDWATCH_METRICS)[""] - before
    assert paid == sum(one.level == "DEFAULT" for one, _ in msk.source._listed.known(house.time.now()).values())  # type: ignore[attr-defined]


def test_the_bill_is_that_of_the_requests_made(house: House) -> None:
    asked: list[int] = []
    house.minute()
    msk = house.msk()
    source: Any = msk.source
    call = source._caller.call

    def counted(service: str, region: str, operation: str, given: Any, **how: Any) -> Any:
        if operation == "GetMetricData":
            asked.append(len(given["MetricDataQueries"]))
        return call(service, region, operation, given, **how)

    source._caller.call = counted
    for _ in range(12):
        _, samples = read(msk)
        house.minute()

    assert len(asked) == 12 + 3, "what pages people every minute, all else every five"
    assert told(samples, c.CLOUDWATCH_METRICS) == {"": sum(asked)}
    assert told(samples, c.CLOUDWATCH_COST) == {"": pytest.approx(sum(asked) * 0.01 / 1000)}


def test_a_budget_stops_it_before_it_is_passed(house: House) -> None:
    house.minute()
    msk = house.msk("cluster: shop, metrics: all, cloudwatch: {monthly_dollars: 0}")
    now, samples = read(msk)

    assert told(samples, c.CLOUDWATCH_METRICS) == {"": 0}
    assert {one.reason for one in now.problems} == {"budget"}
    assert told(samples, m.CLUSTER_STATE) == {"ACTIVE": 1}


@pytest.mark.parametrize(
    ("operation", "left"),
    [("DescribeClusterV2", ()), ("ListMetrics", (m.CLUSTER_STATE,)), ("GetMetricData", (m.CLUSTER_STATE,))],
)
def test_a_right_that_is_missing_is_said(house: House, operation: str, left: tuple[Metric, ...]) -> None:
    house.minute()
    house.aws.do(partial(cloud_faults.deny, operation=operation))
    now, samples = read(house.msk())

    assert {one.reason for one in now.problems} == {"denied"}
    assert operation in now.problems[0].detail
    assert all(told(samples, metric) for metric in left)
    assert now.is_up is bool(left)


@pytest.mark.parametrize("field", ["State", "ClusterName", "ClusterArn"])
def test_a_description_that_lacks_a_field_is_misread_and_nothing_else(house: House, field: str) -> None:
    msk = house.msk()
    source: Any = msk.source
    call = source._caller.call

    def bare(service: str, region: str, operation: str, given: Any, **how: Any) -> Any:
        answer = call(service, region, operation, given, **how)
        if operation == "DescribeClusterV2":
            del answer["ClusterInfo"][field]
        return answer

    source._caller.call = bare
    now, samples = read(msk)

    assert [one.reason for one in now.problems] == ["misread"]
    assert field in now.problems[0].detail
    assert told(samples, c.SOURCE_UP) == {"": 0}


def test_a_name_that_is_not_there_is_said(house: House) -> None:
    now, _ = read(house.msk("cluster: sho"))

    assert "no cluster is called 'sho'" in now.problems[0].detail
    assert not now.is_up


def test_a_cluster_is_named_by_its_arn_or_by_name_and_region() -> None:
    def one(msk: str) -> str:
        return f"kafka: [{{name: k, bootstrap: ['h:1'], msk: {{{msk}}}}}]"

    arn = "arn:aws:kafka:eu-west-1:123456789012:cluster/shop/0-1"
    found = parse(one(f"cluster: '{arn}'"), "f", Path()).kafka[0].msk
    assert found is not None
    assert found.aws_region == "eu-west-1"
    with pytest.raises(ConfigError, match="give its region"):
        parse(one("cluster: shop"), "f", Path())
    with pytest.raises(ConfigError, match="no ARN"):
        parse(one("cluster: 'arn:aws:sqs:x'"), "f", Path())


def test_bootstrap_servers_are_asked_of_msk(house: House) -> None:
    protocol = house.parts("cluster: shop", "")[0]
    now, samples = read(protocol)

    assert now.problems == ()
    assert told(samples, k.BROKER_UP) == {"1": 1, "2": 1, "3": 1}


@pytest.mark.parametrize(
    ("more", "name", "why"),
    [
        (
            "tls: {}, sasl: {mechanism: AWS_MSK_IAM},",
            "shop",
            "has no BootstrapBrokerStringSaslIam, but BootstrapBrokerString:",
        ),
        ("tls: {},", "shop", "has no BootstrapBrokerStringTls"),
        ("", "shoe", "no cluster is called 'shoe'"),
    ],
)
def test_bootstrap_servers_that_cannot_be_had_are_a_problem(house: House, more: str, name: str, why: str) -> None:
    protocol = house.parts(f"cluster: {name}", more)[0]
    now, samples = read(protocol)

    assert why in now.problems[0].detail
    assert not now.is_up
    assert told(samples, c.SOURCE_UP) == {"": 0}
