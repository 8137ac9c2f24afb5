"""Each trap of MSK's numbers that people fall into: the agent does not."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_brokers as b
from streamwatch.catalogue import kafka_groups as g
from streamwatch.catalogue import msk as m
from streamwatch.reference.kafka import faults
from streamwatch.reference.kafka.classic_members import Who
from streamwatch.reference.kafka.membership import Join
from streamwatch.reference.kafka.site import Site
from streamwatch.samples.precedence import SourcePrecedence
from tests.real.reference_clients import KafkaPython
from tests.reference.groups_house import subscription
from tests.reference.kinesis.acting import client
from tests.snapshots import values
from tests.sources.msk.house import House, read, told
from tests.waiting import wait_for

EVERY_MINUTE = "cluster: shop, metrics: all, cloudwatch: {detail_interval: 60s}"


def statistic(house: House, name: str, minutes: int, stat: str, **more: str) -> list[float]:
    """What CloudWatch itself says of a metric of the cluster over so many minutes."""
    dimensions = {"Cluster Name": "shop"} | {key.replace("_", " "): value for key, value in more.items()}
    answer: Any = client(house.aws, "cloudwatch").get_metric_statistics(
        Namespace="AWS/Kafka",
        MetricName=name,
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        StartTime=house.time.now() - 60 * minutes,
        EndTime=house.time.now(),
        Period=60 * minutes,
        Statistics=[stat],
    )
    return [one[stat] for one in answer["Datapoints"]]


@contextmanager
def stopped(house: House, broker: int) -> Iterator[None]:
    """Stop a broker, until the controller knows; it is well again afterwards."""
    house.kafka.do(lambda site, now: faults.stop(site, now, broker=broker))
    wait_for(lambda: house.kafka.do(lambda site, _: site.cluster.brokers[broker].is_fenced), 20, "it is fenced")
    try:
        yield
    finally:
        house.kafka.do(lambda site, now: faults.start(site, now, broker=broker))
        wait_for(lambda: not house.kafka.do(lambda site, _: site.cluster.brokers[broker].is_fenced), 20, "it is back")


def test_1_partitions_are_counted_without_replicas_and_with_them(house: House) -> None:
    house.minute()
    for part in house.parts():
        _, samples = read(part)
        partitions, offline = told(samples, k.PARTITIONS)[""], told(samples, k.OFFLINE_PARTITIONS)[""]
        assert sum(told(samples, k.BROKER_LEADERS).values()) == partitions - offline
        assert sum(told(samples, k.BROKER_PARTITIONS).values()) == 3 * partitions


def test_2_controllers_are_counted_at_their_maximum(house: House) -> None:
    msk = house.msk(EVERY_MINUTE)
    house.time.advance(300 - house.time.now() % 300)
    for _ in range(5):
        house.minute()
        _, samples = read(msk)

    assert statistic(house, "ActiveControllerCount", 5, "Average") == [pytest.approx(1 / 3)]
    assert statistic(house, "ActiveControllerCount", 5, "Sum") == [5]
    assert told(samples, k.ACTIVE_CONTROLLERS) == {"": 1}


def test_3_cloudwatch_is_not_believed_about_controllers(house: House) -> None:
    house.minute()
    _, samples = read(house.msk())
    believed = SourcePrecedence().choose(("cloudwatch", one) for one in samples)

    assert told(samples, k.ACTIVE_CONTROLLERS) == {"": 1}
    assert told([one for _, one in believed], k.ACTIVE_CONTROLLERS) == {}


def test_5_a_dead_broker_shows_on_the_others_and_a_leaderless_partition_is_not_under_replicated(house: House) -> None:
    with stopped(house, 2):
        protocol, msk = house.parts(EVERY_MINUTE)
        house.minute()
        for part in (protocol, msk):
            _, samples = read(part)
            under = told(samples, k.BROKER_UNDER_REPLICATED)
            assert under.get("2", 0) == 0 < under["1"] + under["3"], part.kind
            offline = told(samples, k.OFFLINE_PARTITIONS)[""]
            assert sum(under.values()) + offline <= told(samples, k.PARTITIONS)[""]


def test_6_a_rate_is_added_up_by_the_minute_and_not_by_the_period(house: House) -> None:
    msk = house.msk(EVERY_MINUTE)
    house.time.advance(300 - house.time.now() % 300)
    at = (("Broker ID", "1"), ("Cluster Name", "shop"))
    for _ in range(5):
        house.aws.do(
            lambda cloud, now: cloud.metrics().put("AWS/Kafka", "BytesInPerSec", at, 1000.0, "Bytes/Second", now)
        )
        house.time.advance(60)
        _, samples = read(msk)

    assert statistic(house, "BytesInPerSec", 5, "Sum", Broker_ID="1") == [5000], "five times too much for a rate"
    assert told(samples, b.BYTES_IN) == {"1": 5 * 60_000.0}, "bytes in the five minutes since the agent's start"


def test_7_idle_ratios_are_ratios_though_they_are_called_percent(house: House) -> None:
    house.minute()
    _, samples = read(house.msk())

    assert all(0 < value <= 1 for value in told(samples, b.HANDLER_IDLE).values())
    assert len(told(samples, b.HANDLER_IDLE)) == 3
    assert all(0 < value < 1 for value in told(samples, b.ROOT_DISK).values()), "this one is a percentage"


def test_8_connections_made_come_in_a_point_for_each_network_thread(house: House) -> None:
    house.time.advance(60 - house.time.now() % 60)
    msk = house.msk(EVERY_MINUTE)
    house.minute()
    read(msk)
    before = told(read(msk)[1], b.CONNECTIONS_CREATED).get("1 clients", 0)
    for _ in range(6):
        KafkaPython(house.kafka.bootstrap).produce("orders", ["a"])
    house.minute()
    _, samples = read(msk)
    threads = statistic(house, "ConnectionCreationRate", 1, "SampleCount", Broker_ID="1")
    made = statistic(house, "ConnectionCreationRate", 1, "Sum", Broker_ID="1")[0] * 60
    averaged = statistic(house, "ConnectionCreationRate", 1, "Average", Broker_ID="1")[0] * 60

    assert threads[0] > 1
    assert averaged < made
    assert told(samples, b.CONNECTIONS_CREATED)["1 clients"] - before == pytest.approx(made)


def test_9_the_lag_of_a_group_that_rebalances_is_absent_in_cloudwatch_and_not_zero(house: House) -> None:
    protocol, msk = house.parts(EVERY_MINUTE)
    house.minute()
    read(msk)
    assert "g orders" in told(read(msk)[1], g.GROUP_TOPIC_LAG)
    house.kafka.do(joined)
    for _ in range(7):
        house.minute()
        _, samples = read(msk)

    assert told(samples, g.GROUP_TOPIC_LAG) == {}
    assert "g orders" in told(read(protocol)[1], g.GROUP_TOPIC_LAG), "the brokers know it all the time"
    house.kafka.do(left)
    wait_for(lambda: house.kafka.do(lambda site, _: site.groups.describe("g").state == "Empty"), 20, "it is empty")
    house.minute()
    assert "g orders" in told(read(msk)[1], g.GROUP_TOPIC_LAG)


def joined(site: Site, now: float) -> None:
    """Let a member join group g that never takes its share: the group stays in rebalance."""
    protocols = (("range", subscription("orders")),)
    asked = Join(
        member_id="",
        instance_id=None,
        client_id="test",
        host="/127.0.0.1",
        session_seconds=60.0,
        rebalance_seconds=60.0,
        protocol_type="consumer",
        protocols=protocols,
        needs_id=False,
        knows_skip=True,
    )
    site.groups.join("g", asked, now)


def left(site: Site, now: float) -> None:
    """Let all members of group g leave it."""
    found = site.groups.classic("g")
    assert found is not None
    site.groups.leave("g", [Who(one) for one in found.members], now)


def test_10_the_time_to_drain_is_not_the_age_of_what_is_left(house: House) -> None:
    KafkaPython(house.kafka.bootstrap).produce("orders", ["late"] * 5)
    msk = house.msk(EVERY_MINUTE)
    for _ in range(3):
        house.minute()
        _, samples = read(msk)

    assert told(samples, g.GROUP_TOPIC_LAG)["g orders"] > 0
    assert told(samples, m.DRAIN) == {}, "a group that does not read has no rate"
    assert values(samples, g.GROUP_TOPIC_LAG_SECONDS) == {}, "it is the protocol that knows the age"


def test_12_a_broker_that_is_silent_is_not_a_healthy_one(house: House) -> None:
    msk = house.msk(EVERY_MINUTE)
    house.minute()
    read(msk)
    with stopped(house, 2):
        for _ in range(7):
            house.minute()
            _, samples = read(msk)

    assert set(told(samples, k.BROKER_UNDER_REPLICATED)) == {"1", "3"}
    assert sum(told(samples, k.BROKER_UNDER_REPLICATED).values()) > 0


def test_13_the_disk_is_the_brokers_and_not_the_clusters(house: House) -> None:
    house.kafka.do(lambda site, now: faults.fill_disk(site, now, broker=1, to=0.9, within=0.0))
    house.minute()
    _, samples = read(house.msk())
    disks = told(samples, b.DATA_DISK)
    cluster = statistic(house, "KafkaDataLogsDiskUsed", 1, "Maximum")[0] / 100
    house.kafka.do(lambda site, now: faults.free_disk(site, now, broker=1))

    assert max(disks.values()) > cluster
    assert set(disks) == {"1", "2", "3"}
