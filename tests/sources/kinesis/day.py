"""A day of many streams, while one API after another fails: ``python -m tests.sources.kinesis.day STREAMS READS``.

Every stream is well, or has one trouble all day long. The shipped Kinesis alerts are evaluated as the agent does it.
"""

import sys
import time as machine
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final

from streamwatch.catalogue import kinesis as k
from streamwatch.catalogue import kinesis_shards as s
from streamwatch.model.metric import Metric
from streamwatch.reference.aws.cloud import Cloud
from streamwatch.reference.aws.server import ReferenceAws
from streamwatch.reference.kinesis.operations import OPERATIONS
from tests.reference.kinesis.acting import Time, cloud
from tests.sources.kinesis.judging import Judge, Told
from tests.sources.kinesis.test_source import broken, make
from tests.sources.kinesis.watching import Eyes

Key = tuple[Metric, tuple[str, ...]]

WELL: Final[Mapping[str, tuple[float, int]]] = {
    "IncomingRecords": (1, 600),
    "IncomingBytes": (100, 600),
    "PutRecord.Success": (1, 10),
    "PutRecords.Success": (1, 10),
    "PutRecords.FailedRecords": (0, 10),
    "WriteProvisionedThroughputExceeded": (0, 10),
    "ReadProvisionedThroughputExceeded": (0, 10),
    "GetRecords.Success": (1, 60),
    "GetRecords.Bytes": (1000, 60),
    "GetRecords.IteratorAgeMilliseconds": (0, 60),
}
"""What CloudWatch has of a stream a minute: a value, and how often."""
READS: Final = frozenset(name for name in WELL if name.startswith(("GetRecords", "Read")))
AGE: Final = "GetRecords.IteratorAgeMilliseconds"


@dataclass(frozen=True)
class Kind:
    """What is wrong with a stream, and which alerts say so."""

    trouble: Mapping[str, tuple[float, int]] = field(default_factory=dict)
    fires: frozenset[str] = frozenset()
    without: frozenset[str] = frozenset()
    lag: float | None = None
    """Milliseconds by which its registered consumer is behind; None where it has none."""
    shards: tuple[int, ...] = ()
    """Records that each of its shards gets a minute; none where these metrics are not on."""


def kind(*fires: str, **trouble: tuple[float, int]) -> Kind:
    """Make one of what CloudWatch has of the stream."""
    return Kind({name.replace("_", "."): told for name, told in trouble.items()}, frozenset(fires))


KINDS: Final = (
    Kind(),
    Kind(lag=500, shards=(300, 300)),
    Kind(lag=900_000, shards=(300, 300), fires=frozenset({"KinesisConsumerLate"})),
    Kind(shards=(55_000, 10, 10, 10), fires=frozenset({"KinesisHotShard", "KinesisShardsSkewed"})),
    Kind(without=READS, fires=frozenset({"KinesisNobodyReads"})),
    kind("KinesisReaderLate", GetRecords_IteratorAgeMilliseconds=(900_000, 60)),
    kind("KinesisReaderLate", "KinesisReaderNearRetention", GetRecords_IteratorAgeMilliseconds=(50_000_000, 60)),
    kind(
        "KinesisReaderLate", "KinesisReaderNearRetention", "KinesisDataExpiring",
        GetRecords_IteratorAgeMilliseconds=(80_000_000, 60),
    ),
    kind("KinesisWriteThrottled", WriteProvisionedThroughputExceeded=(1, 60)),
    kind(WriteProvisionedThroughputExceeded=(1, 1)),
    kind("KinesisReadThrottled", ReadProvisionedThroughputExceeded=(1, 5)),
    kind(
        "KinesisPutRecordFailing", "KinesisPutRecordsFailing", "KinesisGetRecordsFailing", "KinesisRecordsFailing",
        PutRecord_Success=(0.5, 10), PutRecords_Success=(0.5, 10), GetRecords_Success=(0.5, 60),
        PutRecords_FailedRecords=(1, 10),
    ),
    kind(
        "KinesisWriteRecordsNearLimit", "KinesisWriteBytesNearLimit", "KinesisReadBytesNearLimit",
        "KinesisReadCallsNearLimit",
        IncomingRecords=(1, 55_000), IncomingBytes=(1000, 60_000), GetRecords_Success=(1, 280),
        GetRecords_Bytes=(1_900_000, 60),
    ),
)  # fmt: skip
COUNTERS: Final = tuple(one for one in (*k.METRICS, *s.METRICS) if one.kind == "counter")
FAULTS: Final = {
    "GetMetricData": 2, "ListStreams": 4, "DescribeStreamSummary": 5, "ListShards": 5, "ListStreamConsumers": 5,
    "DescribeLimits": 10,
}  # fmt: skip
"""What fails, and for how many reads everything stays known."""
LONG: Final = 13
"""For so many reads each fails, too: then something is not known any more."""
TRUE_THEN: Final = "KinesisStreamUnknown"
"""Among many streams some are not described for long, when that was refused for long: their alert is right."""
CYCLE: Final = 20
"""Reads from one fault to the next."""


class Day:
    """Streams, and an agent whose waiting passes the time."""

    def __init__(self, aws: ReferenceAws, time: Time, streams: int) -> None:
        self.aws, self.time = aws, time
        self._lock = Lock()
        self.kinds = {f"s{number:03}": KINDS[number % len(KINDS)] for number in range(streams)}
        for name, one in self.kinds.items():
            make(aws, name, shards=max(1, len(one.shards)))
        aws.do(self._furnish)
        time.advance(60)
        self.eyes = Eyes(aws, time, more="cloudwatch: {monthly_dollars: 1000000}")
        caller: Any = self.eyes.source._caller
        caller.wait = self._wait
        self.alerts = Judge()
        self._before: dict[Key, float] = {}
        self.fell: list[Key] = []
        """Counters that are less than they were."""
        self.fault = ""
        """What fails, or failed last, and for how many reads."""
        self.gaps: Counter[tuple[str, str]] = Counter()
        """Values that were there before, and are not in a read, by fault and metric."""
        self.told = 0
        """Reads with a problem."""
        self.seconds = {"read": 0.0, "rules": 0.0}

    def _furnish(self, cloud: Cloud, now: float) -> None:
        kinesis = cloud.kinesis()
        for name, one in self.kinds.items():
            if one.lag is not None:
                arn = kinesis.streams[name].arn
                OPERATIONS["RegisterStreamConsumer"](kinesis, {"StreamARN": arn, "ConsumerName": "app"}, now)
            if one.shards:
                given = {"StreamName": name, "ShardLevelMetrics": ["IncomingRecords", "IncomingBytes"]}
                OPERATIONS["EnableEnhancedMonitoring"](kinesis, given, now)
        kinesis.timers.run(now)

    def _wait(self, seconds: float) -> None:
        until = self.time.monotonic() + seconds
        with self._lock:
            self.time.advance(max(0.0, until - self.time.monotonic()))

    def _live(self, cloud: Cloud, now: float) -> None:
        """Let CloudWatch have a minute of every stream."""
        put = cloud.metrics().put
        for name, one in self.kinds.items():
            of = (("StreamName", name),)
            for metric, (value, count) in {**WELL, **one.trouble}.items():
                if metric not in one.without:
                    put("AWS/Kinesis", metric, of, value, "None", now, count)
            if one.lag is not None:
                at = (("ConsumerName", "app"), *of)
                put("AWS/Kinesis", "SubscribeToShardEvent.MillisBehindLatest", at, one.lag, "None", now)
                put("AWS/Kinesis", "SubscribeToShardEvent.Records", at, 600, "None", now)
            for index, count in enumerate(one.shards):
                shard = (("ShardId", f"shardId-{index:012d}"), *of)
                put("AWS/Kinesis", "IncomingRecords", shard, 1, "None", now, count)
                put("AWS/Kinesis", "IncomingBytes", shard, 100, "None", now, count)

    def minute(self) -> None:
        """Let a minute pass: it is written, the agent reads, and its rules are evaluated."""
        started = self.time.now()
        self.aws.do(self._live)
        begun = machine.perf_counter()
        self.eyes.read()
        self.seconds["read"] += machine.perf_counter() - begun
        self.told += bool(self.eyes.problems())
        self._compare()
        begun = machine.perf_counter()
        self.alerts.take(self.eyes.samples, self.time.now(), max(started + 60, self.time.now() + 1))
        self.seconds["rules"] += machine.perf_counter() - begun
        self.time.advance(max(1.0, started + 60 - self.time.now()))

    def _compare(self) -> None:
        gauges = (k.BEING_READ, k.ITERATOR_AGE, s.CONSUMER_LAG, k.RETENTION, k.CONSUMERS)
        now = {(metric, row): v for metric in (*COUNTERS, *gauges) for row, v in self.eyes.all(metric).items()}
        self.fell += [key for key, v in now.items() if key[0].kind == "counter" and v < self._before.get(key, v)]
        self.gaps.update((self.fault, key[0].name) for key in self._before.keys() - now.keys())
        self._before |= now

    def fired(self) -> dict[Told, int]:
        """Return how often each alert fired."""
        return {told: count for told, count in self.alerts.fired.items() if count and told[0] != TRUE_THEN}

    def expected(self) -> dict[Told, int]:
        """Return how often each alert is to fire: once, and it does not end."""
        return {(alert, name): 1 for name, one in self.kinds.items() for alert in one.fires}

    def wrong(self) -> dict[str, Counter[str]]:
        """Return the alerts that did not fire as they should, and those that resolved, by name."""
        fired, expected = self.fired(), self.expected()
        return {
            "never": Counter(name for name, _ in expected.keys() - fired.keys()),
            "too often": Counter(name for (name, of), count in fired.items() if count > expected.get((name, of), 0)),
            "resolved": Counter(name for name, _ in +self.alerts.resolved if name != TRUE_THEN),
        }


def live(day: Day, reads: int) -> None:
    """Begin with a while without a fault, then let one API after another fail: in turns for long, and for less."""
    for _ in range(12 + len(day.kinds) // 50):
        day.minute()
    day.gaps.clear()
    for read in range(reads):
        turn, index = divmod(read, CYCLE)
        operation = list(FAULTS)[turn % len(FAULTS)]
        length = FAULTS[operation] if (turn + turn // len(FAULTS)) % 2 else LONG
        day.fault = f"{operation} {length}"
        if index in {0, length}:
            broken(day.aws, "deny", operation=operation, on=index == 0)
        day.minute()


def main(streams: int, reads: int) -> None:
    """Print what a day made of it."""
    time = Time()
    with cloud(time) as aws:
        day = Day(aws, time, streams)
        live(day, reads)
    missing = "".join(f"  {fault}: {count} of {name}\n" for (fault, name), count in sorted(day.gaps.items()))
    sys.stdout.write(
        f"{streams} streams, {reads} reads, {day.told} of them with a problem; seconds: {day.seconds}\n"
        f"counters that fell: {len(day.fell)}\n"
        f"values that were missing in reads:\n{missing}"
        f"alerts fired: {sum(day.fired().values())}, expected: {len(day.expected())}; wrong: {day.wrong()}\n"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
