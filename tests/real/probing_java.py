"""The probe's end-to-end latencies beside those of Kafka's own Java clients, on a real cluster at the same time.

    python -m tests.real.probing_java [RECORDS] [ROUNDS]

Three brokers of Kafka 4.3, min.insync.replicas=2. ``org.apache.kafka.tools.EndToEndLatency`` writes one record with
acks=all, polls until it has it, and so on; the probe writes ten a second through each broker meanwhile. Prints medians;
exit code 1 where they differ by more than a fifth, and by more than the millisecond in which the tool counts.
"""

import asyncio
import re
import sys
from statistics import median
from typing import Final

from streamwatch.core.clock import SystemClock
from streamwatch.probe.cluster import ProbeCluster
from streamwatch.probe.prober import ClusterProber
from streamwatch.sources.kafka.config import Config
from streamwatch.sources.probe_config import KafkaProbe
from tests.addresses import servers
from tests.real.kafka import KafkaCluster
from tests.real.probing import Recorded

_TOPIC: Final = "probe"
_JAVA: Final = "java"
_SIZE: Final = "16"
_MOST_APART: Final = 0.2
_WARM_RECORDS: Final = 10


async def beside(cluster: KafkaCluster, records: int) -> tuple[list[float], float, float]:
    """Return what the probe measured meanwhile, and the tool's median and mean, all in seconds."""
    stats = Recorded()
    config = Config(name="real", bootstrap=servers(cluster.bootstrap.split(",")))
    known = ProbeCluster(config, _TOPIC, lambda: config.bootstrap)
    prober = ClusterProber(known, KafkaProbe(enabled=True, topic=_TOPIC, interval=0.1), SystemClock(), stats, None)
    running = asyncio.create_task(prober.run())
    arguments = (cluster.bootstrap, _JAVA, str(records), "all", _SIZE)
    said = await asyncio.to_thread(cluster.run_tool, "org.apache.kafka.tools.EndToEndLatency", *arguments)
    running.cancel()
    known.close()
    await asyncio.sleep(0.1)
    middle = re.search(r"50th = (\d+)", said)
    mean = re.search(r"Avg latency: ([\d.]+) ms", said)
    assert middle is not None, said
    assert mean is not None, said
    assert not stats.lost, stats.lost
    return stats.ended_to_end[_WARM_RECORDS:], int(middle[1]) / 1000, float(mean[1]) / 1000


def main() -> None:
    numbers = [int(one) for one in sys.argv[1:]]
    records, rounds = (*numbers, *(2000, 3)[len(numbers) :])
    near = []
    with KafkaCluster(brokers=3) as cluster:
        for topic in (_TOPIC, _JAVA):
            cluster.create_topic_on(topic, {0: (1, 2, 3), 1: (2, 3, 1), 2: (3, 1, 2)}, min_insync_replicas=2)
        for _ in range(rounds):
            measured, middle, mean = asyncio.run(beside(cluster, records))
            ours = median(measured)
            apart = ours / middle - 1 if middle else float("inf")
            print(
                f"end to end: the probe {ours * 1000:.2f} ms ({len(measured)} records), Java {middle * 1000:.0f} ms"
                f" (mean {mean * 1000:.2f}; {records} records): {apart:+.0%}",
                flush=True,
            )
            near.append(abs(apart) <= _MOST_APART or abs(ours - middle) <= 0.001)
    sys.exit(0 if all(near) else 1)


if __name__ == "__main__":
    main()
