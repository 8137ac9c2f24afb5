"""The reference cluster, audited once over the network: one of each finding is found, and none where there is none."""

import re
from collections.abc import Callable
from typing import Any

from click.testing import CliRunner

from streamwatch.agent.config import Config
from streamwatch.cli.audit_once import audit_once
from streamwatch.cli.main import main
from streamwatch.reference.kafka import topics
from streamwatch.reference.kafka.batch import parse
from streamwatch.reference.kafka.classic_members import Who
from streamwatch.reference.kafka.offsets import Committed
from streamwatch.reference.kafka.server import ReferenceKafka
from streamwatch.reference.kafka.site import Site
from streamwatch.reference.kafka.spec import Spec
from streamwatch.sources.cluster_config import ClusterConfig
from tests.addresses import servers
from tests.conftest import closed_port
from tests.reference.batches import records

DAY = 86_400.0
WELL = {"min.insync.replicas": "2"}
Factory = Callable[..., ReferenceKafka]

pytest_plugins = ["streamwatch.reference.pytest_plugin"]


def audited(kafka: ReferenceKafka) -> dict[str, Any]:
    return audit_once(Config(kafka=(ClusterConfig(name="shop", bootstrap=servers(kafka.bootstrap.split(","))),)))


def found(shown: dict[str, Any]) -> set[tuple[str, str]]:
    return {(each["finding"], each["target"]) for each in shown["findings"]}


def make(kafka: ReferenceKafka, name: str, *replicas: tuple[int, ...], **settings: str) -> None:
    """Make a topic; underscores in settings stand for dots."""
    own = {key.replace("_", "."): value for key, value in settings.items()}
    kafka.do(lambda site, now: topics.create(site.cluster, name, replicas, own, now))


def write(kafka: ReferenceKafka, topic: str, age: float) -> None:
    """Write a record of so many seconds ago, which its replicas have."""

    def append(site: Site, now: float) -> None:
        partition = site.cluster.topics[topic].partitions[0]
        batches = parse(records(b"x", timestamp=int((now - age) * 1000)))
        partition.append(partition.state.leader, batches, now, None)
        for replica in partition.replicas.values():
            if replica is not partition.leader:
                replica.append(list(partition.leader.log.batches() if partition.leader else ()))
            replica.known_end = replica.log.end
        partition.advance(now)

    kafka.do(append)


def test_a_cluster_that_is_set_well_has_no_finding(reference_kafka: ReferenceKafka) -> None:
    make(reference_kafka, "orders", (1, 2, 3), (2, 3, 1), min_insync_replicas="2")
    write(reference_kafka, "orders", 60.0)

    shown = audited(reference_kafka)
    assert shown["findings"] == []
    assert {each["finding"] for each in shown["notChecked"]} == {"throttled-clients", "plain-listener"}


def test_one_of_each_finding_is_found(reference_kafka_factory: Factory) -> None:
    kafka = reference_kafka_factory(Spec(brokers=4, racks=3))
    for name, replicas, settings in (
        ("alone", (2,), WELL),
        ("close", (1, 4), {"min.insync.replicas": "1"}),
        ("strict", (1, 2, 3), {"min.insync.replicas": "3"}),
        ("weak", (1, 2, 3), {"min.insync.replicas": "1"}),
        ("unclean", (1, 2, 3), {**WELL, "unclean.leader.election.enable": "true"}),
        ("endless", (1, 2, 3), {**WELL, "retention.ms": "-1"}),
        ("never", (1, 2, 3), {**WELL, "cleanup.policy": "compact", "min.cleanable.dirty.ratio": "1"}),
        ("old", (1, 2, 3), {**WELL, "cleanup.policy": "compact"}),
        ("late", (1, 2, 3), WELL),
    ):
        make(kafka, name, replicas, **settings)
    for name, age in (("old", 60 * DAY), ("endless", 60.0), ("late", 6 * DAY)):
        write(kafka, name, age)
    kafka.do(lambda site, now: site.groups.commit("gone", Who(""), {("late", 0): Committed(0, at=now)}, now))

    shown = audited(kafka)
    assert found(shown) == {
        ("replication-factor-one", "shop/alone"),
        ("one-rack", "shop/close"),
        ("min-isr-one", "shop/close"),
        ("min-isr-equals-replication-factor", "shop/strict"),
        ("min-isr-one", "shop/weak"),
        ("unclean-election", "shop/unclean"),
        ("unbounded-topic", "shop/endless"),
        ("compaction-stopped", "shop/never"),
        ("no-writers", "shop/old"),
        ("unused-group", "shop/gone"),
    }
    assert {each["finding"] for each in shown["notChecked"]} >= {"offsets-expiring", "compaction-stopped"}


def test_a_cluster_that_cannot_be_read_is_said_once_with_its_reason() -> None:
    address = f"127.0.0.1:{closed_port()}"
    result = CliRunner().invoke(main, ["audit", "--kafka", address])
    skipped, unread, counts = result.output.splitlines()
    assert result.exit_code == 1
    assert re.fullmatch(r"not checked  \d\d checks, 127\.0\.0\.1: not known: the cluster could not be read", skipped)
    assert unread.startswith("127.0.0.1: could not be read: ")
    assert "Connect call failed" in unread
    assert unread.endswith("`streamwatch doctor` tries it step by step")
    assert counts.startswith("0 critical, 0 warning, 0 info; 0 ignored; ")
