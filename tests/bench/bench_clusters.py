"""What one agent costs that watches N small clusters: two reference clusters of three brokers, one of them under N - 1
names.

    python tests/bench/bench_clusters.py [SECONDS [N ...]]

The agent runs as a user runs it, with the alerts that come with it, an interval of 15 s and a scrape every 5 s. Prints
figures, asserts nothing.
"""

import sys
import tempfile
import time
from pathlib import Path
from threading import Event

sys.path.insert(0, str(Path(__file__).parents[2]))

from streamwatch.reference.kafka import faults
from streamwatch.reference.kafka.server import ReferenceKafka
from tests.agent_process import Agent, agent
from tests.waiting import wait_for

COUNTS = (1, 10, 50, 100, 200)
SCRAPE_SECONDS = 5.0
WARM_SECONDS = 20.0


def config_of(folder: Path, first: str, others: str, count: int) -> str:
    """Write a configuration of so many clusters, the first of them at another place; return the file's path."""
    servers = [(first if at == 0 else others).split(",", maxsplit=1)[0] for at in range(count)]
    each = [f"  - {{name: c{at:03}, bootstrap: ['{server}']}}" for at, server in enumerate(servers)]
    file = folder / f"{count}.yaml"
    file.write_text("\n".join(["kafka:", *each, "listen: {address: '127.0.0.1:0'}", ""]))
    return str(file)


def overruns(running: Agent) -> float:
    return sum(value for (name, _), value in running.samples().items() if name == "streamwatch_job_overruns_total")


def threads(running: Agent) -> int:
    return len(list(Path(f"/proc/{running.process.pid}/task").iterdir()))


def until_down(kafka: ReferenceKafka, running: Agent, clusters: range) -> float:
    """Stop a broker; return how many seconds later the page says so of all these clusters."""
    started, nap = time.monotonic(), Event()
    kafka.do(lambda site, now: faults.stop(site, now, broker=2))
    while True:
        page = running.page()
        if all(f'kafka_broker_up{{kafka_cluster="c{at:03}",broker="2"}} 0' in page for at in clusters):
            return time.monotonic() - started
        if time.monotonic() - started > 60:
            return float("nan")
        nap.wait(0.02)


def measure(first: ReferenceKafka, others: ReferenceKafka, count: int, seconds: float) -> None:
    nap = Event()
    with (
        tempfile.TemporaryDirectory() as folder,
        agent("--config", config_of(Path(folder), first.bootstrap, others.bootstrap, count)) as a,
    ):
        wait_for(lambda: a.get("/readyz")[0] == 200, 120, "every cluster was read")
        nap.wait(WARM_SECONDS)
        cpu, late, started = a.cpu_seconds(), overruns(a), time.monotonic()
        while time.monotonic() - started < seconds:
            a.page()
            nap.wait(SCRAPE_SECONDS)
        passed = time.monotonic() - started
        share, late = (a.cpu_seconds() - cpu) / passed, overruns(a) - late
        many, memory = threads(a), a.resident_mb()
        down = until_down(first, a, range(1))
        all_down = until_down(others, a, range(1, count))
    print(
        f"{count:4} clusters: {share:6.1%} of a core, {memory:4.0f} MB, {many:4} threads, {late:3.0f} overruns,"
        f" {down:5.2f} s from a kill to the page, {all_down:5.2f} s where it is in every other cluster",
        flush=True,
    )


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    for count in [int(one) for one in sys.argv[2:]] or COUNTS:
        with ReferenceKafka() as first, ReferenceKafka() as others:
            measure(first, others, count, seconds)


if __name__ == "__main__":
    main()
