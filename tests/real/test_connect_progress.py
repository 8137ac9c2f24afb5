"""Debezium on a real PostgreSQL, and MirrorMaker 2 between two real clusters: how far they are, by their offsets."""

import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pytest

from streamwatch.agent.config import Config, parse
from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_connect as c
from streamwatch.cli.snapshot import read_all
from streamwatch.collectors.connect import ConnectCollector
from streamwatch.core.clock import SystemClock
from streamwatch.model.metric import Metric
from streamwatch.sources.connect.source import ConnectSource
from tests.real.artefacts import debezium_libs
from tests.real.conftest import had
from tests.real.connect import Connect
from tests.real.flowing import Mapped
from tests.real.kafka import KafkaCluster
from tests.real.postgres import Postgres
from tests.snapshots import values
from tests.waiting import wait_for

JSON: Final = "org.apache.kafka.connect.json.JsonConverter"
BYTES: Final = "org.apache.kafka.connect.converters.ByteArrayConverter"
SECONDS: Final = 60.0


@dataclass
class House:
    """A cluster with a worker that knows Debezium, one to be copied, and the agent's configuration of both."""

    west: KafkaCluster
    east: KafkaCluster
    connect: Connect
    config: Config
    source: ConnectSource

    def connectors(self, metric: Metric) -> dict[str, float]:
        return values(ConnectCollector().collect(self.source.read()), metric)

    def ends(self, cluster: str) -> dict[str, float]:
        config = next(one for one in self.config.kafka if one.name == cluster)
        return values(read_all(config)[0].samples, k.TOPIC_END_OFFSET)

    def is_running(self, name: str) -> bool:
        found = self.connectors(c.CONNECTOR_TASKS)
        return bool(found.get(f"west {name} RUNNING")) and not found.get(f"west {name} FAILED")


@pytest.fixture(scope="module")
def house(kafka_cluster_module: Callable[..., KafkaCluster]) -> Iterator[House]:
    plugins = had(debezium_libs)
    west, east = (kafka_cluster_module(brokers=1, combined=True) for _ in range(2))
    with (
        tempfile.TemporaryDirectory(prefix="streamwatch-connect-") as name,
        had(lambda: Connect(west, Path(name), 1, plugins)) as connect,
    ):
        clusters = ", ".join(
            f"{{name: {own}, bootstrap: ['{one.bootstrap}']}}" for own, one in (("west", west), ("east-1", east))
        )
        own = f"{{name: c, kafka_cluster: west, urls: {connect.urls}, clusters: {{east: east-1}}}}"
        config = parse(f"kafka: [{clusters}]\nconnect: [{own}]\n", "test", Path())
        yield House(west, east, connect, config, ConnectSource(config.connect[0], SystemClock()))


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    with had(Postgres) as server:
        yield server


def debezium(postgres: Postgres, name: str, table: str) -> dict[str, str]:
    """A connector whose every heartbeat is a change of the table `beat`."""
    return {
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
        "database.hostname": "127.0.0.1", "database.port": str(postgres.port), "database.user": "postgres",
        "database.password": "none", "database.dbname": "postgres", "topic.prefix": name, "slot.name": name,
        "plugin.name": "pgoutput", "table.include.list": f"public.{table}", "heartbeat.interval.ms": "500",
        "heartbeat.action.query": "UPDATE beat SET at = now()", "key.converter": JSON, "value.converter": JSON,
        "topic.creation.default.replication.factor": "1", "topic.creation.default.partitions": "1",
    }  # fmt: skip


def test_heartbeats_go_on_and_the_last_change_stands_while_the_sender_of_the_log_is_frozen(
    house: House, postgres: Postgres
) -> None:
    postgres.sql("CREATE TABLE orders (id int PRIMARY KEY)")
    postgres.sql("CREATE TABLE beat (id int PRIMARY KEY, at timestamptz)")
    postgres.sql("INSERT INTO beat VALUES (1, now())")
    house.connect.put("shop", debezium(postgres, "shop", "orders"))

    def changed_at() -> float:
        return house.connectors(c.CHANGE_TIMESTAMP).get("west shop", 0.0)

    def beats() -> float:
        return house.ends("west").get("__debezium-heartbeat.shop", 0.0)

    first = wait_for(changed_at, SECONDS, "a change has been passed on")
    assert wait_for(lambda: changed_at() > first, SECONDS, "the heartbeat's own change is passed on")
    assert house.connectors(c.HEARTBEAT_WRITES_SOURCE) == {"west shop": 1}

    sender = postgres.sender("shop")
    assert sender is not None
    postgres.freeze(sender)
    # What was on its way when the sender was frozen is passed on, and committed a second later.
    last = {"at": changed_at(), "beats": beats()}

    def stands() -> bool:
        if changed_at() != last["at"]:
            last.update(at=changed_at(), beats=beats())
        return beats() >= last["beats"] + 10

    assert wait_for(stands, SECONDS, "ten heartbeats come, and no change")
    assert house.is_running("shop")

    postgres.thaw(sender)
    assert wait_for(lambda: changed_at() > last["at"], SECONDS, "changes arrive again")


def test_heartbeats_stand_while_the_whole_database_is_frozen_and_the_connectors_say_running(
    house: House, postgres: Postgres
) -> None:
    """With a query of its own, and without; heartbeats of a connector beside them are the clock."""
    with had(Postgres) as other:
        for one, name in ((postgres, "hung"), (postgres, "mute"), (other, "well")):
            if name != "mute":
                one.sql("CREATE TABLE beat (id int PRIMARY KEY, at timestamptz)")
                one.sql("CREATE TABLE orders (id int PRIMARY KEY)")
            settings = debezium(one, name, "orders")
            query = {"heartbeat.action.query": settings.pop("heartbeat.action.query")} if name == "hung" else {}
            house.connect.put(name, settings | query)

        def beats() -> dict[str, float]:
            ends = house.ends("west")
            return {one: ends.get(f"__debezium-heartbeat.{one}", 0.0) for one in ("hung", "mute", "well")}

        wait_for(lambda: all(beats().values()), SECONDS, "all of them write heartbeats")
        postgres.freeze_all()
        last = beats()

        def stand() -> bool:
            now = beats()
            if (now["hung"], now["mute"]) != (last["hung"], last["mute"]):
                last.update(now)
            return now["well"] >= last["well"] + 40

        assert wait_for(stand, SECONDS, "forty heartbeats of the other come, and none of theirs")
        assert house.is_running("hung")
        assert house.is_running("mute")
        for name in ("hung", "mute", "well"):
            house.connect.order(f"/connectors/{name}/pause")


def test_the_lag_of_a_copy_is_what_the_source_has_less_what_was_copied(house: House) -> None:
    house.east.create_topic("orders", 2, 1)
    house.east.send("orders", 0, "a", "b", "c")
    house.east.send("orders", 1, "d", "e")
    both = {
        f"{one}.cluster.{key}": value
        for one, cluster in (("source", house.east), ("target", house.west))
        for key, value in (
            ("alias", "east" if one == "source" else "west"),
            ("bootstrap.servers", cluster.bootstrap),
        )
    }
    factors = {
        f"{one}.replication.factor": "1" for one in ("offset-syncs.topic", "checkpoints.topic", "heartbeats.topic")
    }
    often = {f"refresh.{one}.interval.seconds": "1" for one in ("topics", "groups")}
    quick = {"replication.factor": "1", "emit.checkpoints.interval.seconds": "1", "tasks.max": "2"}
    settings = {**both, **factors, **often, **quick, "key.converter": BYTES, "value.converter": BYTES}
    copied = "east-1 copies west orders east.orders"

    def lag() -> float | None:
        offset, end = house.connectors(c.MIRROR_OFFSET).get(copied), house.ends("east-1").get("orders")
        return None if offset is None or end is None else end - offset

    house.connect.put("copies", {**settings, "connector.class": "MirrorSourceConnector"})
    assert wait_for(lambda: lag() == 0, SECONDS, "all is copied")
    assert house.connectors(c.MIRROR_PARTITIONS)[copied] == 2
    assert house.connectors(c.MIRROR_COPIED_PARTITIONS)[copied] == 2
    assert house.ends("west")["east.orders"] == 5

    house.connect.order("/connectors/copies/pause")
    wait_for(lambda: "west copies PAUSED" in house.connectors(c.CONNECTOR_STATE), SECONDS, "it is paused")
    house.east.send("orders", 1, "f", "g", "h")
    assert wait_for(lambda: lag() == 3, SECONDS, "three records are not copied")
    house.connect.order("/connectors/copies/resume")
    assert wait_for(lambda: lag() == 0, SECONDS, "all is copied again")

    house.east.commit("billing", {("orders", 0): 3})
    house.connect.put("checks", {**settings, "connector.class": "MirrorCheckpointConnector"})
    group = "east-1 checks west billing"
    assert wait_for(lambda: group in house.connectors(c.MIRROR_GROUP), SECONDS, "the group has checkpoints")
    (row,) = house.connectors(c.MIRROR_CHECKPOINT_TOPIC)
    assert row == "west checks east-1 east.checkpoints.internal"
    assert wait_for(lambda: house.ends("west").get("east.checkpoints.internal"), SECONDS, "one is there")


def test_the_map_says_how_far_a_file_is_behind_the_database(house: House, postgres: Postgres) -> None:
    """PostgreSQL, Debezium, Kafka, a sink and a file: rows are stamped, and the sink is paused while they come."""
    postgres.sql("CREATE TABLE payments (id serial PRIMARY KEY, written float8)")
    postgres.sql("CREATE TABLE beat (id int PRIMARY KEY, at timestamptz)")
    postgres.sql("INSERT INTO beat VALUES (1, now())")
    lake = Path(house.connect.servers[0].log).parent / "lake.txt"
    house.connect.put("bank", debezium(postgres, "bank", "payments"))
    sink = "org.apache.kafka.connect.file.FileStreamSinkConnector"
    topic = "bank.public.payments"
    house.connect.put(
        "lake", {"connector.class": sink, "tasks.max": "1", "topics": topic, "file": str(lake), "value.converter": JSON}
    )
    config = replace(house.config, kafka=(replace(house.config.kafka[0], interval=1.0),))
    ends = (f"topic:west/{topic}", "connector:c/lake")

    def write() -> None:
        postgres.sql("INSERT INTO payments (written) VALUES (extract(epoch from clock_timestamp()))")

    def arrived() -> int:
        found = re.findall(r"after=Struct\{id=(\d+)", lake.read_text()) if lake.exists() else []
        return max(map(int, found), default=0)

    with Mapped(config, before_each=write) as now:
        wait_for(lambda: now.edge(*ends, lambda one: one["lagSeconds"] is not None) and arrived(), SECONDS, "rows come")
        house.connect.order("/connectors/lake/pause")
        wait_for(lambda: "west lake PAUSED" in house.connectors(c.CONNECTOR_STATE), SECONDS, "it is paused")
        edge = wait_for(lambda: now.edge(*ends, lambda one: (one["lagSeconds"] or 0) > 4), SECONDS, "rows wait for 4 s")
        (path,) = [one for one in now.last["paths"] if one["to"] == ends[1]]
        rows = dict(row.split("|") for row in postgres.sql("SELECT id, written FROM payments").splitlines())
        written = float(rows[str(arrived() + 1)])

    assert edge is not None
    assert (path["from"], path["unknown"]) == ("connector:c/bank", [])
    source = path["ageSeconds"] - edge["lagSeconds"]
    truth = edge["at"] - written
    figures = f"{path['ageSeconds']:.2f} s on the map, {source:.2f} s of it at the source, {truth:.2f} s in truth"
    assert abs(path["ageSeconds"] - truth) <= max(2.0, now.between(written) + source), figures
