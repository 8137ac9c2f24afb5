"""The probe's latencies beside those of Kafka's own Java clients, on a real cluster, at the same time and pace.

    python -m tests.real.probing_java [RECORDS [ROUNDS [FLUSH]]]

Three brokers of Kafka 4.3, min.insync.replicas=2. The probe, and a Java producer and consumer (``PacedClient.java``),
each write ten records a second through each broker and read them. The pace matters: a client that writes as fast as it
can, as Kafka's EndToEndLatency does, finds every thread awake. The first half of a round warms both and does not count.
With FLUSH 1 the brokers write each record to their disks before they answer (``flush.messages``).
Prints medians; exit code 1 where they differ by more than a fifth, or where the probe lost a record.
"""

import asyncio
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from streamwatch.core.clock import SystemClock
from streamwatch.probe.cluster import ProbeCluster
from streamwatch.probe.prober import ClusterProber
from streamwatch.sources.kafka.config import Config
from streamwatch.sources.probe_config import KafkaProbe
from tests.addresses import servers
from tests.real.amazon import compiled
from tests.real.artefacts import KAFKA_VERSIONS, kafka_libs
from tests.real.kafka import KafkaCluster
from tests.real.probing import Recorded, compared

_TOPIC: Final = "probe"
_JAVA: Final = "java"
_PARTITIONS: Final = 3
_INTERVAL_SECONDS: Final = 0.1
_LONGEST_SECONDS: Final = 600.0


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


def main() -> None:
    numbers = [int(one) for one in sys.argv[1:]]
    records, rounds, flush = (*numbers, *(2400, 3, 0)[len(numbers) :])
    settings = {"min_insync_replicas": 2, **({"flush_messages": flush} if flush else {})}
    near = []
    with KafkaCluster(brokers=3) as cluster, tempfile.TemporaryDirectory() as folder:
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
