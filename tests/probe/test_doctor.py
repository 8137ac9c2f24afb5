"""What the doctor says of the probe's topic and rights."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from streamwatch.model.finding import Finding
from streamwatch.probe.doctor import examine, policy
from streamwatch.reference.kafka.acls import Acl, AclOperation, ResourceType
from streamwatch.reference.kafka.server import ReferenceKafka
from streamwatch.reference.kafka.site import Access, Site
from streamwatch.reference.kafka.topics import create
from streamwatch.sources.cluster_config import ClusterConfig
from streamwatch.sources.kafka.config import KafkaTls, Sasl
from streamwatch.sources.probe_config import KafkaProbe
from tests.addresses import servers
from tests.probe.making import SPEC, TOPIC, make_topic

pytest_plugins = ["streamwatch.reference.pytest_plugin"]


def findings(kafka: ReferenceKafka, **settings: Any) -> list[Finding]:
    config = ClusterConfig(name="c", bootstrap=servers(kafka.bootstrap.split(",")))
    settings.setdefault("topic", TOPIC)

    async def run() -> list[Finding]:
        return [finding async for finding in examine(config, KafkaProbe(enabled=True, **settings))]

    return asyncio.run(run())


def allow(kafka: ReferenceKafka, *operations: AclOperation, cluster: bool = False) -> None:
    """Let the agent do this with the topic, or with the cluster."""
    kind, name = (ResourceType.CLUSTER, "kafka-cluster") if cluster else (ResourceType.TOPIC, TOPIC)

    def add(site: Site, _: float) -> None:
        for operation in operations:
            site.acls.add(Acl(resource_type=kind, resource_name=name, principal="User:ANONYMOUS", operation=operation))

    kafka.do(add)


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
    allow(kafka, AclOperation.READ)
    (lacking,) = findings(kafka)

    assert (unseen.verdict, lacking.verdict) == ("failed", "failed")
    assert "TOPIC_AUTHORIZATION_FAILED" in unseen.detail
    assert lacking.detail == "topic 'probes': not allowed: Write"
    assert "--operation Write --topic probes" in lacking.remedy


def test_the_right_to_make_this_one_topic_is_enough_and_is_tried_without_making_it(
    reference_kafka_factory: Callable[..., ReferenceKafka],
) -> None:
    kafka = reference_kafka_factory(SPEC, Access(authorize=True))
    allow(kafka, AclOperation.DESCRIBE)
    (refused,) = findings(kafka, create=True)
    allow(kafka, AclOperation.CREATE)
    (granted,) = findings(kafka, create=True)

    assert (refused.verdict, refused.detail.rpartition(": ")[2]) == ("failed", "Create is not allowed")
    assert "--operation Create" in refused.remedy
    assert (granted.verdict, granted.detail.rpartition(": ")[2]) == ("ok", "the agent will make it")
    assert TOPIC not in kafka.do(lambda site, _: set(site.cluster.topics))


def test_what_else_forbids_a_topic_is_said_before_an_agent_runs(reference_kafka: ReferenceKafka) -> None:
    reference_kafka.do(lambda site, now: create(site.cluster, "pro.bes", [(1,)], {}, now))
    (refused,) = findings(reference_kafka, create=True, topic="pro_bes")

    assert refused.verdict == "failed"
    assert "INVALID_TOPIC_EXCEPTION" in refused.detail
    assert refused.remedy == "mend that, or make the topic by hand"


def test_a_right_that_an_agent_that_makes_the_topic_lacks_is_named(
    reference_kafka_factory: Callable[..., ReferenceKafka],
) -> None:
    kafka = reference_kafka_factory(SPEC, Access(authorize=True))
    make_topic(kafka, {0: (1,), 1: (2,), 2: (3,)})
    allow(kafka, AclOperation.READ, AclOperation.WRITE, AclOperation.DESCRIBE)
    (lacking,) = findings(kafka, create=True)
    (used_as_it_is,) = findings(kafka)
    allow(kafka, AclOperation.ALTER)
    allowed, elections = findings(kafka, create=True)
    allow(kafka, AclOperation.ALTER, AclOperation.DESCRIBE, cluster=True)
    (all_allowed,) = findings(kafka, create=True)

    assert (lacking.verdict, lacking.detail) == ("failed", "topic 'probes': not allowed: Alter")
    assert [each.verdict for each in (used_as_it_is, allowed, all_allowed)] == ["ok"] * 3
    assert elections.verdict == "warning"
    assert elections.detail.startswith("elections are not allowed: Alter on the cluster")
