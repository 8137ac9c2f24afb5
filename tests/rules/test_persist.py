"""Alerts outlive the agent."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from streamwatch.clock import ManualClock
from streamwatch.history import History
from streamwatch.model.alert import Alert
from streamwatch.model.labels import NAME, Labels
from streamwatch.rules.group import GroupState, RuleChange
from streamwatch.rules.load import read
from streamwatch.rules.persist import StateFile

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
            state = StateFile(tmp_path / "state.db", pytest.fail, 1000.0)
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


def test_what_was_decided_is_there_after_a_restart(opened: Callable[[], StateFile]) -> None:
    state, history, before = opened(), History(), group()
    state.save(evaluated(history, {0: 0.0, 30: 0.0, 60: 1.0}, before))
    state.close()
    (alerts,) = opened().load().values()
    (alert,) = alerts.values()
    assert (alert.state, alert.active_at, alert.fired_at, alert.keep_firing_since) == ("firing", 0.0, 30.0, 60.0)
    assert alert == before.rules[0].alerts[0]


def test_a_pending_clock_goes_on(opened: Callable[[], StateFile]) -> None:
    state, before = opened(), group()
    state.save(evaluated(History(), {100: 0.0}, before))
    state.close()
    after = group()
    after.rules[0].restore(opened().load()[after.rules[0].key], 125.0)
    evaluated(History(), {130: 0.0}, after)
    assert [(one.state, one.active_at, one.fired_at) for one in after.rules[0].alerts] == [("firing", 100.0, 130.0)]


def test_nothing_resolves_after_a_restart_before_its_metrics_are_known(opened: Callable[[], StateFile]) -> None:
    state, before = opened(), group()
    state.save(evaluated(History(), {0: 0.0, 30: 0.0}, before))
    state.close()
    after, history = group(), History()
    after.rules[0].restore(opened().load()[after.rules[0].key], 60.0)
    after.evaluate(history, 60_000)
    assert [one.state for one in after.rules[0].alerts] == ["firing"]
    evaluated(history, {75: 1.0, 200: 1.0}, after)
    assert after.rules[0].alerts == []


def test_what_resolved_and_what_is_forgotten_is_written_too(opened: Callable[[], StateFile]) -> None:
    state, history, one = opened(), History(), group()
    state.save(evaluated(history, {0: 0.0, 30: 0.0, 60: 1.0, 120: 1.0}, one))
    (alerts,) = state.load().values()
    assert [(alert.state, alert.resolved_at) for alert in alerts.values()] == [("inactive", 120.0)]
    state.save(evaluated(history, {1100: 1.0}, one))
    assert state.load() == {}


def test_rules_that_are_no_more_are_forgotten(opened: Callable[[], StateFile]) -> None:
    state, one = opened(), group()
    state.save(evaluated(History(), {0: 0.0}, one))
    state.forget({one.rules[0].key})
    assert len(state.load()) == 1
    state.forget(set())
    assert state.load() == {}


def test_a_value_that_is_no_number_survives(opened: Callable[[], StateFile]) -> None:
    state, one = opened(), group()
    changes = evaluated(History(), {0: 0.0}, one)
    labels = Labels({"alertname": "Down"})
    alert = Alert(labels, "pending", float("nan"), 0.0)
    state.save([RuleChange(changes[0].rule, type(changes[0].change)(labels, None, alert))])
    (alerts,) = state.load().values()
    assert str(alerts[labels].value) == "nan"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b"this is no database, and was never one" * 100),
        lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
        lambda path: sqlite3.connect(path).execute("PRAGMA user_version = 99").connection.close(),
        lambda path: sqlite3.connect(path).execute("DROP TABLE alerts").connection.close(),
    ],
    ids=["no database", "cut", "newer", "no table"],
)
def test_a_file_that_cannot_be_used_is_set_aside_and_said(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    path = tmp_path / "state.db"
    said: list[str] = []
    one = StateFile(path, said.append, 1000.0)
    one.save(evaluated(History(), {0: 0.0}, group()))
    one.close()
    spoil(path)
    state = StateFile(path, said.append, 2000.0)
    assert state.load() == {}
    assert len(said) == 1
    assert "set aside as state.db.damaged-2000" in said[0]
    assert (tmp_path / "state.db.damaged-2000").exists()
    state.save(evaluated(History(), {0: 0.0}, group()))
    assert len(state.load()) == 1
    state.close()


def test_without_a_place_to_write_the_agent_goes_on_and_says_so(tmp_path: Path) -> None:
    said: list[str] = []
    state = StateFile(tmp_path / "none" / "state.db", said.append, 1000.0)
    assert len(said) == 1
    assert "in memory only" in said[0]
    state.save(evaluated(History(), {0: 0.0}, group()))
    assert len(state.load()) == 1
    assert state.problem
    state.close()


def test_a_write_that_fails_is_said_once_and_tried_again(tmp_path: Path) -> None:
    said: list[str] = []
    state = StateFile(tmp_path / "state.db", said.append, 1000.0)
    other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    other.execute("ALTER TABLE alerts RENAME TO away")
    history, one = History(), group()
    state.save(evaluated(history, {0: 0.0}, one))
    state.save(evaluated(history, {30: 0.0}, one))
    assert len(said) == 1
    assert "no such table" in state.problem
    other.execute("ALTER TABLE away RENAME TO alerts")
    state.save(evaluated(history, {60: 1.0}, one))
    assert state.problem == ""
    other.close()
    state.close()


def insert_twice(state: StateFile) -> None:
    with state.transaction() as connection:
        for _ in range(2):
            connection.execute("INSERT INTO alerts VALUES ('r', '[]', 'firing', 1, 0, '[]', 0, NULL, NULL)")


def test_a_transaction_is_whole_or_nothing(opened: Callable[[], StateFile]) -> None:
    state = opened()
    with pytest.raises(sqlite3.IntegrityError):
        insert_twice(state)
    assert state.load() == {}
