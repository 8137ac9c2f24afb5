"""Time intervals: Alertmanager's own answers, a slow reading of the same words, and the days on which clocks change."""

import calendar
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from streamwatch.core.errors import ConfigError
from streamwatch.notify.time_intervals import NamedTimeInterval, TimeInterval, current
from streamwatch.settings.reader import read_settings
from tests.notify.alertmanager_cases import ANSWERS

CASES: list[dict[str, Any]] = json.loads(ANSWERS.read_text())
WEEKDAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
MONTHS = [name.lower() for name in calendar.month_name[1:]]


def interval(text: str) -> TimeInterval:
    return read_settings(TimeInterval, text, "x.yml", Path())


def at(text: str, zone: str = "UTC") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["interval"])
def test_each_answer_is_alertmanagers(case: dict[str, Any]) -> None:
    if isinstance(case["answer"], str):
        with pytest.raises(ConfigError):
            interval(case["interval"])
    else:
        read = interval(case["interval"])
        assert [read.contains(each) for each in case["at"]] == case["answer"]


def holds(written: dict[str, Any], moment: float) -> bool:
    """Read an interval again at every moment: as sets of numbers, without a range."""
    local = datetime.fromtimestamp(moment, UTC).astimezone(ZoneInfo(written.get("location", "UTC")))
    days = calendar.monthrange(local.year, local.month)[1]

    def members(text: str, names: list[str] | tuple[str, ...] | None) -> set[int]:
        first, last = [names.index(word) if names else int(word) for word in (text + ":" + text).split(":")[:2]]
        return set(range(first, last + 1))

    def day_members(text: str) -> set[int]:
        first, last = [int(word) if int(word) > 0 else days + 1 + int(word) for word in text.split(":")]
        return set(range(first, last + 1))

    def clock(text: str) -> timedelta:
        return timedelta(hours=int(text[:2]), minutes=int(text[3:]))

    of_day = timedelta(hours=local.hour, minutes=local.minute)
    checks = {
        "times": lambda each: clock(each["start_time"]) <= of_day < clock(each["end_time"]),
        "weekdays": lambda each: WEEKDAYS.index(local.strftime("%A").lower()) in members(each, WEEKDAYS),
        "days_of_month": lambda each: local.day in day_members(each),
        "months": lambda each: local.month - 1 in members(each, MONTHS),
        "years": lambda each: local.year in members(each, None),
    }
    return all(any(map(check, written[key])) for key, check in checks.items() if key in written)


def ranges(names: list[str] | tuple[str, ...]) -> st.SearchStrategy[str]:
    pairs = st.tuples(st.integers(0, len(names) - 1), st.integers(0, len(names) - 1)).map(sorted)
    return pairs.map(lambda pair: f"{names[pair[0]]}:{names[pair[1]]}")


TIMES = st.tuples(st.integers(0, 96), st.integers(0, 96)).filter(lambda pair: pair[0] != pair[1]).map(sorted).map(
    lambda pair: {f"{key}_time": f"{each // 4:02}:{each % 4 * 15:02}"
                  for key, each in zip(("start", "end"), pair, strict=True)}
)  # fmt: skip
DAYS = st.one_of(
    st.sampled_from(["1:-1", "5:-3", "20:-2", "10:-18"]),
    ranges([str(day) for day in range(1, 32)]),
    ranges([str(day) for day in range(-31, 0)]),
)
WRITTEN = st.fixed_dictionaries(
    {"location": st.sampled_from(["UTC", "Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"])},
    optional={
        "times": st.lists(TIMES, min_size=1, max_size=3),
        "weekdays": st.lists(ranges(WEEKDAYS), min_size=1, max_size=2),
        "days_of_month": st.lists(DAYS, min_size=1, max_size=2),
        "months": st.lists(ranges(MONTHS), min_size=1, max_size=2),
        "years": st.lists(st.sampled_from(["2026:2026", "2027:2027", "2025:2026"]), min_size=1, max_size=2),
    },
)
CHANGES = [datetime(2026, *day, tzinfo=UTC) for day in ((10, 24), (3, 28), (3, 7), (10, 31), (4, 4), (10, 3))]
STARTS = st.one_of(
    st.sampled_from(CHANGES),
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 30)).map(lambda day: day.replace(tzinfo=UTC)),  # noqa: DTZ001
)


@settings(max_examples=30, deadline=None)
@given(WRITTEN, STARTS)
@example({"location": "Europe/Paris", "times": [{"start_time": "02:30", "end_time": "03:15"}]}, CHANGES[0])
def test_every_quarter_of_two_days_is_as_the_words_say(written: dict[str, Any], start: datetime) -> None:
    """And what is said to stay for a while stays for that long."""
    read = interval(yaml.safe_dump(written))
    until, was = 0.0, False
    for half_quarter in range(4 * 96):
        moment = start.timestamp() + half_quarter // 2 * 900 - 1 + half_quarter % 2
        contains = read.contains(moment)
        assert contains is holds(written, moment), datetime.fromtimestamp(moment, UTC)
        if moment >= until:
            until = read.unchanged_until(moment)
            assert until > moment
        else:
            assert contains is was
        was = contains


def test_days_from_the_end_of_a_month_are_the_calendars() -> None:
    """March in Paris has 743 hours, and 31 days all the same: Alertmanager 0.28 calls its 30th the last one."""
    last = interval("{days_of_month: ['-1'], location: Europe/Paris}")
    assert [last.contains(at(f"2026-03-{day}T12:00", "Europe/Paris")) for day in (30, 31)] == [False, True]
    assert [last.contains(at(f"2028-02-{day}T12:00", "Europe/Paris")) for day in (28, 29)] == [False, True]


def test_an_hour_that_there_is_twice_is_muted_twice_and_one_that_is_skipped_never() -> None:
    half_past_two = interval("{times: [{start_time: '02:30', end_time: '02:31'}], location: Europe/Paris}")
    assert [half_past_two.contains(at(f"2026-10-25T0{hour}:30")) for hour in (0, 1)] == [True, True]
    midnight = at("2026-03-29T00:00")
    assert not any(half_past_two.contains(midnight + minute * 60) for minute in range(180))


def test_an_interval_ends_at_its_minute_and_what_holds_is_asked_again_then() -> None:
    night = "{times: [{start_time: '22:00', end_time: '24:00'}, {start_time: '00:00', end_time: '06:00'}]}"
    named = [NamedTimeInterval(name="nights", time_intervals=(interval(night),))]
    assert current(named, at("2026-05-04T21:59:59")) == (frozenset(), at("2026-05-04T22:00"))
    assert current(named, at("2026-05-04T22:00")) == (frozenset({"nights"}), at("2026-05-05T00:00"))
    assert current(named, at("2026-05-05T05:59:59")) == (frozenset({"nights"}), at("2026-05-05T06:00"))
    assert current(named, at("2026-05-05T06:00")) == (frozenset(), at("2026-05-05T22:00"))
    assert current((), 0.0) == (frozenset(), float("inf"))


def test_a_span_begins_as_in_cron_and_goes_over_midnight() -> None:
    weekend = interval("{cron: '0 22 * * fri', duration: 58h, location: Europe/Paris}")
    named = [NamedTimeInterval(name="weekends", time_intervals=(weekend,))]
    moments = ("2026-05-08T21:59:59", "2026-05-08T22:00", "2026-05-10T12:00", "2026-05-11T07:59:59", "2026-05-11T08:00")
    found = [current(named, at(moment, "Europe/Paris"))[0] for moment in moments]
    assert found == [frozenset(), {"weekends"}, {"weekends"}, {"weekends"}, frozenset()]


def test_a_span_lasts_as_long_as_it_says_where_the_clocks_change_within() -> None:
    weekend = interval("{cron: '0 22 * * sat', duration: 10h, location: Europe/Paris}")
    start = at("2026-10-24T22:00", "Europe/Paris")
    assert [weekend.contains(start + hours * 3600 - 1) for hours in (1, 10, 11)] == [True, True, False]


def test_a_span_that_begins_in_a_skipped_hour_begins_when_the_clocks_change() -> None:
    night = interval("{cron: '30 2 * * *', duration: 30m, location: Europe/Paris}")
    change = at("2026-03-29T01:00")
    assert [night.contains(change + minutes * 60) for minutes in (-1, 0, 29, 30, 60)] == [
        False,
        True,
        True,
        False,
        False,
    ]


@settings(max_examples=20, deadline=None)
@example(1802, "30 2 * * *", datetime(2026, 3, 28, tzinfo=UTC))
@given(
    st.integers(60, 4 * 86_400), st.sampled_from(["0 22 * * fri", "*/50 * * * *", "30 2 * * *", "0 0 1 jan *"]), STARTS
)
def test_until_a_span_changes_it_stays(seconds: int, cron: str, start: datetime) -> None:
    read = interval(f"{{cron: '{cron}', duration: {seconds}s, location: Europe/Paris}}")
    moment = start.timestamp()
    for _ in range(10):
        until = read.unchanged_until(moment)
        assert until > moment
        between = [moment + (until - moment) * part for part in (0.25, 0.5, 0.99)]
        assert {read.contains(each) for each in between} == {read.contains(moment)}
        moment = until


def test_what_must_hold_beside_a_span_is_asked_too() -> None:
    january = interval("{cron: '0 22 * * *', duration: 4h, months: [january]}")
    assert [january.contains(at(f"2026-{month}-15T23:00")) for month in ("01", "02")] == [True, False]


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("{cron: '0 22 * * fri'}", "a span has both"),
        ("{duration: 8h}", "a span has both"),
        ("{cron: '0 22 * fri', duration: 8h}", "has not five fields"),
        ("{cron: '0 25 * * fri', duration: 8h}", "'0 25 \\* \\* fri'"),
        ("{cron: '0 22 * * 5', duration: 8h}", "write names of weekdays"),
        ("{cron: '0 22 * * fri', duration: 8h, location: Local}", "name a time zone"),
        ("{cron: '0 22 * * fri', duration: 8h, location: Mars}", "is no time zone"),
        ("{cron: '0 22 * * fri', duration: 1s}", "duration"),
    ],
)
def test_a_mistake_in_a_span_is_named(text: str, mistake: str) -> None:
    with pytest.raises(ConfigError, match=mistake):
        interval(text)
