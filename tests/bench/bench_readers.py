"""What it costs to watch the readers of a large account: calls a minute by API against AWS's rates, CPU, memory.

    python tests/bench/bench_readers.py

500 functions of which some have 300 mappings, 100 delivery streams, 50 connectors and 40 tasks, on 100 streams. The
reference AWS runs in a process of its own. Time is manual on both sides: what waits for its turn moves the clock of its
own source, and each source has one, as each has a thread in the agent. The table is for docs/readers.md.
"""

import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parents[2]))

from streamwatch.agent.targets import Target, TargetFactory
from streamwatch.export.exposition import Exposition
from streamwatch.sources.aws.session import Account
from tests.reference.kinesis.acting import NOON, Time
from tests.sources.kinesis.watching import config

MINUTES: Final = 12
_FIRST: Final = 6
"""Minutes that are left out of the mean: descriptions are made, and made again in the sixth."""
SOURCES: Final = {
    "streams": "",
    "lambda": "functions",
    "firehose": "firehose",
    "msk_connect": "msk_connect",
    "dms": "dms",
}
DOCUMENTED: Final[Mapping[str, float]] = {
    "ListStreams": 5,
    "DescribeLimits": 1,
    "DescribeAccountSettings": 5,
    "DescribeStreamSummary": 20,
    "ListStreamConsumers": 5,
    "ListShards": 1000,
    "GetMetricData": 50,
    "ListEventSourceMappings": 15,
    "ListDeliveryStreams": 5,
    "DescribeDeliveryStream": 5,
    "DescribeEndpoints": 8,
    "DescribeReplicationTasks": 8,
    "DescribeReplications": 8,
    "DescribeReplicationInstances": 8,
}
"""Calls a second, an account and region; ListShards is a stream's. Lambda's is of its whole control plane, and DMS's is
the rate at which its 200 requests come back, of all its operations. What is not here AWS does not document."""
_SERVER: Final = """
import sys
from streamwatch.reference.aws.cloud import Cloud
from streamwatch.reference.aws.dms import Dms
from streamwatch.reference.aws.msk_connect import MskConnect
from streamwatch.reference.aws.poller import StreamPoller
from streamwatch.reference.aws.server import ReferenceAws
from streamwatch.reference.kinesis.account import AccountLimits
from tests.reference.kinesis.acting import Time
time = Time()
BROKERS = "b-1.shop.abc123.c2.kafka.us-east-1.amazonaws.com:9098"
ARN = "arn:aws:kinesis:us-east-1:123456789012:stream/"
LAMBDA = ("IteratorAge", "Errors", "Invocations", "Throttles")

def make(cloud, now):
    for at in range(100):
        cloud.kinesis().create(f"stream{at:03}", "PROVISIONED", 2, now)
    cloud.kinesis().timers.run(now)
    for at in range(300):  # of 500 functions 300 have a mapping; of the others AWS lists nothing
        cloud.lambdas().add(f"function{at:03}", {"EventSourceArn": f"{ARN}stream{at % 100:03}"}, now)
    pollers = [StreamPoller(cloud.kinesis(), f"stream{at:03}") for at in range(100)]
    hoses = [cloud.firehose().of_stream(f"hose{at:03}", one, now) for at, one in enumerate(pollers)]
    connect, dms = cloud.beside(MskConnect), cloud.beside(Dms)
    connectors = [connect.create(f"sink{at:02}", {"topics": "orders"}, BROKERS, now) for at in range(50)]
    tasks = [dms.of_stream(f"task{at:02}", cloud.kinesis(), f"stream{at:03}") for at in range(40)]
    return hoses + connectors + tasks

def minute(cloud, now):
    for one in everything:
        one.live(now)
    put = cloud.metrics().put
    for at in range(300):
        for name in LAMBDA:
            put("AWS/Lambda", name, (("FunctionName", f"function{at:03}"),), 1.0, "None", now)
    for at in range(100):
        for name in ("IncomingRecords", "IncomingBytes", "GetRecords.IteratorAgeMilliseconds", "GetRecords.Records"):
            put("AWS/Kinesis", name, (("StreamName", f"stream{at:03}"),), 1.0, "None", now)

with ReferenceAws(Cloud(quotas=AccountLimits(create_seconds=0, update_seconds=0)), clock=time.now) as aws:
    everything = aws.do(make)
    print(aws.url, flush=True)
    for _ in sys.stdin:
        aws.do(minute)
        time.advance(60)
        print("done", flush=True)
"""


@dataclass(frozen=True)
class Call:
    """A call that was made."""

    service: str
    operation: str
    minute: int
    at: float
    """Seconds on the clock of its source."""


class Source:
    """One source with its own clock and login, as it is in the agent but for the login."""

    def __init__(self, name: str, url: str, of: str) -> None:
        self.name, self.time = name, Time()
        self.calls: list[Call] = []
        self.minute = 0
        factory = TargetFactory(self.time)
        readers = f"readers: {{{of}: {{enabled: true}}}}" if of else ""
        every = factory.targets(config(url, readers), lambda: None)
        self._target: Target = every[-1]
        source: Any = self._target.source
        source._caller.wait = lambda seconds: self.time.advance(max(0.0, seconds))
        self._note(source._caller._account)
        self._page = Exposition()
        self.known = 0

    def _note(self, account: Account) -> None:
        ask = account.ask

        def noted(service: str, region: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
            self.calls.append(Call(service, operation, self.minute, self.time.monotonic()))
            return ask(service, region, operation, parameters)

        account.ask = noted  # type: ignore[method-assign]  # only to count

    def read(self, minute: int) -> None:
        """Read, collect and write the page of metrics."""
        self.minute = minute
        self.time.advance(max(0.0, NOON + 60 * minute - self.time.now()))
        snapshot: Any = self._target.source.read()
        every = [*self._target.collectors.values(), *self._target.about]
        self._page.render([one for each in every for one in each.collect(snapshot)])
        self.known = len(getattr(snapshot, "readers", None) or getattr(snapshot, "streams", None) or ())
        self.cost = snapshot.cost.metrics


def memory() -> float:
    """Of this process, in MB, at its most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def busiest(calls: list[Call]) -> int:
    """Return the most calls within any second."""
    times = sorted(one.at for one in calls)
    return max(sum(1 for at in times[i:] if at < begin + 0.999) for i, begin in enumerate(times))


def table(calls: list[Call]) -> None:
    """Print calls a minute, of each API."""
    print("| API | first minute | a minute later | in the busiest minute | AWS allows a minute | share |")
    print("|---|---|---|---|---|---|")
    for (service, operation), _ in sorted(Counter((one.service, one.operation) for one in calls).items()):
        mine = [one for one in calls if (one.service, one.operation) == (service, operation)]
        a_minute = Counter(one.minute for one in mine)
        later = sum(count for at, count in a_minute.items() if at > _FIRST) / (MINUTES - _FIRST)
        most, rate = max(a_minute.values()), DOCUMENTED.get(operation)
        allowed = "not documented" if rate is None else f"{60 * rate:,.0f}"
        share = "" if rate is None else f"{most / (60 * rate):.1%}"
        print(f"| {service} {operation} | {a_minute[1]} | {later:.1f} | {most} | {allowed} | {share} |")
        if rate is not None and busiest(mine) > max(1, rate / 2):
            print(f"  ({operation}: {busiest(mine)} calls within a second, of {rate:g})")


def main() -> None:
    command = [sys.executable, "-c", _SERVER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stdin is not None
        url = server.stdout.readline().strip()
        empty = memory()
        sources = [Source(name, url, of) for name, of in SOURCES.items()]
        cpu: dict[str, list[float]] = {one.name: [] for one in sources}
        for minute in range(1, MINUTES + 1):
            server.stdin.write("minute\n")
            server.stdin.flush()
            server.stdout.readline()
            for one in sources:
                begun = time.process_time()
                one.read(minute)
                cpu[one.name].append(time.process_time() - begun)
        server.stdin.close()
    table([call for one in sources for call in one.calls])
    print("\n| source | of them | CPU ms in the first minute | CPU ms a minute later | metrics asked of CloudWatch |")
    print("|---|---|---|---|---|")
    for one in sources:
        later = sum(cpu[one.name][_FIRST:]) / (MINUTES - _FIRST)
        print(f"| {one.name} | {one.known} | {1000 * cpu[one.name][0]:.0f} | {1000 * later:.0f} | {one.cost} |")
    print(f"\nmemory: {empty:.0f} MB before the first source, {memory():.0f} MB at its most")


if __name__ == "__main__":
    main()
