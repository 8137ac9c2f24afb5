"""The probe on a real cluster: its latencies beside those of plain clients, and what it loses when brokers break.

    python -m tests.real.probing [SECONDS]

Three brokers of Kafka 4.3, min.insync.replicas=2. The probe and kafka-python's own clients write and read at the same
time, ten records a second through each broker; then a broker is killed, and another is frozen. Prints medians, and what
was lost through which broker, and why; exit code 1 where medians differ by more than a fifth.
"""

import asyncio
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from statistics import median
from typing import Final

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from streamwatch.core.clock import SystemClock
from streamwatch.model.probe import Cause, Stage
from streamwatch.probe.cluster import ProbeCluster
from streamwatch.probe.prober import ClusterProber
from streamwatch.probe.stats import Attempted, ProbeStats
from streamwatch.sources.kafka.config import Config
from streamwatch.sources.probe_config import KafkaProbe
from tests.addresses import servers
from tests.real.kafka import KafkaCluster

_TOPIC: Final = "probe"
_PLAIN: Final = "plain"
_INTERVAL: Final = 0.1
_MOST_APART: Final = 0.2


class Recorded(ProbeStats):
    """Remembers each latency, and when each attempt failed."""

    def __init__(self) -> None:
        super().__init__()
        self.acknowledged: list[float] = []
        self.ended_to_end: list[float] = []
        self.lost: Counter[tuple[int, Stage, Cause]] = Counter()

    def add(self, broker: int, attempt: Attempted, now: float) -> None:
        super().add(broker, attempt, now)
        if attempt.produced_seconds is not None:
            self.acknowledged.append(attempt.produced_seconds)
        if attempt.consumed_seconds is not None:
            self.ended_to_end.append(attempt.consumed_seconds)
        else:
            self.lost[broker, attempt.stage, attempt.cause] += 1


@dataclass
class Plain:
    """What kafka-python's own clients measure."""

    acknowledged: list[float] = field(default_factory=list)
    ended_to_end: list[float] = field(default_factory=list)
    sent: dict[bytes, float] = field(default_factory=dict)

    def run(self, bootstrap: list[str], seconds: float) -> None:
        consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="latest")
        consumer.assign([TopicPartition(_PLAIN, at) for at in range(3)])
        consumer.poll(timeout_ms=1000)
        reader = threading.Thread(target=self._read, args=(consumer, seconds), daemon=True)
        reader.start()
        producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=0)
        began, pause = time.monotonic(), threading.Event()
        for at in range(3):
            producer.send(_PLAIN, b"first", partition=at).get(10)
        number = 0
        while time.monotonic() - began < seconds:
            for at in range(3):
                self._send(producer, at, str(number).encode())
                number += 1
            pause.wait(_INTERVAL)
        producer.close()
        reader.join()
        consumer.close()

    def _send(self, producer: KafkaProducer, partition: int, key: bytes) -> None:
        sent = self.sent[key] = time.monotonic()
        producer.send(_PLAIN, b"x" * 16, key=key, partition=partition).get(10)
        self.acknowledged.append(time.monotonic() - sent)

    def _read(self, consumer: KafkaConsumer, seconds: float) -> None:
        ends = time.monotonic() + seconds + 2
        while time.monotonic() < ends:
            for records in consumer.poll(timeout_ms=200).values():
                now = time.monotonic()
                self.ended_to_end += [now - self.sent[record.key] for record in records if record.key in self.sent]


async def probe(bootstrap: str, steps: list[tuple[str, float]], stats: Recorded, cluster: KafkaCluster) -> None:
    """Probe while the steps are taken: each has a name and lasts so many seconds."""
    config = Config(name="real", bootstrap=servers(bootstrap.split(",")))
    known = ProbeCluster(config, _TOPIC, lambda: config.bootstrap)
    prober = ClusterProber(
        known, KafkaProbe(enabled=True, topic=_TOPIC, interval=_INTERVAL), SystemClock(), stats, None
    )
    running = asyncio.create_task(prober.run())
    for name, seconds in steps:
        before, ended = Counter(stats.lost), {each.broker: each.attempts for each in stats.brokers(set(), 0.0)}
        what, _, broker = name.partition(" ")
        if broker:
            await asyncio.to_thread(getattr(cluster, what), int(broker))
        await asyncio.sleep(seconds)
        after = {each.broker: each.attempts - ended.get(each.broker, 0) for each in stats.brokers(set(), 0.0)}
        lost = ", ".join(f"{n} {stage} {cause} through {b}" for (b, stage, cause), n in (stats.lost - before).items())
        print(f"{name}, {seconds:g} s: records by broker {after}; lost: {lost or 'none'}; covers {prober.covers}")
    running.cancel()
    known.close()
    await asyncio.sleep(0.1)


def compared(name: str, ours: list[float], theirs: list[float]) -> bool:
    """Print two medians; say whether they are near each other."""
    left, right = median(ours), median(theirs)
    counts = f"{len(ours)} and {len(theirs)} records"
    apart = f"{(left - right) * 1000:+.2f} ms, {left / right - 1:+.0%}"
    figures = f"the probe {left * 1000:.2f} ms, the others {right * 1000:.2f} ms, {apart}"
    print(f"{name}: {figures} ({counts})", flush=True)
    return abs(left - right) <= _MOST_APART * right


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    with KafkaCluster(brokers=3) as cluster:
        for topic in (_TOPIC, _PLAIN):
            cluster.create_topic_on(topic, {0: (1, 2, 3), 1: (2, 3, 1), 2: (3, 1, 2)}, min_insync_replicas=2)
        plain, stats = Plain(), Recorded()
        beside = threading.Thread(target=plain.run, args=(cluster.bootstrap.split(","), seconds), daemon=True)
        beside.start()
        asyncio.run(probe(cluster.bootstrap, [("steady", seconds + 3)], stats, cluster))
        beside.join()
        near = [
            compared("acknowledged", stats.acknowledged, plain.acknowledged),
            compared("end to end", stats.ended_to_end, plain.ended_to_end),
        ]
        broken = [("steady", 3.0), ("kill 2", 20.0), ("restart 2", 15.0), ("pause 3", 20.0), ("resume 3", 15.0)]
        asyncio.run(probe(cluster.bootstrap, broken, Recorded(), cluster))
    sys.exit(0 if all(near) else 1)


if __name__ == "__main__":
    main()
