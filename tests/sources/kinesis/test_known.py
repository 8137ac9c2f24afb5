"""What is known stays known until it is old: a call that is refused takes nothing away, and is made again at once."""

from functools import partial

import pytest

from streamwatch.catalogue import kinesis as k
from streamwatch.catalogue import kinesis_shards as s
from streamwatch.reference.aws.cloud import Cloud
from streamwatch.reference.aws.server import ReferenceAws
from streamwatch.reference.kinesis.operations import OPERATIONS
from tests.reference.kinesis.acting import Time, cloud
from tests.sources.kinesis.test_source import broken, make
from tests.sources.kinesis.watching import Eyes

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


@pytest.mark.parametrize("operation", ["ListShards", "DescribeStreamSummary", "ListStreams"])
def test_what_could_not_be_learnt_for_hours_goes_on_counting_where_it_was(operation: str) -> None:
    time = Time()
    with cloud(time) as aws:
        furnish(aws, "s")
        eyes = Eyes(aws, time)
        for step in range(24):
            if step in {4, 20}:
                broken(aws, "deny", operation=operation, on=step == 4)
            aws.do(partial(live, name="s", count=10))
            time.advance(300)
            eyes.read()
        assert eyes.value(k.INCOMING_RECORDS) == 240
        assert sum(eyes.all(s.SHARD_IN_RECORDS).values()) == 240


@pytest.mark.parametrize("refused", range(10, 15))
def test_what_is_wanted_sooner_than_it_was_stays_known_where_that_is_refused(refused: int) -> None:
    time = Time()
    with cloud(time) as aws:
        furnish(aws, "s")
        eyes = Eyes(aws, time)
        for minute in range(20):
            aws.do(partial(live, name="s", count=10))
            if minute == refused:  # then it is asked for in every read how much was written
                aws.do(_refuse)
            broken(aws, "throttle", operation="GetMetricData", on=minute == refused + 1)
            time.advance(60)
            eyes.read()
            assert eyes.value(k.INCOMING_RECORDS) is not None


def _refuse(cloud: Cloud, now: float) -> None:
    of = (("StreamName", "s"),)
    cloud.metrics().put("AWS/Kinesis", "WriteProvisionedThroughputExceeded", of, 1, "Count", now)
