"""What CloudWatch has of each kind of MSK cluster, asked by boto3 as anybody would."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing
from functools import partial
from typing import Any

import pytest
from kafka import KafkaConsumer

from streamwatch.reference.aws import faults as cloud_faults
from streamwatch.reference.aws.server import ReferenceAws
from streamwatch.reference.kafka import faults, topics
from streamwatch.reference.kafka.offsets import Committed
from streamwatch.reference.kafka.server import ReferenceKafka
from streamwatch.reference.kafka.site import Access, KafkaListener, Site
from streamwatch.reference.kafka.spec import Spec
from streamwatch.reference.load import poll_ms
from tests.real.reference_clients import KafkaPython
from tests.reference.kinesis.acting import Time, client, cloud
from tests.waiting import wait_for

RECORDS = 120


def make(site: Site, now: float) -> None:
    """A topic of three partitions, all on broker 1."""
    topics.create(site.cluster, "orders", [(1,)] * 3, {}, now)


def commit(kafka: ReferenceKafka, index: int, offset: int) -> None:
    """Let the group say how far it has read."""
    kafka.do(lambda site, _: site.groups.offsets.put("g", {("orders", index): Committed(offset)}))


@pytest.fixture(scope="module")
def kafka() -> Iterator[ReferenceKafka]:
    """Two brokers; a group that has read three records of the topic, and left."""
    with ReferenceKafka(Spec(brokers=2, settings={"offsets.topic.num.partitions": "2"})) as running:
        running.do(make)
        python = KafkaPython(running.bootstrap)
        python.produce("orders", ["x"] * RECORDS)
        python.consume("orders", "g", 3)
        yield running


class Watch:
    """A cluster in an AWS whose minutes pass when told to."""

    def __init__(self, aws: ReferenceAws, time: Time) -> None:
        self._aws, self._time = aws, time
        self.cloudwatch = client(aws, "cloudwatch")

    def minute(self) -> None:
        """Let a minute pass in which the cluster is measured."""
        self._aws.measure_msk()
        self._time.advance(60)

    def listed(self) -> dict[str, set[frozenset[str]]]:
        """Return the names of the metrics, each with the sets of dimensions that it has."""
        found: dict[str, set[frozenset[str]]] = {}
        for page in self.cloudwatch.get_paginator("list_metrics").paginate(Namespace="AWS/Kafka"):
            for one in page["Metrics"]:
                names = frozenset(each["Name"] for each in one["Dimensions"])
                found.setdefault(one["MetricName"], set()).add(names)
        return found

    def told(self, name: str, **dimensions: str) -> dict[str, float]:
        """Return the statistics of the last minute, none where there is no point; underscores stand for spaces."""
        given = {"Cluster Name": "shop"} | {key.replace("_", " "): value for key, value in dimensions.items()}
        found: list[dict[str, Any]] = self.cloudwatch.get_metric_statistics(
            Namespace="AWS/Kafka",
            MetricName=name,
            Dimensions=[{"Name": key, "Value": value} for key, value in given.items()],
            StartTime=self._time.now() - 60,
            EndTime=self._time.now(),
            Period=60,
            Statistics=["Sum", "SampleCount", "Maximum"],
        )["Datapoints"]
        return {key: found[0][key] for key in ("Sum", "SampleCount", "Maximum")} if found else {}


def watch(stack: ExitStack, kafka: ReferenceKafka, level: str = "DEFAULT", kind: str = "kafka.m7g.large") -> Watch:
    time = Time()
    aws = stack.enter_context(cloud(time))
    aws.add_msk(kafka, "shop", level, kind)
    return Watch(aws, time)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def test_a_serverless_cluster_tells_of_topics_and_groups_only(stack: ExitStack, kafka: ReferenceKafka) -> None:
    seen = watch(stack, kafka, kind="serverless")
    for offset in (1, 2):
        for index in range(3):
            commit(kafka, index, offset)
        seen.minute()

    by_topic = {frozenset({"Cluster Name", "Topic"})}
    by_group = {frozenset({"Cluster Name", "Consumer Group", "Topic"})}
    listed = seen.listed()
    lags = {"MaxOffsetLag", "SumOffsetLag", "MaxEstimatedTimeLag"}
    traffic = {"BytesInPerSec", "BytesOutPerSec", "MessagesInPerSec"}
    assert listed.keys() == lags | traffic
    assert all(listed[name] == by_topic for name in traffic)
    assert all(listed[name] == by_group for name in lags)


def test_a_serverless_topic_is_the_sum_of_its_partitions(stack: ExitStack, kafka: ReferenceKafka) -> None:
    def produce(site: Site, now: float) -> float:
        measures = site.measures[1]
        topics.create(site.cluster, "busy", [(1,)] * 3, {}, now)
        measures.topic("busy", now - 8)  # a meter tells a rate once it has seen five seconds
        measures.produced("busy", 600, 6, now - 6)
        return measures.topics["busy"].bytes_in.rates(now)[0]

    seen = watch(stack, kafka, kind="serverless")
    rate = kafka.do(produce)
    seen.minute()

    told = seen.told("BytesInPerSec", Topic="busy")
    assert told["SampleCount"] == 3
    assert told["Sum"] == pytest.approx(rate, rel=0.2)
    assert told["Sum"] == pytest.approx(3 * told["Maximum"])
    assert rate > 0


def test_an_express_cluster_has_no_disks_and_no_replicas_to_watch(stack: ExitStack, kafka: ReferenceKafka) -> None:
    express, standard = watch(stack, kafka, kind="express.m7g.large"), watch(stack, kafka)
    express.minute()
    standard.minute()

    lost = standard.listed().keys() - express.listed().keys()
    assert lost >= {
        "UnderReplicatedPartitions",
        "UnderMinIsrPartitionCount",
        "OfflinePartitionsCount",
        "KafkaDataLogsDiskUsed",
    }
    assert express.listed().keys() - standard.listed().keys() == {
        "StorageUsed", "UserPartitionExists", "RebalanceInProgress", "UnderProvisioned",
    }  # fmt: skip
    used = kafka.do(
        lambda site, _: sum(one.leader.log.size for one in site.cluster.partitions() if one.leader is not None)
    )
    assert express.told("StorageUsed")["Maximum"] == used > 0
    exists = [express.told("UserPartitionExists", Broker_ID=broker)["Maximum"] for broker in "12"]
    assert exists == [1, 0]  # broker 2 has the internal topics only


def adding(brokers: tuple[int, ...], site: Site, _: float) -> None:
    """Let a partition be on its way to these brokers."""
    site.cluster.topics["orders"].partitions[0].state.adding = brokers


def test_an_express_cluster_says_when_it_rebalances_and_when_it_cannot(stack: ExitStack, kafka: ReferenceKafka) -> None:
    time = Time()
    aws = stack.enter_context(cloud(time))
    aws.add_msk(kafka, "shop", "DEFAULT", "express.m7g.large")
    seen = Watch(aws, time)

    def told() -> list[float]:
        seen.minute()
        return [seen.told(name)["Maximum"] for name in ("RebalanceInProgress", "UnderProvisioned")]

    assert told() == [0, 0]
    aws.do(lambda cloud, now: cloud_faults.apply(cloud, now, "under_provision", {}))
    assert told() == [0, 1]
    aws.do(lambda cloud, now: cloud_faults.apply(cloud, now, "heal", {}))
    kafka.do(partial(adding, (2,)))
    assert told() == [1, 0]
    kafka.do(partial(adding, ()))
    assert told() == [0, 0]


def test_the_time_to_drain_a_lag_is_gone_when_its_consumer_stops(stack: ExitStack, kafka: ReferenceKafka) -> None:
    seen = watch(stack, kafka, "PER_TOPIC_PER_PARTITION")
    group = {"Consumer_Group": "g", "Topic": "orders"}
    ends = kafka.do(lambda site, _: [one.replicas[1].log.end for one in site.cluster.topics["orders"].partitions])
    longest = ends.index(max(ends))
    for index in range(3):
        commit(kafka, index, ends[index])
    commit(kafka, longest, 0)
    seen.minute()
    assert seen.told("EstimatedMaxTimeLag", **group) == {}  # nobody knows yet how fast it is

    commit(kafka, longest, 10)
    seen.minute()
    left = max(ends) - 10
    assert seen.told("MaxOffsetLag", **group)["Maximum"] == left
    assert seen.told("EstimatedMaxTimeLag", **group)["Maximum"] == pytest.approx(left / (10 / 60))
    partition = seen.told("EstimatedTimeLag", **group, Partition=str(longest))
    assert partition["Maximum"] == pytest.approx(left / (10 / 60))

    seen.minute()
    assert seen.told("MaxOffsetLag", **group)["Maximum"] == left
    assert seen.told("EstimatedMaxTimeLag", **group) == {}


def test_a_consumer_that_has_read_everything_has_nothing_to_drain(stack: ExitStack, kafka: ReferenceKafka) -> None:
    seen = watch(stack, kafka)
    kafka.do(lambda site, now: topics.create(site.cluster, "read", [(1,)], {}, now))
    consumer = stack.enter_context(
        closing(KafkaConsumer("read", group_id="idle", bootstrap_servers=kafka.bootstrap.split(",")))
    )

    def has_committed() -> bool:
        consumer.poll(timeout_ms=poll_ms(consumer))
        if consumer.assignment():
            consumer.commit()
        return is_stable() and bool(kafka.do(lambda site, _: site.groups.offsets.of("idle")))

    def is_stable() -> bool:
        return any(one.name == "idle" and one.state == "Stable" for one in kafka.do(lambda site, _: site.groups.list()))

    wait_for(has_committed, 20, "the group is stable and has committed")
    seen.minute()

    assert seen.told("EstimatedMaxTimeLag", Consumer_Group="idle", Topic="read")["Maximum"] == 0


def test_zookeeper_is_told_of_where_there_is_one(stack: ExitStack, kafka: ReferenceKafka) -> None:
    old = stack.enter_context(ReferenceKafka(Spec(brokers=2, release=(2, 8))))
    with_one, without = watch(stack, old), watch(stack, kafka)
    old.do(lambda site, now: faults.isolate(site, now, broker=2))
    with_one.minute()
    without.minute()

    assert with_one.told("ZooKeeperSessionState", Broker_ID="1")["Maximum"] == 1.0
    assert with_one.told("ZooKeeperSessionState", Broker_ID="2")["Maximum"] == 0.5
    assert "Maximum" in with_one.told("ZooKeeperRequestLatencyMsMean", Broker_ID="1")
    assert not any(name.startswith("ZooKeeper") for name in without.listed())


def test_each_network_processor_tells_its_own_connections(stack: ExitStack) -> None:
    access = Access(listeners=(KafkaListener("SASL_SCRAM", None, ("SCRAM-SHA-512",)),))
    kafka = stack.enter_context(ReferenceKafka(Spec(brokers=1, settings={"num.network.threads": "3"}), access))
    seen = watch(stack, kafka, "PER_BROKER")
    address = kafka.site.address(1, "SASL_SCRAM")
    for _ in range(4):
        stack.enter_context(socket.create_connection(address))
    wait_for(lambda: sum(kafka.site.measures[1].connections.values()) == 4, 10, "four connections")
    seen.minute()

    count = seen.told("ClientConnectionCount", Broker_ID="1", Client_Authentication="SASL_SCRAM")
    assert count == {"Sum": 4, "SampleCount": 3, "Maximum": 2}
    rate = seen.told("ConnectionCreationRate", Broker_ID="1")
    assert rate["SampleCount"] == 3
    assert rate["Sum"] == pytest.approx(4 / 60)


def test_cloudwatch_lags_where_there_are_no_streams_too(stack: ExitStack, kafka: ReferenceKafka) -> None:
    time = Time()
    aws = stack.enter_context(cloud(time))
    aws.add_msk(kafka, "shop")
    seen = Watch(aws, time)

    aws.do(lambda cloud, now: cloud_faults.apply(cloud, now, "lag_cloudwatch", {"late": 600.0}))
    seen.minute()
    assert seen.told("GlobalTopicCount") == {}
    aws.do(lambda cloud, now: cloud_faults.apply(cloud, now, "heal", {}))
    assert seen.told("GlobalTopicCount")["Maximum"] > 0
