"""Lag in seconds, against records whose time of writing is known."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamwatch.collectors.lag import EndOffsetHistory, Method
from streamwatch.model.kafka import Int64s, Topology
from tests.snapshots import topology

ONE = topology({"t": [(1, (1,), (1,))]})
ROW = np.array([0], dtype=np.int64)


def column(*numbers: int) -> Int64s:
    return np.array(numbers, dtype=np.int64)


def history(*points: tuple[float, int], interval: float = 10.0, of: Topology = ONE) -> EndOffsetHistory:
    seen = EndOffsetHistory(window_seconds=86400, interval_seconds=interval)
    for at, end in points:
        seen.add(at, of, ROW, column(end))
    return seen


def age(seen: EndOffsetHistory, committed: int) -> tuple[float, Method]:
    seconds, method = seen.ages(ROW, column(committed))
    return float(seconds[0]), Method(int(method[0]))


@pytest.mark.parametrize(
    ("points", "committed", "expected"),
    [
        pytest.param([(0, 100)], 100, (0.0, Method.IDLE), id="all_read"),
        pytest.param([(0, 100)], 110, (math.nan, Method.UNKNOWN), id="committed_beyond_the_end"),
        pytest.param([(0, 100)], 99, (math.nan, Method.UNKNOWN), id="older_than_what_was_seen"),
        pytest.param([(0, 100), (10, 200)], 100, (10.0, Method.MEASURED), id="written_right_after_the_first_read"),
        pytest.param([(0, 100), (10, 200)], 150, (5.0, Method.MEASURED), id="halfway"),
        pytest.param([(0, 100), (10, 200), (20, 200)], 150, (15.0, Method.MEASURED), id="still_unread_a_read_later"),
        pytest.param([(0, 100), (10, -1), (20, 200)], 150, (10.0, Method.INTERPOLATED), id="over_a_read_that_failed"),
        pytest.param([(0, 100), (10, 200)], -1, (math.nan, Method.UNKNOWN), id="no_commit"),
        pytest.param([(0, 100), (10, -1)], 50, (math.nan, Method.UNKNOWN), id="end_unknown_now"),
        pytest.param([(0, 500), (10, 100), (20, 200)], 100, (10.0, Method.MEASURED), id="truncated_log_starts_anew"),
        pytest.param([(0, 500), (10, 600), (20, 100)], 50, (math.nan, Method.UNKNOWN), id="no_past_after_truncation"),
    ],
)
def test_age(points: list[tuple[float, int]], committed: int, expected: tuple[float, Method]) -> None:
    seconds, method = age(history(*points), committed)

    assert seconds == pytest.approx(expected[0], nan_ok=True)
    assert method is expected[1]


def test_a_steady_stream_is_aged_right_however_far_back() -> None:
    """One record a second for a day: the record at offset n was written at second n."""
    seen = history(*((float(t), t) for t in range(0, 86400, 15)), interval=15.0)
    now = 86400 - 15

    for committed in (now - 20, now - 600, now - 7200, now - 80000):
        assert age(seen, committed)[0] == pytest.approx(now - committed, rel=0.01, abs=15)


def test_a_day_of_reads_costs_few_points() -> None:
    seen = history(*((float(t), t) for t in range(0, 86400, 15)), interval=15.0)

    assert len(seen._points) < 60


def test_what_is_older_than_the_window_is_forgotten() -> None:
    seen = EndOffsetHistory(window_seconds=100, interval_seconds=10)
    for t in range(0, 1000, 10):
        seen.add(t, ONE, ROW, column(t))

    assert age(seen, 100)[1] is Method.UNKNOWN


def test_the_past_of_a_partition_survives_a_new_topic() -> None:
    seen = history((0, 100), (10, 200))
    wider = topology({"a": [(1, (1,), (1,))], "t": [(1, (1,), (1,))]})
    rows = column(0, 1)
    seen.add(20, wider, rows, column(7, 300))

    seconds, method = seen.ages(rows, column(5, 150))

    assert seconds.tolist() == pytest.approx([math.nan, 15.0], nan_ok=True)
    assert method.tolist() == [Method.UNKNOWN, Method.MEASURED]


@given(
    steps=st.lists(st.integers(0, 1000), min_size=2, max_size=40),
    committed=st.integers(0, 40000),
)
def test_an_age_lies_between_the_reads_that_saw_the_record_come(steps: list[int], committed: int) -> None:
    ends = np.cumsum(steps).tolist()
    seconds, method = age(history(*((10.0 * i, end) for i, end in enumerate(ends))), committed)
    now = 10.0 * (len(ends) - 1)

    if committed == ends[-1]:
        assert (seconds, method) == (0.0, Method.IDLE)
    elif committed < ends[0] or committed > ends[-1]:
        assert method is Method.UNKNOWN
    else:
        first_there = next(i for i, end in enumerate(ends) if end > committed)
        youngest, oldest = now - 10.0 * first_there, now - 10.0 * (first_there - 1)
        slack = 0.0 if method is Method.MEASURED else 0.3 * now
        assert youngest - slack - 1e-6 <= seconds <= oldest + slack + 1e-6


def called(topic_id: int) -> Topology:
    return replace(ONE, topic_ids=(bytes([topic_id]) * 16,))


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        pytest.param((1, 1, 1), Method.MEASURED, id="the_same_topic"),
        pytest.param((1, 2, 2), Method.UNKNOWN, id="made_anew"),
        pytest.param((1, 0, 1), Method.MEASURED, id="an_answer_without_ids"),
        pytest.param((0, 0, 0), Method.MEASURED, id="no_ids_at_all"),
        pytest.param((0, 1, 1), Method.MEASURED, id="ids_begin"),
        pytest.param((1, 0, 2), Method.UNKNOWN, id="made_anew_while_no_ids_were_told"),
    ],
)
def test_a_topic_made_anew_under_the_name_of_another_has_no_past(ids: tuple[int, ...], expected: Method) -> None:
    seen = EndOffsetHistory(window_seconds=86400, interval_seconds=10)
    for i, one in enumerate(ids):
        seen.add(10.0 * i, called(one), ROW, column(100 + 100 * i))

    assert age(seen, 150)[1] is expected


@pytest.mark.parametrize("step", [-7200.0, -1e9, -0.5])
def test_a_clock_that_goes_back_makes_no_age_negative_and_none_exact(step: float) -> None:
    seen = history(*((10.0 * i, 100 * i) for i in range(100)))
    for i in range(10):
        seen.add(990.0 + step + 10 * i, ONE, ROW, column(9900 + 100 * (i + 1)))

    # The true time between the two reads is not known; one interval is what it usually is.
    (before, how), (after, then) = age(seen, 5000), age(seen, 10500)
    assert (before, after) == pytest.approx((590.0, 50.0), abs=10)
    assert (how, then) == (Method.INTERPOLATED, Method.MEASURED)


def test_after_a_leap_over_the_whole_window_nothing_is_known_of_before() -> None:
    seen = history(*((10.0 * i, 100 * i) for i in range(100)))
    for i in range(3):
        seen.add(1e9 + 10 * i, ONE, ROW, column(9950 + 100 * i))

    assert age(seen, 9920)[1] is Method.UNKNOWN
    assert age(seen, 10100)[0] == pytest.approx(5.0)


def test_a_partition_whose_commit_is_not_told_for_a_moment_keeps_its_past() -> None:
    two = topology({"t": [(1, (1,), (1,)), (1, (1,), (1,))]})
    seen = EndOffsetHistory(window_seconds=86400, interval_seconds=10)
    for i in range(10):
        seen.add(10.0 * i, two, column(0, 1) if i != 5 else column(1), column(100 * i, 100 * i))

    seconds, method = seen.ages(column(0), column(50))

    assert seconds.tolist() == [85.0]
    assert method[0] != Method.UNKNOWN
