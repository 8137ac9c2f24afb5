"""A real cluster, an agent, a Prometheus with an Alertmanager, and what pages come of a broker's death, and when."""

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.agent_process import agent
from tests.notify.receiver import Receiver, receiver
from tests.real import artefacts
from tests.real.conftest import had
from tests.real.kafka import KafkaCluster
from tests.real.prometheus import asked, free_port, query
from tests.real.prometheus import prometheus as running
from tests.waiting import wait_for

RULES: Final = """
groups:
  - name: pages
    rules: [{alert: BrokerDown, expr: 'kafka_broker_up == 0'}]
"""
THEIRS: Final = """
groups:
  - name: pages
    rules:
      - {alert: ExporterDown, expr: 'up{job="brokers"} == 0'}
      - {alert: BrokerDown, expr: 'kafka_broker_up{job="agent"} == 0'}
"""
RAISING: Final = "".join(
    [
        "groups:\n  - name: raises\n    rules: [{alert: Raises, expr: 'kafka_broker_up * on () kafka_broker_up'}]\n",
        *(
            f"  - name: behind-{n}\n    rules: [{{alert: Behind, expr: 'kafka_broker_partitions < {n}'}}]\n"
            for n in range(20)
        ),
        RULES.partition("groups:\n")[2],
    ]
)
"""The same rule behind one that cannot be evaluated, and behind twenty groups."""
_CALM_SECONDS: Final = 2.0
_AGENT: Final = """
kafka: [{{name: real, bootstrap: [{bootstrap}], interval: {interval}s{pulse}}}]
listen: {{address: '127.0.0.1:0'}}
rules: {{pack: false, files: [rules.yml], evaluation_interval: {interval}s, state: state-{interval}.db,
  instance: agent}}
notify: {{webhook: [{{name: hook, url: '{url}'}}], group_by: ['...'], group_interval: 0s}}
log: {{level: error}}
"""


@dataclass
class Pager:
    """A receiver, and what it has been told by whom."""

    name: str
    service: Receiver
    alert: str = "BrokerDown"
    seconds: list[float] = field(default_factory=list)
    """From the death of a broker to the page."""

    def told(self, status: str) -> list[float]:
        """When pages of this status came."""
        bodies = [json.loads(one.body) for one in self.service.requests]
        return [
            at
            for at, body in zip(self.service.at, bodies, strict=False)
            for one in body["alerts"]
            if one["status"] == status and one["labels"]["alertname"] == self.alert
        ]

    def is_calm(self) -> bool:
        """Whether the last word was that it is over, some time ago: a broker that comes back may go once more."""
        over, begun = self.told("resolved"), self.told("firing")
        return not begun or (max(over, default=0.0) > max(begun) and time.monotonic() - max(over) > _CALM_SECONDS)


@contextmanager
def alertmanager(folder: Path, hook: str) -> Iterator[str]:
    """A real Alertmanager that passes on everything at once; yields its address."""
    home = had(artefacts.alertmanager)
    config: dict[str, Any] = {
        "route": {"receiver": "hook", "group_by": ["..."], "group_wait": "0s", "group_interval": "1s"},
        "receivers": [{"name": "hook", "webhook_configs": [{"url": hook, "send_resolved": True}]}],
    }
    (folder / "alertmanager.yml").write_text(json.dumps(config))
    port = free_port()
    command = [
        "usr/bin/prometheus-alertmanager", f"--config.file={folder}/alertmanager.yml", f"--storage.path={folder}/am",
        f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address=", "--log.level=error",
    ]  # fmt: skip
    with _running(command, home):
        wait_for(lambda: _listens(port), 30, "Alertmanager listens")
        yield f"127.0.0.1:{port}"


@contextmanager
def prometheus(folder: Path, brokers: list[str], watcher: str, alerts: str) -> Iterator[str]:
    """A real Prometheus that scrapes and evaluates every second; yields its address."""
    binary = had(artefacts.prometheus)
    (folder / "theirs.yml").write_text(THEIRS)
    config = {
        "rule_files": [f"{folder}/theirs.yml"],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alerts]}]}]},
        "scrape_configs": [
            {"job_name": "brokers", "static_configs": [{"targets": brokers}]},
            {"job_name": "agent", "static_configs": [{"targets": [watcher]}]},
        ],
    }
    with running(binary, folder, config) as address:
        # Before it has found it, it drops what fires, and tries again a minute later.
        wait_for(lambda: asked(address, "alertmanagers")["activeAlertmanagers"], 60, "it finds the Alertmanager")
        up = [str(len(brokers) + 1)]
        wait_for(lambda: [v["value"][1] for v in query(address, "count(up == 1)")] == up, 60, "all scraped")
        yield address


@contextmanager
def watched(  # noqa: PLR0913, PLR0917 - a test's own
    folder: Path, bootstrap: str, interval: int, url: str, pulse: str = "", rules: str = RULES
) -> Iterator[str]:
    """An agent with one rule without `for`, that posts to an address; yields where it listens."""
    servers = ", ".join(f"'{one}'" for one in bootstrap.split(","))
    (folder / "rules.yml").write_text(rules)
    file = folder / f"agent-{interval}.yaml"
    file.write_text(_AGENT.format(bootstrap=servers, interval=interval, url=url, pulse=pulse))
    with agent("--config", str(file)) as one:
        wait_for(lambda: one.value("kafka_broker_up", broker="2") == 1, 60, "the agent sees the cluster")
        yield one.address


@contextmanager
def pagers(cluster: KafkaCluster, folder: Path) -> Iterator[list[Pager]]:
    """Everybody who pages, ready."""
    with ExitStack() as stack:
        hooks = [stack.enter_context(receiver()) for _ in range(3)]
        stack.enter_context(watched(folder, cluster.bootstrap, 15, hooks[0].url))
        address = stack.enter_context(watched(folder, cluster.bootstrap, 1, hooks[1].url))
        alerts = stack.enter_context(alertmanager(folder, hooks[2].url))
        brokers = [f"127.0.0.1:{cluster.jmx_port(one)}" for one in cluster.broker_ids]
        stack.enter_context(prometheus(folder, brokers, address, alerts))
        yield [
            Pager("StreamWatch, interval 15 s", hooks[0]),
            Pager("StreamWatch, interval 1 s", hooks[1]),
            Pager("Prometheus 1 s + Alertmanager, the exporters' `up`", hooks[2], "ExporterDown"),
            Pager("Prometheus 1 s + Alertmanager, on our /metrics", hooks[2]),
        ]


def page(cluster: KafkaCluster, some: list[Pager], *, freeze: bool = False) -> None:
    """Let a broker die (or hang), note when each pager is told, and bring it back."""
    for one in some:
        wait_for(one.is_calm, 60, f"{one.name}: nothing more is told of the last time")
        one.service.requests.clear()
        one.service.at.clear()
    died = time.monotonic()  # just before
    if freeze:
        cluster.pause(2)
    else:
        cluster.kill(2)
    try:
        for one in some:
            (first, *_) = wait_for(lambda one=one: one.told("firing"), 60, f"{one.name}: a page")  # type: ignore[misc]
            one.seconds.append(first - died)
    finally:
        cluster.heal()
    for one in some:
        wait_for(lambda one=one: one.told("resolved"), 90, f"{one.name}: that it is over")  # type: ignore[misc]


@contextmanager
def _running(command: list[str], home: Path | None = None) -> Iterator[None]:
    with subprocess.Popen(command, cwd=home) as process:
        try:
            yield
        finally:
            process.terminate()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
