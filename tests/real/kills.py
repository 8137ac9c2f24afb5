"""Brokers killed under load, one after the other: what the agent felt and paged, and what was true.

    python -m tests.real.kills [COUNT]

Three brokers with Kafka's own session timeout, a producer and a consumer, one core kept busy, and an agent with the
default configuration and the pack.
"""

import json
import re
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Final

from kafka.protocol.metadata import MetadataRequest
from kafka.protocol.parser import KafkaProtocol

from tests.agent_process import Agent, agent, config_file
from tests.real.kafka import KafkaCluster
from tests.real.lives import Reader, Writer, living
from tests.waiting import wait_for

PROPERTIES: Final = {"broker.session.timeout.ms": "9000"}
"""Kafka's default, which the harness shortens."""
ALERT: Final = "KafkaUnreachablePartitions"
_WATCHED_SECONDS: Final = 32.0
"""Longer than the alert waits, and than two intervals."""
_LOOK_SECONDS: Final = 0.02
_ANSWER_SECONDS: Final = 2.0
_METADATA_VERSION: Final = 9


@dataclass
class Kill:
    """What came of one; seconds count from the kill, None for never."""

    broker: int
    led: int
    """Partitions that it led."""
    down: float | None = None
    """When `kafka_broker_up` was 0."""
    moved: float | None = None
    """When a broker that lives named a living leader for every partition."""
    known: float | None = None
    """When the agent said that no partition is unreachable any more."""
    paged: float | None = None
    left: int | None = None
    """Partitions that had no living leader when it paged."""
    truth: list[tuple[float, int]] = field(default_factory=list, repr=False)
    """How many have none, as the brokers that live say."""

    @property
    def is_right(self) -> bool:
        """Whether there was no page, or one that was true."""
        return self.paged is None or bool(self.left)


def leaders(cluster: KafkaCluster, node: int) -> list[int]:
    """Return the leader of every partition, as one broker names it.

    Raises:
        OSError: it does not answer.

    """
    host, _, port = cluster.address(node).rpartition(":")
    protocol = KafkaProtocol(client_id="truth")
    protocol.send_request(MetadataRequest(version=_METADATA_VERSION, topics=None))
    with socket.create_connection((host, int(port)), timeout=_ANSWER_SECONDS) as connection:
        connection.sendall(protocol.send_bytes())
        with connection.makefile("rb") as answers:
            size = answers.read(4)
            if len(size) < 4:
                raise ConnectionError(f"broker {node} closed the connection")
            answer = answers.read(*struct.unpack(">i", size))
    ((_, metadata),) = protocol.receive_bytes(size + answer)
    return [one.leader_id for topic in metadata.topics for one in topic.partitions]


def leaderless(cluster: KafkaCluster) -> int | None:
    """Return how many partitions have no living leader, as the best of the living brokers knows; None: none answers."""
    living_now = set(cluster.live_broker_ids)
    counts = []
    for node in living_now:
        try:
            counts.append(sum(one not in living_now for one in leaders(cluster, node)))
        except OSError:
            continue
    return min(counts, default=None)


def kill(cluster: KafkaCluster, one: Agent) -> Kill:
    """Kill the broker that leads the most, look for a while, and bring it back."""
    led = Counter(leaders(cluster, cluster.live_broker_ids[0]))
    broker, count = max(led.items(), key=lambda item: item[1])
    found, done = Kill(broker, count), Event()
    began = time.monotonic()

    def look_at_truth() -> None:
        while not done.is_set():
            left = leaderless(cluster)
            if left is not None:
                found.truth.append((time.monotonic() - began, left))
            done.wait(_LOOK_SECONDS)

    cluster.kill(broker)
    thread = Thread(target=look_at_truth, daemon=True)
    thread.start()
    try:
        while (now := time.monotonic() - began) < _WATCHED_SECONDS:
            _look(one, found, now)
            done.wait(_LOOK_SECONDS if found.down is None else 5 * _LOOK_SECONDS)
    finally:
        done.set()
        thread.join(30)
    found.moved = next((at for at, left in found.truth if not left), None)
    if found.paged is not None:
        found.left = next((left for at, left in reversed(found.truth) if at <= found.paged), None)
    cluster.heal()
    return found


def _look(one: Agent, found: Kill, at: float) -> None:
    """Note what the agent says now."""
    page = one.page()
    up = re.search(rf'^kafka_broker_up\{{[^}}]*broker="{found.broker}"\}} (\S+)', page, re.MULTILINE)
    unreachable = re.search(r"^kafka_unreachable_partitions\{[^}]*\} (\S+)", page, re.MULTILINE)
    if found.down is None and up is not None and float(up[1]) == 0:
        found.down = at
    if found.down is not None and found.known is None and unreachable is not None and float(unreachable[1]) == 0:
        found.known = at
    if found.paged is None and found.down is not None:
        alerts = json.loads(one.get("/api/v1/alerts")[1])["data"]["alerts"]
        if any(alert["labels"]["alertname"] == ALERT and alert["state"] == "firing" for alert in alerts):
            found.paged = at


@contextmanager
def busy() -> Iterator[None]:
    """Keep one core busy."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        try:
            yield
        finally:
            process.kill()


def kills(count: int, cluster: KafkaCluster) -> Iterator[Kill]:
    """Yield what comes of each kill."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        cluster.create_topic("killed", 12, 3, min_insync_replicas=2)
        stack.enter_context(living(cluster.bootstrap, [Writer("killed", 12, 0.01), Reader("readers", ("killed",))]))
        stack.enter_context(busy())
        one = stack.enter_context(agent("--config", config_file(folder, cluster.bootstrap)))
        for _ in range(count):
            wait_for(lambda: _is_well(one), 120, "the agent sees that all is well")
            yield kill(cluster, one)


def _is_well(one: Agent) -> bool:
    samples = one.samples()

    def values(name: str) -> list[float]:
        return [value for (metric, _), value in samples.items() if metric == name]

    return (
        values("kafka_broker_up") == [1.0, 1.0, 1.0]
        and set(values("kafka_broker_out_of_sync_replicas")) == {0.0}
        and values("kafka_unreachable_partitions") == [0.0]
    )


def main() -> None:
    """Print a line a kill; exit with 1 where a page was not true."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    print("kill  broker  led  broker_up 0  leaders moved  agent knows  paged   leaderless then", flush=True)
    found = []
    with KafkaCluster(properties=PROPERTIES) as cluster:
        for number, one in enumerate(kills(count, cluster), 1):
            found.append(one)
            print(
                f"{number:4}  {one.broker:6}  {one.led:3}  {_shown(one.down):>11}  {_shown(one.moved):>13}"
                f"  {_shown(one.known):>11}  {_shown(one.paged):>6}  {'' if one.left is None else one.left}",
                flush=True,
            )
    wrong = [one for one in found if not one.is_right]
    print(f"{len(found)} kills, {sum(one.paged is not None for one in found)} pages, {len(wrong)} of them not true")
    sys.exit(bool(wrong))


def _shown(seconds: float | None) -> str:
    return "no" if seconds is None else f"{seconds:.2f} s"


if __name__ == "__main__":
    main()
