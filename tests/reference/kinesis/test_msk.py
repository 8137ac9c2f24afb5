"""MSK's control plane and CloudWatch's AWS/Kafka, from a reference cluster."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from streamwatch.reference.aws import faults as cloud_faults
from streamwatch.reference.aws.server import ReferenceAws
from streamwatch.reference.faulting import BadFault
from streamwatch.reference.kafka import faults, topics
from streamwatch.reference.kafka.server import ReferenceKafka
from streamwatch.reference.kafka.spec import Spec
from streamwatch.reference.metrics import Key
from tests.reference.kinesis.acting import Time, client, cloud
from tests.waiting import wait_for


@pytest.fixture
def kafka() -> Iterator[ReferenceKafka]:
    with ReferenceKafka(
        Spec(settings={"broker.session.timeout.ms": "500", "default.replication.factor": "3"})
    ) as running:
        running.do(lambda site, now: topics.ensure(site.cluster, "orders", now))
        yield running


def points(aws: ReferenceAws, time: Time, name: str, statistic: str, **at: str) -> list[float]:
    dimensions = tuple(sorted(({"Cluster Name": "shop"} | {k.replace("_", " "): v for k, v in at.items()}).items()))

    def look(cloud: Any, now: float) -> list[float]:
        found = cloud.metrics().points(Key("AWS/Kafka", name, dimensions), now - 60, now + 60, 60, now)
        return [one.statistic(statistic) for _, one in found]

    aws.do(lambda *_: time.advance(60))
    return aws.do(look)


def test_the_control_plane_describes_the_cluster(kafka: ReferenceKafka) -> None:
    with cloud() as aws:
        made = aws.add_msk(kafka, "shop", "PER_BROKER")
        msk = client(aws, "kafka")

        (told,) = msk.list_clusters_v2(ClusterNameFilter="sh")["ClusterInfoList"]
        assert (told["ClusterName"], told["State"], told["ClusterType"]) == ("shop", "ACTIVE", "PROVISIONED")
        assert msk.list_clusters_v2(ClusterNameFilter="x")["ClusterInfoList"] == []
        whole = msk.describe_cluster_v2(ClusterArn=made.arn)["ClusterInfo"]["Provisioned"]
        assert (whole["EnhancedMonitoring"], whole["NumberOfBrokerNodes"]) == ("PER_BROKER", 3)
        assert msk.get_bootstrap_brokers(ClusterArn=made.arn)["BootstrapBrokerString"] == kafka.bootstrap
        pending = {"OperationState": "PENDING"}
        made.operations.append(pending | {"OperationArn": "arn:x", "OperationType": "REBOOT_NODE"})
        made.operations.append(
            {"OperationArn": "arn:y", "OperationState": "PENDING", "OperationType": "UPDATE_SECURITY"}
        )
        pages = msk.get_paginator("list_cluster_operations_v2").paginate(
            ClusterArn=made.arn, PaginationConfig={"PageSize": 1}
        )
        operations = [one["OperationType"] for page in pages for one in page["ClusterOperationInfoList"]]
        assert operations == ["REBOOT_NODE", "UPDATE_SECURITY"]
        with pytest.raises(ClientError, match="NotFoundException"):
            msk.describe_cluster_v2(ClusterArn=made.arn + "0")


def test_cloudwatch_has_the_clusters_numbers_with_its_own_dimensions(kafka: ReferenceKafka) -> None:
    time = Time()
    with cloud(time) as aws:
        aws.add_msk(kafka, "shop")
        aws.measure_msk()

        assert points(aws, time, "ActiveControllerCount", "Maximum") == [1]
        aws.measure_msk()
        assert points(aws, time, "ActiveControllerCount", "Average") == [pytest.approx(1 / 3)]
        aws.measure_msk()
        assert points(aws, time, "GlobalTopicCount", "Maximum") == [kafka.do(lambda site, _: len(site.cluster.topics))]
        aws.measure_msk()
        assert points(aws, time, "RequestHandlerAvgIdlePercent", "Average", Broker_ID="1") == []  # PER_BROKER only


def test_a_dead_broker_is_silent_and_the_others_count_its_replicas(kafka: ReferenceKafka) -> None:
    time = Time()
    with cloud(time) as aws:
        aws.add_msk(kafka, "shop", "PER_TOPIC_PER_PARTITION")
        led = kafka.do(lambda site, _: sum(2 in p.state.replicas for p in site.cluster.partitions()))
        kafka.do(lambda site, now: faults.stop(site, now, broker=2))
        wait_for(lambda: kafka.do(lambda site, _: site.cluster.brokers[2].is_fenced), 10, "broker 2 is fenced")
        aws.measure_msk()
        time.advance(60)

        def under(broker: str) -> list[float]:
            def look(cloud: Any, now: float) -> list[float]:
                key = Key("AWS/Kafka", "UnderReplicatedPartitions", (("Broker ID", broker), ("Cluster Name", "shop")))
                return [one.most for _, one in cloud.metrics().points(key, now - 60, now, 60, now)]

            return aws.do(look)

        assert under("2") == []
        assert sum(under("1") + under("3")) == led > 0


def test_an_operation_runs_on_a_cluster_until_it_is_healed(kafka: ReferenceKafka) -> None:
    time = Time()
    with cloud(time) as aws:
        arn = aws.add_msk(kafka, "shop").arn
        msk = client(aws, "kafka")

        def order(name: str, **given: str) -> None:
            aws.do(lambda cloud, now: cloud_faults.apply(cloud, now, name, given))

        def look() -> tuple[str, list[tuple[str, str]]]:
            operations = msk.list_cluster_operations_v2(ClusterArn=arn)["ClusterOperationInfoList"]
            state = msk.describe_cluster_v2(ClusterArn=arn)["ClusterInfo"]["State"]
            return state, [(one["OperationType"], one["OperationState"]) for one in operations]

        assert look() == ("ACTIVE", [])
        order("msk")
        assert look() == ("MAINTENANCE", [("REBOOT_NODE", "UPDATE_IN_PROGRESS")])
        time.advance(60)
        order("heal")
        assert look() == ("ACTIVE", [("REBOOT_NODE", "UPDATE_COMPLETE")])
        (operation,) = msk.list_cluster_operations_v2(ClusterArn=arn)["ClusterOperationInfoList"]
        assert (operation["EndTime"] - operation["StartTime"]).total_seconds() == 60

        order("msk", cluster="shop", state="UPDATING", operation="UPDATE_BROKER_COUNT")
        assert look()[0] == "UPDATING"
        assert look()[1][0] == ("UPDATE_BROKER_COUNT", "UPDATE_IN_PROGRESS")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"state": "ASLEEP"}, "'ASLEEP' is none of ACTIVE, CREATING"),
        ({"cluster": "x"}, "there is no 'x': the clusters are shop"),
    ],
)
def test_an_operation_that_cannot_be_is_refused(kafka: ReferenceKafka, given: dict[str, str], told: str) -> None:
    with cloud() as aws:
        aws.add_msk(kafka, "shop")

        with pytest.raises(BadFault, match=told):
            aws.do(lambda cloud, now: cloud_faults.apply(cloud, now, "msk", given))
