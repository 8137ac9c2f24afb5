"""Kafka's own tools print the same of a cluster of Apache Kafka 4.3 and of the reference cluster."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamwatch.reference.kafka.server import ReferenceKafka
from streamwatch.reference.kafka.spec import Spec
from tests.real.asking import Asker
from tests.real.conftest import had
from tests.real.java import ToolFailed
from tests.real.kafka import KafkaCluster
from tests.real.reference_clients import KafkaTools

TOPIC, GROUP, NOBODY = "asked.tools", "asked-tools-readers", "asked-nobody"
SETTINGS = {
    "offsets.topic.num.partitions": "10",
    "group.initial.rebalance.delay.ms": "0",
    "log.index.size.max.bytes": "65536",
}
SHELL, TRANSACTIONS = "org.apache.kafka.tools.GetOffsetShell", "org.apache.kafka.tools.TransactionsCommand"
PLACED = (
    *("--replica-assignment", "1:2:3,2:3:1,3:1:2"),
    *("--config", "retention.ms=3600000", "--config", "min.insync.replicas=2"),
)
OF_TOPIC = ("--entity-type", "topics", "--entity-name", TOPIC)
OF_GROUP = ("--entity-type", "groups", "--entity-name", GROUP)
PARTITION = ("--topic", TOPIC, "--partition", "0")
COMMANDS: tuple[tuple[str, ...], ...] = (
    ("TopicCommand", "--create", "--topic", TOPIC, *PLACED),
    ("TopicCommand", "--create", "--topic", "asked_tools", "--partitions", "1"),
    ("TopicCommand", "--create", "--topic", "asked.many", "--partitions", "1", "--replication-factor", "5"),
    ("TopicCommand", "--alter", "--topic", TOPIC, "--partitions", "2"),
    ("TopicCommand", "--describe", "--topic", TOPIC),
    ("TopicCommand", "--describe", "--topic", TOPIC, "--at-min-isr-partitions"),
    ("ConfigCommand", "--alter", *OF_TOPIC, "--add-config", "retention.ms=soon"),
    ("ConfigCommand", "--alter", *OF_TOPIC, "--add-config", "cleanup.policy=[compact,delete]"),
    ("ConfigCommand", "--describe", *OF_TOPIC),
    ("ConfigCommand", "--alter", *OF_GROUP, "--add-config", "consumer.heartbeat.interval.ms=6000"),
    ("ConfigCommand", "--describe", *OF_GROUP),
    ("ConfigCommand", "--alter", *OF_GROUP, "--delete-config", "consumer.heartbeat.interval.ms"),
    ("AclCommand", "--list"),
    (SHELL, "--topic", TOPIC),
    (SHELL, "--topic", TOPIC, "--time", "max-timestamp"),
    (SHELL, "--topic", TOPIC, "--time", "earliest-local"),
    ("ConsumerGroupCommand", "--reset-offsets", "--group", GROUP, "--topic", TOPIC, "--to-earliest", "--execute"),
    ("ConsumerGroupCommand", "--describe", "--group", GROUP),
    ("ConsumerGroupCommand", "--describe", "--group", GROUP, "--members", "--verbose"),
    ("ConsumerGroupCommand", "--describe", "--group", NOBODY),
    ("ConsumerGroupCommand", "--delete-offsets", "--group", GROUP, "--topic", TOPIC),
    ("ConsumerGroupCommand", "--delete", "--group", GROUP),
    ("LogDirsCommand", "--describe", "--topic-list", TOPIC),
    ("LeaderElectionCommand", "--election-type", "preferred", *PARTITION),
    (TRANSACTIONS, "describe-producers", *PARTITION),
    (TRANSACTIONS, "find-hanging", "--topic", TOPIC),
    (TRANSACTIONS, "describe", "--transactional-id", NOBODY),
    ("org.apache.kafka.tools.BrokerApiVersionsCommand",),
    ("TopicCommand", "--delete", "--topic", TOPIC),
)
DIFFERING = (
    (r"(?:127\.0\.0\.1|localhost):\d+", "ADDRESS"),
    (r"TopicId: \S+", "TopicId"),
    (r"\d\d:\d\d:\d\d,\d\d\d", "TIME"),
    (r'"logDir":"[^"]*"', "DIRECTORY"),
    (r"\(id: \d rack: \S+", "NODE"),
    (r"DYNAMIC_DEFAULT_BROKER_CONFIG:min.insync.replicas=1, ", ""),  # there with eligible leader replicas
    (r"[ \t]+", " "),
)


@pytest.fixture(scope="module")
def reference() -> Iterator[ReferenceKafka]:
    with ReferenceKafka(Spec(settings=SETTINGS)) as kafka:
        yield kafka


def printed(bootstrap: str, folder: Path) -> dict[str, list[str]]:
    """What each command prints, or how it fails, without what differs by nature."""
    tools = had(lambda: KafkaTools(bootstrap, folder))
    found = {}
    with Asker(bootstrap) as ask:
        ask.coordinator(GROUP)  # a group's first offsets wait for the topic that keeps them
        for command in COMMANDS:
            try:
                said = tools.run(*command)
            except ToolFailed as failed:
                said = str(failed)
            for pattern, instead in DIFFERING:
                said = re.sub(pattern, instead, said)
            found[" ".join(command)] = said.strip().splitlines()
        ask.forget("asked")
    return found


def test_every_tool_prints_the_same(cluster_43: KafkaCluster, reference: ReferenceKafka, tmp_path: Path) -> None:
    expected, found = printed(cluster_43.bootstrap, tmp_path), printed(reference.bootstrap, tmp_path)

    for command, lines in expected.items():
        assert sorted(found[command]) == sorted(lines), command
