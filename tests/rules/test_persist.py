"""Alerts outlive the agent."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from streamwatch.agent.state import open_state
from streamwatch.core.clock import ManualClock
from streamwatch.model.alert import Alert
from streamwatch.model.labels import NAME, Labels
from streamwatch.rules import persist
from streamwatch.rules.group import GroupState, RuleChange
from streamwatch.rules.load import read
from streamwatch.samples.history import History
from streamwatch.state.statefile import StateFile

RULES = """
groups:
  - name: g
    rules:
      - {alert: Down, expr: up == 0, for: 30s, keep_firing_for: 1m, annotations: {summary: "down: {{ $value }}"}}
"""


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[[], StateFile]]:
    with ExitStack() as stack:

        def begin() -> StateFile:
            state = open_state(tmp_path / "state.db", pytest.fail, ManualClock(1000.0))
            stack.callback(state.close)
            return state

        yield begin


def evaluated(history: History, values: dict[int, float], group: GroupState) -> list[RuleChange]:
    found = []
    for at, value in values.items():
        history.record("x", [(Labels({NAME: "up", "broker": "1"}), value)], at * 1000)
        found += group.evaluate(history, at * 1000)
    return found


def group() -> GroupState:
    groups, mistakes = read(RULES, "x.yml")
    assert mistakes == []
    return GroupState(groups[0], ManualClock())


def save(state: StateFile, changes: list[RuleChange]) -> None:
    state.write(lambda connection: persist.save(connection, changes))


def known(state: StateFile) -> dict[str, dict[Labels, Alert]]:
    return state.read(persist.load)


def forget(state: StateFile, kept: set[str]) -> None:
    state.write(lambda connection: persist.forget(connection, kept))


def test_what_was_decided_is_there_after_a_restart(opened: Callable[[], StateFile]) -> None:
    state, history, before = opened(), History(), group()
    save(state, evaluated(history, {0: 0.0, 30: 0.0, 60: 1.0}, before))
    state.close()
    (alerts,) = known(opened()).values()
    (alert,) = alerts.values()
    assert (alert.state, alert.active_at, alert.fired_at, alert.keep_firing_since) == ("firing", 0.0, 30.0, 60.0)
    assert alert == before.rules[0].alerts[0]


def test_a_pending_clock_goes_on(opened: Callable[[], StateFile]) -> None:
    state, before = opened(), group()
    save(state, evaluated(History(), {100: 0.0}, before))
    state.close()
    after = group()
    after.rules[0].restore(known(opened())[after.rules[0].key], 125.0)
    evaluated(History(), {130: 0.0}, after)
    assert [(one.state, one.active_at, one.fired_at) for one in after.rules[0].alerts] == [("firing", 100.0, 130.0)]


def test_nothing_resolves_after_a_restart_before_its_metrics_are_known(opened: Callable[[], StateFile]) -> None:
    state, before = opened(), group()
    save(state, evaluated(History(), {0: 0.0, 30: 0.0}, before))
    state.close()
    after, history = group(), History()
    after.rules[0].restore(known(opened())[after.rules[0].key], 60.0)
    after.evaluate(history, 60_000)
    assert [one.state for one in after.rules[0].alerts] == ["firing"]
    evaluated(history, {75: 1.0, 200: 1.0}, after)
    assert after.rules[0].alerts == []


def test_what_resolved_and_what_is_forgotten_is_written_too(opened: Callable[[], StateFile]) -> None:
    state, history, one = opened(), History(), group()
    save(state, evaluated(history, {0: 0.0, 30: 0.0, 60: 1.0, 120: 1.0}, one))
    (alerts,) = known(state).values()
    assert [(alert.state, alert.resolved_at) for alert in alerts.values()] == [("inactive", 120.0)]
    save(state, evaluated(history, {1100: 1.0}, one))
    assert known(state) == {}


def test_rules_that_are_no_more_are_forgotten(opened: Callable[[], StateFile]) -> None:
    state, one = opened(), group()
    save(state, evaluated(History(), {0: 0.0}, one))
    forget(state, {one.rules[0].key})
    assert len(known(state)) == 1
    forget(state, set())
    assert known(state) == {}


def test_a_value_that_is_no_number_survives(opened: Callable[[], StateFile]) -> None:
    state, one = opened(), group()
    changes = evaluated(History(), {0: 0.0}, one)
    labels = Labels({"alertname": "Down"})
    alert = Alert(labels, "pending", float("nan"), 0.0)
    save(state, [RuleChange(changes[0].rule, type(changes[0].change)(labels, None, alert))])
    (alerts,) = known(state).values()
    assert str(alerts[labels].value) == "nan"
