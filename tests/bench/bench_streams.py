"""What a cycle costs on 1,000 streams of 10 shards: calls, metrics billed, dollars a month, seconds, memory.

    python tests/bench/bench_streams.py [STREAMS [SHARDS [ACCOUNTS]]]

Each account has a reference AWS in a process of its own, and its share of the streams; all are read one after the
other, and one minute passes between two cycles. The reference's own limits hold: what the first read costs in time is
the rate at which the agent asks, half of what AWS allows.
"""

import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from streamwatch.agent.targets import TargetFactory
from streamwatch.catalogue import BY_CLOUDWATCH
from streamwatch.core.clock import SystemClock
from streamwatch.export.exposition import Exposition
from streamwatch.model.kinesis import StreamsSnapshot
from tests.sources.kinesis.watching import config

_SERVER = """
import sys
from streamwatch.reference.aws.server import ReferenceAws
from streamwatch.reference.aws.cloud import Cloud
from streamwatch.reference.kinesis.account import AccountLimits
streams, shards = int(sys.argv[1]), int(sys.argv[2])
with ReferenceAws(Cloud(quotas=AccountLimits(create_seconds=0, update_seconds=0, shards=10**6))) as aws:
    def make(cloud, now):
        for number in range(streams):
            stream = cloud.kinesis().create(f"stream{number:04}", "PROVISIONED", shards, now)
        cloud.kinesis().timers.run(now)
        for stream in cloud.kinesis().streams.values():
            for name in ("IncomingBytes", "IncomingRecords", "PutRecords.Success", "GetRecords.Success",
                         "GetRecords.IteratorAgeMilliseconds", "ReadProvisionedThroughputExceeded",
                         "WriteProvisionedThroughputExceeded", "GetRecords.Bytes", "GetRecords.Records"):
                for ago in (60, 120, 180):
                    cloud.metrics().put("AWS/Kinesis", name, (("StreamName", stream.name),), 1, "Count", now - ago)
    aws.do(make)
    print(aws.url, flush=True)
    sys.stdin.read()
"""


class Later(SystemClock):
    """The machine's clock, some minutes later."""

    ahead = 0.0

    def now(self) -> float:
        return super().now() + self.ahead


def memory() -> float:
    """Of this process, in MB, at its most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@contextmanager
def account(streams: int, shards: int) -> Iterator[str]:
    """Run a reference AWS with so many streams; yield its address."""
    command = [sys.executable, "-c", _SERVER, str(streams), str(shards)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stdin is not None
        yield server.stdout.readline().strip()
        server.stdin.close()


def main() -> None:
    streams, shards, accounts = (*map(int, sys.argv[1:]), *(1000, 10, 1)[len(sys.argv) - 1 :])
    with ExitStack() as stack:
        urls = [stack.enter_context(account(streams // accounts, shards)) for _ in range(accounts)]
        measure(streams, shards, urls)


def measure(streams: int, shards: int, urls: list[str]) -> None:
    """Read all accounts minute by minute, and print what it took."""
    clock, page = Later(), Exposition()
    budget = "interval: 60s\n    deadline: 50s\n    describe_interval: 10m\n    cloudwatch: {monthly_dollars: 1000000}"
    targets = [TargetFactory(clock).targets(config(url, budget), lambda: None)[0] for url in urls]
    of_streams = [one.cloudwatch for one in BY_CLOUDWATCH if one.labels[-1] == "stream"]
    vital = sum(1 for one in of_streams if one and one.vital)
    print(f"{streams} streams of {shards} shards in {len(urls)} accounts; {vital} vital metrics a stream,", end=" ")
    print(f"of {len(of_streams)} in all")
    heads = ("s", 6), ("CPU s", 6), ("calls", 6), ("metrics", 8), ("described", 9), ("page MB", 8), ("RSS MB", 7)
    print(" read", *(f"{name:>{width}}" for name, width in heads))
    calls = metrics = 0
    for turn in range(8):
        started, cpu = time.perf_counter(), time.process_time()
        total = asked = described = 0
        samples = []
        for target in targets:
            now = target.source.read()
            assert isinstance(now, StreamsSnapshot)
            samples += [one for each in target.collectors.values() for one in each.collect(now)]
            total, asked = total + sum(one.calls for one in now.calls), asked + now.cost.metrics
            described += sum(one.description is not None for one in now.streams or ())
        body = page.render(samples).text
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
        print(
            f"{turn + 1:5} {seconds:6.2f} {cpu:6.2f} {total - calls:6} {asked - metrics:8} {described:9}"
            f" {len(body) / 2**20:8.1f} {memory():7.0f}",
            flush=True,
        )
        calls, metrics = total, asked
        clock.ahead += 60
    minutes = 60 * 24 * 30
    details = len(of_streams) - vital
    vitals, rest = vital * streams * minutes, details * streams * minutes / 5
    whole = (vital + details) * streams * minutes / 1e5
    print(f"a month: {(vitals + rest) / 1e6:.0f} million metrics, {(vitals + rest) / 1e5:,.0f} dollars")
    print(f"every metric every minute: {whole:,.0f} dollars")


if __name__ == "__main__":
    main()
