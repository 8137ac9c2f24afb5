"""Counters made of minutes: each minute exactly once, whatever CloudWatch does with its points."""

import math

import pytest

from streamwatch.sources.aws.minutes import Minutes

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
