"""How far source connectors are: Debezium's last change, what MirrorMaker 2 copies, and what is not known of it."""

import json
import threading
from typing import Any

import pytest

from streamwatch.catalogue import kafka_connect as c
from streamwatch.model.metric import Samples
from tests.snapshots import values
from tests.sources.connect.service import Reply, Service, running, served
from tests.sources.connect.test_source import read, reasons, samples, source

DEBEZIUM = {"connector.class": "io.debezium.connector.postgresql.PostgresConnector", "topic.prefix": "db"}
COPIES = {"connector.class": "org.apache.kafka.connect.mirror.MirrorSourceConnector", "source.cluster.alias": "east"}
CHECKS = {"connector.class": "MirrorCheckpointConnector", "source.cluster.alias": "east"}
SECRET = "hunter2hunter2"


def as_source(**settings: str) -> dict[str, Any]:
    one = running("RUNNING", **settings)
    one["status"]["type"] = "source"
    return one


def offsets(*pairs: tuple[dict[str, Any], dict[str, Any] | None]) -> Reply:
    return 200, json.dumps({"offsets": [{"partition": place, "offset": at} for place, at in pairs]}).encode()


def tasks(**settings: str) -> Reply:
    own = {key.replace("_", "."): value for key, value in settings.items()}
    one = {"id": {"connector": "m", "task": 0}, "config": {"source.cluster.sasl.jaas.config": SECRET, **own}}
    return 200, json.dumps([one]).encode()


def copied(topic: str, partition: int, offset: int) -> tuple[dict[str, Any], dict[str, Any]]:
    return {"cluster": "east", "topic": topic, "partition": partition}, {"offset": offset}


def of_mirror(
    settings: dict[str, str],
    tasks: Reply,
    offsets: Reply = (200, b'{"offsets": []}'),
    more: str = "",
) -> list[Samples]:
    answers = {"/connectors/m/tasks": lambda: tasks, "/connectors/m/offsets": lambda: offsets}
    now = read(Service({"m": as_source(**settings)}, answers=answers), more=more)
    assert now.problems == ()
    assert SECRET not in repr(now.connectors)
    return samples(now)


@pytest.mark.parametrize(
    ("at", "seconds"),
    [
        ({"lsn": 5, "txId": 7, "ts_usec": 1_795_789_499_488_109}, 1_795_789_499.488109),
        ({"file": "binlog.1", "pos": 4, "ts_sec": 1_795_789_499}, 1_795_789_499.0),
        ({"ts_ms": 1_795_789_499_500}, 1_795_789_499.5),
        ({"commit_lsn": "00000027:00000ac0:0002"}, None),
        ({"ts_usec": 0}, None),
        ({"ts_usec": "soon"}, None),
    ],
)
def test_the_last_change_of_a_database_is_what_the_offsets_of_debezium_say(at: dict[str, Any], seconds: float) -> None:
    answers = {"/connectors/db/offsets": lambda: offsets(({"server": "db"}, at))}
    now = read(Service({"db": as_source(**DEBEZIUM)}, answers=answers))

    assert now.problems == ()
    assert values(samples(now), c.CHANGE_TIMESTAMP) == ({} if seconds is None else {"k db": pytest.approx(seconds)})


def test_of_several_databases_the_one_that_is_furthest_behind_counts() -> None:
    several = offsets(
        ({"database": "a"}, {"ts_ms": 5000}), ({"database": "b"}, {"ts_ms": 3000}), ({"database": "c"}, None)
    )
    now = read(Service({"db": as_source(**DEBEZIUM)}, answers={"/connectors/db/offsets": lambda: several}))

    assert values(samples(now), c.CHANGE_TIMESTAMP) == {"k db": 3.0}


def test_a_heartbeat_that_is_off_is_named_and_whether_it_writes_to_the_database() -> None:
    every = {"heartbeat.interval.ms": "10000"}
    service = Service(
        {
            "off": as_source(**DEBEZIUM),
            "on": as_source(**DEBEZIUM, **every),
            "writes": as_source(**DEBEZIUM, **every, **{"heartbeat.action.query": "UPDATE beat SET at = now()"}),
            "mirror": as_source(**{"connector.class": "MirrorHeartbeatConnector"}),
            "sink": running("RUNNING"),
        }
    )
    found = samples(read(service))

    assert values(found, c.HEARTBEAT_INTERVAL) == {"k off": 0, "k on": 10, "k writes": 10, "k mirror": 1}
    assert values(found, c.HEARTBEAT_WRITES_SOURCE) == {"k off": 0, "k on": 0, "k writes": 1}
    assert {row.split()[1] for row in values(found, c.HEARTBEAT_TOPIC)} == {"on", "writes", "mirror"}


def test_what_is_copied_is_what_tasks_have_and_offsets_say() -> None:
    found = of_mirror(
        COPIES,
        tasks(task_assigned_partitions="orders-0,orders-1,my-topic-0,heartbeats-0"),
        offsets(copied("orders", 0, 9), copied("orders", 1, 4), copied("gone", 0, 7), copied("heartbeats", 0, 1)),
    )

    assert values(found, c.MIRROR_PARTITIONS) == {
        "east m k orders east.orders": 2, "east m k my-topic east.my-topic": 1,
        "east m k heartbeats east.heartbeats": 1,
    }  # fmt: skip
    assert values(found, c.MIRROR_COPIED_PARTITIONS)["east m k my-topic east.my-topic"] == 0
    assert values(found, c.MIRROR_OFFSET)["east m k orders east.orders"] == 15


@pytest.mark.parametrize(
    ("policy", "target"),
    [
        ({"replication.policy.class": "org.apache.kafka.connect.mirror.IdentityReplicationPolicy"}, "orders"),
        ({"replication.policy.separator": "_"}, "east_orders"),
        ({"replication.policy.class": "com.example.Own"}, ""),
    ],
)
def test_the_copys_name_follows_from_the_policy(policy: dict[str, str], target: str) -> None:
    found = of_mirror({**COPIES, **policy}, tasks(task_assigned_partitions="orders-0"))

    assert list(values(found, c.MIRROR_PARTITIONS)) == [f"east m k orders {target}"]


def test_a_cluster_is_called_as_it_is_under_kafka() -> None:
    found = of_mirror(COPIES, tasks(task_assigned_partitions="t-0"), more=", clusters: {east: shop-east}")

    assert list(values(found, c.MIRROR_PARTITIONS)) == ["shop-east m k t east.t"]


@pytest.mark.parametrize(
    ("settings", "topic"),
    [
        ({}, "east.checkpoints.internal"),
        ({"replication.policy.separator": "_"}, "east_checkpoints_internal"),
        (
            {"replication.policy.separator": "_", "replication.policy.internal.topic.separator.enabled": "false"},
            "east.checkpoints.internal",
        ),
        ({"emit.checkpoints.enabled": "false"}, None),
        ({"replication.policy.class": "com.example.Own"}, None),
    ],
)
def test_checkpoints_are_of_groups_and_in_a_topic(settings: dict[str, str], topic: str | None) -> None:
    found = of_mirror({**CHECKS, **settings}, tasks(task_assigned_groups="billing, search"))

    assert list(values(found, c.MIRROR_CHECKPOINT_TOPIC)) == ([] if topic is None else [f"k m east {topic}"])
    assert set(values(found, c.MIRROR_GROUP)) == {"east m k billing", "east m k search"}
    assert values(found, c.MIRROR_PARTITIONS) == {}


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ((404, b""), "unsupported"),
        ((401, b""), "denied"),
        ((500, b""), "error"),
        ((200, b"null"), "misread"),
        ((200, b'{"offsets": 7}'), "misread"),
        ((200, b'{"offsets": [7]}'), "misread"),
        ((200, b'{"offsets": [{"partition": {}, "offset": []}]}'), "misread"),
    ],
)
def test_progress_that_cannot_be_had_is_unknown_and_the_connector_is_known(reply: Reply, reason: str) -> None:
    good = offsets(({"server": "db"}, {"ts_ms": 5000}))
    answers = {"/connectors/a/offsets": lambda: reply, "/connectors/b/offsets": lambda: good}
    now = read(Service({"a": as_source(**DEBEZIUM), "b": as_source(**DEBEZIUM)}, answers=answers))

    assert reasons(now) == [("connector", reason)]
    assert "/connectors/a" in now.problems[0].detail or "'a'" in now.problems[0].detail
    assert values(samples(now), c.CHANGE_TIMESTAMP) == {"k b": 5.0}
    assert {row.split()[1] for row in values(samples(now), c.CONNECTOR_STATE)} == {"a", "b"}


@pytest.mark.parametrize(
    "reply",
    [(200, b"{}"), (200, b"[7]"), (200, b'[{"config": 7}]'), tasks(task_assigned_partitions="orders"),
     tasks(task_assigned_partitions="t-\u0661"), tasks(task_assigned_partitions="-1")],
)  # fmt: skip
def test_tasks_that_are_none_are_unknown(reply: Reply) -> None:
    answers = {"/connectors/m/tasks": lambda: reply, "/connectors/m/offsets": offsets}
    now = read(Service({"m": as_source(**COPIES)}, answers=answers))

    assert reasons(now) == [("connector", "misread")]
    assert SECRET not in repr(now)


def test_progress_while_the_workers_rebalance_is_unknown_and_no_problem() -> None:
    now = read(Service({"a": as_source(**DEBEZIUM)}, answers={"/connectors/a/offsets": lambda: (409, b"")}))

    assert now.problems == ()
    assert values(samples(now), c.CHANGE_TIMESTAMP) == {}


def test_a_worker_that_hangs_with_offsets_is_asked_once_and_costs_no_more() -> None:
    is_over = threading.Event()

    def hangs() -> Reply:
        is_over.wait(30)
        return 200, b"{}"

    names = [f"c{number}" for number in range(50)]
    service = Service({name: as_source(**DEBEZIUM) for name in names})
    service.answers = {f"/connectors/{name}/offsets": hangs for name in names}
    with served(service) as url:
        now = source([url], ", timeout: 300ms").read()
        is_over.set()

    assert now.connectors is not None
    assert len(now.connectors) == 50
    assert reasons(now) == [("connector", "timeout"), ("connector", "budget")]
    assert now.problems[1].count == 49
    assert sum("offsets" in path for path in service.asked) == 1


def test_a_name_is_quoted_in_an_address() -> None:
    service = Service({"a/b c": as_source(**DEBEZIUM)})
    read(service)

    assert service.asked[-1] == "/connectors/a%2Fb%20c/offsets"
