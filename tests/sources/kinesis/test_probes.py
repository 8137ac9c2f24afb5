"""Probes take nothing from CloudWatch: neither its time nor its minutes."""

from collections import Counter
from functools import partial
from typing import Any

import pytest

from streamwatch.catalogue import agent as c
from streamwatch.catalogue import kinesis as k
from streamwatch.catalogue import kinesis_shards as s
from streamwatch.reference.aws.cloud import Cloud
from streamwatch.reference.aws.server import ReferenceAws
from streamwatch.reference.kinesis.operations import OPERATIONS
from streamwatch.reference.metrics import Realism
from tests.reference.kinesis.acting import Time, cloud
from tests.sources.kinesis.judging import Judge
from tests.sources.kinesis.test_source import make, put
from tests.sources.kinesis.watching import Eyes

PROBE = "probe: {{enabled: true, interval: {}s, shards_per_second: 100}}"


def get(cloud: Cloud, now: float) -> None:
    """Read what is newest in stream ``s``."""
    place = {"StreamName": "s", "ShardId": "shardId-000000000000", "ShardIteratorType": "LATEST"}
    found = OPERATIONS["GetShardIterator"](cloud.kinesis(), place, now)
    OPERATIONS["GetRecords"](cloud.kinesis(), {"ShardIterator": found["ShardIterator"]}, now)


def watch(aws: ReferenceAws, time: Time, lateness: float, interval: int, *, is_read: bool) -> Eyes:
    """Let there be an old record, and CloudWatch be late."""
    make(aws, "s")
    put(aws, "s", 1)
    time.advance(3637)
    aws.do(lambda cloud, _: setattr(cloud.metrics(), "realism", Realism(lateness=lateness)))
    for _ in range(8):
        minute(aws, time, is_read=is_read)
    return Eyes(aws, time, more=PROBE.format(interval))


def minute(aws: ReferenceAws, time: Time, *, is_read: bool) -> None:
    """Write, and read if there is a reader: every sixth second."""
    put(aws, "s", 1)
    for _ in range(10):
        time.advance(6)
        if is_read:
            aws.do(get)


@pytest.mark.parametrize("lateness", [0, 60, 110, 170])
@pytest.mark.parametrize("interval", [180, 300])
def test_a_reader_is_seen_in_every_read_and_its_age_is_its_own(lateness: float, interval: int) -> None:
    time = Time()
    with cloud(time) as aws:
        eyes = watch(aws, time, lateness, interval, is_read=True)
        for _ in range(16):
            eyes.read()
            assert eyes.value(k.BEING_READ) == 1
            assert eyes.value(k.ITERATOR_AGE) == 0, "that of the probe is more than an hour"
            minute(aws, time, is_read=True)


@pytest.mark.parametrize("lateness", [0, 60, 110, 170])
def test_where_only_the_agent_read_it_is_not_known_and_where_nobody_did_it_is_0(lateness: float) -> None:
    time = Time()
    with cloud(time) as aws:
        eyes = watch(aws, time, lateness, 300, is_read=False)
        found = []
        for _ in range(16):
            eyes.read()
            found.append(eyes.value(k.BEING_READ))
            assert eyes.value(k.ITERATOR_AGE) is None
            minute(aws, time, is_read=False)
        assert set(found) <= {0, None}
        assert found.count(0) >= 9
        assert (None in found) == (lateness > 60), "the only minute that is there is the agent's own, now and then"


@pytest.mark.parametrize(
    ("minutes", "being_read", "age"),
    [
        ("....", 0, None),
        ("rrrr", 1, 0),
        ("...r", 1, 0),
        ("r...", 1, 0),
        ("oooo", None, None),
        ("ooo.", 0, None),
        (".ooo", 0, None),
        ("...o", 0, None),
        ("rrro", 1, 0),
        ("rooo", 1, 0),
        ("rrrb", 1, 0),
        ("...b", 1, None),
        ("bbbb", 1, None),
        ("ooob", 1, None),
        ("ooor", 1, 0),
        ("b...", 1, None),
    ],
)
def test_minutes_of_the_agent_hide_what_nobody_else_read(minutes: str, being_read: float, age: float) -> None:
    """Of the last four minutes: ``r`` a reader read, ``o`` the agent itself, ``b`` both, ``.`` nobody."""
    time = Time()
    with cloud(time) as aws:
        make(aws, "s", "t")
        eyes = Eyes(aws, time, more=PROBE.format(300))
        ours: Counter[int] = Counter()
        for one in minutes:
            aws.do(partial(_read, name="t", age=0))
            if one in "rb":
                aws.do(partial(_read, name="s", age=0))
            if one in "ob":
                aws.do(partial(_read, name="s", age=3_600_000))
                ours[int(time.now())] += 1
            time.advance(60)
        source: Any = eyes.source
        source._prober._calls["123456789012", "us-east-1", "s"] = ours
        source._prober.read = lambda *_: ({}, [])  # no more of them now
        eyes.read()

        assert eyes.value(k.BEING_READ) == being_read
        assert eyes.value(k.ITERATOR_AGE) == age
        assert eyes.value(k.BEING_READ, "t") == 1


def _read(cloud: Cloud, now: float, *, name: str, age: float) -> None:
    of = (("StreamName", name),)
    cloud.metrics().put("AWS/Kinesis", "GetRecords.IteratorAgeMilliseconds", of, age, "Milliseconds", now)
    cloud.metrics().put("AWS/Kinesis", "GetRecords.Success", of, 1, "Count", now)


@pytest.mark.parametrize("lateness", [0, 110, 170])
@pytest.mark.parametrize("interval", [180, 300])
@pytest.mark.parametrize("is_read", [True, False])
def test_a_stream_that_nobody_reads_is_one_alert_though_the_agent_reads_it(
    lateness: float, interval: int, *, is_read: bool
) -> None:
    time = Time()
    with cloud(time) as aws:
        eyes, alerts = watch(aws, time, lateness, interval, is_read=is_read), Judge()
        for _ in range(50):
            eyes.read()
            alerts.take(eyes.samples, time.now(), time.now() + 60)
            minute(aws, time, is_read=is_read)
        assert +alerts.fired == ({} if is_read else {("KinesisNobodyReads", "s"): 1})
        assert +alerts.resolved == {}


def test_a_reader_that_dies_is_told_though_the_agent_reads_on() -> None:
    time = Time()
    with cloud(time) as aws:
        eyes = watch(aws, time, 60, 180, is_read=True)
        eyes.read()
        for _ in range(8):
            minute(aws, time, is_read=False)
            eyes.read()

        assert eyes.value(k.BEING_READ) == 0


@pytest.mark.parametrize(("shards", "a_second"), [(60, 1), (3000, 10)])
def test_cloudwatch_is_asked_however_many_shards_are_probed(shards: int, a_second: int) -> None:
    time = Time()
    with cloud(time) as aws:
        make(aws, "s", shards=shards)
        eyes = Eyes(aws, time, more=f"probe: {{enabled: true, shards_per_second: {a_second}}}")
        source: Any = eyes.source
        source._prober._wait = source._caller.wait = time.advance
        asked = probed = 0.0
        for _ in range(3 if shards == 60 else 1):
            began = time.now()
            eyes.read()
            assert time.now() - began <= 26, "half of a read is theirs at the most"
            before, asked = asked, sum(eyes.all(c.CLOUDWATCH_METRICS).values())
            assert asked > before
            assert eyes.value(k.INCOMING_RECORDS) == 0
            known, probed = probed, len(eyes.snapshot.ages)
            assert probed - known >= min(20 * a_second, shards - known), "those that wait are the next"
            assert eyes.problems() == (set() if probed == shards else {("shard", "timeout")})
            time.advance(60)


def test_the_agents_own_reads_are_counted_as_what_they_are() -> None:
    time = Time()
    with cloud(time) as aws:
        eyes = watch(aws, time, 0, 300, is_read=False)
        eyes.read()
        time.advance(60)
        eyes.read()

        assert eyes.value(k.READ_CALLS) == 2
        assert eyes.value(s.SHARD_OLDEST, "s", "shardId-000000000000") is not None
