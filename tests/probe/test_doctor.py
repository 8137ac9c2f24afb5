"""What the doctor says of the probe's topic and rights."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from streamwatch.model.finding import Finding
from streamwatch.probe.doctor import examine, policy
from streamwatch.reference.kafka.acls import Acl, AclOperation, ResourceType
from streamwatch.reference.kafka.server import ReferenceKafka
from streamwatch.reference.kafka.site import Access
from streamwatch.sources.cluster_config import ClusterConfig
from streamwatch.sources.kafka.config import KafkaTls, Sasl
from streamwatch.sources.probe_config import KafkaProbe
from tests.addresses import servers
from tests.probe.making import SPEC, TOPIC, make_topic

pytest_plugins = ["streamwatch.reference.pytest_plugin"]


def findings(kafka: ReferenceKafka, **settings: Any) -> list[Finding]:
    config = ClusterConfig(name="c", bootstrap=servers(kafka.bootstrap.split(",")))

    async def run() -> list[Finding]:
        return [finding async for finding in examine(config, KafkaProbe(enabled=True, topic=TOPIC, **settings))]

    return asyncio.run(run())


def test_a_topic_that_is_missing_is_made_by_a_command_or_by_the_agent(reference_kafka: ReferenceKafka) -> None:
    (missing,) = findings(reference_kafka)
    (created,) = findings(reference_kafka, create=True)

    assert missing.verdict == "failed"
    assert f"kafka-topics.sh --create --topic {TOPIC} --partitions 3 --replication-factor 3" in missing.remedy
    assert (created.verdict, created.detail.rpartition(": ")[2]) == ("ok", "the agent will make it")


def test_brokers_that_lead_nothing_are_said_and_no_record_is_written(reference_kafka: ReferenceKafka) -> None:
    make_topic(reference_kafka, {0: (1,), 1: (2,)})
    rights, idle = findings(reference_kafka)

    assert (rights.verdict, rights.detail) == ("ok", "topic 'probes': Describe, Read, Write are allowed")
    assert (idle.verdict, idle.detail) == ("warning", "topic 'probes': not covered: brokers 3 lead no partition")
    logs = reference_kafka.do(
        lambda site, _: [
            copy.log.end for one in site.cluster.topics[TOPIC].partitions for copy in one.replicas.values()
        ]
    )
    assert logs == [0, 0]


@pytest.mark.parametrize(
    ("sasl", "words"),
    [
        (None, "--allow-principal User:<the agent's> --operation Describe --operation Read --operation Write"),
        (Sasl(mechanism="AWS_MSK_IAM"), '"kafka-cluster:DescribeTopic", "kafka-cluster:ReadData"'),
    ],
)
def test_the_policy_that_is_missing_is_printed(sasl: Sasl | None, words: str) -> None:
    config = ClusterConfig(name="c", bootstrap=servers(["b:9092"]), sasl=sasl, tls=KafkaTls())

    assert words in policy(config, KafkaProbe(enabled=True))
    assert "Create" in policy(config, KafkaProbe(enabled=True, create=True))
    assert "Create" not in policy(config, KafkaProbe(enabled=True))


def test_rights_that_are_missing_are_named(reference_kafka_factory: Callable[..., ReferenceKafka]) -> None:
    kafka = reference_kafka_factory(SPEC, Access(authorize=True))
    make_topic(kafka, {0: (1,), 1: (2,), 2: (3,)})
    (unseen,) = findings(kafka)
    allowed = Acl(
        resource_type=ResourceType.TOPIC, resource_name=TOPIC, principal="User:ANONYMOUS", operation=AclOperation.READ
    )
    kafka.do(lambda site, _: site.acls.add(allowed))
    (lacking,) = findings(kafka)

    assert (unseen.verdict, lacking.verdict) == ("failed", "failed")
    assert "TOPIC_AUTHORIZATION_FAILED" in unseen.detail
    assert lacking.detail == "topic 'probes': not allowed: Write"
    assert "--operation Write --topic probes" in lacking.remedy
