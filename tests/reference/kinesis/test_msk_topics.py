"""MSK's topic calls and ListNodes, asked by boto3, over a reference cluster."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from streamwatch.reference.aws.msk import MskCluster
from streamwatch.reference.kafka import faults, topics
from streamwatch.reference.kafka.server import ReferenceKafka
from streamwatch.reference.kafka.site import Site
from streamwatch.reference.kafka.spec import Spec
from tests.reference.kinesis.acting import body, client, cloud
from tests.waiting import wait_for

REPLICAS = ((1, 2, 3), (2, 3, 1), (3, 1, 2))


def make(site: Site, now: float) -> None:
    topics.create(site.cluster, "orders", REPLICAS, {"retention.ms": "60000"}, now)
    for name in ("orders-dead", "other"):
        topics.create(site.cluster, name, [(1,)], {}, now)


@pytest.fixture
def kafka() -> Iterator[ReferenceKafka]:
    with ReferenceKafka(Spec(settings={"broker.session.timeout.ms": "500"})) as running:
        running.do(make)
        yield running


@pytest.fixture
def shop(kafka: ReferenceKafka) -> Iterator[tuple[Any, MskCluster]]:
    """A client of boto3, and the cluster that it asks about."""
    with cloud() as aws:
        yield client(aws, "kafka"), aws.add_msk(kafka, "shop")


def code_of(refused: "pytest.ExceptionInfo[ClientError]") -> tuple[str, int]:
    answer: Any = refused.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


def test_topics_are_listed_by_prefix_and_page(shop: tuple[Any, MskCluster]) -> None:
    msk, cluster = shop
    arn = cluster.arn.replace(":cluster/", ":topic/")

    first = msk.list_topics(ClusterArn=cluster.arn, MaxResults=2)
    rest = msk.list_topics(ClusterArn=cluster.arn, NextToken=first["NextToken"])
    assert [one["TopicName"] for one in first["Topics"] + rest["Topics"]] == ["orders", "orders-dead", "other"]
    assert "NextToken" not in rest
    assert msk.list_topics(ClusterArn=cluster.arn, TopicNameFilter="orders")["Topics"] == [
        {
            "TopicArn": f"{arn}/orders",
            "TopicName": "orders",
            "PartitionCount": 3,
            "ReplicationFactor": 3,
            "OutOfSyncReplicaCount": 0,
        },
        {
            "TopicArn": f"{arn}/orders-dead",
            "TopicName": "orders-dead",
            "PartitionCount": 1,
            "ReplicationFactor": 1,
            "OutOfSyncReplicaCount": 0,
        },
    ]


def test_a_topic_is_described_with_its_settings_in_base64(shop: tuple[Any, MskCluster]) -> None:
    msk, cluster = shop

    told = body(msk.describe_topic(ClusterArn=cluster.arn, TopicName="orders"))
    settings = dict(line.split("=", 1) for line in base64.b64decode(told.pop("Configs")).decode().splitlines())
    assert told == {
        "TopicArn": cluster.arn.replace(":cluster/", ":topic/") + "/orders",
        "TopicName": "orders",
        "PartitionCount": 3,
        "ReplicationFactor": 3,
        "Status": "ACTIVE",
    }
    assert (settings["retention.ms"], settings["compression.type"]) == ("60000", "producer")


def test_partitions_say_who_leads_and_who_is_in_sync(kafka: ReferenceKafka, shop: tuple[Any, MskCluster]) -> None:
    msk, cluster = shop
    given = {"ClusterArn": cluster.arn, "TopicName": "orders"}

    first = msk.describe_topic_partitions(**given, MaxResults=2)
    rest = msk.describe_topic_partitions(**given, NextToken=first["NextToken"])
    assert first["Partitions"] + rest["Partitions"] == [
        {"Partition": index, "Leader": replicas[0], "Replicas": list(replicas), "Isr": list(replicas)}
        for index, replicas in enumerate(REPLICAS)
    ]
    kafka.do(lambda site, now: faults.stop(site, now, broker=1))
    wait_for(lambda: kafka.do(lambda site, _: site.cluster.brokers[1].is_fenced), 10, "broker 1 is fenced")
    (zero, *_) = msk.describe_topic_partitions(**given)["Partitions"]
    assert (zero["Leader"] in {2, 3}, zero["Replicas"], sorted(zero["Isr"])) == (True, [1, 2, 3], [2, 3])
    (alone,) = msk.describe_topic_partitions(ClusterArn=cluster.arn, TopicName="other")["Partitions"]
    assert alone == {"Partition": 0, "Leader": -1, "Replicas": [1], "Isr": [1]}
    (orders, *_) = msk.list_topics(ClusterArn=cluster.arn)["Topics"]
    assert orders["OutOfSyncReplicaCount"] == 3


def test_what_does_not_exist_is_not_found(shop: tuple[Any, MskCluster]) -> None:
    msk, cluster = shop
    calls = (msk.describe_topic, msk.describe_topic_partitions)

    for call in calls:
        with pytest.raises(ClientError) as refused:
            call(ClusterArn=cluster.arn, TopicName="nobody")
        assert code_of(refused) == ("NotFoundException", 404)
    with pytest.raises(msk.exceptions.NotFoundException):
        msk.list_topics(ClusterArn=cluster.arn + "0")
    with pytest.raises(msk.exceptions.BadRequestException):
        msk.list_topics(ClusterArn=cluster.arn, NextToken="made up")


def test_topics_are_told_while_the_cluster_is_active_only(shop: tuple[Any, MskCluster]) -> None:
    msk, cluster = shop
    cluster.state = "MAINTENANCE"

    with pytest.raises(msk.exceptions.BadRequestException):
        msk.list_topics(ClusterArn=cluster.arn)


def test_topics_are_told_from_kafka_3_6_on() -> None:
    with ReferenceKafka(Spec(release=(2, 8))) as old, cloud() as aws:
        msk, cluster = client(aws, "kafka"), aws.add_msk(old)

        with pytest.raises(msk.exceptions.BadRequestException):
            msk.list_topics(ClusterArn=cluster.arn)


def test_nodes_are_brokers_and_the_controllers_of_kraft(shop: tuple[Any, MskCluster]) -> None:
    msk, cluster = shop

    pages = msk.get_paginator("list_nodes").paginate(ClusterArn=cluster.arn, PaginationConfig={"PageSize": 4})
    nodes = [node for page in pages for node in page["NodeInfoList"]]
    assert [node["NodeType"] for node in nodes] == ["BROKER"] * 3 + ["CONTROLLER"] * 3
    assert [node["BrokerNodeInfo"]["BrokerId"] for node in nodes[:3]] == [1, 2, 3]
    assert all(node["ControllerNodeInfo"]["Endpoints"] for node in nodes[3:])
    assert all("BrokerNodeInfo" not in node for node in nodes[3:])


def test_nodes_are_brokers_and_zookeeper_without_kraft() -> None:
    with ReferenceKafka(Spec(release=(2, 8), brokers=1)) as old, cloud() as aws:
        nodes = client(aws, "kafka").list_nodes(ClusterArn=aws.add_msk(old).arn)["NodeInfoList"]

    assert [node["NodeType"] for node in nodes] == ["BROKER"] + ["ZOOKEEPER"] * 3
    assert [node["ZookeeperNodeInfo"]["ZookeeperId"] for node in nodes[1:]] == [1, 2, 3]
