"""The probe's latencies beside those of Kafka's own Java clients, on a real cluster, at the same time and pace.

    python -m tests.real.probing_java [RECORDS [ROUNDS [FLUSH [DELAY]]]]

Three brokers of Kafka 4.3, min.insync.replicas=2. The probe, and a Java producer and consumer (``PacedClient.java``),
each write ten records a second through each broker and read them. The pace matters: a client that writes as fast as it
can, as Kafka's EndToEndLatency does, finds every thread awake. The first half of a round warms both and does not count.
With FLUSH 1 the brokers write each record to their disks before they answer (``flush.messages``).
What either client and the brokers send each other takes DELAY ms each way (5 where none is given), as between machines:
on loopback all is over within 2 ms, and most of that is the clients' own. 0 leaves it out. Brokers reach each other at
once. Prints what a question took with and without the delay, and medians; exit code 1 where they differ by more than a
fifth, or where the probe lost a record.
"""

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Final

from streamwatch.core.clock import SystemClock
from streamwatch.probe.cluster import ProbeCluster
from streamwatch.probe.prober import ClusterProber
from streamwatch.sources.kafka.config import Config
from streamwatch.sources.probe_config import KafkaProbe
from tests.addresses import servers
from tests.real.amazon import compiled
from tests.real.artefacts import KAFKA_VERSIONS, kafka_libs
from tests.real.clients import brokers_seen_by
from tests.real.delayed import delayed
from tests.real.kafka import KafkaCluster
from tests.real.probing import Recorded, compared

_TOPIC: Final = "probe"
_JAVA: Final = "java"
_PARTITIONS: Final = 3
_INTERVAL_SECONDS: Final = 0.1
_LONGEST_SECONDS: Final = 600.0
_QUESTIONS: Final = 51


async def beside(cluster: KafkaCluster, command: list[str], records: int) -> tuple[Recorded, dict[str, list[float]]]:
    """Return what the probe measured, and the Java clients, in seconds, in the order in which records were written."""
    stats = Recorded()
    config = Config(name="real", bootstrap=servers(cluster.bootstrap.split(",")))
    known = ProbeCluster(config, _TOPIC, lambda: config.bootstrap)
    probe = KafkaProbe(enabled=True, topic=_TOPIC, interval=_INTERVAL_SECONDS)
    running = asyncio.create_task(ClusterProber(known, probe, SystemClock(), stats, None).run())
    paced = (cluster.bootstrap, _JAVA, str(_PARTITIONS), str(int(_INTERVAL_SECONDS * 1000)), str(records))
    ran = await asyncio.to_thread(
        subprocess.run, [*command, *paced], capture_output=True, text=True, timeout=_LONGEST_SECONDS, check=True
    )
    running.cancel()
    known.close()
    await asyncio.gather(running, return_exceptions=True)
    lines = sorted([int(each) for each in line.split()] for line in ran.stdout.splitlines())
    java = {name: [line[at] / 1_000_000 for line in lines] for name, at in (("acknowledged", 1), ("end to end", 2))}
    return stats, java


@contextmanager
def away(delay_ms: float) -> Iterator[KafkaCluster]:
    """Yield a cluster of which all that clients send and get takes so long each way."""
    cluster = KafkaCluster(brokers=3, clients_apart=True)
    near = [port_of(cluster, node) for node in cluster.broker_ids]
    with delayed(near, delay_ms / 1000) as far:
        if delay_ms:
            cluster.advertise(dict(zip(cluster.broker_ids, far, strict=True)))
        with cluster:
            without, with_it = question_ms(near[0]), question_ms(port_of(cluster, 1))
            asked = f"a question takes {without:.2f} ms without it, {with_it:.2f} ms with it"
            print(f"delay {delay_ms:g} ms each way: {asked}", flush=True)
            yield cluster


def port_of(cluster: KafkaCluster, node: int) -> int:
    return int(cluster.address(node).rpartition(":")[2])


def question_ms(port: int) -> float:
    """Return the median of a Metadata request, on a new connection each, in milliseconds."""
    took = []
    for _ in range(_QUESTIONS):
        began = time.perf_counter()
        assert brokers_seen_by(port), f"127.0.0.1:{port} does not answer"
        took.append(time.perf_counter() - began)
    return median(took) * 1000


def main() -> None:
    numbers = [int(one) for one in sys.argv[1:]]
    records, rounds, flush, delay = (*numbers, *(2400, 3, 0, 5)[len(numbers) :])
    settings = {"min_insync_replicas": 2, **({"flush_messages": flush} if flush else {})}
    near = []
    with away(delay) as cluster, tempfile.TemporaryDirectory() as folder:
        for topic in (_TOPIC, _JAVA):
            cluster.create_topic_on(topic, {0: (1, 2, 3), 1: (2, 3, 1), 2: (3, 1, 2)}, **settings)
        command = [*compiled(kafka_libs(KAFKA_VERSIONS[0]), Path(folder), "PacedClient.java"), "PacedClient"]
        for _ in range(rounds):
            stats, java = asyncio.run(beside(cluster, command, records))
            warm = slice(records // 2, None)
            near += [
                compared("acknowledged", stats.acknowledged[warm], java["acknowledged"][warm]),
                compared("end to end", stats.ended_to_end[warm], java["end to end"][warm]),
                not stats.lost,
            ]
    sys.exit(0 if all(near) else 1)


if __name__ == "__main__":
    main()
