"""Express and Serverless: what MSK's control plane says of them."""

from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from streamwatch.reference.aws.server import ReferenceAws
from streamwatch.reference.kafka.server import ReferenceKafka
from streamwatch.reference.kafka.spec import Spec
from tests.reference.kinesis.acting import client, cloud


@pytest.fixture
def kafka() -> Iterator[ReferenceKafka]:
    with ReferenceKafka(Spec(brokers=2)) as running:
        yield running


@pytest.fixture
def aws(kafka: ReferenceKafka) -> Iterator[ReferenceAws]:
    """Three clusters, one of each kind."""
    with cloud() as running:
        running.add_msk(kafka, "plain")
        running.add_msk(kafka, "fast", instance_type="express.m7g.large")
        running.add_msk(kafka, "nobodys", instance_type="serverless")
        yield running


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({}, {"plain", "fast", "nobodys"}),
        ({"ClusterTypeFilter": "PROVISIONED"}, {"plain", "fast"}),
        ({"ClusterTypeFilter": "SERVERLESS"}, {"nobodys"}),
    ],
)
def test_clusters_are_listed_by_type(aws: ReferenceAws, given: dict[str, str], names: set[str]) -> None:
    found = client(aws, "kafka").list_clusters_v2(**given)["ClusterInfoList"]

    assert {one["ClusterName"] for one in found} == names


def test_an_express_cluster_is_a_provisioned_one_of_other_instances(aws: ReferenceAws) -> None:
    msk = client(aws, "kafka")
    (told,) = msk.list_clusters_v2(ClusterNameFilter="fast")["ClusterInfoList"]

    assert told["ClusterType"] == "PROVISIONED"
    assert told["Provisioned"]["BrokerNodeGroupInfo"]["InstanceType"] == "express.m7g.large"
    assert "Serverless" not in told
    assert msk.list_topics(ClusterArn=told["ClusterArn"])["Topics"] == []


def test_a_serverless_cluster_has_no_brokers_that_anybody_sees(aws: ReferenceAws) -> None:
    msk = client(aws, "kafka")
    (told,) = msk.list_clusters_v2(ClusterNameFilter="nobodys")["ClusterInfoList"]
    arn = told["ClusterArn"]

    assert msk.describe_cluster_v2(ClusterArn=arn)["ClusterInfo"] == told
    assert (told["ClusterType"], "Provisioned" in told) == ("SERVERLESS", False)
    assert told["Serverless"]["ClientAuthentication"] == {"Sasl": {"Iam": {"Enabled": True}}}
    assert told["Serverless"]["VpcConfigs"][0]["SubnetIds"]
    assert "BootstrapBrokerString" not in msk.get_bootstrap_brokers(ClusterArn=arn)  # IAM is the only way in
    topic = {"TopicName": "t"}
    for call, given in (
        (msk.list_nodes, {}),
        (msk.list_topics, {}),
        (msk.describe_topic, topic),
        (msk.describe_topic_partitions, topic),
    ):
        with pytest.raises(ClientError, match=r"BadRequestException.*cannot be performed on serverless clusters"):
            call(ClusterArn=arn, **given)


def test_a_type_that_does_not_exist_is_refused(kafka: ReferenceKafka) -> None:
    with cloud() as aws, pytest.raises(ValueError, match=r"'m7g.large' is none"):
        aws.add_msk(kafka, instance_type="m7g.large")
