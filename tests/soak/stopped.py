"""The agent is stopped (SIGSTOP) for a while, and goes on: who is paged, and what the log says.

    python -m tests.soak.stopped [SECONDS]

Before, one broker is down (an alert fires), and another has just gone (an alert waits for its time). Meanwhile the
first comes back, and a third goes. Prints what happened by the seconds since the agent went on: right are Gone of 1
resolved, Gone of 3 firing, GoneLong of 2 firing when the rest of its minute is over, and nothing else.
"""

import json
import os
import signal
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

from streamwatch.reference.kafka import faults
from streamwatch.reference.kafka.server import ReferenceKafka
from streamwatch.reference.kafka.spec import Spec
from tests.agent_process import Agent, agent
from tests.waiting import wait_for

_BEFORE: Final = 20.0
"""So long has the second broker been gone when the agent is stopped."""
_AFTER: Final = 120.0
_RULES: Final = """
groups:
  - name: stopped
    interval: 5s
    rules:
      - {alert: Gone, expr: 'absent(kafka_broker_info{broker="1"})', labels: {severity: critical}}
      - {alert: GoneLong, expr: 'absent(kafka_broker_info{broker="2"})', for: 60s, labels: {severity: critical}}
      - {alert: Gone, expr: 'absent(kafka_broker_info{broker="3"})', labels: {severity: critical}}
      - {alert: Gone, expr: 'absent(kafka_broker_info{broker="4"})', labels: {severity: critical}}
      - {alert: FewBrokers, expr: 'kafka_brokers < 5', labels: {severity: critical}}
      - {alert: NothingKnown, expr: 'absent(kafka_brokers)', labels: {severity: critical}}
"""
_CONFIG: Final = """
kafka: [{{name: shop, bootstrap: [{bootstrap}], interval: 2s}}]
rules: {{pack: false, state: "{folder}/state.db", files: ["{folder}/rules.yml"]}}
notify:
  webhook: [{{name: pager, url: "{receiver}"}}]
  group_interval: 1s
  group_by: [alertname, broker]
listen: {{address: '127.0.0.1:0'}}
"""


@dataclass
class Pages:
    """What somebody was paged of, and what was logged, by the monotonic clock."""

    seen: list[tuple[float, str]] = field(default_factory=list)

    def note(self, what: str) -> None:
        """Note it now."""
        self.seen.append((time.monotonic(), what))


def receiving(pages: Pages, stack: ExitStack) -> str:
    """Run a webhook's receiver; return where."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            for alert in body["alerts"]:
                labels = alert["labels"]
                pages.note(f"page: {labels['alertname']} {labels.get('broker', '')} {alert['status']}")
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    stack.callback(thread.join)
    stack.callback(server.shutdown)
    return f"http://127.0.0.1:{server.server_port}/"


def reading(running: Agent, pages: Pages) -> None:
    """Note what the agent logs of clocks, rules and alerts."""
    for line in running.process.stderr or ():
        if any(word in line for word in ("alert ", "stopped", "clock")):
            pages.note(f"log: {line.strip()[:200]}")


def stopped(seconds: float, pages: Pages) -> float:
    """Stop the agent for so long; return when it went on."""
    nap = threading.Event()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        kafka = stack.enter_context(ReferenceKafka(Spec(brokers=5)))
        (folder / "rules.yml").write_text(_RULES)
        receiver = receiving(pages, stack)
        servers = ", ".join(f"'{server}'" for server in kafka.bootstrap.split(","))
        (folder / "agent.yaml").write_text(_CONFIG.format(bootstrap=servers, folder=folder, receiver=receiver))
        running = stack.enter_context(agent("--config", str(folder / "agent.yaml")))
        threading.Thread(target=reading, args=(running, pages), daemon=True).start()
        kafka.do(lambda site, now: faults.stop(site, now, broker=1))
        wait_for(lambda: any("page: Gone 1 firing" in what for _, what in pages.seen), 120, "the first pages")
        kafka.do(lambda site, now: faults.stop(site, now, broker=2))
        nap.wait(_BEFORE)
        os.kill(running.process.pid, signal.SIGSTOP)
        nap.wait(seconds / 2)
        kafka.do(lambda site, now: faults.start(site, now, broker=1))
        kafka.do(lambda site, now: faults.stop(site, now, broker=3))
        nap.wait(seconds / 2)
        went_on = time.monotonic()
        os.kill(running.process.pid, signal.SIGCONT)
        nap.wait(_AFTER)
    return went_on


def main() -> None:
    """Print what happened."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 600.0
    pages = Pages()
    went_on = stopped(seconds, pages)
    for at, what in pages.seen:
        print(f"{at - went_on:+8.1f} s  {what}")


if __name__ == "__main__":
    main()
