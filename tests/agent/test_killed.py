"""The agent as a user runs it, killed while something is the matter, and after it."""

import json
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from kafka.admin import KafkaAdminClient

from streamwatch.reference.kafka import faults
from streamwatch.reference.kafka.server import ReferenceKafka
from tests.agent.test_past_incidents import RULES
from tests.agent_process import Agent, agent, config_file
from tests.notify.receiver import Receiver, receiver
from tests.waiting import wait_for

MORE = """
rules: {{pack: false, files: [rules.yml], state: state.db}}
notify: {{group_interval: 1s, webhook: [{{name: hook, url: '{url}'}}]}}
"""
WHO = "broker:real/2"
SENTENCE = "Broker 2 of real does not answer"


def going(running: Agent) -> list[tuple[str, str]]:
    """Return the incidents of which an alert fires, and when they began."""
    found: list[dict[str, Any]] = json.loads(running.get("/api/v1/incidents")[1])["data"]["incidents"]
    return [(each["id"], each["since"]) for each in found if each["state"] == "firing"]


def rows(path: Path) -> list[tuple[str, bool]]:
    """Return the incidents of the file, and whether each is over."""
    with closing(sqlite3.connect(path)) as file:
        return file.execute("SELECT id, ended IS NOT NULL FROM past_incidents ORDER BY number").fetchall()


def statuses(service: Receiver) -> list[str]:
    return [json.loads(one.body)["status"] for one in service.requests]


def test_an_incident_outlives_the_agent_under_one_identity_and_nobody_is_notified_twice(tmp_path: Path) -> None:
    state = tmp_path / "state.db"
    (tmp_path / "rules.yml").write_text(RULES)
    with ReferenceKafka() as kafka, receiver() as service:
        admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap.split(","))
        # Of a broker without replicas nobody knows who begins after it was taken off the metadata.
        admin.create_topics({"a": {"num_partitions": 1, "replication_factor": 3}})
        admin.close()
        file = Path(config_file(tmp_path, kafka.bootstrap, interval="1s"))
        file.write_text(file.read_text() + MORE.format(url=service.url))
        file.chmod(0o600)
        with agent("--config", str(file)) as running:
            wait_for(lambda: running.get("/readyz")[0] == 200, 180, "the first read")
            kafka.do(partial(faults.stop, broker=2))
            wait_for(lambda: (WHO, False) in rows(state), 180, "it is written that it goes on")
            wait_for(lambda: statuses(service) == ["firing"], 180, "somebody is notified")
            before = [each for each in going(running) if each[0] == WHO]
            assert len(before) == 1
        with agent("--config", str(file)) as running:
            wait_for(lambda: set(before) <= set(going(running)), 180, "the incident goes on, and began when it began")
            kafka.do(partial(faults.start, broker=2))
            wait_for(lambda: (WHO, True) in rows(state), 180, "its end is written")
            wait_for(lambda: "resolved" in statuses(service), 180, "somebody is notified of the end")
        with agent("--config", str(file)) as running:
            wait_for(lambda: running.get("/readyz")[0] == 200, 180, "the first read")
            wait_for(lambda: f"over: {SENTENCE}" in running.get("/cluster/real/broker/2")[1], 180, "the page marks it")
    assert statuses(service) == ["firing", "resolved"]
    assert [name for name, _ in rows(state)].count(WHO) == 1
