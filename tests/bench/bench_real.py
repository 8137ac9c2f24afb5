"""What a steady read costs on 10,000 partitions of RF 3 and 100 groups, on three real brokers.

    python tests/bench/bench_real.py [PARTITIONS]

Requests are counted by the brokers themselves (RequestMetrics RequestsPerSec), CPU and memory by the kernel, collectors
and page included. Prints figures, asserts nothing.
"""

import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from threading import Event

from tests.agent_process import Agent, agent, config_file
from tests.real.kafka import KafkaCluster
from tests.waiting import wait_for

READS = 20
OURS = (
    "Metadata",
    "DescribeQuorum",
    "ListGroups",
    "DescribeGroups",
    "ConsumerGroupDescribe",
    "OffsetFetch",
    "FindCoordinator",
    "ListOffsets",
    "ListPartitionReassignments",
    "DescribeLogDirs",
    "DescribeConfigs",
    "ApiVersions",
)


def fill(cluster: KafkaCluster, partitions: int) -> None:
    """Create topics of 50 partitions, and 100 groups with 100 commits each."""
    topics = [f"bench-{i:04}" for i in range(partitions // 50)]
    shape = {"num_partitions": 50, "replication_factor": 3}
    with cluster.admin() as admin:
        for start in range(0, len(topics), 10):
            admin.create_topics(dict.fromkeys(topics[start : start + 10], shape), timeout_ms=120_000)
    wait_for(lambda: not cluster.under_replicated(), 300, "all replicas are in sync")
    for _ in range(10):  # the coordinators load while the brokers are still busy with the topics
        with suppress(TimeoutError):
            cluster.commit("group-000", {(topics[0], 0): 0})
            break
    for group in range(100):
        own = [topics[(2 * group + i) % len(topics)] for i in (0, 1)]
        cluster.commit(f"group-{group:03}", {(topic, p): 0 for topic in own for p in range(50)})


def reads(running: Agent) -> int:
    return int(running.value("streamwatch_job_runs_total") or 0)


def measure(cluster: KafkaCluster, running: Agent) -> None:
    wait_for(lambda: reads(running) >= 3, 120, "it is steady")
    requests, cpu, began, before = cluster.requests_per_api(), running.cpu_seconds(), time.monotonic(), reads(running)
    calm = Event()  # asking for the page costs the agent too
    seconds: list[float] = []
    while (done := reads(running) - before) < READS:
        seconds.append(running.value("streamwatch_source_read_seconds") or 0.0)
        calm.wait(0.5)
    used, asked = running.cpu_seconds() - cpu, cluster.requests_per_api()
    per_read = Counter({api: (asked[api] - requests[api]) / done for api in OURS if asked[api] > requests[api]})
    print(f"{done} reads in {time.monotonic() - began:.0f} s; a steady read:")
    print(f"  requests  {sum(per_read.values()):.1f}  " + ", ".join(f"{k} {v:.1f}" for k, v in per_read.most_common()))
    print(f"  CPU       {used / done * 1000:.1f} ms, {len(seconds)} scrapes of the page included")
    print(f"  wall      {sorted(seconds)[len(seconds) // 2] * 1000:.0f} ms (median)")
    print(f"  memory    {running.resident_mb():.0f} MB at most, since the start")
    print(f"  series    {running.value('streamwatch_source_series'):.0f}", flush=True)


def main() -> None:
    partitions = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    quiet = {"log.index.size.max.bytes": "65536"}
    with KafkaCluster(heap_mb=1536, properties=quiet) as cluster, tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        fill(cluster, partitions)
        print(f"{partitions} partitions of RF 3, 100 groups: ready after {time.monotonic() - began:.0f} s", flush=True)
        file = config_file(Path(folder), cluster.bootstrap, interval="3s", pulse="{enabled: false}")
        with agent("--config", file) as running:
            measure(cluster, running)


if __name__ == "__main__":
    main()
