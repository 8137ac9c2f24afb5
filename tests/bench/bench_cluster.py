"""What a cycle costs on 10,000, 50,000 and 200,000 partitions: read, collectors and page.

    python tests/bench/bench_cluster.py [PARTITIONS GROUPS COMMITS]

The cluster answers from prepared responses in a process of its own. Prints figures, asserts nothing: CPU is this
process's, memory the most it held; `moving` is a steady cycle in which every end offset is another one.
"""

import os
import resource
import subprocess
import sys
import time

INTERVAL = 300.0
"""Longer than a read may take on any machine."""
SIZES = ((10_000, 100, 100), (50_000, 1_000, 50), (200_000, 5_000, 40))


def one_size(partitions: int, groups: int, commits: int) -> None:
    """Measure one size in this process, so that the memory is its own."""
    from streamwatch.agent.targets import kafka_collectors as collectors  # noqa: PLC0415
    from streamwatch.core import memory  # noqa: PLC0415 - only the measuring process needs them
    from streamwatch.core.clock import SystemClock  # noqa: PLC0415
    from streamwatch.export.exposition import Exposition  # noqa: PLC0415
    from streamwatch.sources.cluster_config import ClusterConfig  # noqa: PLC0415
    from streamwatch.sources.kafka import KafkaSource  # noqa: PLC0415
    from streamwatch.sources.kafka.config import Pulse  # noqa: PLC0415
    from tests.addresses import servers  # noqa: PLC0415

    memory.share_arena()  # as the agent does
    memory.keep_large_blocks_apart(apart=partitions < 200_000)
    args = [sys.executable, "-m", "tests.prepared", str(partitions), str(groups), str(commits)]

    def configured(bootstrap: tuple[str, ...]) -> ClusterConfig:
        return ClusterConfig(
            name="bench",
            bootstrap=servers(bootstrap),
            interval=INTERVAL,
            topic_settings_interval=40 * INTERVAL,  # as an agent reads every 15 s: a fortieth each read
            deadline=200.0,
            request_timeout=100.0,
            connect_timeout=100.0,
            pulse=Pulse(enabled=False),  # one process answers for all brokers: busy with one, it is silent for others
        )

    with subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        bootstrap = tuple(server.stdout.readline().strip().split(","))

        # The first answers are made when they are first asked for: that is not our time, nor our memory.
        if os.fork() == 0:
            KafkaSource(configured(bootstrap), SystemClock(), lambda: None).read()
            os._exit(0)
        os.wait()
        config = configured(bootstrap)
        ours = KafkaSource(config, SystemClock(), lambda: None)
        each, page = collectors(config), Exposition()
        asked = 0
        for what in ("first", "second", "steady", "steady", "moving", "moving"):
            if what == "moving":
                server.stdin.write("move\n")
                server.stdin.flush()
                server.stdout.readline()
            cpu, wall = time.process_time(), time.perf_counter()
            now = ours.read()
            read = time.process_time() - cpu
            samples = [s for collector in each.values() for s in collector.collect(now)]
            collected = time.process_time() - cpu - read
            series = page.render(samples).series
            total = time.process_time() - cpu
            rendered = total - read - collected
            requests = sum(count.requests for count in now.requests)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            problems = f" PROBLEMS {now.problems[:2]}" if now.problems else ""
            cost = f"{time.perf_counter() - wall:7.2f} {total:7.3f} ({read:.3f} + {collected:.3f} + {rendered:.3f})"
            size = f"{peak:6.0f} {requests - asked:5} {series:8}{problems}"
            print(f"{partitions:>8} {groups:>6} {what:7} {cost} {size}", flush=True)
            asked = requests
        ours.close()
        server.stdin.close()


def main() -> None:
    if len(sys.argv) == 4:
        one_size(*map(int, sys.argv[1:]))
        return
    print("partitions groups cycle   wall s   CPU s (read + collect + page)    MB  requests  series", flush=True)
    for size in SIZES:
        subprocess.run([sys.executable, __file__, *map(str, size)], check=True)


if __name__ == "__main__":
    main()
