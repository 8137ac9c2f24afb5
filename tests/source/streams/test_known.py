"""What is known stays known until it is old: a call that is refused takes nothing away, and is made again at once.

``STREAMWATCH_DAY`` sets how many streams and reads the day has, as ``500,1440``.
"""

import os
from collections import Counter
from functools import partial
from threading import Lock
from typing import Any

import pytest

from streamwatch.catalogue import kinesis as k
from streamwatch.catalogue import kinesis_shards as s
from streamwatch.model.metric import Metric
from streamwatch.reference.aws.cloud import Cloud
from streamwatch.reference.aws.server import ReferenceAws
from streamwatch.reference.kinesis.operations import OPERATIONS
from tests.reference.streams.acting import Time, cloud
from tests.source.streams.test_source import broken, make
from tests.source.streams.watching import Eyes

STREAMS, READS = map(int, os.environ.get("STREAMWATCH_DAY", "12,80").split(","))
PARTS = {
    "DescribeStreamSummary": (k.OPEN_SHARDS, k.RETENTION, k.STREAM_STATE),
    "ListShards": (k.CLOSED_SHARDS, s.SHARD_IN_RECORDS),
    "ListStreamConsumers": (k.CONSUMERS, k.BEING_READ, s.CONSUMER_LAG, s.CONSUMER_RECORDS),
    "GetResources": (k.STREAM_UP, k.STREAMS),
    "DescribeLimits": (k.SHARDS_LIMIT_RATIO,),
}
"""What each call tells."""
SCOPES = {"GetResources": "region", "DescribeLimits": "region"}
TAGGED = "streams: {tags: ['team']}\n    cloudwatch: {monthly_dollars: 1000000}"


def furnish(aws: ReferenceAws, name: str) -> None:
    """Make a stream with two shards, enhanced monitoring, a consumer and a tag."""
    make(aws, name, shards=2)

    def add(cloud: Cloud, now: float) -> None:
        kinesis = cloud.kinesis()
        arn = kinesis.streams[name].arn
        OPERATIONS["RegisterStreamConsumer"](kinesis, {"StreamARN": arn, "ConsumerName": "app"}, now)
        levels = ["IncomingRecords"]
        OPERATIONS["EnableEnhancedMonitoring"](kinesis, {"StreamName": name, "ShardLevelMetrics": levels}, now)
        OPERATIONS["AddTagsToStream"](kinesis, {"StreamName": name, "Tags": {"team": "x"}}, now)
        kinesis.timers.run(now)

    aws.do(add)


def live(cloud: Cloud, now: float, *, name: str, count: int) -> None:
    """Write records, and let the consumer receive them half a second late."""
    records = [{"Data": b"x", "PartitionKey": f"{n}"} for n in range(count)]
    OPERATIONS["PutRecords"](cloud.kinesis(), {"StreamName": name, "Records": records}, now)
    of = (("ConsumerName", "app"), ("StreamName", name))
    cloud.metrics().put("AWS/Kinesis", "SubscribeToShardEvent.MillisBehindLatest", of, 500, "Milliseconds", now)
    cloud.metrics().put("AWS/Kinesis", "SubscribeToShardEvent.Records", of, count, "Count", now)


@pytest.mark.parametrize("operation", PARTS)
def test_what_is_refused_stays_known_is_asked_again_at_once_and_is_gone_when_it_is_old(operation: str) -> None:
    time = Time()
    interval = 600 if operation == "DescribeLimits" else 300
    with cloud(time) as aws:
        furnish(aws, "s")
        time.advance(60)
        eyes = Eyes(aws, time, more=TAGGED)
        eyes.read()
        learnt = time.now()
        broken(aws, "deny", operation=operation)
        refused = 0
        while time.now() + 60 <= learnt + 2 * interval:
            aws.do(partial(live, name="s", count=10))
            time.advance(60)
            eyes.read()
            refused += bool(eyes.problems())
            assert eyes.problems() <= {(SCOPES.get(operation, "stream"), "denied")}
            if operation == "GetResources" or time.now() >= learnt + interval:
                assert eyes.problems(), "it is asked for at every read, and said"
            assert [one.name for one in PARTS[operation] if not eyes.all(one)] == []
        assert refused >= 5

        if operation != "GetResources":  # without which it is not known for how long a listing is true
            time.advance(60)
            eyes.read()
            assert [one.name for one in PARTS[operation] if eyes.all(one) and one is not k.STREAM_UP] == []
        broken(aws, "deny", operation=operation, on=False)
        time.advance(60)
        eyes.read()
        assert eyes.problems() == set()
        assert [one.name for one in PARTS[operation] if not eyes.all(one)] == []
        counted = eyes.all(s.SHARD_IN_RECORDS)
        assert sum(counted.values()) == eyes.value(k.INCOMING_RECORDS), "no shard's counter has begun anew"


def test_streams_that_could_not_be_listed_for_a_while_go_on_counting_where_they_were() -> None:
    time = Time()
    with cloud(time) as aws:
        furnish(aws, "s")
        eyes = Eyes(aws, time, more="cloudwatch: {detail_interval: 60s}")
        eyes.read()
        for minute in range(30):
            if minute in {5, 20}:
                broken(aws, "deny", operation="ListStreams", on=minute == 5)
            aws.do(partial(live, name="s", count=10))
            time.advance(60)
            eyes.read()
            assert eyes.snapshot.is_up == (not 10 <= minute < 20)

        assert eyes.value(k.INCOMING_RECORDS) == 300
        assert sum(eyes.all(s.SHARD_IN_RECORDS).values()) == 300


class Day:
    """Many streams, and one agent whose waiting passes the time."""

    def __init__(self, aws: ReferenceAws, time: Time) -> None:
        self.aws, self.time = aws, time
        self._lock = Lock()
        self.names = [f"s{number:03}" for number in range(STREAMS)]
        self.plain = [name for name in self.names if int(name[1:]) % 10]
        for name in self.names:
            make(aws, name) if name in self.plain else furnish(aws, name)
        time.advance(60)
        self.eyes = Eyes(aws, time, more="cloudwatch: {monthly_dollars: 1000000}")
        caller: Any = self.eyes.source._caller
        caller.wait = self._wait
        self.written: Counter[str] = Counter()
        self.before: dict[tuple[Metric, tuple[str, ...]], float] = {}

    def _wait(self, seconds: float) -> None:
        until = self.time.monotonic() + seconds
        with self._lock:
            self.time.advance(max(0.0, until - self.time.monotonic()))

    def minute(self) -> None:
        """Write, and let the agent read."""
        started = self.time.now()

        def write(cloud: Cloud, now: float) -> None:
            for name in self.names:
                if name in self.plain:
                    records = [{"Data": b"x", "PartitionKey": "k"}] * 2
                    OPERATIONS["PutRecords"](cloud.kinesis(), {"StreamName": name, "Records": records}, now)
                else:
                    live(cloud, now, name=name, count=2)
                self.written[name] += 2

        self.aws.do(write)
        self.eyes.read()
        self.time.advance(max(1.0, started + 60 - self.time.now()))

    def check(self) -> None:
        """Nothing is gone, and no counter fell."""
        full = [name for name in self.names if name not in self.plain]
        assert {row[0]: value for row, value in self.eyes.all(s.CONSUMER_LAG).items()} == dict.fromkeys(full, 0.5)
        reading = self.eyes.all(k.BEING_READ)
        assert {name for name in full if reading.get((name,)) == 1} == set(full)
        assert reading.keys() == {(name,) for name in self.names}
        counters = (k.INCOMING_RECORDS, k.WRITE_THROTTLED, s.SHARD_IN_RECORDS, s.CONSUMER_RECORDS)
        now = {(metric, row): value for metric in counters for row, value in self.eyes.all(metric).items()}
        assert self.before.keys() <= now.keys()
        assert [key for key, value in self.before.items() if now[key] < value] == []
        self.before = now


def test_a_day_with_one_api_after_another_that_fails_has_no_gap_and_no_counter_that_restarts() -> None:
    time = Time()
    with cloud(time) as aws:
        day = Day(aws, time)
        for _ in range(3 + STREAMS // 50):
            day.minute()
        faults = [("ListStreams", 4), *((one, 4) for one in PARTS if one != "GetResources"), ("GetMetricData", 2)]
        reads, told = 0, 0
        while reads < READS:
            operation, length = faults[reads // 16 % len(faults)]
            broken(aws, "deny", operation=operation)
            for index in range(16):
                if index == length:
                    broken(aws, "deny", operation=operation, on=False)
                day.minute()
                told += bool(day.eyes.problems())
                day.check()
                reads += 1
        assert told > READS / 16
