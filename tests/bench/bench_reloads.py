"""What a thousand reloads leave behind, while ten clients scrape: nothing.

    python tests/bench/bench_reloads.py [RELOADS]

One cluster stays, another is replaced by each reload, by one of ten: what there was in the past is kept on purpose
(history, archive), and would grow with every new name. Prints figures, asserts nothing; tests/agent/test_reloads.py
asserts, of fewer.
"""

import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from streamwatch.reference.kafka.server import ReferenceKafka
from tests.agent_process import Agent, agent
from tests.waiting import wait_for

CLIENTS = 10
NAMES = 10
WARM_RELOADS = 20
LOOK_EVERY = 250
KEPT = 'kafka_brokers{kafka_cluster="kept"} '


@dataclass
class Load:
    """What the clients saw."""

    scrapes: int = 0
    errors: list[str] = field(default_factory=list)
    lost: int = 0
    """Pages without the cluster that stays."""
    is_over: bool = False

    def scrape(self, running: Agent) -> None:
        """Scrape until it is over."""
        nap = threading.Event()
        while not self.is_over:
            try:
                status, page = running.get("/metrics")
            except OSError as error:
                self.errors.append(repr(error))
                continue
            self.scrapes += 1
            if status != HTTPStatus.OK:
                self.errors.append(f"{status}: {page}")
            elif KEPT not in page:
                self.lost += 1
            nap.wait(0.05)


@dataclass(frozen=True)
class Body:
    """What the process holds."""

    threads: int
    descriptors: int
    resident_mb: float


def body(running: Agent) -> Body:
    process = Path(f"/proc/{running.process.pid}")
    resident = int((process / "statm").read_text().split()[1]) * 4096 / 2**20
    return Body(len(list((process / "task").iterdir())), len(list((process / "fd").iterdir())), resident)


def write(file: Path, bootstrap: str, other: int) -> None:
    """Write the configuration with another second cluster."""
    server = bootstrap.split(",", maxsplit=1)[0]
    each = [
        f"  - {{name: {name}, bootstrap: ['{server}'], interval: 1s}}" for name in ("kept", f"other{other % NAMES}")
    ]
    file.write_text("\n".join(["kafka:", *each, "listen: {address: '127.0.0.1:0', reload: true}", ""]))


def reload_under_load(
    reloads: int, clients: int = CLIENTS, look: Callable[[int, Body], None] = lambda _, __: None
) -> tuple[Load, Body, Body, float]:
    """Reload so often while clients scrape; return what they saw, the process before and after, and how long it took.

    Before means after the first few reloads. The process is shown to ``look`` on the way, too.
    """
    with ReferenceKafka() as kafka, tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "agent.yaml"
        write(file, kafka.bootstrap, 0)
        with agent("--config", str(file)) as running:
            wait_for(lambda: running.get("/readyz")[0] == HTTPStatus.OK, 60, "every cluster was read")
            load = Load()
            threads = [threading.Thread(target=load.scrape, args=(running,)) for _ in range(clients)]
            for one in threads:
                one.start()
            try:
                again(running, file, kafka.bootstrap, range(1, 1 + WARM_RELOADS), load)
                before, started = body(running), time.monotonic()
                first, last = 1 + WARM_RELOADS, 1 + WARM_RELOADS + reloads
                for at in range(first, last, LOOK_EVERY):
                    again(running, file, kafka.bootstrap, range(at, min(at + LOOK_EVERY, last)), load)
                    look(min(at + LOOK_EVERY, last) - first, body(running))
                seconds, after = time.monotonic() - started, body(running)
            finally:
                load.is_over = True
                for one in threads:
                    one.join(60)
    return load, before, after, seconds


def again(running: Agent, file: Path, bootstrap: str, names: range, load: Load) -> None:
    """Reload once for each name."""
    for name in names:
        write(file, bootstrap, name)
        status, text = running.get("/-/reload", "POST")
        if status != HTTPStatus.OK:
            load.errors.append(f"reload: {status}: {text}")


def main() -> None:
    reloads = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    load, before, after, seconds = reload_under_load(reloads, look=lambda count, now: print(count, now, flush=True))
    print(f"{reloads} reloads in {seconds:.0f} s, {load.scrapes} scrapes by {CLIENTS} clients")
    print(f"{len(load.errors)} errors, {load.lost} pages without the cluster that stays", *set(load.errors[:3]))
    print(f"before: {before}\nafter:  {after}")


if __name__ == "__main__":
    main()
