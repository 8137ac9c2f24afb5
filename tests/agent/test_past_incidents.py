"""What a restart must not forget: incidents that were, and those that went on when the agent was killed."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from streamwatch.agent import past_incidents
from streamwatch.agent.alerting import Alerting, groups
from streamwatch.agent.config import parse
from streamwatch.agent.state import open_state
from streamwatch.catalogue import kafka as k
from streamwatch.core.clock import ManualClock
from streamwatch.incidents.past import PastIncident
from streamwatch.model.labels import Labels
from streamwatch.samples.hub import Hub
from streamwatch.samples.precedence import SourcePrecedence
from tests.agent.test_hanging_disk import HANGS, Hang
from tests.incidents.knowing import samples
from tests.waiting import wait_for

NOON = 1_800_000_000.0
RULES = """
groups:
  - name: g
    interval: 1s
    rules:
      - {alert: KafkaBrokerDown, expr: 'max_over_time(kafka_broker_up[3s]) == 0', labels: {severity: critical}}
"""
CONFIG = """
kafka: [{name: shop, bootstrap: ['127.0.0.1:1']}]
rules: {pack: false, files: [rules.yml], STATE}
"""
Told = tuple[str, float, float | None]


class Life:
    """Alerts of one cluster from a start to a kill, in manual time: nothing runs by itself."""

    def __init__(self, folder: Path, clock: ManualClock, state: str) -> None:
        config = parse(CONFIG.replace("STATE", state), "test.yaml", folder)
        self.clock, self.hub = clock, Hub(clock)
        self.hub.add("shop", "kafka", "shop", SourcePrecedence())
        self.alerting = Alerting(config, groups(config.rules), self.hub, clock, tuple)
        self.alerting.book.start(self.alerting.state.read(past_incidents.load), self.alerting.evaluator.left_at)
        self.look()

    def read(self, *, is_up: bool) -> None:
        """Let five seconds pass, read whether broker 2 is up, and decide."""
        self.clock.advance(5.0)
        up: Mapping[tuple[str, ...], float] = {("shop", "1"): 1.0, ("shop", "2"): float(is_up)}
        self.hub.append("shop", [samples(k.BROKER_UP, up)], at=self.clock.now(), valid_seconds=30.0)
        self.alerting.evaluator.run()

    def look(self) -> list[Told]:
        """Look as the agent's job does; return the incidents that were, and are."""
        self.alerting.look_at_incidents()
        return [(each.id, each.since, each.ended) for each in self.alerting.book.past()]


@contextmanager
def life(folder: Path, clock: ManualClock, state: str = "state: state.db") -> Iterator[Life]:
    """Live, and be killed: whatever was not given to the writer is not in the file."""
    (folder / "rules.yml").write_text(RULES)
    one = Life(folder, clock, state)
    try:
        yield one
    finally:
        one.alerting.state.close()


def rows(path: Path) -> list[Told]:
    """Return what is in the file itself."""
    with closing(sqlite3.connect(path)) as file:
        return [tuple(row) for row in file.execute("SELECT id, since, ended FROM past_incidents ORDER BY number")]


def test_an_incident_goes_on_after_a_kill_and_its_end_is_kept_for_the_next_life(tmp_path: Path) -> None:
    clock, began = ManualClock(NOON), NOON + 5
    with life(tmp_path, clock) as first:
        first.read(is_up=False)
        assert first.look() == [("broker:shop/2", began, None)]
        (before,) = first.alerting.book.past()
    assert rows(tmp_path / "state.db") == [("broker:shop/2", began, None)]

    clock.advance(100.0)
    with life(tmp_path, clock) as second:
        assert second.look() == [("broker:shop/2", began, None)], "nothing is read yet"
        clock.advance(2.0)
        assert second.look() == [("broker:shop/2", began, None)], "nothing is read yet, and alerts have no cause"
        second.read(is_up=False)
        assert second.look() == [("broker:shop/2", began, None)]
        assert second.alerting.book.answer()["incidents"][0]["since"] == "2027-01-15T08:00:05.000Z"
        second.read(is_up=True)
        clock.advance(2.0)
        assert second.look() == [("broker:shop/2", began, clock.now())]
        ended = clock.now()

    clock.advance(3600.0)
    with life(tmp_path, clock) as third:
        assert third.look() == [("broker:shop/2", began, ended)]
        (known,) = third.alerting.book.past()
        assert known == replace(before, ended=ended)
        assert (known.sentence, len(known.alerts)) == ("Broker 2 of shop does not answer", 1)
    assert rows(tmp_path / "state.db") == [("broker:shop/2", began, ended)]


def test_one_that_nobody_saw_end_had_ended_when_alerts_were_decided_last(tmp_path: Path) -> None:
    clock = ManualClock(NOON)
    with life(tmp_path, clock) as first:
        first.read(is_up=False)
        first.look()
        first.read(is_up=True)  # it is over, and nobody looks before the kill
        over = clock.now()
    clock.advance(1000.0)
    with life(tmp_path, clock) as second:
        assert second.look() == [("broker:shop/2", NOON + 5, over)]
    assert rows(tmp_path / "state.db") == [("broker:shop/2", NOON + 5, over)], "it is not closed anew by the next start"


def test_one_that_is_over_when_the_agent_is_back_ends_with_its_alert(tmp_path: Path) -> None:
    clock = ManualClock(NOON)
    with life(tmp_path, clock) as first:
        first.read(is_up=False)
        first.look()
    clock.advance(1000.0)
    with life(tmp_path, clock) as second:
        second.read(is_up=True)
        second.read(is_up=True)
        assert second.look()[0] == ("broker:shop/2", NOON + 5, clock.now())


def test_a_source_that_is_never_read_is_waited_for_and_not_for_ever(tmp_path: Path) -> None:
    clock = ManualClock(NOON)
    with life(tmp_path, clock) as one:
        one.hub.add("silent", "kafka", "silent", SourcePrecedence())
        one.read(is_up=False)
        assert one.look() == []
        clock.advance(300.0)
        one.read(is_up=False)
        assert [told[0] for told in one.look()] == ["broker:shop/2"]


def test_without_a_state_file_a_restart_forgets(tmp_path: Path) -> None:
    clock = ManualClock(NOON)
    with life(tmp_path, clock, "") as first:
        first.read(is_up=False)
        assert len(first.look()) == 1
    with life(tmp_path, clock, "") as second:
        assert second.look() == []


@HANGS
def test_a_disk_that_hangs_keeps_nobody_who_looks(hang: Hang, tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with life(tmp_path, ManualClock(NOON)) as one:
        one.read(is_up=False)
        with hang(one.alerting.state):
            one.clock.advance(2.0)
            assert [told[0] for told in one.look()] == ["broker:shop/2"]
            assert rows(path) == []
            assert not one.alerting.state.problem, "nor did anybody wait until it is given up that it is written"
        wait_for(lambda: rows(path) == [("broker:shop/2", NOON + 5, None)], 180, "the writer has written it")


def test_what_is_kept_is_bounded_in_number_and_age(tmp_path: Path) -> None:
    clock, path = ManualClock(NOON), tmp_path / "state.db"
    state = open_state(path, pytest.fail, clock)
    going = PastIncident("going", NOON, "It goes on", frozenset({Labels({"alertname": "A"})}))
    past_incidents.write_later(state, [going, replace(going, id="old", ended=NOON)], NOON)
    many = [replace(going, id=f"i{at}", ended=NOON + at) for at in range(600)]
    past_incidents.write_later(state, [going, *many, going], NOON)
    past_incidents.write_later(state, [replace(going, id="last", ended=NOON + 600)], NOON + 8 * 86_400 + 500)
    wanted = ["going", *(f"i{at}" for at in range(500, 600)), "last"]
    state.close()
    assert sorted(told[0] for told in rows(path)) == sorted(wanted)
    again = open_state(path, pytest.fail, clock)
    assert {each.id: each.alerts for each in again.read(past_incidents.load)} == dict.fromkeys(wanted, going.alerts)
    again.close()


def test_a_text_that_is_no_text_costs_itself_only(tmp_path: Path) -> None:
    state = open_state(tmp_path / "state.db", pytest.fail, ManualClock(NOON))
    one = PastIncident("a", NOON, "It said \ud800", frozenset({Labels({"reason": "\ud800"})}), NOON)
    past_incidents.write_later(state, [one], NOON)
    state.write(lambda _: None)
    (known,) = state.read(past_incidents.load)
    assert (known.sentence, known.alerts) == ("It said ?", one.alerts)
    state.close()
