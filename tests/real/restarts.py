"""Brokers of a real cluster restarted under load: restarts that obey `streamwatch may-restart`, and some that do not.

    python -m tests.real.restarts [OBEYING] [DISOBEYING] [SEED]

Three brokers of Kafka 4.3, writers with acks=all that try each record once, an agent with the default interval. Prints
for each restart what the answer was and what came of it: records that were refused for want of replicas, and moments
in which a partition had no leader.
"""

import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from confluent_kafka.admin import AdminClient

from tests.agent_process import COMMAND, agent, config_file
from tests.real.kafka import KafkaCluster
from tests.waiting import wait_for

_TOPIC: Final = "writes"
_PARTITIONS: Final = 12
_REFUSED: Final = frozenset({KafkaError.NOT_ENOUGH_REPLICAS, KafkaError.NOT_ENOUGH_REPLICAS_AFTER_APPEND})
_SECONDS: Final = 60.0


@dataclass
class Harm:
    """What clients saw, counted from the start."""

    written: int = 0
    refused: int = 0
    offline: int = 0
    """Looks that found a partition without a leader."""

    def taken(self) -> "Harm":
        return Harm(self.written, self.refused, self.offline)


@dataclass
class Restart:
    broker: int
    may: bool
    why: str
    before: Harm
    after: Harm = field(default_factory=Harm)

    @property
    def harms(self) -> bool:
        return (self.after.refused, self.after.offline) != (self.before.refused, self.before.offline)

    def __str__(self) -> str:
        refused, offline = self.after.refused - self.before.refused, self.after.offline - self.before.offline
        answer = "yes" if self.may else f"no ({self.why})"
        return f"broker {self.broker}: {answer}: {refused} records refused, {offline} looks without a leader"


@contextmanager
def writing(bootstrap: str) -> Iterator[Harm]:
    """Write, and look for partitions without a leader, until the end."""
    harm, done = Harm(), threading.Event()

    def delivered(error: KafkaError | None, _: Message) -> None:
        harm.written += error is None
        harm.refused += error is not None and error.code() in _REFUSED

    def write() -> None:
        producer = Producer(
            {"bootstrap.servers": bootstrap, "acks": "all", "message.send.max.retries": 0, "log_level": 0}
        )
        count = 0
        while not done.wait(0.01):
            producer.produce(_TOPIC, b"x" * 100, partition=count % _PARTITIONS, on_delivery=delivered)
            producer.poll(0)
            count += 1
        producer.flush(_SECONDS)

    def look() -> None:
        admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
        while not done.wait(0.2):
            try:
                topics = admin.list_topics(timeout=2).topics
            except KafkaException:
                continue
            harm.offline += any(one.leader < 0 for topic in topics.values() for one in topic.partitions.values())

    threads = [threading.Thread(target=work, daemon=True) for work in (write, look)]
    for thread in threads:
        thread.start()
    try:
        yield harm
    finally:
        done.set()
        for thread in threads:
            thread.join(_SECONDS)


def ask(url: str, broker: int, *options: str) -> tuple[bool, str]:
    """Return the answer, and the first reason."""
    command = [*COMMAND, "may-restart", "broker", str(broker), "--url", url, *options]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = (answer.stdout + answer.stderr).splitlines()
    return answer.returncode == 0, lines[1].strip() if len(lines) > 1 else ""


def restart(cluster: KafkaCluster, broker: int) -> None:
    cluster.end(broker)
    cluster.restart(broker)


def obeying(cluster: KafkaCluster, url: str, harm: Harm, count: int, rng: Random) -> Iterator[Restart]:
    """Restart as soon as the answer is yes."""
    for _ in range(count):
        broker = rng.choice(cluster.broker_ids)
        may, why = ask(url, broker, "--wait", "5m")
        one = Restart(broker, may, why, harm.taken())
        restart(cluster, broker)
        one.after = harm.taken()
        yield one


def disobeying(cluster: KafkaCluster, url: str, harm: Harm, count: int, rng: Random) -> Iterator[Restart]:
    """Restart at random, whatever the answer is: often two at once. What comes until the next is of the last."""
    running: dict[int, threading.Thread] = {}
    pause, before = threading.Event(), None
    for _ in range(count):
        pause.wait(rng.uniform(0, 6))
        broker = rng.choice(wait_for(lambda: _idle(cluster, running), _SECONDS, "a broker that is not being restarted"))
        may, why = ask(url, broker)
        if before is not None:
            before.after = harm.taken()
            yield before
        before = Restart(broker, may, why, harm.taken())
        running[broker] = threading.Thread(target=restart, args=(cluster, broker), daemon=True)
        running[broker].start()
    for thread in running.values():
        thread.join(_SECONDS)
    if before is not None:
        before.after = harm.taken()
        yield before


def _idle(cluster: KafkaCluster, running: Mapping[int, threading.Thread]) -> list[int]:
    return [one for one in cluster.broker_ids if one not in running or not running[one].is_alive()]


def main() -> None:
    numbers = [int(one) for one in sys.argv[1:]]
    obey, disobey, seed = (*numbers, *(100, 100, 1)[len(numbers) :])
    rng = Random(seed)
    with KafkaCluster(brokers=3) as cluster, tempfile.TemporaryDirectory() as folder:
        cluster.create_topic(_TOPIC, _PARTITIONS, 3, min_insync_replicas=2)
        with writing(cluster.bootstrap) as harm, agent("--config", config_file(Path(folder), cluster.bootstrap)) as app:
            url = f"http://{app.address}"
            for name, kind, count in (("obey", obeying, obey), ("do not obey", disobeying, disobey)):
                print(f"restarts that {name}", flush=True)
                found = []
                for one in kind(cluster, url, harm, count, rng):
                    found.append(one)
                    print(f"  {one}", flush=True)
                harmful = [one for one in found if one.harms]
                no = [one for one in found if not one.may]
                foretold = sum(not one.may for one in harmful)
                needless = sum(not one.harms for one in no)
                print(f"  {len(found)} restarts, {len(harmful)} did harm, {foretold} of those foretold by a no;")
                print(f"  {len(no)} no, {needless} of them needless; {harm.written} records written", flush=True)


if __name__ == "__main__":
    main()
