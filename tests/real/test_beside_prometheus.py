"""A real Prometheus that scrapes the agent and loads the same rule files: the same alerts, with the same labels."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from streamwatch.agent.app import App
from streamwatch.agent.config import parse
from streamwatch.core.clock import SystemClock
from streamwatch.demo.hurried import hurried
from streamwatch.demo.run import HURRIED_SETTINGS
from streamwatch.model.labels import Labels
from streamwatch.reference.kafka.server import ReferenceKafka
from streamwatch.reference.kafka.spec import Spec
from streamwatch.reference.play import ALL, LoadProcess, on_kafka, play
from tests.real import artefacts
from tests.real.conftest import had
from tests.real.prometheus import prometheus
from tests.waiting import wait_for

SCALE = 20
WATCHDOG = "StreamWatchWatchdog"
LATE = ("StreamWatchOverruns", "StreamWatchRulesLate")
"""What an agent says of itself on a machine that is busy."""
CONFIG = """
kafka: [{{name: shop, bootstrap: [{at}], interval: 1s, deadline: 900ms, log_dirs_interval: 1s}}]
listen: {{address: '127.0.0.1:0'}}
rules: {{pack: false, files: ['{rules}/*.yml'], evaluation_interval: 1s, instance: agent}}
"""


def firing(address: str) -> dict[Labels, dict[str, Any]] | None:
    """Return what fires at an address, but for what says that the agent is late; None while nobody answers."""
    try:
        with closing(urlopen(f"http://{address}/api/v1/alerts", timeout=60)) as answer:
            alerts = json.load(answer)["data"]["alerts"]
    except (URLError, ConnectionError):
        return None
    some = (one for one in alerts if one["state"] == "firing" and one["labels"]["alertname"] not in LATE)
    return {Labels(one["labels"]): one for one in some}


@pytest.fixture
def beside(tmp_path: Path) -> Iterator[tuple[ReferenceKafka, LoadProcess, str, str]]:
    server = had(artefacts.prometheus)
    rules = tmp_path / "rules"
    rules.mkdir()
    hurried(rules, SCALE)
    with ExitStack() as stack:
        kafka = stack.enter_context(ReferenceKafka(Spec(brokers=3, settings=HURRIED_SETTINGS)))
        load = stack.enter_context(LoadProcess(kafka.bootstrap, 50))
        app = App(parse(CONFIG.format(at=kafka.bootstrap, rules=rules), "test", tmp_path), SystemClock())
        app.start()
        stack.callback(app.stop)
        target = {"targets": [app.address], "labels": {"instance": "agent"}}
        config = {
            "rule_files": [f"{rules}/*.yml"],
            "scrape_configs": [{"job_name": "streamwatch", "static_configs": [target]}],
        }
        address = stack.enter_context(prometheus(server, tmp_path / "prometheus", config))
        yield kafka, load, app.address, address


def test_both_fire_the_same_alerts(beside: tuple[ReferenceKafka, LoadProcess, str, str]) -> None:
    kafka, load, agent, prometheus = beside
    calm = {WATCHDOG}

    def is_calm(address: str) -> bool:
        found = firing(address)
        return found is not None and {labels["alertname"] for labels in found} == calm

    wait_for(lambda: is_calm(agent) and is_calm(prometheus), 90, "both see that all is well")
    seen: dict[str, dict[Labels, float]] = {agent: {}, prometheus: {}}
    began, ended = time.monotonic(), threading.Event()
    story = ALL["broker_down"]
    performers = {"cluster": on_kafka(kafka), "load": load.order}
    actor = threading.Thread(target=play, args=(story, performers, time.monotonic, lambda _: None, ended))
    actor.start()
    while actor.is_alive():
        for address, known in seen.items():
            for labels in firing(address) or ():
                known.setdefault(labels, time.monotonic() - began - story.steps[0].at)
        ended.wait(0.1)
    wait_for(lambda: is_calm(agent) and is_calm(prometheus), 60, "both see that all has resolved")

    assert seen[agent].keys() == seen[prometheus].keys()
    assert {labels["alertname"] for labels in seen[agent]} > {"KafkaUnreachablePartitions", "KafkaBrokerDown"}
    for labels, seconds in sorted(seen[agent].items(), key=lambda one: one[1]):
        told = f"{labels['alertname']:28} agent {seconds:6.2f} s, Prometheus {seen[prometheus][labels]:6.2f} s"
        print(told)  # noqa: T201 - the delays of both, from the death of the broker
