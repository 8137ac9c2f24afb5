"""What goes wrong with real connectors, and which alert comes how long after: shipped rules, intervals of the defaults.

    python -m tests.real.connect_stories

Kafka 4.3, two workers of Kafka Connect, Debezium on PostgreSQL. A worker is killed; when its tasks run on the other
one, all the other stories begin at once. It takes about nine minutes; rows for docs/readers.md are printed.
"""

import json
import sys
import tempfile
import time
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
_CONNECTORS: Final = 4
_SECONDS: Final = 900.0
STORIES: Final = {
    "KafkaConnectWorkerDown": ("a worker is killed", "Start it again"),
    "KafkaConnectTaskFailed strict": ("connector task failed: a record that it cannot read", "restart it"),
    "KafkaConnectTaskFailed held": ("connector task failed: somebody else holds its slot", "restart it"),
    "KafkaConnectDeadLetters lenient": ("records given up, into a dead-letter topic", "to their topic again"),
    "KafkaConnectChangesStopped shop": ("connector RUNNING and idle: the sender of the log is frozen", "Restart it"),
}
"""By the alert and the connector: what happens, and words of the alert that say what to do."""


class House:
    """Everything that it takes, all of it well."""

    def __init__(self, stack: ExitStack) -> None:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="streamwatch-connect-")))
        self.cluster = stack.enter_context(KafkaCluster(brokers=1, combined=True))
        self.cluster.create_topic("orders", 1, 1)
        self.postgres = stack.enter_context(Postgres())
        self.connect = stack.enter_context(Connect(self.cluster, folder, 2, debezium_libs()))
        self.postgres.sql("CREATE TABLE orders (id int PRIMARY KEY)")
        self.postgres.sql("CREATE TABLE beat (id int PRIMARY KEY, at timestamptz)")
        self.postgres.sql("INSERT INTO beat VALUES (1, now())")
        for name in ("shop", "held"):
            self.connect.put(name, debezium(self.postgres, name, "orders"))
        for name, more in (("strict", {}), ("lenient", _LETTERS)):
            own = {"connector.class": _SINK, "topics": "orders", "file": str(folder / name), "value.converter": JSON}
            self.connect.put(name, {**own, "tasks.max": "1", **more})
        file = folder / "agent.yaml"
        file.write_text(
            f"kafka: [{{name: west, bootstrap: ['{self.cluster.bootstrap}']}}]\n"
            f"connect: [{{name: c, kafka_cluster: west, urls: {self.connect.urls}}}]\n"
            "listen: {address: '127.0.0.1:0'}\nlog: {level: error}\n"
        )
        self.agent = stack.enter_context(agent("--config", str(file)))
        self._stack = stack

    def are_running(self) -> bool:
        """Whether every connector has its task on the first worker, or on the second."""
        status, found = self.connect.ask(0, "GET", "/connectors?expand=status")
        tasks = [one["status"]["tasks"] for one in found.values()] if status == 200 else [[]]
        return len(tasks) == _CONNECTORS and all(some and some[0]["state"] == "RUNNING" for some in tasks)

    def kill_a_worker(self) -> None:
        """Kill one, and wait until the other has its tasks."""
        self.connect.servers[1].kill()
        port = str(self.connect.ports[0])

        def are_moved() -> bool:
            _, found = self.connect.ask(0, "GET", "/connectors?expand=status")
            tasks = [task for one in found.values() for task in one["status"]["tasks"]]
            is_moved = len(tasks) == _CONNECTORS and all(one["worker_id"].endswith(port) for one in tasks)
            return is_moved and self.are_running()

        wait_for(are_moved, 180, "the other worker has all tasks")

    def break_all(self) -> None:
        """Begin the other stories."""
        self.cluster.send("orders", 0, "{no json")
        sender = wait_for(lambda: self.postgres.sender("shop"), 180, "the log is sent")
        assert sender is not None
        self.postgres.freeze(sender)
        self.connect.order("/connectors/held/stop")
        wait_for(lambda: self.postgres.sender("held") is None, 180, "nobody reads the slot")
        self._stack.callback(self.postgres.hold("held").kill)
        wait_for(lambda: self.postgres.sender("held"), 180, "somebody else holds it")
        self.connect.order("/connectors/held/resume")


def _firing(of: Agent) -> dict[str, dict[str, Any]]:
    """What fires of connectors and workers and is no mere information, by the alert and the connector."""
    found = {}
    for one in json.loads(of.get("/api/v1/alerts")[1])["data"]["alerts"]:
        labels = one["labels"]
        if one["state"] == "firing" and labels["alertname"].startswith(("KafkaConnect", "KinesisReader")):
            found[f"{labels['alertname']} {labels.get('connector', '')}".strip()] = one
    return {name: one for name, one in found.items() if one["labels"]["severity"] in {"critical", "warning"}}


def played() -> dict[str, tuple[float, dict[str, Any]]]:
    """Play all; return how many seconds after its cause each alert fired, and the alert."""
    found: dict[str, tuple[float, dict[str, Any]]] = {}
    with ExitStack() as stack:
        house = House(stack)
        wait_for(house.are_running, 180, "all tasks run")
        wait_for(lambda: house.agent.value("reader_up", reader="c/shop") == 1, 180, "the agent knows them")
        killed = time.monotonic()
        house.kill_a_worker()
        began = time.monotonic()
        house.break_all()
        while STORIES.keys() - found.keys() and time.monotonic() - began < _SECONDS:
            for name, one in _firing(house.agent).items():
                since = killed if name == "KafkaConnectWorkerDown" else began
                found.setdefault(name, (time.monotonic() - since, one))
            Event().wait(1)
        for (name, labels), value in sorted(house.agent.samples().items(), key=str):
            if name in {"reader_up", "reader_state"}:
                print(name, dict(labels)["reader"], dict(labels).get("state", ""), value)
    return found


def main() -> None:
    """Print what came, when; exit with 1 where anything is lacking or comes beside it."""
    found = played()
    silent = []
    for name, (seconds, one) in found.items():
        labels, texts = one["labels"], one["annotations"]
        story, remedy = STORIES.get(name, ("(not expected)", ""))
        text = f"{texts['summary']}: {texts['description']}"
        if labels.get("connector", labels.get("worker", "")) not in text or remedy not in text:
            silent.append(name)
        print(f"| {story} | {labels['alertname']}, {labels['severity']} |", end=" ")
        print(f"{seconds // 60:.0f} min {seconds % 60:.0f} s |\n    {text}")
    print(f"lacking: {sorted(STORIES.keys() - found.keys())}; not expected: {sorted(found.keys() - STORIES.keys())}")
    print(f"without whose it is or what to do: {silent}")
    sys.exit(bool(silent) or found.keys() != STORIES.keys())


if __name__ == "__main__":
    main()
