"""Open transactions of a real cluster: what they hold back, since when, whose they are, and what find-hanging says."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from kafka import KafkaProducer

from streamwatch.catalogue import kafka as k
from streamwatch.core.clock import SystemClock
from streamwatch.model.kafka import NOT_KNOWN, ClusterSnapshot
from streamwatch.settings.types import Secret
from streamwatch.sources.cluster_config import ClusterConfig
from streamwatch.sources.kafka import KafkaSource
from streamwatch.sources.kafka.config import Sasl
from tests.addresses import servers
from tests.real.kafka import KafkaCluster
from tests.real.late_writes import write_late
from tests.real.seeing import Eyes

TOPIC = "tx-orders"
QUIET, OPEN, LATE = 0, 1, 2
"""Partitions: of a transaction that was committed, of one that is open, of one that nobody knows."""


class Ahead(SystemClock):
    """A clock by which a quarter of a minute goes by from one read to the next."""

    ahead = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead


@pytest.fixture(scope="module")
def cluster(kafka_cluster_module: Callable[..., KafkaCluster]) -> KafkaCluster:
    made = kafka_cluster_module(
        brokers=2,
        security="SASL_PLAINTEXT",
        mechanisms=("PLAIN",),
        authorizer=True,
        properties={"transaction.partition.verification.enable": "false"},
    )
    made.create_topic(TOPIC, 3, 1)
    for operation, resource in (("Describe", "--cluster"), ("Describe", "--topic"), ("DescribeConfigs", "--topic")):
        made.add_acl("User:agent", operation, resource, *(("*",) if resource == "--topic" else ()))
    return made


@contextmanager
def watching(cluster: KafkaCluster, **changes: Any) -> Iterator[Callable[[], ClusterSnapshot]]:
    """Return a way to read, a quarter of a minute after the last time; the eyes are its attribute."""
    clock = Ahead()
    plain: dict[str, Any] = {
        "name": "real",
        "bootstrap": servers(cluster.internal_bootstrap.split(",")),
        "interval": 15.0,
    }
    config = ClusterConfig(**(plain | changes))
    source = KafkaSource(config, clock, lambda: None)
    seen = Eyes(source, config)

    def look() -> ClusterSnapshot:
        clock.ahead += 15.0
        return seen.look()

    look.seen = seen  # type: ignore[attr-defined]
    try:
        yield look
    finally:
        source.close()


@contextmanager
def transaction(cluster: KafkaCluster, name: str, partition: int, count: int) -> Iterator[KafkaProducer]:
    """Write records in a transaction that is open until the end of the block, or until it is committed."""
    servers = cluster.internal_bootstrap.split(",")
    with closing(
        KafkaProducer(bootstrap_servers=servers, transactional_id=name, transaction_timeout_ms=600_000)
    ) as producer:
        producer.init_transactions()
        producer.begin_transaction()
        for _ in range(count):
            producer.send(TOPIC, b"x", partition=partition)
        producer.flush()
        yield producer


def leader_of(cluster: KafkaCluster, partition: int) -> str:
    """Return the address of the leader of a partition."""
    with cluster.admin() as admin:
        (topic,) = admin.describe_topics([TOPIC])
    (leader,) = (p["leader_id"] for p in topic["partitions"] if p["partition_index"] == partition)
    return cluster.internal_bootstrap.split(",")[int(leader) - 1]


def hanging(cluster: KafkaCluster) -> set[tuple[int, int]]:
    """Return partition and producer id of what find-hanging prints, asked without patience."""
    said = cluster.tool("TransactionsCommand", "find-hanging", "--topic", TOPIC, "--max-transaction-timeout", "0")
    rows = [line.split() for line in said.splitlines() if line.startswith(TOPIC)]
    return {(int(row[1]), int(row[2])) for row in rows}


def test_what_is_open_is_named_as_kafkas_own_tool_names_it(cluster: KafkaCluster) -> None:
    with transaction(cluster, "tx-quiet", QUIET, 2) as producer:
        producer.commit_transaction()
    now = SystemClock().now()
    late = write_late(leader_of(cluster, LATE), TOPIC, LATE, timestamp_ms=int((now - 3600) * 1000))
    with transaction(cluster, "tx-open", OPEN, 3) as producer, watching(cluster) as look:
        cluster.produce(TOPIC, OPEN, 4)
        for _ in range(3):
            found = look()
        seen: Eyes = look.seen  # type: ignore[attr-defined]
        assert found.problems == ()
        assert seen.values(k.TOPIC_UNDECIDED_RECORDS)[TOPIC] == 3 + 4 + 1
        assert 30 <= seen.values(k.TOPIC_UNDECIDED_SECONDS)[TOPIC] < 60
        held, unknown = found.transactions
        assert (held.topic, held.partition, held.first_offset) == (TOPIC, OPEN, 0)
        assert (held.transactional_id, held.coordinated) == ("tx-open", True)
        assert 0 <= SystemClock().now() - held.started_at < 120
        assert (unknown.partition, unknown.producer_id, unknown.first_offset) == (LATE, late, 0)
        assert (unknown.transactional_id, unknown.coordinated) == ("", False)
        assert abs(now - 3600 - unknown.started_at) < 1, "when its record was written"

        assert hanging(cluster) == {
            (one.partition, one.producer_id) for one in found.transactions if not one.coordinated
        }
        described = cluster.tool("TransactionsCommand", "describe", "--transactional-id", "tx-open")
        assert str(held.producer_id) in described.split()
        assert str(int(held.started_at * 1000)) in described.split()

        producer.commit_transaction()
        cluster.tool("TransactionsCommand", "abort", "--topic", TOPIC, "--partition", str(LATE), "--start-offset", "0")
        for _ in range(2):
            found = look()
        assert found.transactions == ()
        assert seen.values(k.TOPIC_UNDECIDED_RECORDS)[TOPIC] == 0
        assert seen.values(k.TOPIC_UNDECIDED_SECONDS)[TOPIC] == 0
        assert hanging(cluster) == set()


def test_with_the_right_to_describe_only_the_place_is_told_and_nothing_is_wrong(cluster: KafkaCluster) -> None:
    sasl = Sasl(mechanism="PLAIN", username="agent", password=Secret("agent-secret"))
    user = {"bootstrap": servers(cluster.bootstrap.split(",")), "sasl": sasl}
    with transaction(cluster, "tx-open", OPEN, 3) as producer, watching(cluster, **user) as look:
        for _ in range(3):
            found = look()
        assert [
            (one.partition, one.producer_id, one.transactional_id, one.coordinated) for one in found.transactions
        ] == [(OPEN, NOT_KNOWN, "", None)]
        assert {problem.reason for problem in found.problems} == set()

        cluster.add_acl("User:agent", "Read", "--topic", TOPIC)
        for _ in range(5):
            found = look()
        (one,) = found.transactions
        assert one.producer_id >= 0
        assert (one.transactional_id, one.coordinated) == ("", None), "which ids there are is not for it to know"

        cluster.add_acl("User:agent", "Describe", "--transactional-id", "*")
        for _ in range(5):
            found = look()
        (one,) = found.transactions
        assert (one.transactional_id, one.coordinated) == ("tx-open", True)
        producer.abort_transaction()
