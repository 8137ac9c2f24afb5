"""What goes wrong with real connectors, and which alert comes how long after: shipped rules, intervals of the defaults.

    python -m tests.real.connect_stories [WORD ...]

Kafka 4.3, two workers of Kafka Connect, Debezium on PostgreSQL. A worker is killed; when its tasks run on the other
one, all the other stories begin at once, beside a connector that is idle and well. It takes about a quarter of an hour;
rows for docs/readers.md are printed. With words only those stories are played that have one in their name (of the alert
and the connector): `quiet asking` for example.
"""

import json
import sys
import tempfile
import time
from collections.abc import Collection, Mapping
from contextlib import ExitStack
from pathlib import Path
from threading import Event
from typing import Any, Final

from tests.agent_process import Agent, agent
from tests.real.artefacts import debezium_libs
from tests.real.connect import Connect
from tests.real.kafka import KafkaCluster
from tests.real.postgres import Postgres
from tests.real.test_connect_progress import JSON, debezium
from tests.waiting import wait_for

_SINK: Final = "org.apache.kafka.connect.file.FileStreamSinkConnector"
_LETTERS: Final = {
    "errors.tolerance": "all",
    "errors.deadletterqueue.topic.name": "dead",
    "errors.deadletterqueue.topic.replication.factor": "1",
}
_SECONDS: Final = 900.0
_SEEN_BEATS: Final = 31
"""Five minutes of them: rules that look so far back find something, as they do of an agent that has run for a while."""
_IDLE: Final = "idle"
"""A connector that is well: its tables are quiet, and its heartbeats come."""
_KILLED: Final = "KafkaConnectWorkerDown"
STORIES: Final = {
    _KILLED: ("a worker is killed", "Start it again"),
    "KafkaConnectTaskFailed strict": ("connector task failed: a record that it cannot read", "restart it"),
    "KafkaConnectTaskFailed held": ("connector task failed: somebody else holds its slot", "restart it"),
    "KafkaConnectDeadLetters lenient": ("records given up, into a dead-letter topic", "to their topic again"),
    "KafkaConnectChangesStopped shop": ("connector RUNNING and idle: the sender of the log is frozen", "Restart it"),
    "KafkaConnectHeartbeatStopped quiet": (
        "connector RUNNING and idle: its heartbeats stop, since its whole database is frozen",
        "See whether its database answers",
    ),
    "KafkaConnectChangesStopped asking": (
        "the same, and its heartbeats write to the database",
        "see whether the database answers",
    ),
}
"""By the alert and the connector: what happens, and words of the alert that say what to do."""


class House:
    """Everything that some stories take, all of it well."""

    def __init__(self, stack: ExitStack, stories: Collection[str]) -> None:
        self._stack = stack
        self._folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="streamwatch-connect-")))
        self._names = {_IDLE, *(name.partition(" ")[2] for name in stories)} - {""}
        self.cluster = stack.enter_context(KafkaCluster(brokers=1, combined=True))
        self.cluster.create_topic("orders", 1, 1)
        self.near, self.far = (self._database() for _ in range(2))
        workers = 2 if _KILLED in stories else 1
        self.connect = stack.enter_context(Connect(self.cluster, self._folder, workers, debezium_libs()))
        for name, settings in self._settings().items():
            if name in self._names:
                self.connect.put(name, settings)
        file = self._folder / "agent.yaml"
        file.write_text(
            f"kafka: [{{name: west, bootstrap: ['{self.cluster.bootstrap}']}}]\n"
            f"connect: [{{name: c, kafka_cluster: west, urls: {self.connect.urls}}}]\n"
            "listen: {address: '127.0.0.1:0'}\nlog: {level: error}\nnotify: {log: [{name: pager}]}\n"
        )
        self.agent = stack.enter_context(agent("--config", str(file)))

    def _database(self) -> Postgres:
        made = self._stack.enter_context(Postgres())
        made.sql("CREATE TABLE orders (id int PRIMARY KEY)")
        made.sql("CREATE TABLE beat (id int PRIMARY KEY, at timestamptz)")
        made.sql("INSERT INTO beat VALUES (1, now())")
        return made

    def _settings(self) -> dict[str, dict[str, str]]:
        """Of all connectors; those of which it is told write a heartbeat every ten seconds, as docs/connect.md says."""
        rare = {"heartbeat.interval.ms": "10000"}
        sink = {"connector.class": _SINK, "topics": "orders", "value.converter": JSON, "tasks.max": "1"}
        return {
            "shop": debezium(self.near, "shop", "orders"),
            "held": debezium(self.near, "held", "orders"),
            _IDLE: _without_query(debezium(self.near, _IDLE, "orders") | rare),
            "quiet": _without_query(debezium(self.far, "quiet", "orders") | rare),
            "asking": debezium(self.far, "asking", "orders") | rare,
            "strict": {**sink, "file": str(self._folder / "strict")},
            "lenient": {**sink, "file": str(self._folder / "lenient"), **_LETTERS},
        }

    def are_running(self) -> bool:
        """Whether every connector has its task on the first worker, or on the second."""
        status, found = self.connect.ask(0, "GET", "/connectors?expand=status")
        tasks = [one["status"]["tasks"] for one in found.values()] if status == 200 else [[]]
        return len(tasks) == len(self._names) and all(some and some[0]["state"] == "RUNNING" for some in tasks)

    def are_beating(self) -> bool:
        """Whether the agent knows of a heartbeat of each connector whose heartbeats are to stop, or to go on."""
        return self.beats().keys() == self._names & {_IDLE, "quiet", "asking", "shop", "held"}

    def beats(self) -> dict[str, float]:
        """How many heartbeats each connector has written, as the agent knows."""
        found = {(name, dict(labels).get("topic", "")): value for (name, labels), value in self.agent.samples().items()}
        return {
            topic.rpartition(".")[2]: value
            for (name, topic), value in found.items()
            if name == "kafka_topic_end_offset" and "-heartbeat." in topic and value
        }

    def kill_a_worker(self) -> None:
        """Kill one, and wait until the other has its tasks."""
        self.connect.servers[1].kill()
        port = str(self.connect.ports[0])

        def are_moved() -> bool:
            _, found = self.connect.ask(0, "GET", "/connectors?expand=status")
            tasks = [task for one in found.values() for task in one["status"]["tasks"]]
            is_moved = len(tasks) == len(self._names) and all(one["worker_id"].endswith(port) for one in tasks)
            return is_moved and self.are_running()

        wait_for(are_moved, 180, "the other worker has all tasks")

    def break_all(self) -> None:
        """Begin the other stories."""
        if self._names & {"quiet", "asking"}:
            self.far.freeze_all()
        if self._names & {"strict", "lenient"}:
            self.cluster.send("orders", 0, "{no json")
        if "shop" in self._names:
            sender = wait_for(lambda: self.near.sender("shop"), 180, "the log is sent")
            assert sender is not None
            self.near.freeze(sender)
        if "held" in self._names:
            self.connect.order("/connectors/held/stop")
            wait_for(lambda: self.near.sender("held") is None, 180, "nobody reads the slot")
            self._stack.callback(self.near.hold("held").kill)
            wait_for(lambda: self.near.sender("held"), 180, "somebody else holds it")
            self.connect.order("/connectors/held/resume")


def _without_query(settings: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in settings.items() if name != "heartbeat.action.query"}


def _notified(of: Agent) -> dict[str, dict[str, Any]]:
    """What is notified of connectors and workers and is no mere information, by the alert and the connector."""
    found = {}
    for one in json.loads(of.get("/api/v2/alerts?inhibited=false")[1]):
        labels = one["labels"]
        if labels["alertname"].startswith(("KafkaConnect", "KinesisReader")):
            found[f"{labels['alertname']} {labels.get('connector', '')}".strip()] = one
    return {name: one for name, one in found.items() if one["labels"]["severity"] in {"critical", "warning"}}


def played(stories: Collection[str]) -> dict[str, tuple[float, dict[str, Any]]]:
    """Play some; return how many seconds after its cause each alert fired, and the alert."""
    found: dict[str, tuple[float, dict[str, Any]]] = {}
    with ExitStack() as stack:
        house = House(stack, stories)
        wait_for(house.are_running, 180, "all tasks run")
        wait_for(house.are_beating, 180, "the agent knows them, and their heartbeats")
        wait_for(lambda: house.beats()[_IDLE] > _SEEN_BEATS, _SECONDS, "the agent has seen what its rules look back on")
        killed = time.monotonic()
        if _KILLED in stories:
            house.kill_a_worker()
        began, beats = time.monotonic(), house.beats()
        house.break_all()
        while time.monotonic() - began < _SECONDS:
            for name, one in _notified(house.agent).items():
                since = killed if name == _KILLED else began
                found.setdefault(name, (time.monotonic() - since, one))
            if found.keys() >= set(stories):
                break
            Event().wait(1)
        print(f"heartbeats at the cause: {beats}; at the end: {house.beats()}")
        for (name, labels), value in sorted(house.agent.samples().items(), key=str):
            if name in {"reader_up", "reader_state"}:
                print(name, dict(labels)["reader"], dict(labels).get("state", ""), value)
    return found


def main() -> None:
    """Print what came, when; exit with 1 where anything is lacking or comes beside it."""
    words = [one.lower() for one in sys.argv[1:]] or [""]
    stories = {name for name in STORIES if any(word in name.lower() for word in words)}
    if not stories:
        sys.exit(f"no story is called so; there are: {', '.join(STORIES)}")
    found = played(stories)
    silent = []
    for name, (seconds, one) in found.items():
        labels, texts = one["labels"], one["annotations"]
        story, remedy = STORIES.get(name, ("(not expected)", ""))
        text = f"{texts['summary']}: {texts['description']}"
        if labels.get("connector", labels.get("worker", "")) not in text or remedy not in text:
            silent.append(name)
        print(f"| {story} | {labels['alertname']}, {labels['severity']} |", end=" ")
        print(f"{seconds // 60:.0f} min {seconds % 60:.0f} s |\n    {text}")
    print(f"lacking: {sorted(stories - found.keys())}; not expected: {sorted(found.keys() - stories)}")
    print(f"without whose it is or what to do: {silent}")
    sys.exit(bool(silent) or found.keys() != stories)


if __name__ == "__main__":
    main()
