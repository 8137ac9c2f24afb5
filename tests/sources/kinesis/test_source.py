"""What goes wrong costs its own share only, and is said; who may what, where, and for how much."""

from functools import partial
from itertools import pairwise
from typing import Any

import pytest

from streamwatch.catalogue import agent as c
from streamwatch.catalogue import kinesis as k
from streamwatch.catalogue import kinesis_shards as s
from streamwatch.reference.aws import faults
from streamwatch.reference.aws.cloud import AccessKey, Role
from streamwatch.reference.aws.server import ReferenceAws
from streamwatch.reference.kinesis.operations import OPERATIONS
from tests.reference.kinesis.acting import Time, client, cloud
from tests.sources.kinesis.watching import Eyes

KEY = ("AKIDEXAMPLE", "s3cret")
OTHER = "999999999999"


def make(aws: ReferenceAws, *names: str, shards: int = 1) -> None:
    for name in names:
        aws.do(partial(_make, name=name, shards=shards))


def _make(cloud: Any, now: float, *, name: str, shards: int, account: str = "123456789012") -> None:
    cloud.kinesis(account).create(name, "PROVISIONED", shards, now)
    cloud.kinesis(account).timers.run(now)


def remove(aws: ReferenceAws, name: str) -> None:
    def gone(cloud: Any, now: float) -> None:
        cloud.kinesis().remove(cloud.kinesis().streams[name], now)
        cloud.kinesis().timers.run(now)

    aws.do(gone)


def put(aws: ReferenceAws, name: str, count: int) -> None:
    records = [{"Data": b"x", "PartitionKey": "k"}] * count
    aws.do(lambda cloud, now: OPERATIONS["PutRecords"](cloud.kinesis(), {"StreamName": name, "Records": records}, now))


def broken(aws: ReferenceAws, name: str, **given: object) -> None:
    aws.do(partial(faults.apply, name=name, parameters=given))


def test_streams_are_described() -> None:
    with cloud() as aws:
        kinesis = client(aws)
        kinesis.create_stream(StreamName="s", ShardCount=3)
        kinesis.increase_stream_retention_period(StreamName="s", RetentionPeriodHours=48)
        kinesis.split_shard(StreamName="s", ShardToSplit="shardId-000000000000", NewStartingHashKey="1000")
        arn = kinesis.describe_stream_summary(StreamName="s")["StreamDescriptionSummary"]["StreamARN"]
        kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="c")
        kinesis.create_stream(StreamName="t", StreamModeDetails={"StreamMode": "ON_DEMAND"})
        eyes = Eyes(aws, Time(aws.clock()))
        eyes.read()

        assert eyes.problems() == set()
        assert eyes.all(k.STREAM_UP) == {("s",): 1, ("t",): 1}
        assert eyes.all(k.STREAM_STATE) == {("s", "ACTIVE", "PROVISIONED"): 1, ("t", "ACTIVE", "ON_DEMAND"): 1}
        assert eyes.all(k.OPEN_SHARDS) == {("s",): 4, ("t",): 4}
        assert eyes.all(k.CLOSED_SHARDS) == {("s",): 1, ("t",): 0}
        assert eyes.all(k.RETENTION) == {("s",): 172_800, ("t",): 86_400}
        assert eyes.all(k.CONSUMERS) == {("s",): 1, ("t",): 0}
        assert eyes.all(k.CONSUMERS_LIMIT_RATIO) == {("s",): 0.05, ("t",): 0}
        assert eyes.all(k.STREAMS) == {(): 2}
        assert eyes.all(k.SHARDS_LIMIT_RATIO) == {(): 4 / 20_000}


@pytest.mark.parametrize(
    ("access", "said"),
    [
        ("access_key_id: AKIDEXAMPLE, secret_access_key: wrong", "denied"),
        ("access_key_id: nobody, secret_access_key: s3cret", "denied"),
    ],
)
def test_wrong_keys_are_a_denial_that_says_what_to_do(access: str, said: str) -> None:
    with cloud(logins={KEY[0]: AccessKey(KEY[1], "123456789012", "arn:aws:iam::123456789012:user/u")}) as aws:
        make(aws, "s")
        eyes = Eyes(aws, Time(aws.clock()), access=access)
        eyes.read()

        assert not eyes.snapshot.is_up
        assert eyes.problems() == {("region", said)}
        assert eyes.all(c.SOURCE_UP) == {(): 0}
        assert eyes.all(k.STREAM_UP) == {}
        assert "s3cret" not in str(eyes.snapshot)


def test_an_address_where_nobody_answers_is_unreachable() -> None:
    with cloud() as aws:
        eyes = Eyes(aws, Time())
    eyes.read()

    assert eyes.problems() == {("region", "unreachable")}
    assert not eyes.snapshot.is_up


def test_one_region_that_does_not_answer_costs_its_own_streams_only() -> None:
    with cloud(logins={KEY[0]: AccessKey(KEY[1], "123456789012", "arn:aws:iam::123456789012:user/u")}) as aws:
        make(aws, "s")
        aws.do(lambda cloud, now: cloud.kinesis(region="eu-west-1").create("t", "PROVISIONED", 1, now))
        aws.do(lambda cloud, _: cloud.kinesis(region="eu-west-1").broken.denied.add("ListStreams"))
        eyes = Eyes(
            aws, Time(aws.clock()), regions="us-east-1, eu-west-1",
            access=f"access_key_id: {KEY[0]}, secret_access_key: {KEY[1]}",
        )  # fmt: skip
        eyes.read()

        assert eyes.snapshot.is_up
        assert eyes.problems() == {("region", "denied")}
        assert eyes.all(k.STREAM_UP) == {("s",): 1}
        aws.do(lambda cloud, _: cloud.kinesis(region="eu-west-1").broken.denied.clear())
        eyes.read()
        assert eyes.all(k.STREAM_UP) == {("s",): 1, ("t",): 1}


@pytest.mark.parametrize(
    ("operation", "missing", "left"),
    [
        ("ListShards", (k.CLOSED_SHARDS,), (k.OPEN_SHARDS, k.RETENTION, k.CONSUMERS)),
        ("ListStreamConsumers", (k.CONSUMERS, k.BEING_READ), (k.OPEN_SHARDS, k.CLOSED_SHARDS)),
        ("DescribeLimits", (k.SHARDS_LIMIT_RATIO,), (k.OPEN_SHARDS, k.CLOSED_SHARDS)),
        ("DescribeStreamSummary", (k.OPEN_SHARDS, k.RETENTION), (k.STREAM_UP, k.INCOMING_RECORDS)),
        ("GetMetricData", (k.INCOMING_RECORDS, k.BEING_READ), (k.OPEN_SHARDS, k.RETENTION)),
    ],
)
def test_a_right_that_is_missing_costs_what_hangs_on_it(operation: str, missing: Any, left: Any) -> None:
    time = Time()
    with cloud(time) as aws:
        kinesis = client(aws)
        kinesis.create_stream(StreamName="s", ShardCount=1)
        arn = kinesis.describe_stream_summary(StreamName="s")["StreamDescriptionSummary"]["StreamARN"]
        kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="c")
        broken(aws, "deny", operation=operation)
        eyes = Eyes(aws, time)
        eyes.read()

        assert {reason for _, reason in eyes.problems()} == {"denied"}
        assert [one.name for one in missing if eyes.all(one)] == []
        assert [one.name for one in left if not eyes.all(one)] == []
        assert any(operation in one.detail for one in eyes.snapshot.problems)


def test_a_throttled_control_plane_leaves_what_is_known_for_as_long_as_it_is_true() -> None:
    time = Time()
    with cloud(time) as aws:
        make(aws, "s")
        put(aws, "s", 3)
        eyes = Eyes(aws, time)
        eyes.read()
        broken(aws, "throttle")
        time.advance(60)
        put(aws, "s", 3)
        time.advance(60)
        eyes.read()

        assert ("region", "throttled") in eyes.problems()
        assert eyes.value(k.OPEN_SHARDS) == 1
        assert sum(eyes.all(c.CALLS_THROTTLED).values()) >= 1


def test_a_stream_that_is_deleted_or_made_anew_is_noticed_at_the_next_read() -> None:
    time = Time()
    with cloud(time) as aws:
        make(aws, "s", "t")
        eyes = Eyes(aws, time)
        eyes.read()
        remove(aws, "t")
        make(aws, "u", shards=5)
        time.advance(60)
        eyes.read()
        assert eyes.all(k.OPEN_SHARDS) == {("s",): 1, ("u",): 5}
        remove(aws, "u")
        time.advance(1)
        make(aws, "u", shards=2)
        time.advance(60)
        eyes.read()
        assert eyes.value(k.OPEN_SHARDS, "u") == 2


@pytest.mark.parametrize(
    ("chosen", "names"),
    [
        ("allow: ['a.*']", {"a1", "a2"}),
        ("deny: ['a.*']", {"b1"}),
        ("tags: ['team=x']", {"a1", "b1"}),
        ("tags: ['team']", {"a1", "a2", "b1"}),
        ("tags: ['team=x', 'tier=1'], deny: ['a.*']", {"b1"}),
    ],
)
def test_streams_are_chosen_by_name_and_tag(chosen: str, names: set[str]) -> None:
    with cloud() as aws:
        make(aws, "a1", "a2", "b1")
        for name, tags in (("a1", {"team": "x"}), ("a2", {"team": "y"}), ("b1", {"team": "x", "tier": "1"})):
            client(aws).add_tags_to_stream(StreamName=name, Tags=tags)
        eyes = Eyes(aws, Time(aws.clock()), more=f"streams: {{{chosen}}}")
        eyes.read()

        assert {row[0] for row in eyes.all(k.STREAM_UP)} == names


def test_a_role_of_another_account_is_assumed_and_its_streams_carry_its_account() -> None:
    with cloud(logins={KEY[0]: AccessKey(KEY[1], "123456789012", "arn:aws:iam::123456789012:user/u")}) as aws:
        arn = f"arn:aws:iam::{OTHER}:role/watcher"
        aws.do(lambda cloud, _: cloud.roles.update({arn: Role(arn, "sesame")}))
        aws.do(partial(_make, name="theirs", shards=1, account=OTHER))
        keys = f"access_key_id: {KEY[0]}, secret_access_key: {KEY[1]}, role_arn: '{arn}'"
        eyes = Eyes(aws, Time(aws.clock()), access=f"{keys}, external_id: sesame")
        eyes.read()
        assert [(one.account, one.name) for one in eyes.snapshot.streams or ()] == [(OTHER, "theirs")]
        stranger = Eyes(aws, Time(aws.clock()), access=keys)
        stranger.read()
        assert stranger.problems() == {("region", "denied")}


def test_sixty_streams_are_described_within_the_rates_of_the_api() -> None:
    time = Time()
    with cloud(time) as aws:
        make(aws, *(f"s{number:02}" for number in range(60)))
        real = _Moving(time)
        eyes = Eyes(aws, real)
        eyes.read()

        assert eyes.problems() == set()
        assert sum(eyes.all(k.OPEN_SHARDS).values()) == 60
        assert sum(eyes.all(c.CALLS_THROTTLED).values()) == 0


class _Moving(Time):
    """The reference's clock moves on with each look at the time that has passed, as quickly as the calls come."""

    def __init__(self, other: Time) -> None:
        super().__init__()
        self._other = other

    def now(self) -> float:
        return self._other.now()

    def monotonic(self) -> float:
        self._other.advance(0.02)
        return self._other.passed


def test_a_budget_is_kept_and_what_it_leaves_out_is_said() -> None:
    time = Time()
    with cloud(time) as aws:
        make(aws, *(f"s{number}" for number in range(10)))
        eyes = Eyes(aws, time, more="describe_interval: 7d\n    cloudwatch: {monthly_dollars: 1}")
        for _ in range(240):  # four hours
            eyes.read()
            time.advance(60)

        (cost,) = eyes.all(c.CLOUDWATCH_COST).values()
        assert 1 / 30 < cost < 1 / 30 + 1 / 30 / 6 + 0.001  # a day's worth that was saved, and four hours'
        assert ("cloudwatch", "budget") in eyes.problems()


def test_details_are_asked_for_every_five_minutes_and_quiet_ones_less_often() -> None:
    time = Time()
    with cloud(time) as aws:
        make(aws, "s")
        eyes = Eyes(aws, time)
        asked = []
        for _ in range(60):
            eyes.read()
            asked.append(sum(eyes.all(c.CLOUDWATCH_METRICS).values()))
            time.advance(60)

        vital = sum(1 for one in k.METRICS if one.cloudwatch and one.cloudwatch.vital)
        rest = sum(1 for one in k.METRICS if one.cloudwatch and not one.cloudwatch.vital)
        steps = [b - a for a, b in zip([0, *asked], asked, strict=False)]
        assert steps.count(vital) == 60 - steps.count(vital + rest)
        assert 5 <= steps.count(vital + rest) <= 7  # three times after five minutes, then every fifteen


def test_where_records_are_refused_it_is_asked_every_minute_how_many_were_not() -> None:
    time = Time()
    with cloud(time) as aws:
        make(aws, "s", "t")
        eyes = Eyes(aws, time)
        told: dict[str, list[float | None]] = {"s": [], "t": []}
        for minute in range(40):
            for name in told:
                put(aws, name, 60)
            if minute == 10:
                aws.do(partial(_refuse, name="s"))
            time.advance(60)
            eyes.read()
            for name, found in told.items():
                found.append(eyes.value(k.INCOMING_RECORDS, name))
        rises = {name: [a != b for a, b in pairwise(found)] for name, found in told.items()}
        assert all(rises["s"][11:24]), "from the next read on, for a quarter of an hour"
        assert sum(rises["s"]) < 24
        assert sum(rises["t"]) <= 8


def _refuse(cloud: Any, now: float, *, name: str) -> None:
    of = (("StreamName", name),)
    cloud.metrics().put("AWS/Kinesis", "WriteProvisionedThroughputExceeded", of, 1, "Count", now)


def test_without_cloudwatch_nothing_of_it_is_told() -> None:
    with cloud() as aws:
        make(aws, "s")
        eyes = Eyes(aws, Time(aws.clock()), more="cloudwatch: {enabled: false}")
        eyes.read()

        assert eyes.value(k.OPEN_SHARDS) == 1
        assert eyes.all(k.BEING_READ) == eyes.all(k.INCOMING_RECORDS) == {}
        assert eyes.all(c.CLOUDWATCH_METRICS) == {(): 0}


def test_a_registered_consumer_is_a_reader_with_a_lag_of_its_own() -> None:
    time = Time()
    with cloud(time) as aws:
        kinesis = client(aws)
        kinesis.create_stream(StreamName="s", ShardCount=1)
        arn = kinesis.describe_stream_summary(StreamName="s")["StreamDescriptionSummary"]["StreamARN"]
        made = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="fan")["Consumer"]["ConsumerARN"]
        put(aws, "s", 7)
        eyes = Eyes(aws, time, more="cloudwatch: {detail_interval: 60s}")
        eyes.read()
        answer = kinesis.subscribe_to_shard(
            ConsumerARN=made, ShardId="shardId-000000000000", StartingPosition={"Type": "TRIM_HORIZON"}
        )
        event = next(iter(answer["EventStream"]))["SubscribeToShardEvent"]
        assert len(event["Records"]) == 7
        time.advance(60)
        eyes.read()
        answer["EventStream"].close()

        assert eyes.value(s.CONSUMER_LAG, "s", "fan") == 0
        assert eyes.value(s.CONSUMER_RECORDS, "s", "fan") == 7
        assert eyes.value(k.BEING_READ) == 1
        assert eyes.value(k.ITERATOR_AGE) is None


PROBE = "probe: {enabled: true, interval: 180s, shards_per_second: 100}"


def test_a_probe_tells_the_age_of_the_oldest_record_and_bounds_that_of_the_newest() -> None:
    time = Time()
    with cloud(time) as aws:
        make(aws, "s")
        eyes = Eyes(aws, time, more=PROBE)
        eyes.read()
        assert eyes.all(s.SHARD_OLDEST) == {}
        put(aws, "s", 1)
        time.advance(1000)
        put(aws, "s", 1)
        time.advance(20)
        eyes.read()

        assert eyes.value(s.SHARD_OLDEST, "s", "shardId-000000000000") == 1020
        assert eyes.value(s.SHARD_NEWEST, "s", "shardId-000000000000") == 20


def test_the_agents_own_probes_are_neither_a_reader_nor_a_lag() -> None:
    time = Time()
    with cloud(time) as aws:
        make(aws, "s")
        put(aws, "s", 5)
        time.advance(3600)
        eyes = Eyes(aws, time, more=PROBE)
        seen: list[tuple[float | None, float | None]] = []
        for _ in range(8):
            eyes.read()
            seen.append((eyes.value(k.ITERATOR_AGE), eyes.value(k.BEING_READ)))
            time.advance(60)

        assert set(seen) <= {(None, 0), (None, None)}
        assert (eyes.value(k.READ_CALLS) or 0) > 0  # they were made


def test_a_description_that_cannot_be_renewed_is_not_shown_for_ever() -> None:
    time = Time()
    with cloud(time) as aws:
        make(aws, "s", "t")
        eyes = Eyes(aws, time)
        eyes.read()
        broken(aws, "deny", operation="DescribeStreamSummary")
        time.advance(301)
        eyes.read()
        assert eyes.value(k.OPEN_SHARDS) == 1  # shown on for as long again
        time.advance(600)
        eyes.read()
        assert eyes.all(k.OPEN_SHARDS) == {}
        assert eyes.all(k.STREAM_UP) == {("s",): 0, ("t",): 0}
