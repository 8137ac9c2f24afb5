"""Rates that decay, and distributions."""

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamwatch.reference.kafka.meters import Histogram, Meter

values = st.lists(st.floats(0, 1e6), min_size=2, max_size=200)


def test_a_steady_rate_is_that_rate() -> None:
    meter = Meter(0.0)
    for second in range(1000):
        meter.mark(10, float(second))

    assert meter.rates(1000.0) == pytest.approx((10, 10, 10))
    assert meter.mean(1000.0) == pytest.approx(10)
    assert meter.count == 10_000


def test_a_rate_decays_by_the_closed_form() -> None:
    meter = Meter(0.0)
    for second in range(600):
        meter.mark(10, float(second))
    one, five, fifteen = meter.rates(660.0)

    assert one == pytest.approx(10 * math.exp(-1), rel=0.1)
    assert five == pytest.approx(10 * math.exp(-1 / 5), rel=0.1)
    assert fifteen == pytest.approx(10 * math.exp(-1 / 15), rel=0.1)


def test_a_long_silence_costs_nothing_and_ends_at_zero() -> None:
    meter = Meter(0.0)
    meter.mark(5, 1.0)

    assert meter.rates(1e9) == pytest.approx((0, 0, 0), abs=1e-9)


def test_an_empty_histogram_says_zero() -> None:
    empty = Histogram()

    assert (empty.count, empty.mean, empty.deviation) == (0, 0.0, 0.0)
    assert set(empty.percentiles().values()) == {0.0}


@given(values)
def test_a_histogram_is_what_statistics_says(sample: list[float]) -> None:
    histogram = Histogram()
    for value in sample:
        histogram.update(value)

    assert histogram.mean == pytest.approx(statistics.fmean(sample))
    assert histogram.deviation == pytest.approx(statistics.stdev(sample), rel=1e-3, abs=1.0)
    assert (histogram.least, histogram.most) == (min(sample), max(sample))
    assert histogram.percentiles()[50] == pytest.approx(statistics.median(sample))
