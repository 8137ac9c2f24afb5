"""What an agent holds while topics, groups, members, brokers, streams and consumers come and go, minute by minute.

    python -m tests.soak [MINUTES]

A reference cluster of 700 partitions, a reference AWS, a receiver of remote write that is away for two minutes of ten,
and an agent at an interval of a second with partitions and kafka_exporter's names: 20,000 series. Prints a table as
docs/deploy.md has it, and the growth from the tenth minute to the last; asserts nothing.
"""

import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import mean
from typing import Final

from streamwatch.reference.aws.server import ReferenceAws
from streamwatch.reference.kafka.server import ReferenceKafka
from streamwatch.reference.kafka.spec import Spec
from tests.agent_process import Agent, agent
from tests.soak.churn import Churn
from tests.waiting import wait_for

_SECONDS: Final = 60.0
_AWAY: Final = range(4, 6)
"""The minutes of each ten in which the receiver is away."""
_WARM_MINUTES: Final = 10
_CONFIG: Final = """
kafka:
  - name: soak
    bootstrap: [{bootstrap}]
    interval: 1s
    granularity: partition
kinesis:
  - name: soak-streams
    regions: [us-east-1]
    interval: 1s
    access: {{endpoint_url: "{aws}", access_key_id: a, secret_access_key: b}}
export: {{compatibility: [kafka_exporter]}}
rules: {{state: "{folder}/state.db"}}
remote_write: [{{name: soak, url: "{receiver}"}}]
listen: {{address: '127.0.0.1:0'}}
log: {{level: error}}
"""


class Receiver(ThreadingHTTPServer):
    """Takes whatever is written, or is away."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.is_away = False

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_port}/api/v1/write"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(503 if isinstance(self.server, Receiver) and self.server.is_away else 204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@dataclass(frozen=True, slots=True)
class Row:
    """What the agent holds at the end of a minute."""

    minute: int
    cpu: float
    """Share of a core over the minute."""
    resident_mb: float
    """Over the minute, in the mean: each read takes some megabytes and gives them back."""
    threads: int
    descriptors: int
    series: int
    history_mb: float
    files: dict[str, float]
    """kB by name."""

    def line(self) -> str:
        """Return it as a row of a table."""
        sizes = " + ".join(f"{size:,.0f}" for size in self.files.values())
        cells = (
            self.minute, f"{self.cpu:.0%}", f"{self.resident_mb:.0f}", self.threads, self.descriptors,
            f"{self.series:,}", f"{self.history_mb:.1f}", sizes,
        )  # fmt: skip
        return "| " + " | ".join(map(str, cells)) + " |"


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Run a receiver."""
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def resident_now_mb(running: Agent) -> float:
    """Return how much memory the agent has now."""
    return int(Path(f"/proc/{running.process.pid}/statm").read_text().split()[1]) * 4096 / 2**20


def look(running: Agent, minute: int, cpu: float, resident: float, folder: Path) -> Row:
    """Return what the agent holds now."""
    process = Path(f"/proc/{running.process.pid}")
    threads, descriptors = (len(list((process / name).iterdir())) for name in ("task", "fd"))
    figures = {name: value for (name, labels), value in running.samples().items() if not labels}
    files = {file.name: file.stat().st_size / 1000 for file in sorted(folder.glob("state.db*"))}
    return Row(
        minute,
        cpu,
        resident,
        threads,
        descriptors,
        int(figures.get("streamwatch_history_series", 0)),
        figures.get("streamwatch_history_bytes", 0.0) / 2**20,
        files,
    )


def soak(minutes: int) -> Iterator[Row]:
    """Let things come and go for so long; yield a row a minute."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        kafka = stack.enter_context(ReferenceKafka(Spec(brokers=3)))
        aws, target = stack.enter_context(ReferenceAws()), stack.enter_context(receiver())
        churn = Churn(kafka, aws)
        churn.prepare()
        file = folder / "agent.yaml"
        servers = ", ".join(f"'{server}'" for server in kafka.bootstrap.split(","))
        file.write_text(_CONFIG.format(bootstrap=servers, aws=aws.url, receiver=target.url, folder=folder))
        running = stack.enter_context(agent("--config", str(file)))
        threading.Thread(target=_drain, args=(running,), daemon=True).start()
        wait_for(lambda: running.get("/readyz")[0] == HTTPStatus.OK, 60, "every source was read")
        for minute in range(1, minutes + 1):
            target.is_away = minute % 10 in _AWAY
            used, started = running.cpu_seconds(), time.monotonic()
            resident = mean(resident_now_mb(running) for _ in _churn(churn, started + _SECONDS))
            cpu = (running.cpu_seconds() - used) / (time.monotonic() - started)
            yield look(running, minute, cpu, resident, folder)


def _drain(running: Agent) -> None:
    """Repeat what it logs: a pipe that nobody reads would stop it."""
    for line in running.process.stderr or ():
        print(line.rstrip(), file=sys.stderr)


def _churn(churn: Churn, end: float) -> Iterator[None]:
    """Let things come and go until then; yield after each second."""
    nap, due = threading.Event(), time.monotonic()
    while due < end:
        churn.step()
        due += 1.0
        nap.wait(max(0.0, due - time.monotonic()))
        yield


def main() -> None:
    """Print the table."""
    minutes = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    rows: list[Row] = []
    for row in soak(minutes):
        if not rows:
            names = " + ".join(row.files)
            print(f"| minute | of a core | RSS, MB | threads | descriptors | series | history, MB | {names}, kB |")
            print("|---|---|---|---|---|---|---|---|")
        rows.append(row)
        print(row.line(), flush=True)
    warm = rows[min(_WARM_MINUTES, len(rows)) - 1]
    growth = rows[-1].resident_mb / warm.resident_mb - 1
    print(f"\nRSS from minute {warm.minute} to minute {rows[-1].minute}: {growth:+.1%}")


if __name__ == "__main__":
    main()
