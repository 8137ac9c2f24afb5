"""Every number against what was really done to the streams, through CloudWatch as it is: late, asked now and then."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamwatch.catalogue import kinesis as k
from streamwatch.catalogue import kinesis_shards as s
from streamwatch.model.metric import Metric
from streamwatch.reference.aws.cloud import Cloud
from streamwatch.reference.aws.server import ReferenceAws
from streamwatch.reference.kinesis.errors import ServiceError
from streamwatch.reference.kinesis.operations import OPERATIONS
from streamwatch.reference.metrics import Realism
from tests.reference.kinesis.acting import Time, cloud
from tests.sources.kinesis.watching import Eyes

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(1, 500), st.integers(1, 4000)),
        st.tuples(st.just("put_one"), st.integers(1, 50), st.integers(1, 1000)),
        st.tuples(st.just("get"), st.integers(1, 8), st.integers(1, 300)),
        st.tuples(st.just("wait"), st.integers(1, 200), st.just(0)),
        st.tuples(st.just("read"), st.just(0), st.just(0)),
        st.tuples(st.just("split"), st.just(0), st.just(0)),
        st.tuples(st.just("fail"), st.integers(0, 2), st.just(0)),
    ),
    max_size=25,
)


class Script:
    """Does things to stream ``s``, and counts what came of them."""

    def __init__(self, aws: ReferenceAws, time: Time) -> None:
        self.aws, self.time = aws, time
        self.counts: Counter[Metric] = Counter()
        self.by_shard: Counter[tuple[Metric, str]] = Counter()
        self.keys = 0
        self.ask("CreateStream", StreamName="s", ShardCount=2)
        self.ask("EnableEnhancedMonitoring", StreamName="s", ShardLevelMetrics=["ALL"])

    def ask(self, operation: str, **given: Any) -> dict[str, Any]:
        def call(cloud: Cloud, now: float) -> dict[str, Any]:
            cloud.kinesis().timers.run(now)
            answer = OPERATIONS[operation](cloud.kinesis(), given, now)
            cloud.kinesis().timers.run(now)
            return answer

        return self.aws.do(call)

    def count(self, of: Metric, shard_metric: Metric | None, shard: str, amount: int) -> None:
        self.counts[of] += amount
        if shard_metric is not None:
            self.by_shard[shard_metric, shard] += amount

    def put(self, count: int, size: int) -> None:
        records = [{"Data": b"x" * size, "PartitionKey": f"{self.keys + n:06}"} for n in range(count)]
        self.keys += count
        answer = self.ask("PutRecords", StreamName="s", Records=records)
        self.counts[k.PUT_RECORDS_TOTAL] += count
        for one in answer["Records"]:
            if "SequenceNumber" in one:
                self.counts[k.PUT_RECORDS_SUCCESSFUL] += 1
                self.written(one["ShardId"], size + 6)
            elif one["ErrorCode"] == "InternalFailure":
                self.counts[k.PUT_RECORDS_FAILED] += 1
            else:
                self.counts[k.PUT_RECORDS_THROTTLED] += 1
                self.count(k.WRITE_THROTTLED, s.SHARD_WRITE_THROTTLED, one["ErrorMessage"].split()[4], 1)

    def written(self, shard: str, size: int) -> None:
        self.count(k.INCOMING_RECORDS, s.SHARD_IN_RECORDS, shard, 1)
        self.count(k.INCOMING_BYTES, s.SHARD_IN_BYTES, shard, size)

    def put_one(self, count: int, size: int) -> None:
        for _ in range(count):
            self.keys += 1
            try:
                one = self.ask("PutRecord", StreamName="s", Data=b"x" * size, PartitionKey=f"{self.keys:06}")
                self.written(one["ShardId"], size + 6)
            except ServiceError as error:
                if error.code == "ProvisionedThroughputExceededException":
                    self.count(k.WRITE_THROTTLED, s.SHARD_WRITE_THROTTLED, str(error).split()[4], 1)

    def get(self, times: int, limit: int) -> None:
        shards = self.ask("ListShards", StreamName="s")["Shards"]
        for shard in (one["ShardId"] for one in shards):
            place = {"StreamName": "s", "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}
            try:
                at = self.ask("GetShardIterator", **place)["ShardIterator"]
            except ServiceError:
                continue
            for _ in range(times):
                self.counts[k.READ_CALLS] += 1
                try:
                    found = self.ask("GetRecords", ShardIterator=at, Limit=limit)["Records"]
                except ServiceError as error:
                    if error.code == "ProvisionedThroughputExceededException":
                        self.count(k.READ_THROTTLED, s.SHARD_READ_THROTTLED, shard, 1)
                    continue
                self.count(k.READ_RECORDS, s.SHARD_OUT_RECORDS, shard, len(found))
                size = sum(len(one["Data"]) + len(one["PartitionKey"]) for one in found)
                self.count(k.READ_BYTES, s.SHARD_OUT_BYTES, shard, size)

    def fail(self, share: float) -> None:
        self.aws.do(lambda cloud, _: setattr(cloud.kinesis().broken, "failing", share))

    def split(self) -> None:
        def widest(cloud: Cloud, now: float) -> None:
            stream = cloud.kinesis().streams["s"]
            shard = max(stream.open_shards, key=lambda one: one.last - one.first)
            if len(stream.open_shards) < 6:
                stream.split(shard, (shard.first + shard.last + 1) // 2, now)

        self.aws.do(widest)


COUNTERS = tuple(one for one in k.METRICS if one.kind == "counter")
MORE = "describe_interval: 10s\n    cloudwatch: {detail_interval: 60s, quiet_interval: 60s, monthly_dollars: 100000}"


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(STEPS, st.sampled_from([0.0, 60.0, 170.0]))
def test_every_counter_is_what_was_done_each_minute_once(steps: list[tuple[str, int, int]], lateness: float) -> None:
    time = Time()
    with cloud(time) as aws:
        script, eyes = Script(aws, time), Eyes(aws, time, more=MORE)
        aws.do(lambda cloud, _: setattr(cloud.metrics(), "realism", Realism(lateness=lateness)))
        eyes.read()
        for name, one, other in [*steps, ("wait", 60, 0)]:
            if name == "wait":
                time.advance(one)
            elif name == "read":
                time.advance(60)
                eyes.read()
            elif name == "split":
                script.split()
                time.advance(60)
                eyes.read()  # so that the new shards are known from their first minute on
            elif name == "fail":
                script.fail(one / 10)
            else:
                getattr(script, name)(one, other)
        for _ in range(5):
            time.advance(60)
            eyes.read()

        assert {metric: eyes.value(metric) for metric in COUNTERS} == {one: script.counts[one] for one in COUNTERS}
        open_shards = aws.do(lambda cloud, _: [one.id for one in cloud.kinesis().streams["s"].open_shards])
        assert eyes.value(k.OPEN_SHARDS) == len(open_shards)
        for metric in (one for one in s.METRICS if one.kind == "counter" and one.labels == k.SHARD):
            found = eyes.all(metric)
            assert found == {("s", shard): script.by_shard[metric, shard] for shard in open_shards}, metric.name
        assert eyes.problems() == set()


def test_the_use_of_each_limit_is_that_of_the_newest_minute() -> None:
    time = Time()
    with cloud(time) as aws:
        script, eyes = Script(aws, time), Eyes(aws, time, more=MORE)
        eyes.read()
        for _ in range(60):
            script.put(100, 1018)
            script.get(1, 10_000)
            time.advance(1)
        eyes.read()

        records, size = 100 * 60, 100 * 60 * 1024
        assert eyes.value(k.WRITE_RECORDS_USE) == pytest.approx(records / 60 / 2000)
        assert eyes.value(k.WRITE_BYTES_USE) == pytest.approx(size / 60 / 2 / 2**20)
        assert eyes.value(k.READ_CALLS_USE) == pytest.approx(2 * 60 / 60 / 10)
        shards = eyes.all(s.SHARD_WRITE_RECORDS_USE)
        assert sum(shards.values()) == pytest.approx(records / 60 / 1000)
        assert eyes.value(s.SHARD_SKEW) == pytest.approx(max(shards.values()) * 2 / sum(shards.values()) - 1)
        assert eyes.value(k.PUT_RECORDS_SUCCESS) == 1
        assert eyes.value(k.READ_SUCCESS) is not None


def test_the_hottest_shard_is_named_with_the_key_to_split_it_at() -> None:
    time = Time()
    with cloud(time) as aws:
        script, eyes = Script(aws, time), Eyes(aws, time, more=MORE)
        eyes.read()
        for _ in range(60):
            records = [{"Data": b"x", "PartitionKey": "hot"}] * 500 + [{"Data": b"x", "PartitionKey": "k"}]
            script.ask("PutRecords", StreamName="s", Records=records[1:])
            script.ask("PutRecords", StreamName="s", Records=records[:300])
            time.advance(1)
        eyes.read()

        (((_, shard, key), use),) = eyes.all(s.SPLIT).items()
        hot = aws.do(lambda cloud, _: cloud.kinesis().streams["s"].shards[shard])
        assert use == pytest.approx(0.799, abs=0.01)
        assert int(key) == (hot.first + hot.last + 1) // 2
        script.ask("SplitShard", StreamName="s", ShardToSplit=shard, NewStartingHashKey=key)


def test_the_iterator_age_is_the_slowest_readers_and_the_time_to_loss_follows() -> None:
    time = Time()
    with cloud(time) as aws:
        script, eyes = Script(aws, time), Eyes(aws, time, more=MORE)
        script.put(10, 10)
        eyes.read()
        time.advance(3600)
        script.get(1, 1)
        time.advance(60)
        eyes.read()

        assert eyes.value(k.ITERATOR_AGE) == 3600
        assert eyes.value(k.TIME_TO_LOSS) == 86_400 - 3600
        assert eyes.value(k.BEING_READ) == 1


def test_a_dead_consumer_is_no_reader_and_not_no_lag() -> None:
    time = Time()
    with cloud(time) as aws:
        script, eyes = Script(aws, time), Eyes(aws, time, more=MORE)
        eyes.read()
        for _ in range(3):
            script.put(10, 10)
            script.get(1, 100)
            time.advance(60)
            eyes.read()
        assert (eyes.value(k.BEING_READ), eyes.value(k.ITERATOR_AGE)) == (1, 0)

        for _ in range(5):  # producers go on, nobody reads
            script.put(10, 10)
            time.advance(60)
            eyes.read()
        assert eyes.value(k.BEING_READ) == 0
        assert eyes.value(k.ITERATOR_AGE) is None
        assert eyes.value(k.TIME_TO_LOSS) is None
        assert eyes.value(k.INCOMING_RECORDS) == 80
        assert eyes.value(k.DATA_AGE) == 0
