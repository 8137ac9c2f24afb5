"""The JMX exporter of real brokers: what it says is what the protocol says, healthy and with a broker down."""

from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer

from streamwatch.agent.config import Config, parse
from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_brokers as b
from streamwatch.cli.audit_once import audit_once
from streamwatch.cli.compare import compared
from streamwatch.cli.snapshot import SourceRead, read_all
from streamwatch.model.comparison import Line
from streamwatch.model.kafka import ClusterSnapshot
from tests.real.kafka import KafkaCluster
from tests.real.reference_clients import KafkaPython
from tests.snapshots import values
from tests.waiting import wait_for

OBJECTS = (
    "kafka.server:*", "kafka.network:*", "kafka.controller:type=ControllerStats,*", "java.lang:type=MemoryPool,*",
    "java.lang:type=GarbageCollector,*", "java.lang:type=OperatingSystem",
)  # fmt: skip
COLLECTORS = ("Copy", "MarkSweepCompact")
"""Of the JVMs that the tests start."""


def read(cluster: KafkaCluster, nodes: Iterable[int] = ()) -> list[SourceRead]:
    """Read both sources; of the pages those of the brokers, or of these nodes."""
    return read_all(config_of(cluster, nodes).kafka[0])


def config_of(cluster: KafkaCluster, nodes: Iterable[int] = ()) -> Config:
    """A configuration with both sources; of the pages those of the brokers, or of these nodes."""
    targets = ", ".join(f"{{broker: {n}, jmx: '127.0.0.1:{cluster.jmx_port(n)}'}}" for n in nodes or cluster.broker_ids)
    servers = ", ".join(f"'{one}'" for one in cluster.bootstrap.split(","))
    text = f"kafka: [{{name: k, bootstrap: [{servers}], open_monitoring: {{targets: [{targets}]}}}}]"
    return parse(text, "test", Path())


def differing(seen: list[SourceRead]) -> list[Line]:
    return [line for line in compared(seen) if line.verdict != "equal"]


def test_both_sources_agree_and_the_pages_tell_the_rest(kafka_cluster: Callable[..., KafkaCluster]) -> None:
    cluster = kafka_cluster(jmx_objects=OBJECTS)
    cluster.create_topic("orders", 6, 3)
    client = KafkaPython(cluster.bootstrap)
    client.produce("orders", [str(number) for number in range(50)])
    assert len(client.consume("orders", "g", 50)) == 50

    def told() -> list[SourceRead]:
        """Both sources, once they agree: a broker's own counts follow its metadata by a moment."""
        seen = read(cluster)
        return seen if not differing(seen) and values(seen[1].samples, b.MESSAGES_IN) else []

    kafka, pages = wait_for(told, 30, "both sources agree")
    assert len(list(compared([kafka, pages]))) >= 15
    assert sum(values(pages.samples, b.MESSAGES_IN).values()) >= 50
    totals = {row: value for row, value in values(pages.samples, b.REQUEST_MEAN).items() if row.endswith("total")}
    assert {row.split()[1] for row in totals} == {"Produce", "FetchConsumer", "FetchFollower"}
    assert max(totals.values()) > 0
    quantiles = values(pages.samples, b.REQUEST_QUANTILE)
    assert quantiles["1 Produce total 0.5"] <= quantiles["1 Produce total 0.999"]
    for metric in (b.REQUEST_QUEUE, b.RESPONSE_QUEUE, b.HANDLER_IDLE, b.PROCESSOR_IDLE, b.HEAP_AFTER_GC):
        assert set(values(pages.samples, metric)) == {"1", "2", "3"}, metric.name
    assert all(0 <= value <= 1.1 for value in values(pages.samples, b.HANDLER_IDLE).values())
    assert sum(values(pages.samples, b.CONNECTIONS).values()) > 3
    created, closed = values(pages.samples, b.CONNECTIONS_CREATED), values(pages.samples, b.CONNECTIONS_CLOSED)
    assert all(0 <= closed[row] < count for row, count in created.items())
    assert set(values(pages.samples, b.CONNECTIONS_EXPIRED)) == set(values(pages.samples, b.FAILED_AUTHENTICATIONS))
    assert set(values(pages.samples, b.GC_SECONDS)) == {f"{n} {gc}" for n in (1, 2, 3) for gc in COLLECTORS}
    for broker, files in values(pages.samples, b.OPEN_FILES).items():
        own = len(list(Path(f"/proc/{cluster.pid(int(broker))}/fd").iterdir()))
        assert files == pytest.approx(own, rel=0.2)
        assert files < values(pages.samples, b.FILES_LIMIT)[broker]
    assert values(pages.samples, b.UNCLEAN_ELECTIONS) == {}, "brokers of KRaft do not count them"

    cluster.kill(2)

    def settled() -> list[SourceRead]:
        seen = read(cluster)
        under = values(seen[0].samples, k.BROKER_UNDER_REPLICATED)
        return seen if under and sum(under.values()) >= 6 and not differing(seen) else []

    kafka, pages = wait_for(settled, 60, "both count what is under-replicated")
    assert set(values(pages.samples, b.REQUEST_QUEUE)) == {"1", "3"}
    assert values(pages.samples, b.ISR_SHRINKS).keys() == values(pages.samples, b.ISR_EXPANDS).keys() == {"1", "3"}
    before = sum(values(pages.samples, b.ISR_EXPANDS).values())

    missing = sum(values(kafka.samples, k.BROKER_UNDER_REPLICATED).values())

    cluster.restart(2)

    def expansions() -> float:
        kafka, pages = read(cluster)
        under = values(kafka.samples, k.BROKER_UNDER_REPLICATED)
        counted = sum(values(pages.samples, b.ISR_EXPANDS).values()) - before
        return counted if len(under) == 3 and not any(under.values()) else 0.0

    # Not each that was missing is counted (9 of 16 once): a leader does where the controller's answer comes before the
    # metadata that tell the same; else it drops the answer as out of date (submitAlterPartition in Partition.scala).
    assert 0 < wait_for(expansions, 90, "its replicas are back") <= missing
    assert [one.reason for one in pages.snapshot.problems] == ["unreachable"]


def test_an_unclean_election_is_on_the_controllers_pages(kafka_cluster: Callable[..., KafkaCluster]) -> None:
    cluster = kafka_cluster(jmx_objects=OBJECTS, properties={"unclean.leader.election.enable": "true"})
    cluster.create_topic("careless", 1, 2)
    controller = cluster.controller_ids[0]
    seen = read(cluster, [controller])
    now = seen[0].snapshot
    assert isinstance(now, ClusterSnapshot)
    topology = now.topology
    assert topology is not None
    row = int(topology.topic_start[topology.topic_index["careless"]])
    leader = int(topology.leader[row])
    follower = next(int(one) for one in topology.replica[topology.replica_start[row] :][:2] if one != leader)
    assert values(seen[1].samples, b.UNCLEAN_ELECTIONS) == {str(controller): 0}

    cluster.kill(follower)
    wait_for(lambda: cluster.under_replicated() == {("careless", 0)}, 60, "the follower is out of the ISR")
    cluster.kill(leader)
    wait_for(lambda: cluster.unavailable() == {("careless", 0)}, 60, "nobody leads")
    cluster.restart(follower)
    counted = wait_for(
        lambda: values(read(cluster, [controller])[1].samples, b.UNCLEAN_ELECTIONS)[str(controller)],
        60,
        "it is counted",
    )
    assert counted >= 1


def test_clients_that_kafka_4_refuses_are_audited_by_what_they_ask(kafka_cluster: Callable[..., KafkaCluster]) -> None:
    """Only a real broker says how its exporter names what it counts of them."""
    cluster = kafka_cluster(version="3.9.2", brokers=1, jmx_objects=("kafka.network:*", "kafka.log:*"))
    cluster.create_topic("orders", 1, 1)
    assert "old-clients" in not_checked(audit_once(config_of(cluster))), "of none that asked, nothing is known"
    with closing(KafkaProducer(bootstrap_servers=cluster.bootstrap.split(","), api_version=(0, 10, 0))) as producer:
        producer.send("orders", b"x").get(timeout=30)

    audit = audit_once(config_of(cluster))
    old = [each for each in audit["findings"] if each["finding"] == "old-clients"]
    assert [each["evidence"] for each in old] == [["a client that does not say what it is asks by Produce 2"]]
    assert not_checked(audit) & {"old-clients", "compaction-stopped"} == set()


def not_checked(audit: dict[str, Any]) -> set[str]:
    return {each["finding"] for each in audit["notChecked"]}
