"""The journal in the state file: each change once, whenever the agent ends; bounded, joined where it comes again."""

import gc
import sqlite3
import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from streamwatch.agent.state import open_state
from streamwatch.core.clock import ManualClock
from streamwatch.journal import store
from streamwatch.journal.config import Config
from streamwatch.journal.journal import OWN, Journal
from streamwatch.journal.kinds import Difference, changes
from streamwatch.journal.own import SilenceRow
from streamwatch.journal.question import Question
from streamwatch.model.journal_entry import JournalEntry
from streamwatch.model.kafka import ClusterSnapshot
from streamwatch.state.statefile import StateFile
from tests.journal.test_kafka import EMPTY, GROWN, MORE, PLAIN, STABLE, at, read, settings

START = 1_000_000.0


class Life:
    """An agent's journal that ends and begins again."""

    def __init__(self, folder: Path, **config: Any) -> None:
        self.path, self.config = folder / "state.db", Config(**config)
        self.clock = ManualClock(START)
        self.problems: list[str] = []
        self._open()

    def _open(self) -> None:
        self.state: StateFile = open_state(self.path, self.problems.append, self.clock)
        self.journal = Journal(self.config, self.clock)
        self.journal.take(self.state)

    def look(self, snapshot: ClusterSnapshot, scope: str = "all", slow: float = 0.0) -> None:
        """Let 15 s pass, and read."""
        self.clock.advance(15.0)
        self.journal.look("test", scope, slow, replace(snapshot, taken_at=self.clock.now()))

    def restart(self, after: float = 0.0, *, kill: bool = False) -> None:
        """End and begin again; who is killed writes nothing more."""
        self.state.write(lambda _: None)
        if not kill:
            self.journal.close()
        self.state.close()
        self.clock.advance(after)
        self._open()

    def changes(self, **question: Any) -> list[JournalEntry]:
        """Return what is in the journal, the oldest first, once all is written."""
        self.state.write(lambda _: None)
        return self.journal.changes(Question(**question))[::-1]

    def kinds(self) -> list[str]:
        return [each.kind for each in self.changes()]


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    found = Life(tmp_path)
    yield found
    found.state.close()


def test_a_change_is_there_once_with_its_times(life: Life) -> None:
    life.look(read())
    life.look(read(MORE))
    life.look(read(MORE))

    [change] = life.changes()
    assert (change.at, change.since) == (START + 30, START + 15)
    assert change.sentence == "topic new was created, with 1 partition"


@pytest.mark.parametrize("kill", [False, True])
def test_a_change_before_a_restart_is_not_there_again(life: Life, kill: bool) -> None:  # noqa: FBT001 - a case
    life.look(read())
    life.look(read(MORE))
    life.restart(kill=kill)
    life.look(read(MORE))
    life.look(read(MORE))

    assert life.kinds() == ["topic.created"]


def test_what_changed_while_no_agent_ran_is_there_once_between_two_moments(life: Life) -> None:
    life.look(read())
    life.restart(after=225.0)
    life.look(read(MORE))
    life.look(read(MORE))

    [change] = life.changes()
    assert (change.since, change.at) == (START + 15, START + 15 + 225 + 15)


def test_a_kill_leaves_a_mark_of_a_minute_ago_at_most(life: Life) -> None:
    for _ in range(20):
        life.look(read())
    life.restart(kill=True)
    life.look(read(MORE))

    [change] = life.changes()
    assert 15 <= change.at - change.since <= 15 + 60


def test_positions_that_were_set_back_while_no_agent_ran(life: Life) -> None:
    life.look(at(500))
    life.restart(after=60.0)
    life.look(at(100))

    assert life.kinds() == ["group.set_back"]


def test_positions_that_moved_while_no_agent_ran_may_have_been_read(life: Life) -> None:
    life.look(at(100))
    life.look(at(100))
    life.restart(after=60.0)
    life.look(at(900))

    assert life.kinds() == []


def test_other_groups_that_the_configuration_looks_at_are_neither_new_nor_gone(life: Life) -> None:
    life.look(read(groups=[STABLE]))
    life.look(read(groups=[replace(STABLE, name="other")]), scope="others")
    life.look(read(groups=[replace(STABLE, name="other")]), scope="others")
    life.look(read(groups=[]), scope="others")
    life.look(read(groups=[]), scope="others")

    assert [(each.kind, each.subject) for each in life.changes()] == [("group.deleted", "other")]


def test_other_groups_while_not_every_broker_answers(life: Life) -> None:
    life.look(read(groups=[STABLE]))
    life.look(read(groups=[replace(STABLE, name="other")], groups_complete=False), scope="others")
    life.restart()
    life.look(read(groups=[replace(STABLE, name="third")], groups_complete=False), scope="others")
    life.look(read(groups=[STABLE, replace(STABLE, name="third")]), scope="others")
    life.look(read(groups=[STABLE, replace(STABLE, name="third")]), scope="others")

    assert life.kinds() == []


def test_what_is_asked_for_now_and_then_may_be_older_than_the_read_before(life: Life) -> None:
    life.look(settings(1), slow=600.0)
    life.look(settings(2), slow=600.0)

    [change] = life.changes()
    assert change.at - change.since == 600.0


def test_members_that_come_and_go_are_one_entry(life: Life) -> None:
    for members in (3, 4, 5, 4, 6):
        life.look(read(groups=[replace(STABLE, members=members)]))

    [change] = life.changes()
    assert (change.before, change.after, change.count) == ("3", "6", 4)
    assert change.sentence == "group g has 6 members instead of 3 (4 changes in 45 s)"


def test_members_that_are_as_before_again(life: Life) -> None:
    for members in (3, 4, 3):
        life.look(read(groups=[replace(STABLE, members=members)]))

    [change] = life.changes()
    assert change.sentence == "g: 3 again (2 changes in 15 s)"


def test_what_follows_much_later_is_another_entry(life: Life) -> None:
    life.look(read(groups=[STABLE]))
    life.look(read(groups=[replace(STABLE, members=4)]))
    life.clock.advance(301.0)
    life.look(read(groups=[replace(STABLE, members=5)]))

    assert life.kinds() == ["group.members", "group.members"]


def test_a_hundred_topics_at_once_are_one_entry(life: Life) -> None:
    life.look(read())
    life.look(read({**PLAIN, **{f"t{number:03}": PLAIN["users"] for number in range(100)}}))

    [change] = life.changes()
    assert change.count == 100
    assert change.subject == "t000, t001, t002, t003, t004 and 95 more"


def test_so_many_are_kept_and_for_so_long(tmp_path: Path) -> None:
    life = Life(tmp_path, max_changes=100, max_age=3600.0)
    life.look(read())
    for number in range(120):
        life.look(settings(number + 1))
    life.journal.maintain()
    assert len(life.changes(limit=1000)) == 100
    life.clock.advance(3601.0)
    life.journal.maintain()
    assert life.changes() == []
    life.look(read(GROWN))
    life.restart(kill=True)
    life.look(read(GROWN))
    assert life.kinds() == ["topic.partitions"]
    life.state.close()


def test_what_could_not_be_written_is_compared_again(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> None:
        raise sqlite3.OperationalError("no more room")

    life.look(read())
    with monkeypatch.context() as patch:
        patch.setattr(life.state, "write_later", refuse)
        life.look(read(MORE))
    life.look(read(MORE))

    assert life.kinds() == ["topic.created"]


def test_another_state_file_gets_all_that_is_known(life: Life, tmp_path: Path) -> None:
    life.look(read())
    life.journal.close()
    other = open_state(tmp_path / "other.db", life.problems.append, life.clock)
    life.journal.take(other)
    life.look(read())
    other.write(lambda _: None)
    assert set(other.read(lambda connection: store.read_seen(connection, "test").parts)) >= {"topics", "brokers"}
    other.close()


def test_a_source_that_is_watched_no_more_is_forgotten_and_known_when_it_returns(life: Life) -> None:
    now = read()
    assert now.topology is not None
    seen = weakref.ref(now.topology.partition)
    life.look(now)
    del now
    for watched in (["test"], ["test"], ["another"]):
        life.journal.forget_others(watched)
        life.state.write(lambda _: None)
        gc.collect()
        assert seen() is not None, "what is not written yet is not forgotten"
    life.journal.forget_others(["another"])
    gc.collect()
    assert seen() is None

    life.look(read(MORE))
    life.look(read(MORE))
    assert life.kinds() == ["topic.created"]


def test_a_source_that_returns_before_it_is_forgotten_stays(life: Life) -> None:
    life.look(read())
    life.journal.forget_others(["another"])
    life.look(read(MORE))
    life.journal.forget_others(["another"])
    life.look(read(MORE))
    assert life.kinds() == ["topic.created"]


def test_a_bug_in_a_comparison_costs_no_read(life: Life, caplog: pytest.LogCaptureFixture) -> None:
    broken = replace(read(), min_isr=None)  # type: ignore[arg-type]
    life.look(read())
    for _ in range(3):
        life.look(broken)
    life.look(read(MORE))

    assert life.kinds() == ["topic.created"]
    assert [record.message for record in caplog.records if "journal" in record.message] == [
        "journal: a read cannot be compared: the next one is; please report this: test"
    ]


def test_parts_that_cannot_be_read_are_not_known(life: Life) -> None:
    life.look(read())
    life.journal.close()
    life.state.write(lambda connection: connection.execute("UPDATE seen_parts SET body = x'00' WHERE part = 'topics'"))
    life.restart(kill=True)
    life.look(read(MORE))
    life.look(read())
    life.look(read())

    assert life.kinds() == ["topic.deleted"]


def test_starts_and_configurations_of_the_agent(life: Life) -> None:
    life.journal.start("1.0", {"notify": "a", "source shop": "b"})
    life.restart(after=60.0)
    life.journal.start("1.0", {"notify": "a", "source shop": "b"})
    life.journal.take_configuration("1.0", {"notify": "z", "source other": "b"})
    life.restart()
    life.journal.start("1.1", {"notify": "y"})  # another version has other settings by itself

    assert [each.sentence for each in life.changes(sources=(OWN,))] == [
        "StreamWatch 1.0 started; it has no earlier state",
        "StreamWatch 1.0 started; it did not run for 60 s at most",
        "StreamWatch has another configuration: source other is new, source shop is gone, notify is another",
        "StreamWatch 1.1 started; it did not run for 0 s at most",
    ]


def test_silences(life: Life) -> None:
    def row(until: float, updated: float = 0.0) -> SilenceRow:
        return SilenceRow("1", 'severity="page"', until, "ann", "works", updated)

    life.journal.look_at_silences([])
    life.clock.advance(10.0)
    life.journal.look_at_silences([row(START + 3600, START + 5)])
    life.journal.look_at_silences([row(START + 3600, START + 5)])
    life.journal.look_at_silences([row(START + 7200, START + 9)])
    life.clock.advance(20.0)
    life.journal.look_at_silences([row(START + 25, START + 25)])

    found = life.changes(sources=(OWN,))
    assert [(each.kind, each.at - START) for each in found] == [
        ("silence.created", 5.0),
        ("silence.changed", 9.0),
        ("silence.ended", 25.0),
    ]
    assert found[0].sentence == 'silence 1 was made: severity="page" until 1970-01-12T14:46:40.000Z, by ann: works'


def test_questions(life: Life) -> None:
    found = [Difference("topic.created", f"t{number}") for number in range(5)] + [Difference("broker.gone", "1")]
    for number, difference in enumerate(found):
        entry = changes([difference], "a" if number % 2 else "b", START + number, START)
        life.state.write(lambda connection, entry=entry: store.add(connection, entry, 0.0))  # type: ignore[misc]

    life.changes()

    def subjects(**question: Any) -> list[str]:
        return [each.subject for each in life.journal.changes(Question(**question))]

    assert subjects() == ["1", "t4", "t3", "t2", "t1", "t0"]
    assert subjects(kinds=("topic",)) == ["t4", "t3", "t2", "t1", "t0"]
    assert subjects(kinds=("broker.gone", "topic.created"), sources=("a",)) == ["1", "t3", "t1"]
    assert subjects(since=START + 1, until=START + 2) == ["t2", "t1"]
    page = life.journal.changes(Question(limit=2))
    assert subjects(limit=2, below=(page[-1].at, page[-1].number)) == ["t3", "t2"]


def test_without_a_state_file_nothing_is_compared() -> None:
    journal = Journal(Config(), ManualClock(START))
    journal.look("test", "all", 0.0, read(groups=[EMPTY]))
    journal.maintain()
    journal.close()

    assert journal.changes(Question()) == []
