"""Counters made of minutes: each minute exactly once, whatever CloudWatch does with its points."""

import math

from hypothesis import given
from hypothesis import strategies as st

from streamwatch.sources.aws.minutes import Minutes

START = 6000


def test_what_was_there_before_is_not_counted() -> None:
    minutes = Minutes()

    minutes.take([(START, 5.0), (START + 60, 7.0)], 0)

    assert (minutes.total, minutes.minute, minutes.value) == (0, START + 60, 7)


def test_a_minute_that_is_seen_again_is_counted_once() -> None:
    minutes = Minutes()
    minutes.take([], 0)
    for _ in range(3):
        minutes.take([(START, 5.0)], 0)

    assert minutes.total == 5


def test_a_point_that_grows_adds_what_it_has_grown_by() -> None:
    minutes = Minutes()
    minutes.take([(START, 5.0)], 0)
    minutes.take([(START, 8.0), (START + 60, 1.0)], 0)

    assert minutes.total == 4


def test_a_point_that_shrinks_or_vanishes_takes_nothing_back() -> None:
    minutes = Minutes()
    minutes.take([], 0)
    minutes.take([(START, 8.0)], 0)
    minutes.take([(START, 5.0)], 0)
    minutes.take([], 0)
    minutes.take([(START, 8.0)], 0)

    assert minutes.total == 8


def test_a_series_without_points_has_no_newest_value() -> None:
    minutes = Minutes()
    assert minutes.take([(START, 1.0)], 0)
    assert not minutes.take([], 0)

    assert math.isnan(minutes.minute)
    assert math.isnan(minutes.value)
    assert minutes.total == 0


@given(
    st.lists(st.integers(0, 100), min_size=1, max_size=40),
    st.lists(st.integers(0, 8), min_size=1, max_size=80),
    st.lists(st.integers(0, 4), min_size=1, max_size=40),
)
def test_late_points_are_counted_exactly_once(values: list[int], reads: list[int], delays: list[int]) -> None:
    """Minute i has the value values[i], half of it late; reads ask for the last ten minutes, now and then."""
    minutes, now, counted_from = Minutes(), 0, None
    asked = [*reads, *[1] * 60]
    for step in asked:
        now += step
        window = range(max(0, now - 14), now)
        points = []
        for i in window:
            if i < len(values):
                delay = delays[i % len(delays)]
                seen = values[i] if now > i + delay else values[i] / 2 if now > i + delay / 2 else None
                if seen is not None:
                    points.append((START + 60 * i, float(seen)))
        minutes.take(points, START + 60 * (now - 14))
        if counted_from is None:
            counted_from = dict(points)

    assert counted_from is not None
    expected = sum(values) - sum(counted_from.values())
    before = sum(values[i] for i in range(len(values)) if i < reads[0] - 14)
    assert minutes.total == expected - before
