"""The archive within an agent: what it takes, what it marks, and what a reload makes of it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from streamwatch.agent.app import App
from streamwatch.agent.archiving import AgentArchive
from streamwatch.archive.numbers import BY_NAME
from streamwatch.catalogue import kafka_groups as g
from streamwatch.core.clock import ManualClock
from streamwatch.model.alert import Alert
from streamwatch.model.labels import Labels
from streamwatch.model.metric import Keys
from streamwatch.rules.group import RuleChange
from streamwatch.rules.state import Change
from streamwatch.samples.hub import Hub
from streamwatch.samples.precedence import SourcePrecedence
from tests.agent.test_app import settings

KEYS = Keys(g.GROUP_LAG_SECONDS.labels, [("a", "billing")])
LAG = BY_NAME["group.kafka_group_lag_seconds"]


def hub_of(clock: ManualClock) -> Hub:
    hub = Hub(clock)
    hub.add("a", "kafka", "a", SourcePrecedence())
    return hub


def test_a_bug_in_the_archive_costs_no_read_and_is_said_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = ManualClock(1_800_000_000.0)
    hub = hub_of(clock)
    archive = AgentArchive(settings("a"), hub, clock)
    hub.subscribe(archive)

    def broken(*_: object) -> None:
        raise ValueError("a bug")

    monkeypatch.setattr(archive.archive, "take", broken)
    for _ in range(2):
        hub.append("a", [g.GROUP_LAG_SECONDS.samples(KEYS, np.array([9.0]))], at=clock.now(), valid_seconds=30)
    assert caplog.text.count("samples cannot be taken") == 1


def change(name: str, before: str | None, after: str | None) -> RuleChange:
    labels = Labels({"alertname": name, "severity": "none" if name == "Watchdog" else "warning"})
    known = [None if state is None else Alert(labels, state, 1.0, 0.0) for state in (before, after)]  # type: ignore[arg-type]
    return RuleChange(None, Change(labels, *known))  # type: ignore[arg-type]


def test_alerts_are_marked_when_they_begin_and_end_to_fire() -> None:
    clock = ManualClock(1_800_000_000.0)
    archive = AgentArchive(settings("a"), hub_of(clock), clock)
    archive.decided(
        [change("A", None, "pending"), change("B", "pending", "firing"), change("Watchdog", None, "firing")]
    )
    archive.decided([change("B", "firing", "firing"), change("C", "firing", None), change("D", "firing", "inactive")])
    found = [(mark.what, mark.labels["alertname"]) for mark in archive.archive.marks.since(0.0)]
    assert found == [("fires", "B"), ("resolved", "C"), ("resolved", "D")]


def test_a_reload_that_changes_its_budget_keeps_what_the_file_has(tmp_path: Path) -> None:
    clock = ManualClock(1_800_000_000.0)
    config = settings("a")
    config = replace(config, rules=replace(config.rules, state=str(tmp_path / "state.db")))
    app = App(config, clock)
    app._archive.start()
    app._hub.add("a", "kafka", "a", SourcePrecedence())
    app._hub.append("a", [g.GROUP_LAG_SECONDS.samples(KEYS, np.array([9.0]))], at=clock.now(), valid_seconds=30)
    clock.advance(10)
    before = app._archive
    app._take_archive(config)
    assert app._archive is before
    app._take_archive(replace(config, archive=replace(config.archive, memory=2**20)))
    assert app._archive is not before
    app._archive.stop(60)
    assert app._archive.archive.curve(LAG, ("a", "billing"), 3600) is not None
    app._alerting.stop(1)
