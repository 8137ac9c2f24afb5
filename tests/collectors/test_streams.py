"""From what is known of streams to samples: what is absent, and why."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from streamwatch.catalogue import kinesis as k
from streamwatch.catalogue import kinesis_shards as s
from streamwatch.collectors.streams import StreamCollector
from streamwatch.model.cloudwatch import CloudWatchSnapshot, Reading, Series, series_of
from streamwatch.model.kinesis import Description, Quota, Shard, ShardAges, Stream, StreamsSnapshot
from streamwatch.model.metric import Metric

NOW = 1_800_000_060.0
LAST = NOW - 60
PLACE = ("1", "r")
HALF = 2**127
TWO = (
    Shard("shardId-000000000000", 0, HALF - 1, is_open=True),
    Shard("shardId-000000000001", HALF, 2 * HALF - 1, is_open=True),
)


def description(**changed: Any) -> Description:
    plain: dict[str, Any] = {
        "status": "ACTIVE", "mode": "PROVISIONED", "retention_seconds": 86_400.0, "open_shards": 2,
        "shards": TWO, "consumers": (), "watched": frozenset({"IncomingBytes", "IncomingRecords"}),
    }  # fmt: skip
    return Description(**(plain | changed))


def said(value: float = math.nan, total: float = 0.0, minute: float = LAST, asked: float = NOW) -> Reading:
    return Reading(asked, minute, value, total)


def collected(
    readings: Mapping[tuple[Metric, str], Reading] | None = None, of: Description | None = None, **changed: Any
) -> dict[tuple[Metric, str], float]:
    """What is told of stream ``s``, by metric and shard or consumer."""
    known: dict[Series, Reading] = {
        series_of(metric, {"stream": "s", "shard": part, "consumer": part}): reading
        for (metric, part), reading in (readings or {}).items()
    }
    plain: dict[str, Any] = {
        "source": "x",
        "taken_at": NOW,
        "read_seconds": 0.1,
        "streams": (Stream(*PLACE, "s", of or description()),),
        "cloudwatch": {PLACE: CloudWatchSnapshot(known)},
    }
    snapshot = StreamsSnapshot(**(plain | changed))
    samples = StreamCollector().collect(snapshot)
    return {
        (one.metric, row[3] if len(row) > 3 else ""): value for one in samples for row, value in one.known().items()
    }


def test_milliseconds_become_seconds_and_percent_stays_a_ratio() -> None:
    found = collected({(k.ITERATOR_AGE, ""): said(1500.0), (k.READ_SUCCESS, ""): said(0.75)})

    assert found[k.ITERATOR_AGE, ""] == 1.5
    assert found[k.TIME_TO_LOSS, ""] == 86_398.5
    assert found[k.READ_SUCCESS, ""] == 0.75


def test_an_age_beyond_the_retention_leaves_no_time_and_not_less() -> None:
    assert collected({(k.ITERATOR_AGE, ""): said(9e10)})[k.TIME_TO_LOSS, ""] == 0


def test_where_kinesis_chooses_the_shards_no_split_is_advised() -> None:
    busy = {(s.SHARD_IN_BYTES, shard.id): said(60.0 * 2**20) for shard in TWO}
    busy |= {(s.SHARD_IN_RECORDS, shard.id): said(1.0) for shard in TWO}

    assert any(metric is s.SPLIT for metric, _ in collected(busy))
    assert not any(metric is s.SPLIT for metric, _ in collected(busy, description(distribution="AUTO")))


def test_channels_and_queues_are_told_where_the_api_tells_them() -> None:
    found = collected(of=description(channels=2, queues=0))

    assert (found[k.CHANNELS, ""], found[k.QUEUES, ""]) == (2, 0)
    assert not {(k.CHANNELS, ""), (k.QUEUES, "")} & collected().keys()


@pytest.mark.parametrize("ago", [241, 3600])
def test_a_minute_long_ago_is_no_longer_the_newest_word(ago: float) -> None:
    found = collected({(k.ITERATOR_AGE, ""): said(1500.0, minute=NOW - ago), (k.WRITE_THROTTLED, ""): said(0.0)})

    assert (k.ITERATOR_AGE, "") not in found
    assert found[k.BEING_READ, ""] == 0


def test_while_cloudwatch_is_late_its_silence_says_nothing() -> None:
    late = {(metric, ""): said(1.0, minute=NOW - 600) for metric in (k.ITERATOR_AGE, k.WRITE_THROTTLED)}

    assert (k.BEING_READ, "") not in collected(late)


def test_it_is_judged_by_when_cloudwatch_was_asked() -> None:
    old = {(k.INCOMING_BYTES, ""): said(120.0, minute=NOW - 400, asked=NOW - 300)}

    assert collected(old)[k.WRITE_BYTES_USE, ""] == 120 / 60 / 2 / 2**20


def test_a_counter_without_points_is_zero_and_one_not_answered_is_absent() -> None:
    found = collected({(k.WRITE_THROTTLED, ""): said(minute=math.nan)})

    assert found[k.WRITE_THROTTLED, ""] == 0
    assert (k.READ_THROTTLED, "") not in found


def test_it_is_not_known_whether_anybody_reads_while_a_kind_of_reader_is_not_known() -> None:
    nothing = {(k.ITERATOR_AGE, ""): said(minute=math.nan), (k.WRITE_THROTTLED, ""): said(0.0)}
    unlisted = description(consumers=None)
    fan_out = description(consumers=("fan",))

    assert collected(nothing)[k.BEING_READ, ""] == 0
    assert (k.BEING_READ, "") not in collected({})
    assert (k.BEING_READ, "") not in collected(nothing, unlisted)
    assert (k.BEING_READ, "") not in collected(nothing, fan_out)
    assert collected(nothing | {(s.CONSUMER_LAG, "fan"): said(0.0)}, fan_out)[k.BEING_READ, ""] == 1
    assert collected(nothing | {(s.CONSUMER_LAG, "fan"): said(minute=math.nan)}, fan_out)[k.BEING_READ, ""] == 0


def test_without_a_description_there_is_what_cloudwatch_says_and_no_more() -> None:
    readings = {(k.INCOMING_RECORDS, ""): said(60.0, 600.0), (k.ITERATOR_AGE, ""): said(1500.0)}
    found = collected(readings, streams=(Stream(*PLACE, "s", None),))

    assert found[k.STREAM_UP, ""] == 0
    assert found[k.INCOMING_RECORDS, ""] == 600
    assert {metric for metric, _ in found} == {
        k.STREAM_UP, k.STREAMS, k.INCOMING_RECORDS, k.DATA_AGE, k.ITERATOR_AGE, k.BEING_READ,
    }, "least of all how long it is until data is lost"  # fmt: skip


def test_where_cloudwatch_has_no_minute_its_word_has_no_age() -> None:
    assert (k.DATA_AGE, "") not in collected({(k.WRITE_THROTTLED, ""): said(minute=math.nan)})


def shards(first: float, second: float) -> dict[tuple[Metric, str], Reading]:
    return {
        (metric, one.id): said(value * (1024 if metric is s.SHARD_IN_BYTES else 1))
        for metric in (s.SHARD_IN_BYTES, s.SHARD_IN_RECORDS)
        for one, value in zip(TWO, (first, second), strict=True)
    }


def test_the_skew_is_of_the_hottest_over_the_mean_and_the_split_in_its_middle() -> None:
    found = collected(shards(45_000.0, 15_000.0))

    assert found[s.SHARD_SKEW, ""] == 0.5
    assert found[s.SPLIT, TWO[0].id] == 0.75
    assert (s.SPLIT, TWO[1].id) not in found


def test_a_shard_that_is_not_known_leaves_the_skew_unknown_and_an_idle_one_counts_as_idle() -> None:
    readings = shards(1000.0, 1000.0)
    del readings[s.SHARD_IN_BYTES, TWO[1].id]
    idle = shards(1000.0, 1000.0) | {
        (m, TWO[1].id): said(minute=math.nan) for m in (s.SHARD_IN_BYTES, s.SHARD_IN_RECORDS)
    }

    assert (s.SHARD_SKEW, "") not in collected(readings)
    assert collected(idle)[s.SHARD_SKEW, ""] == 1
    assert (s.SHARD_SKEW, "") not in collected(shards(0.0, 0.0))


def test_probes_and_quotas_are_told_as_they_are() -> None:
    ages = {(*PLACE, "s", TWO[0].id): ShardAges(NOW, 100.0, None)}
    found = collected(ages=ages, quotas=(Quota(*PLACE, 5, 20),))

    assert found[s.SHARD_OLDEST, TWO[0].id] == 100
    assert (s.SHARD_NEWEST, TWO[0].id) not in found
    assert found[k.SHARDS_LIMIT_RATIO, ""] == 0.25


def test_a_source_that_could_not_be_read_has_no_samples() -> None:
    assert collected(streams=None) == {}


def test_minutes_of_a_reference_in_a_hurry_are_as_short_for_whatever_is_counted_in_minutes() -> None:
    quick = Reading(NOW, NOW - 9, 500.0 * 5, 0.0, period=5)
    found = collected({(k.INCOMING_RECORDS, ""): quick, (k.ITERATOR_AGE, ""): quick})
    assert found[k.WRITE_RECORDS_USE, ""] == 0.25, "500 a second, of 2,000"
    assert found[k.DATA_AGE, ""] == 4
    assert found[k.BEING_READ, ""] == 1
    old = replace(quick, minute=NOW - 25)
    found = collected({(k.INCOMING_RECORDS, ""): quick, (k.ITERATOR_AGE, ""): old})
    assert found[k.BEING_READ, ""] == 0, "nobody has, for three such minutes"
