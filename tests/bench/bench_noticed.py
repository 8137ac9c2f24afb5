"""How long from ``kill -9`` of a real broker to 0 on the page, whatever the interval; and from SIGSTOP.

    python tests/bench/bench_noticed.py [RUNS]

Prints figures, asserts nothing.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.agent_process import Agent, agent, config_file
from tests.real.kafka import KafkaCluster
from tests.waiting import wait_for

UP = 'kafka_broker_up{kafka_cluster="real",broker="3"} '


def until_on_the_page(running: Agent, hurt: Callable[[], None]) -> float:
    """Hurt broker 3, and return how many seconds later the page says that it is down."""
    began = time.monotonic()
    hurt()
    while UP + "0" not in running.page():
        if time.monotonic() - began > 60:
            raise TimeoutError("never on the page")
    return time.monotonic() - began


def heal(cluster: KafkaCluster, running: Agent) -> None:
    cluster.heal()
    wait_for(lambda: UP + "1" in running.page(), 60, "the broker is back")
    calm = time.monotonic()
    wait_for(lambda: time.monotonic() > calm + 3, 10, "and calm")


def report(what: str, seconds: list[float]) -> None:
    spread = f"min {min(seconds):.3f}, median {statistics.median(seconds):.3f}, max {max(seconds):.3f}"
    print(f"{what}: {len(seconds)} runs: {spread} s", flush=True)


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    with KafkaCluster() as cluster, tempfile.TemporaryDirectory() as folder:
        cluster.create_topic("noticed", 30, 3)
        file = config_file(Path(folder), cluster.bootstrap, interval="1h")
        with agent("--config", file) as running:
            wait_for(lambda: UP + "1" in running.page(), 60, "the cluster is seen")
            for what, hurt in (("kill -9", cluster.kill), ("SIGSTOP (pulse 1 s, deadline 1 s)", cluster.pause)):
                seconds = []
                for _ in range(runs):
                    seconds.append(until_on_the_page(running, lambda hurt=hurt: hurt(3)))  # type: ignore[misc]
                    heal(cluster, running)
                report(what, seconds)


if __name__ == "__main__":
    main()
