"""A wall clock that is set: what is decided, and who is paged, is the same as if nobody had touched it."""

import random
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from streamwatch.agent.state import open_state
from streamwatch.core.clock import ManualClock, SteadyClock
from streamwatch.model.labels import NAME
from streamwatch.model.metric import Keys, Metric, Tier
from streamwatch.model.notification import Notification
from streamwatch.notify.channel import Integration
from streamwatch.notify.channels.logged import Config as Logged
from streamwatch.notify.config import Config
from streamwatch.notify.delivery import Delivery
from streamwatch.notify.dispatch import Dispatcher
from streamwatch.promql.match import Matcher
from streamwatch.rules.evaluator import Arrived, Evaluator
from streamwatch.rules.group import RuleChange
from streamwatch.rules.load import read
from streamwatch.samples.history import History
from streamwatch.samples.latest import LatestSamples

STEP = 30.0
NOON = 1_800_000_000.0
HOUR, DAY = 3600.0, 86_400.0
RULES = """
groups:
  - name: g
    interval: 5s
    rules:
      - {record: errors:rate, expr: 'rate(errors[5m])'}
      - {alert: Down, expr: 'up == 0'}
      - {alert: DownLong, expr: 'up == 0', for: 45m}
      - {alert: Errors, expr: 'errors:rate > 0.5', for: 2m}
      - {alert: WasDown, expr: 'min_over_time(up[10m]) == 0', for: 30s, keep_firing_for: 5m}
      - {alert: Gone, expr: 'absent(up)', for: 1m}
      - {alert: Stale, expr: 'time() - timestamp(up) > 60'}
"""
UP, ERRORS = (
    Metric(name=name, kind="gauge", unit="", labels=("of",), tier=Tier.AGENT, help=name, question=name)
    for name in ("up", "errors")
)
KEYS = Keys(("of",), [("a",)])


class World:
    """Rules and a channel in manual time; what happens is noted by the time that has passed."""

    def __init__(self, path: Path | None = None) -> None:
        self.clock, self.path = ManualClock(NOON), path
        self.happened: list[tuple[float, str]] = []
        self.values = {"up": 1.0, "errors": 0.0}
        self.is_silent = False
        self.open()

    def open(self) -> None:
        self.history = History()
        self.state = open_state(self.path, pytest.fail, self.clock)
        target = Integration("pager", "pager", self, rate=1e6, burst=1000)
        config = Config(log=(Logged(name="pager"),), inhibit_pack=False, repeat_interval=4 * HOUR)
        self.dispatcher = Dispatcher(config, [target], [], self.clock)
        self.delivery = Delivery(target, self.state, self.dispatcher.clock, random.Random(1))
        self.evaluator = Evaluator(
            self.history,
            self.clock,
            self.state,
            refresh=lambda _: None,
            plan=self.dispatcher.plan,
            decided=self.decided,
            is_warm=lambda: True,
        )
        groups, mistakes = read(RULES, "x.yml")
        assert mistakes == []
        self.evaluator.take(groups)
        self.state.write(self.dispatcher.begin)

    def restart(self) -> None:
        """End, and begin again with what is in the file."""
        self.state.close()
        self.open()

    def decided(self, changes: Sequence[RuleChange]) -> None:
        for one in changes:
            after = one.change.after
            if one.change.before is None or after is None or one.change.before.state != after.state:
                self.note(f"{one.rule.rule.name} {after.state if after else 'forgotten'}")

    def send(self, some: Sequence[Notification]) -> None:
        for one in some:
            self.note(f"page: {one.name} {one.status}")
            for alert in one.alerts:
                fired, ended = alert.fired_at or alert.active_at, alert.resolved_at or self.clock.now()
                assert alert.active_at <= fired <= ended <= self.clock.now() + 1e-3

    def note(self, what: str) -> None:
        self.happened.append((self.clock.monotonic() - NOON, what))

    def step(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.values["errors"] += seconds * (1.0 if 5 * HOUR < self.clock.monotonic() - NOON < 5.5 * HOUR else 0.1)
        at = 0
        if not self.is_silent:
            some = [one.samples(KEYS, np.array([self.values[one.name]])) for one in (UP, ERRORS)]
            at = self.history.append("c", some, self.clock.now())
        self.evaluator.run(Arrived({"up", "errors"}, at_ms=at))
        while self.delivery.step() == 0.0:
            pass

    def day(self, jumps: Mapping[float, float], restarts: Sequence[float] = ()) -> list[tuple[float, str]]:
        """Live through a day: some outages, and these jumps, by the time of the day."""
        left, due = dict(jumps), list(restarts)
        for at, following in pairwise(TIMES):
            self.values["up"] = 0.0 if any(a <= at < a + lasts for a, lasts in OUTAGES.items()) else 1.0
            self.is_silent = 8 * HOUR <= at < 8.2 * HOUR
            while left and min(left) <= at:
                self.clock.jump(left.pop(min(left)))
            if due and due[0] <= at:
                self.restart()
                due.pop(0)
            self.step(following - at)
        self.state.close()
        return self.happened


OUTAGES = {0.5 * HOUR: HOUR, 3 * HOUR: 600.0, 10 * HOUR: 5 * HOUR, 20 * HOUR: 2700.0}
JUMPS = {
    "none": {},
    "back an hour, while an alert is pending": {0.9 * HOUR: -HOUR},
    "back an hour before anything": {600.0: -HOUR},
    "ahead an hour": {0.9 * HOUR: HOUR},
    "ahead a day for ten seconds": {0.9 * HOUR: DAY, 0.9 * HOUR + 10: -DAY, 5.2 * HOUR: DAY, 5.2 * HOUR + 10: -DAY},
    "back a year, and right an hour later": {0.6 * HOUR: -365 * DAY, 1.6 * HOUR: 365 * DAY},
    "steps of seconds": {0.7 * HOUR: -2.5, 3.05 * HOUR: 1.25, 5.1 * HOUR: -7.0, 10.1 * HOUR: 30.0, 20.2 * HOUR: -30.0},
    "slews": {at * 90.0: 0.004 * (-1) ** (at // 300) for at in range(800)},
    "all at once": {
        0.55 * HOUR: -HOUR, 0.8 * HOUR: DAY, 0.8 * HOUR + 10: -DAY, 3.1 * HOUR: -2.5, 5.3 * HOUR: 40.0,
        8.05 * HOUR: -HOUR, 10.3 * HOUR: 2 * HOUR, 13 * HOUR: DAY, 13 * HOUR + 10: -DAY, 20.5 * HOUR: 1.5,
    },
}  # fmt: skip
TIMES = sorted({*np.arange(0.0, DAY, STEP).tolist(), *(at for some in JUMPS.values() for at in some)})
RESTARTS = [0.95 * HOUR, 3.1 * HOUR, 10.2 * HOUR, 14 * HOUR]


@pytest.fixture(scope="module")
def calm() -> list[tuple[float, str]]:
    return World().day({})


@pytest.mark.parametrize("name", [one for one in JUMPS if one != "none"])
def test_a_day_of_jumps_is_as_a_day_without(name: str, calm: list[tuple[float, str]]) -> None:
    assert sum("page" in what for _, what in calm) > 15
    found = World().day(JUMPS[name])
    if name != "slews":
        assert found == calm
        return
    # The clocks differ by less than a step for most of the day: what is due to the millisecond may be a turn late.
    assert [what for _, what in found] == [what for _, what in calm]
    assert all(abs(at - calmly) <= STEP for (at, _), (calmly, _) in zip(found, calm, strict=True))


def test_the_past_moves_with_the_clock_and_a_reading_of_before_a_jump_finds_its_place() -> None:
    clock, history = ManualClock(NOON), History()
    steady = SteadyClock(clock)
    history.follow(steady)
    at = clock.now()
    for _ in range(3):
        clock.advance(15.0)
        at = clock.now()
        history.append("c", [UP.samples(KEYS, np.array([1.0]))], at)
    clock.advance(15.0)
    read_before = clock.now()
    clock.jump(-HOUR)
    clock.advance(1.0)
    history.append("c", [UP.samples(KEYS, np.array([1.0]))], read_before)
    clock.advance(14.0)
    history.append("c", [UP.samples(KEYS, np.array([1.0]))], clock.now())
    assert steady.now() == NOON + 75.0, "nobody has followed yet"
    steady.follow(steady.ahead())
    assert steady.now() == clock.now() == NOON + 75.0 - HOUR
    (series,) = history.blocks([Matcher(NAME, "=", "up")], 0, round(clock.now() * 1000), newest=False)
    assert [round(one / 1000 - NOON + HOUR) for one in series.times] == [15, 30, 45, 60, 75]
    clock.jump(DAY)
    steady.follow(steady.ahead())
    (series,) = history.blocks([Matcher(NAME, "=", "up")], 0, round(clock.now() * 1000), newest=False)
    assert [round(one / 1000 - NOON + HOUR - DAY) for one in series.times] == [15, 30, 45, 60, 75]


def test_what_a_source_said_holds_as_long_whoever_sets_the_clock() -> None:
    clock = ManualClock(NOON)
    store = LatestSamples(clock)
    read_at = clock.now()
    clock.jump(DAY)
    store.append("c", [UP.samples(KEYS, np.array([1.0]))], at=read_at, valid_seconds=37.5)
    for jump in (-DAY, HOUR, -2 * HOUR):
        clock.advance(10.0)
        clock.jump(jump)
        assert len(store.current()) == 1
    clock.advance(7.5)
    assert store.current() == ()


def test_an_agent_that_starts_anew_after_a_jump_goes_on_as_if_there_had_been_none(tmp_path: Path) -> None:
    """Set back between the last mark and the start: an alert does not stay pending, and a page is sent."""
    before = World(tmp_path / "before.db").day({}, RESTARTS)
    after = World(tmp_path / "after.db").day({RESTARTS[0]: -HOUR, RESTARTS[2]: -3 * HOUR, RESTARTS[3]: -DAY}, RESTARTS)
    assert [what for _, what in after] == [what for _, what in before]
    late = [b - a for (a, _), (b, _) in zip(before, after, strict=True)]
    assert (min(late), max(late)) >= (0.0, 0.0)
    assert max(late) <= 60.0, "the marks are a minute old at most"
