"""The agent as a user runs it, killed: what it wrote is there once, and what was done meanwhile, too."""

import json
from pathlib import Path
from typing import Any

from kafka.admin import KafkaAdminClient

from streamwatch.reference.kafka.server import ReferenceKafka
from tests.agent_process import Agent, agent, config_file
from tests.waiting import wait_for


def events(running: Agent) -> list[tuple[str, str]]:
    found: list[dict[str, Any]] = json.loads(running.get("/api/v1/events?source=real")[1])["data"]["events"]
    return [(each["kind"], each["subject"]) for each in reversed(found)]


def test_an_agent_that_is_killed_has_every_change_once(tmp_path: Path) -> None:
    with ReferenceKafka() as kafka:
        admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap.split(","))
        admin.create_topics({"a": {"num_partitions": 1, "replication_factor": 3}})
        file = Path(config_file(tmp_path, kafka.bootstrap, interval="1s"))
        file.write_text(file.read_text() + "rules: {pack: false, state: state.db}\n")
        with agent("--config", str(file)) as running:
            wait_for(lambda: running.get("/readyz")[0] == 200, 60, "the first read")
            admin.create_topics({"b": {"num_partitions": 1, "replication_factor": 3}})
            wait_for(lambda: events(running), 60, "a topic")
        admin.create_partitions({"b": 2})
        wanted = [("topic.created", "b"), ("topic.partitions", "b")]
        with agent("--config", str(file)) as running:
            wait_for(lambda: len(events(running)) > 1, 60, "what was done meanwhile")
            admin.delete_topics(["a"])
            wait_for(lambda: len(events(running)) > 2, 60, "another change")
            assert events(running) == [*wanted, ("topic.deleted", "a")]
        admin.close()
