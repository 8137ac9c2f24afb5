"""Real Kafka Connect, two workers on a real broker: what it answers, and what the agent makes of it."""

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import ConsumerRecord

from streamwatch.agent.config import parse
from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_connect as c
from streamwatch.catalogue import kafka_groups as g
from streamwatch.cli.doctor import check_up
from streamwatch.cli.snapshot import read_all
from streamwatch.collectors.connect import ConnectCollector
from streamwatch.core.clock import SystemClock
from streamwatch.model.connect import ConnectSnapshot
from streamwatch.model.finding import Finding
from streamwatch.model.metric import Samples
from streamwatch.sources.connect.source import ConnectSource
from tests.real.conftest import had
from tests.real.connect import Connect
from tests.real.flowing import Mapped
from tests.real.kafka import KafkaCluster
from tests.snapshots import values
from tests.sources.connect.service import Service, running, served
from tests.waiting import wait_for

SOURCE = "org.apache.kafka.connect.file.FileStreamSourceConnector"
SINK = "org.apache.kafka.connect.file.FileStreamSinkConnector"
JSON = "org.apache.kafka.connect.json.JsonConverter"
SECRET = "swordfish-swordfish"
SECONDS = 40.0


class House:
    """A broker, two workers, and the agent's configuration of both."""

    def __init__(self, cluster: KafkaCluster, connect: Connect, folder: Path) -> None:
        self.cluster, self.connect, self.folder = cluster, connect, folder
        text = (
            f"kafka: [{{name: shop, bootstrap: ['{cluster.bootstrap}']}}]\n"
            f"connect: [{{name: sinks, kafka_cluster: shop, urls: {connect.urls}}}]\n"
        )
        self.config = parse(text, "test", Path())
        self.source = ConnectSource(self.config.connect[0], SystemClock())

    def sink(self, name: str, tasks: int = 1, **settings: str) -> None:
        """Make a sink of the topic ``orders`` into a file."""
        file = {"file": str(self.folder / f"{name}.txt")}
        own = {one.replace("_", "."): value for one, value in settings.items()}
        self.connect.put(name, {"connector.class": SINK, "tasks.max": str(tasks), "topics": "orders", **file, **own})

    def read(self) -> ConnectSnapshot:
        return self.source.read()

    def samples(self) -> list[Samples]:
        return ConnectCollector().collect(self.read())

    def tasks(self, name: str) -> dict[str, float]:
        """The connector's tasks by state, those that there are."""
        found = values(self.samples(), c.CONNECTOR_TASKS)
        return {row.split()[2]: count for row, count in found.items() if row.split()[1] == name and count}

    def wait(self, name: str, **states: int) -> None:
        wait_for(lambda: self.tasks(name) == states, SECONDS, f"{name}: {states}")


@pytest.fixture(scope="module")
def house(kafka_cluster_module: Callable[..., KafkaCluster]) -> Iterator[House]:
    cluster = kafka_cluster_module(brokers=1, combined=True)
    cluster.create_topic("orders", 4, 1)
    with (
        tempfile.TemporaryDirectory(prefix="streamwatch-connect-") as name,
        had(lambda: Connect(cluster, Path(name), 2)) as connect,
    ):
        yield House(cluster, connect, Path(name))


def test_workers_are_up_and_say_which_cluster_they_use(house: House) -> None:
    now = house.read()

    assert (now.is_up, now.problems, [one.is_up for one in now.workers]) == (True, (), [True, True])
    assert {one.version for one in now.workers} == {"4.3.0"}
    kafka = read_all(house.config.kafka[0])[0].samples
    assert {one.kafka_cluster_id for one in now.workers} == set(values(kafka, k.CLUSTER_INFO))


def test_a_sink_runs_and_its_group_has_the_lag_that_the_kafka_source_tells(house: House) -> None:
    house.sink("good", 2)
    house.wait("good", RUNNING=2)
    house.cluster.send("orders", 0, "a", "b")
    (group,) = [row.split()[2] for row in values(house.samples(), c.CONNECTOR_GROUP) if row.split()[1] == "good"]

    def lag() -> dict[str, float]:
        return values(read_all(house.config.kafka[0])[0].samples, g.GROUP_LAG)

    assert wait_for(lambda: lag().get(group) == 0, SECONDS, "all is read and committed")
    house.connect.order("/connectors/good/pause")
    house.wait("good", PAUSED=2)
    house.cluster.send("orders", 1, "c", "d", "e")
    assert wait_for(lambda: lag().get(group) == 3, SECONDS, "three records wait for a connector that is paused")

    house.connect.order("/connectors/good/stop")
    house.wait("good")
    # Its tasks are gone before the worker that answers knows that it is stopped.
    wait_for(lambda: "shop good STOPPED" in values(house.samples(), c.CONNECTOR_STATE), SECONDS, "it is stopped")
    house.connect.order("/connectors/good/resume")
    house.wait("good", RUNNING=2)
    assert wait_for(lambda: lag().get(group) == 0, SECONDS, "it reads on")


def test_a_task_that_cannot_begin_is_failed_and_says_why_without_a_secret(house: House) -> None:
    house.sink("bad", file=f"/proc/{SECRET}/x", some_password=SECRET)
    house.wait("bad", FAILED=1)
    now = house.read()

    (note,) = [one for one in now.notes() if "connector bad" in one]
    assert note.startswith("task 0 of connector bad failed: ConnectException: Couldn't find or create file '/proc/****")
    assert SECRET not in repr(now)
    states = values(ConnectCollector().collect(now), c.CONNECTOR_STATE)
    assert "shop bad RUNNING" in states, "which is why tasks are counted"
    findings: list[Finding] = []
    check_up(house.config, findings.append)
    assert any("connector bad failed" in one.detail for one in findings if one.target == "connect sinks")
    house.sink("bad")
    house.connect.order("/connectors/bad/restart?includeTasks=true&onlyFailed=true")
    house.wait("bad", RUNNING=1)


def test_a_record_that_is_no_json_fails_one_sink_and_is_a_dead_letter_of_another(house: House) -> None:
    house.sink("strict", value_converter=JSON)
    house.sink(
        "lenient",
        value_converter=JSON,
        errors_tolerance="all",
        errors_deadletterqueue_topic_name="dead",
        errors_deadletterqueue_topic_replication_factor="1",
    )
    house.wait("lenient", RUNNING=1)
    house.cluster.send("orders", 2, "{no json", "{neither")
    house.wait("strict", FAILED=1)

    (note,) = [one for one in house.read().notes() if "connector strict" in one]
    assert "Tolerance exceeded in error handler; caused by " in note
    assert "shop lenient dead" in values(house.samples(), c.DEAD_LETTER_TOPIC)

    def letters() -> float | None:
        return values(read_all(house.config.kafka[0])[0].samples, k.TOPIC_END_OFFSET).get("dead")

    assert wait_for(lambda: (letters() or 0) >= 2, SECONDS, "the dead letters are counted")
    assert house.tasks("lenient") == {"RUNNING": 1}


def test_the_topic_of_a_heartbeat_of_mirrormaker_is_named_and_grows(house: House) -> None:
    servers = house.cluster.bootstrap
    clusters = {
        f"{one}.cluster.{key}": value
        for one in ("source", "target")
        for key, value in (("alias", one), ("bootstrap.servers", servers))
    }
    plugin = "org.apache.kafka.connect.mirror.MirrorHeartbeatConnector"
    factor = {"heartbeats.topic.replication.factor": "1"}
    house.connect.put("mirror", {"connector.class": plugin, "tasks.max": "1", **clusters, **factor})
    house.wait("mirror", RUNNING=1)

    (topic,) = [row.split()[2] for row in values(house.samples(), c.HEARTBEAT_TOPIC) if row.split()[1] == "mirror"]

    def beats() -> float:
        return values(read_all(house.config.kafka[0])[0].samples, k.TOPIC_END_OFFSET).get(topic) or 0

    first = wait_for(beats, SECONDS, "the first heartbeat")
    assert wait_for(lambda: beats() > first, SECONDS, "and the next")
    house.connect.order("/connectors/mirror/stop")
    house.wait("mirror")


def test_the_age_on_the_map_is_that_of_the_lines_that_are_not_in_the_file_yet(house: House) -> None:
    """A file, a source, a topic, a sink and a file: lines are stamped, and the sink is paused while they come."""
    written, read = house.folder / "written.txt", house.folder / "lake.txt"
    written.touch()
    house.cluster.create_topic("lines", 1, 1)
    house.connect.put("database", {"connector.class": SOURCE, "file": str(written), "topic": "lines"})
    house.sink("lake", topics="lines")
    ends = ("topic:shop/lines", "connector:sinks/lake")
    config = replace(house.config, kafka=(replace(house.config.kafka[0], interval=1.0),))

    def write() -> str:
        line = repr(SystemClock().now())
        with written.open("a") as file:
            file.write(f"{line}\n")
        return line

    with Mapped(config, before_each=write) as now:
        first = write()
        wait_for(lambda: read.exists() and first in read.read_text(), SECONDS, "a line arrives")
        wait_for(lambda: now.edge(*ends, lambda one: one["lagSeconds"] is not None), SECONDS, "the lag is known")
        house.connect.order("/connectors/lake/pause")
        house.wait("lake", PAUSED=1)
        line = write()
        edge = wait_for(lambda: now.edge(*ends, lambda one: (one["lagSeconds"] or 0) > 4), SECONDS, "it waits for 4 s")
        (path,) = [one for one in now.last["paths"] if one["to"] == ends[1]]
        oldest = first_unread(house.cluster, "connect-lake", "lines")

        assert edge is not None
        stamp, truth = oldest.timestamp / 1000, edge["at"] - oldest.timestamp / 1000
        since = edge["at"] - float(oldest.value.decode())
        figures = f"{edge['lagSeconds']:.2f} s on the map, {truth:.2f} s in the topic, {since:.2f} s since written"
        assert float(oldest.value.decode()) <= float(line), "no line that was written after the pause is older"
        assert abs(edge["lagSeconds"] - truth) <= max(2.0, now.between(stamp)), figures
        assert (path["from"], path["ageSeconds"]) == ("connector:sinks/database", None)
        assert [hop["source"] for hop in path["unknown"]] == ["connector:sinks/database"], "a source says no lag"
        assert path["ageSecondsAtLeast"] <= since + now.between(stamp), figures

        house.connect.order("/connectors/lake/resume")
        wait_for(lambda: line in read.read_text(), SECONDS, "the line arrives")
        wait_for(
            lambda: now.edge(*ends, lambda one: 0 <= (one["lagSeconds"] or 0) < 4 and not one["unknown"]),
            SECONDS,
            "it is read",
        )


def first_unread(cluster: KafkaCluster, group: str, topic: str) -> ConsumerRecord:
    """The first record that a group has not committed, in partition 0."""
    at = TopicPartition(topic, 0)
    with closing(KafkaConsumer(bootstrap_servers=cluster.bootstrap, group_id=group, enable_auto_commit=False)) as one:
        one.assign([at])
        one.seek(at, one.committed(at))
        return next(one)


def test_our_own_service_answers_as_real_workers_do(house: House) -> None:
    """The contract of the fake: the same questions, answered in the same shape."""
    house.wait("strict", FAILED=1)
    for path in ("/", "/connectors?expand=status&expand=info", "/connectors/nothing"):
        status, body = house.connect.ask(0, "GET", path)
        fake = Service({"strict": running("FAILED")})
        own_status, text = fake.reply(path, None)
        with served(fake):
            assert own_status == status, path
        if path == "/":
            assert shape(own(text)) == shape(body)
        elif status == 200:
            assert shape(own(text)["strict"]) <= shape(body["strict"])


def own(text: bytes) -> dict[str, object]:
    found = json.loads(text)
    assert isinstance(found, dict)
    return found


def shape(body: object, path: str = "") -> set[str]:
    """Where there is what kind of value."""
    if isinstance(body, dict):
        return {one for key, value in body.items() for one in shape(value, f"{path}.{key}")}
    if isinstance(body, list):
        return {one for value in body for one in shape(value, f"{path}[]")}
    return {f"{path}: {type(body).__name__}"}


def test_a_worker_that_is_killed_is_down_and_its_tasks_are_taken_by_the_other(house: House) -> None:
    house.sink("wide", 4)
    house.wait("wide", RUNNING=4)
    first, second = house.connect.servers
    house.connect.servers[0].kill()
    address = f"127.0.0.1:{house.connect.ports[0]}"

    now = house.read()
    assert now.connectors is not None, "the other knows"
    assert [(one.reason, one.scope) for one in now.problems] == [("unreachable", "worker")]
    up = values(ConnectCollector().collect(now), c.WORKER_UP)
    assert up[f"shop {address}"] == 0
    assert sum(up.values()) == 1
    states = set[str]()

    def taken() -> bool:
        found = [task for one in house.read().connectors or () if one.name == "wide" for task in one.tasks]
        states.update(task.state for task in found)
        return [(task.state, task.worker != address) for task in found] == [("RUNNING", True)] * 4

    assert wait_for(taken, SECONDS, "the other worker has all tasks")
    assert states <= {"RUNNING", "UNASSIGNED", "RESTARTING"}
    assert second.running
    first.start()
    house.connect.wait_until_ready(0)
    assert wait_for(lambda: not house.read().problems, SECONDS, "both workers are up")


def test_a_worker_that_hangs_costs_its_own_share(house: House) -> None:
    house.connect.servers[1].pause()
    try:
        now = house.read()
    finally:
        house.connect.servers[1].resume()

    assert now.connectors is not None
    assert [(one.reason, one.scope) for one in now.problems] == [("timeout", "worker")]
