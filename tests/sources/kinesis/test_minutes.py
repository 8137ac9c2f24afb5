"""Counters made of minutes: each minute exactly once, whatever CloudWatch does with its points."""

import math

import pytest

from streamwatch.catalogue import kinesis as k
from streamwatch.sources.aws.minutes import Minutes
from tests.reference.kinesis.acting import Time, cloud
from tests.sources.kinesis.test_source import broken, make, put
from tests.sources.kinesis.watching import Eyes

START = 6000
Answer = list[tuple[int, float]]


@pytest.mark.parametrize(
    ("answers", "total"),
    [
        pytest.param([[(START - 120, 5.0), (START - 60, 7.0)]], 0, id="of before the first minute"),
        pytest.param([[], [(START - 60, 7.0)]], 0, id="of before, and late"),
        pytest.param([[(START, 5.0)]] * 3, 5, id="seen again"),
        pytest.param([[(START, 5.0), (START, 5.0)]], 5, id="twice in one answer"),
        pytest.param([[(START, 5.0)], [(START, 8.0), (START + 60, 1.0)]], 9, id="corrected upwards"),
        pytest.param([[(START, 8.0)], [(START, 5.0)]], 8, id="corrected downwards: a counter does not fall"),
        pytest.param([[(START, 8.0)], [(START, 5.0), (START + 60, 4.0)]], 9, id="corrected downwards, and more since"),
        pytest.param([[(START, 8.0)], [(START, 5.0)], [(START, 8.0)]], 8, id="corrected and corrected back"),
        pytest.param([[(START, 8.0)], [], [(START, 8.0)]], 8, id="left out, and back"),
        pytest.param([[(START + 60, 1.0)], [(START, 5.0), (START + 60, 1.0)]], 6, id="late"),
    ],
)
def test_each_minute_counts_once(answers: list[Answer], total: float) -> None:
    minutes = Minutes(START)
    for answer in answers:
        minutes.take(answer, START - 3600)

    assert minutes.total == total


def test_a_minute_of_a_reference_in_a_hurry_counts_once_too() -> None:
    minutes = Minutes(START, 5)
    for answer in ([(START, 5.0)], [(START, 5.0), (START + 5, 2.0)], [(START + 5, 3.0), (START + 15, 1.0)]):
        minutes.take(answer, START - 300)
    minutes.take([(START + 15, 1.0)], START + 10)

    assert (minutes.total, minutes.mark) == (9, START + 10)


def test_a_minute_that_is_settled_is_never_looked_at_again() -> None:
    minutes = Minutes(START)
    minutes.take([(START, 5.0), (START + 60, 1.0)], START + 60)
    minutes.take([(START, 50.0), (START + 60, 2.0)], START)  # a longer answer, for the sake of another series

    assert (minutes.total, minutes.mark) == (7, START + 60)


def test_a_series_without_points_has_no_newest_value() -> None:
    minutes = Minutes(START)
    minutes.take([(START, 1.0)], START)
    assert (minutes.minute, minutes.value) == (START, 1)
    minutes.take([], START)

    assert math.isnan(minutes.minute)
    assert math.isnan(minutes.value)
    assert minutes.total == 1


class Wrong(Time):
    """The agent's own clock is set, and may be wrong."""

    def __init__(self, right: Time) -> None:
        super().__init__()
        self._right = right
        self.ahead = 0.0

    def now(self) -> float:
        """Return what it is set to."""
        return self._right.now() + self.ahead

    def monotonic(self) -> float:
        """Return what is not set."""
        return self._right.monotonic()


@pytest.mark.parametrize("ahead", [240, 7200, -7200])
def test_a_clock_that_is_wrong_at_first_does_not_keep_a_counter_from_counting(ahead: float) -> None:
    time = Time()
    with cloud(time) as aws:
        make(aws, "s")
        clock = Wrong(time)
        clock.ahead = ahead
        broken(aws, "deny", operation="GetMetricData")  # as AWS refuses what is signed at such a time
        eyes = Eyes(aws, clock, more="cloudwatch: {detail_interval: 60s}")
        for _ in range(3):
            eyes.read()
            time.advance(60)
        broken(aws, "deny", operation="GetMetricData", on=False)
        clock.ahead = 0
        for _ in range(10):
            eyes.read()
            put(aws, "s", 10)
            time.advance(60)
        eyes.read()

        assert eyes.value(k.INCOMING_RECORDS) == 100


def test_a_clock_that_goes_back_takes_nothing_from_a_counter() -> None:
    minutes = Minutes(START)
    assert minutes.is_ahead(START - 60)
    minutes.take([(START, 5.0)], START)

    assert not minutes.is_ahead(START - 60)


@pytest.mark.parametrize("late", [75, 180])
def test_what_comes_later_than_ever_counts_too_as_far_back_as_the_region_is_late(late: int) -> None:
    time = Time()
    with cloud(time) as aws:
        make(aws, "s")
        eyes = Eyes(aws, time)
        eyes.read()
        for step in range(2 * late // 15 + 6):
            put(aws, "s", 10)
            if step in {4, 4 + late // 15}:  # half of a minute's values come half as late
                broken(aws, "lag_cloudwatch", late=late * 60 if step == 4 else 0)
            time.advance(900)
            eyes.read()
            assert step < 4 + late // 15 or eyes.value(k.INCOMING_RECORDS) == 10 * (step + 1)


def test_what_is_made_between_two_reads_counts_from_its_first_minute_on() -> None:
    time = Time()
    with cloud(time) as aws:
        eyes = Eyes(aws, time, more="cloudwatch: {detail_interval: 60s}")
        make(aws, "s")
        for minute in range(5):  # the agent has begun, and its first read is to come
            put(aws, "s", 10)
            time.advance(60)
            eyes.read()
            assert eyes.value(k.INCOMING_RECORDS) == 10 * (minute + 1)
        make(aws, "t")
        put(aws, "t", 10)
        time.advance(60)
        eyes.read()
        assert eyes.value(k.INCOMING_RECORDS, "t") == 10
        again = Eyes(aws, time)  # nothing is counted again that was counted before a restart
        time.advance(30)
        again.read()
        assert again.value(k.INCOMING_RECORDS, "t") == 0
