"""Values over time: what the rings have is what a plain list of all values says."""

import math
import subprocess
import sys

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from streamwatch.archive.rings import HIGH, LAST, LEVELS, LOW, Curve, Rings

START = 1_800_000_000.0
Values = list[tuple[float, float | None]]
gaps = st.one_of(st.floats(0.1, 40), st.floats(40, 90_000), st.just(700_000.0))
moments = st.lists(st.tuples(gaps, st.one_of(st.none(), st.floats(-1e6, 1e6, width=32))), min_size=1, max_size=60)


def oracle(values: Values, level: int, now: float) -> Curve:
    """What a level has at a time, from a list of everything."""
    seconds, steps = LEVELS[level].seconds, LEVELS[level].steps
    first = int(now // seconds) - steps + 1
    found = np.full((3, steps), np.nan, dtype=np.float32)
    for at, value in values:
        place = int(at // seconds) - first
        if value is not None and 0 <= place < steps:
            before = found[:, place].copy()
            found[:, place] = np.fmin(before[LOW], value), np.fmax(before[HIGH], value), value
    return Curve(seconds, first, found)


def the_same(one: Curve, other: Curve) -> bool:
    same = np.array_equal(one.values, other.values, equal_nan=True)
    return same and (one.seconds, one.first_step) == (other.seconds, other.first_step)


def filled(steps: list[tuple[float, float | None]]) -> tuple[Rings, Values, float]:
    """Rings into whose row 1 values went, the list of them, and the time."""
    rings, values, now = Rings(3), Values(), START
    rings.advance(now)
    rings.clear(1)
    for gap, value in steps:
        now += gap
        rings.advance(now)
        one = np.array([math.nan if value is None else value])
        rings.fold(np.array([1]), one, one, one)
        values.append((now, value))
    return rings, values, now


@given(moments)
@settings(max_examples=20, deadline=None)
def test_every_level_has_what_a_list_of_all_values_says(steps: list[tuple[float, float | None]]) -> None:
    rings, values, now = filled(steps)
    for level in range(len(LEVELS)):
        assert the_same(rings.curve(1, level), oracle(values, level, now))


@given(moments, st.floats(0, 800_000))
@settings(max_examples=10, deadline=None)
def test_what_is_copied_and_put_back_later_is_what_is_left_of_it_then(
    steps: list[tuple[float, float | None]], later: float
) -> None:
    rings, values, now = filled(steps)
    other = Rings(1)
    other.advance(now + later)
    other.clear(0)
    other.put(0, [rings.curve(1, level) for level in range(len(LEVELS))])
    for level in range(len(LEVELS)):
        assert the_same(other.curve(0, level), oracle(values, level, now + later))


@given(moments, st.integers(3, 700_000))
@settings(max_examples=10, deadline=None)
def test_a_clock_that_is_set_back_has_no_future(steps: list[tuple[float, float | None]], back: int) -> None:
    rings, values, now = filled(steps)
    rings.advance(now - back)
    for level in range(len(LEVELS)):
        seconds = LEVELS[level].seconds
        oldest = (int(now // seconds) - LEVELS[level].steps + 1) * seconds
        until = (int((now - back) // seconds) + 1) * seconds
        left = [(at, value) for at, value in values if oldest <= at < until]
        assert the_same(rings.curve(1, level), oracle(left, level, now - back))


def test_a_spike_of_a_second_is_still_the_highest_of_its_ten_minutes_a_week_later() -> None:
    rings, _, _ = filled([(1.0, 5.0), (1.0, 900.0), (1.0, 6.0), (6 * 86_400.0, None)])
    week = rings.curve(1, 2).values
    assert np.nanmax(week[HIGH]) == 900.0
    assert np.nanmax(week[LAST]) == 6.0
    assert np.isnan(rings.curve(1, 0).values).all()


def test_a_step_of_all_rows_is_there_as_long_as_the_hour_is() -> None:
    rings, _, _ = filled([(1.0, 5.0)])
    number = rings.heads[0]
    step = rings.step(number)
    assert step is not None
    assert step[1].tolist() == [5.0, 5.0, 5.0]
    rings.advance(START + 3700)
    assert rings.step(number) is None
    assert rings.step(rings.heads[0] + 1) is None


_TAKEN = """
import re
from pathlib import Path
import numpy as np
from streamwatch.archive.rings import LEVELS, Rings

ROWS = np.arange(1_900)
BEGAN = 1_800_000_000.0

def memory():
    return int(re.search(r"RssAnon:\\s+([0-9]+)", Path("/proc/self/status").read_text())[1]) / 1024

def new():
    rings = Rings(2_000)
    rings.advance(BEGAN)
    for row in ROWS.tolist():
        rings.clear(row)
    return rings

before, rings, other = memory(), new(), new()
print(memory() - before)
for step in range(360):
    rings.advance(BEGAN + 10 * step)
    rings.fold(ROWS, *[ROWS + step] * 3)
print(memory() - before)
other.advance(BEGAN + 3600)
for row in ROWS.tolist():
    other.put(row, [rings.curve(row, at) for at in range(len(LEVELS))])
print(memory() - before)
rings.advance(BEGAN + 3 * 86_400)
print(memory() - before)
assert not np.isnan(rings.curve(7, 2).values).all()
"""
_ALL_MB = 64.0
"""What all steps of these rows take."""


def test_memory_is_taken_by_what_was_written_only() -> None:
    told = subprocess.run([sys.executable, "-c", _TAKEN], check=True, capture_output=True, text=True, timeout=180)

    at_first, after_an_hour, both, much_later = map(float, told.stdout.split())
    assert at_first < 0.1 * _ALL_MB
    assert 0.1 * _ALL_MB < after_an_hour < 0.35 * _ALL_MB, "an hour of three levels is a sixth, in whole pages"
    assert both < 2 * 0.35 * _ALL_MB, "copied to others, what was not known takes nothing there either"
    assert much_later < both + 0.05 * _ALL_MB, "nor do steps in which nothing came"
