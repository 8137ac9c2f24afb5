"""When groups of rules are evaluated, and at what time."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from streamwatch.agent.state import open_state
from streamwatch.core.clock import ManualClock, SystemClock
from streamwatch.model.labels import NAME, Labels
from streamwatch.model.metric import Metric, Tier
from streamwatch.promql.columns import SeriesBlock
from streamwatch.promql.evaluate import evaluate
from streamwatch.promql.match import Matcher
from streamwatch.promql.parse import parse
from streamwatch.promql.series import Element
from streamwatch.rules import api
from streamwatch.rules.evaluator import Arrived, Evaluator
from streamwatch.rules.group import RuleChange
from streamwatch.rules.load import read
from streamwatch.rules.rule import RuleGroup
from streamwatch.samples.history import History
from tests.waiting import wait_for

M = Metric(name="m", kind="gauge", unit="", labels=("kafka_cluster",), tier=Tier.CLUSTER, help="A.", question="A?")

RULES = """
groups:
  - {name: late, rules: [{alert: Reads, expr: 'limit < 2'}]}
  - {name: a, interval: 10s, rules: [{alert: A, expr: 'm > 1', for: 20s}]}
  - {name: b, interval: 60s, rules: [{alert: B, expr: 'n > 1'}]}
  - {name: limits, interval: 60s, rules: [{record: limit, expr: vector(1)}]}
"""


def groups(text: str = RULES) -> Sequence[RuleGroup]:
    found, mistakes = read(text, "x.yml")
    assert mistakes == []
    return found


class Bench:
    def __init__(self, path: Path | None = None, history: History | None = None) -> None:
        self.clock = ManualClock(1000.0)
        self.history = history or History()
        self.decided: list[RuleChange] = []
        self.warm = True
        self.fails: Exception | None = None
        self.refreshed: list[float] = []
        self.state = open_state(path, pytest.fail, ManualClock())
        self.evaluator = Evaluator(
            self.history,
            self.clock,
            self.state,
            refresh=self.refresh,
            plan=lambda *_, **__: None,
            decided=self.decided.extend,
            is_warm=lambda: self.warm,
        )
        self.evaluator.take(groups())

    def refresh(self, oldest_seconds: float) -> None:
        self.refreshed.append(oldest_seconds)
        if self.fails is not None:
            raise self.fails

    def tell(self, at: float, **values: float) -> list[str]:
        self.history.record("x", [(Labels({NAME: name}), value) for name, value in values.items()], round(at * 1000))
        return self.run(values, at)

    def run(self, told: Sequence[str] | dict[str, float] = (), at: float = 0.0) -> list[str]:
        found = self.evaluator.run(Arrived(set(told), at_ms=round(at * 1000)))
        return [f"{one.rule.rule.name} {one.change.after.state if one.change.after else 'forgotten'}" for one in found]

    def counts(self) -> dict[str, int]:
        return {name: count.evaluations for name, count in self.evaluator.counts().items()}


@pytest.fixture
def bench() -> Iterator[Callable[..., Bench]]:
    with ExitStack() as stack:

        def begin(path: Path | None = None, history: History | None = None) -> Bench:
            made = Bench(path, history)
            stack.callback(made.state.close)
            stack.callback(made.evaluator.stop)
            return made

        yield begin


def test_who_reads_what_has_arrived_is_evaluated_at_once_and_others_at_their_interval(
    bench: Callable[..., Bench],
) -> None:
    one = bench()
    one.tell(1000, m=0, n=0)
    assert one.counts() == {"a": 1, "b": 1, "limits": 1, "late": 1}
    one.clock.advance(3)
    one.tell(1003, m=0)
    assert one.counts() == {"a": 2, "b": 1, "limits": 1, "late": 1}
    assert one.refreshed == [0.0, 1.0], "the agent's own metrics are collected anew where their time has come"
    one.clock.advance(9.9)
    one.run()
    assert one.counts()["a"] == 2
    one.clock.advance(0.1)
    one.run()
    assert one.counts()["a"] == 3


def test_a_decision_has_the_time_of_its_data(bench: Callable[..., Bench]) -> None:
    one = bench()
    assert one.tell(990, m=2) == ["Reads firing", "A pending"]
    one.clock.advance(20)
    assert one.tell(1010, m=2) == ["A firing"]
    assert [one.change.after and one.change.after.fired_at for one in one.decided if one.rule.rule.name == "A"] == [
        None,
        1010.0,
    ]


def test_who_records_what_others_read_comes_first(bench: Callable[..., Bench]) -> None:
    one = bench()
    assert one.tell(1000, m=0) == ["Reads firing"]
    assert [group.group.name for group in one.evaluator.groups()] == ["limits", "late", "a", "b"]


def test_time_never_goes_back(bench: Callable[..., Bench]) -> None:
    one = bench()
    one.tell(1000, m=0)
    one.clock.advance(100)
    one.tell(990.0, n=3)
    (alert,) = [alert for group in one.evaluator.groups() for rule in group.rules for alert in rule.alerts][1:]
    assert (alert.name, alert.active_at) == ("B", 1000.001)


def test_evaluations_that_were_due_and_did_not_come_are_counted(bench: Callable[..., Bench]) -> None:
    one = bench()
    one.run()
    one.clock.advance(35)
    one.run()
    assert {name: count.missed for name, count in one.evaluator.counts().items()} == {
        "limits": 0, "late": 1, "a": 2, "b": 0,
    }  # fmt: skip


def test_rules_that_stay_keep_their_alerts_when_others_change(bench: Callable[..., Bench]) -> None:
    one = bench()
    one.tell(1000, m=2, n=2)
    one.evaluator.take(groups(RULES.replace("m > 1", "m > 0").replace("B,", "C,").replace("alert: B", "alert: C")))
    one.clock.advance(20)
    assert one.tell(1020, m=2, n=2) == ["A firing", "C firing"]
    found = evaluate(parse('ALERTS{alertname="B"}'), one.history, 1020_000)
    assert found == []


def test_a_restart_keeps_clocks_and_alerts(bench: Callable[..., Bench], tmp_path: Path) -> None:
    before = bench(tmp_path / "state.db")
    before.tell(1000, m=2, n=2)
    before.evaluator.stop()
    before.state.close()
    after = bench(tmp_path / "state.db")
    after.warm = False
    assert after.run() == []
    after.clock.advance(20)
    assert after.tell(1020, m=2, n=2) == ["A firing"]
    states = {
        alert.name: alert.active_at
        for group in after.evaluator.groups()
        for rule in group.rules
        for alert in rule.alerts
    }
    assert states == {"Reads": 1000.0, "A": 1000.0, "B": 1000.0}


class Failing(History):
    """A history of which a metric cannot be read, and a rule's results cannot be written."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error

    def blocks(self, matchers: Sequence[Matcher], first_ms: int, last_ms: int, **how: Any) -> Iterator[SeriesBlock]:
        if any(one.value == "broken" for one in matchers):
            raise self.error
        return super().blocks(matchers, first_ms, last_ms, **how)

    def record(self, source: str, elements: Iterable[Element], at_ms: int) -> None:
        if "Unwritable" in source:
            raise self.error
        super().record(source, elements, at_ms)


RAISING = """
  - name: failing
    interval: 10s
    rules:
      - {alert: Unreadable, expr: 'broken > 1'}
      - {record: unreadable, expr: 'sum(broken)'}
      - {alert: Unwritable, expr: 'm > 1'}
      - {alert: Behind, expr: 'm > 1'}
      - {alert: Asking, expr: 'm > 1', annotations: {summary: '{{ query "broken" }}'}}
"""
BEHIND = "".join(f"  - {{name: g{at}, interval: 10s, rules: [{{alert: A{at}, expr: 'm > 1'}}]}}\n" for at in range(20))


@pytest.mark.parametrize(
    "error", [ZeroDivisionError("division by zero"), RecursionError(), MemoryError(), KeyError("x"), OSError(5, "no")]
)
def test_a_rule_that_raises_fails_alone(
    bench: Callable[..., Bench], error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    one = bench(history=Failing(error))
    one.evaluator.take(groups(f"groups:\n{RAISING}{BEHIND}"))
    one.fails = error
    caplog.set_level("CRITICAL")
    assert one.tell(1000, m=2) == ["Behind firing", "Asking firing", *(f"A{at} firing" for at in range(20))]
    failing, *others = api.groups(one.evaluator.groups())
    assert [(rule["name"], rule["health"]) for rule in failing["rules"]] == [
        ("Unreadable", "err"), ("unreadable", "err"), ("Unwritable", "err"), ("Behind", "ok"), ("Asking", "ok"),
    ]  # fmt: skip
    assert all(type(error).__name__ in rule["lastError"] for rule in failing["rules"][:3])
    assert failing["rules"][4]["alerts"][0]["annotations"]["summary"].startswith("<error expanding template:")
    assert {rule["health"] for group in others for rule in group["rules"]} == {"ok"}
    assert {name: count.failures for name, count in one.evaluator.counts().items() if count.failures} == {"failing": 3}
    # And all of them at their time, the next time, too.
    one.clock.advance(10)
    one.tell(1010, m=0)
    assert set(one.counts().values()) == {2}
    assert [count.missed for count in one.evaluator.counts().values()] == [0] * 21


def test_its_thread_evaluates_what_is_told_within_the_moment() -> None:
    history, clock = History(), SystemClock()
    decided: list[RuleChange] = []
    state = open_state(None, pytest.fail, ManualClock())
    evaluator = Evaluator(
        history,
        clock,
        state,
        refresh=lambda _: None,
        plan=lambda *_, **__: None,
        decided=decided.extend,
        is_warm=lambda: True,
        interval=3600.0,
    )
    evaluator.take(groups("groups: [{name: g, rules: [{alert: A, expr: 'm > 1'}]}]"))
    evaluator.start()
    try:
        wait_for(lambda: evaluator.counts()["g"].evaluations == 1, 10, "the first evaluation")
        at = round(clock.now() * 1000)
        history.record("x", [(Labels({NAME: "m"}), 2.0)], at)
        evaluator.appended("x", [M.sample(2.0, kafka_cluster="x")], at)
        wait_for(lambda: decided, 10, "the alert")
        assert decided[0].change.after is not None
        assert decided[0].change.after.fired_at == pytest.approx(at / 1000, abs=0.05)
    finally:
        evaluator.stop()
        state.close()


def test_data_that_arrive_while_it_rests_are_decided_on_together() -> None:
    history, clock = History(), ManualClock(1000.0)
    state = open_state(None, pytest.fail, clock)
    evaluator = Evaluator(
        history,
        clock,
        state,
        refresh=lambda _: clock.advance(0.1),  # so long does an evaluation take
        plan=lambda *_, **__: None,
        decided=lambda _: None,
        is_warm=lambda: True,
        interval=3600.0,
    )
    evaluator.take(groups("groups: [{name: g, rules: [{alert: A, expr: 'm > 1'}]}]"))
    evaluator.start()
    try:
        wait_for(lambda: evaluator._rest_until, 10, "the rest after the first evaluation")
        for _ in range(5):
            evaluator.appended("x", [M.sample(2.0, kafka_cluster="x")], 0)
        clock.advance(1.0)
        evaluator.appended("x", [M.sample(2.0, kafka_cluster="x")], 0)
        wait_for(lambda: evaluator.counts()["g"].evaluations > 1, 10, "the second evaluation")
        assert evaluator.counts()["g"].evaluations == 2
    finally:
        evaluator.stop()
        state.close()


def test_groups_of_one_name_in_several_files_are_counted_together(bench: Callable[..., Bench]) -> None:
    one = bench()
    wrong = "groups: [{name: g, rules: [{record: r, expr: '{a=~\"[0-9]\"} + on () group_left () m'}]}]"
    good = "groups: [{name: g, rules: [{record: s, expr: m}]}]"
    for texts in ((wrong, good), (good, wrong)):
        one.evaluator.take([group for at, text in enumerate(texts) for group in read(text, f"{at}.yml")[0]])
        one.history.record("x", [(Labels({NAME: "m", "a": name}), 1.0) for name in "12"], round(one.clock.now() * 1000))
        one.run(["m"], one.clock.now())
        assert (one.evaluator.counts()["g"].evaluations, one.evaluator.counts()["g"].failures) == (2, 1)


STOPPED = """
groups:
  - name: stopped
    interval: 5s
    rules:
      - {alert: Down, expr: 'up == 0'}
      - {alert: DownLong, expr: 'up == 0', for: 60s}
      - {alert: Gone, expr: 'absent(up)'}
"""


class Stopped(Bench):
    """An agent that is stopped for ten minutes: when it goes on, what it knew has run out, and nothing was read yet."""

    def __init__(self) -> None:
        super().__init__()
        self.is_out_of_date = False
        self.evaluator._forget_reads = self.forget_reads
        self.evaluator.take(groups(STOPPED))

    def forget_reads(self) -> None:
        self.warm = False

    def refresh(self, oldest_seconds: float) -> None:
        super().refresh(oldest_seconds)
        if self.is_out_of_date:
            self.history.record("x", [], round(self.clock.now() * 1000))

    def goes_on(self, seconds: float, up: float | None) -> list[str]:
        """Let time pass step by step, the source being read at each; return what became of alerts."""
        self.decided.clear()
        for _ in range(round(seconds)):
            self.clock.advance(1.0)
            if up is not None:
                self.is_out_of_date, self.warm = False, True
                self.history.record("x", [(Labels({NAME: "up"}), up)], round(self.clock.now() * 1000))
            while self.evaluator._step() == 0.0:
                pass
        return [f"{one.rule.rule.name} {one.change.after.state}" for one in self.decided if one.change.after]

    def stands_still(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.is_out_of_date = True


@pytest.fixture
def stopped() -> Iterator[Stopped]:
    made = Stopped()
    yield made
    made.evaluator.stop()
    made.state.close()


def test_an_agent_that_was_stopped_pages_nobody_and_for_goes_on_where_it_was(
    stopped: Stopped, caplog: pytest.LogCaptureFixture
) -> None:
    assert stopped.goes_on(20, up=0.0) == ["Down firing", "DownLong pending"]
    stopped.stands_still(600)
    assert stopped.goes_on(1, up=None) == [], "nothing is decided before the source was read"
    assert "nothing ran for 600 s" in caplog.text
    assert stopped.goes_on(36, up=0.0) == [], "its time goes on where it was"
    assert stopped.goes_on(6, up=0.0) == ["DownLong firing"]


def test_what_ended_while_the_agent_was_stopped_is_resolved_once(stopped: Stopped) -> None:
    stopped.goes_on(90, up=0.0)
    stopped.stands_still(600)
    stopped.goes_on(3, up=None)
    assert stopped.goes_on(20, up=1.0) == ["Down inactive", "DownLong inactive"]


def test_a_source_that_is_not_read_after_a_stop_resolves_nothing_for_a_minute(stopped: Stopped) -> None:
    stopped.goes_on(90, up=0.0)
    stopped.stands_still(600)
    assert stopped.goes_on(50, up=None) == []
    assert stopped.goes_on(30, up=None) == ["Down inactive", "DownLong inactive"], "as for every series that ends"


def test_a_slow_evaluation_is_no_stop(stopped: Stopped, caplog: pytest.LogCaptureFixture) -> None:
    stopped.goes_on(10, up=0.0)
    stopped.clock.advance(25.0)
    assert stopped.goes_on(60, up=0.0) == ["DownLong firing"]
    assert "nothing ran" not in caplog.text
