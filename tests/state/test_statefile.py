"""What must outlive the agent outlives it; and where it cannot be written, the agent goes on."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from streamwatch.agent import past_incidents
from streamwatch.agent.state import open_state
from streamwatch.core.clock import ManualClock
from streamwatch.journal import store
from streamwatch.model.labels import Labels
from streamwatch.model.notification import Notification, to_text
from streamwatch.notify import outbox, silence_store
from streamwatch.notify.plan import MaybeDelivered
from streamwatch.rules import persist
from streamwatch.state import marks
from streamwatch.state.statefile import StateFile


def save(state: StateFile, name: str) -> None:
    values = (name, "[]", "firing", 1.0, 0.0, "[]", 0.0, None, None)
    state.write(lambda connection: connection.execute("INSERT INTO alerts VALUES (?,?,?,?,?,?,?,?,?)", values))


def known(state: StateFile) -> list[str]:
    return state.read(lambda connection: [name for (name,) in connection.execute("SELECT rule FROM alerts")])


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
    one = open_state(path, said.append, ManualClock(1000.0))
    save(one, "a")
    one.close()
    spoil(path)
    state = open_state(path, said.append, ManualClock(2000.0))
    assert known(state) == []
    assert len(said) == 1
    assert "set aside as state.db.damaged-2000" in said[0]
    assert (tmp_path / "state.db.damaged-2000").exists()
    save(state, "a")
    assert len(known(state)) == 1
    state.close()


def test_without_a_place_to_write_the_agent_goes_on_and_says_so(tmp_path: Path) -> None:
    said: list[str] = []
    state = open_state(tmp_path / "none" / "state.db", said.append, ManualClock(1000.0))
    assert len(said) == 1
    assert "in memory only" in said[0]
    save(state, "a")
    assert len(known(state)) == 1
    assert state.problem
    state.close()


class Disk:
    """A state file whose disk can be full: SQLite is told to take no more pages."""

    def __init__(self, path: Path) -> None:
        self.said: list[str] = []
        self.clock = ManualClock(1000.0)
        self.path = path
        self.state = open_state(path, self.said.append, self.clock)
        self._file = self.state._connection

    def fill(self) -> None:
        pages = self._file.execute("PRAGMA page_count").fetchone()[0]
        self._file.execute(f"PRAGMA max_page_count = {pages}")

    def free(self) -> None:
        self._file.execute("PRAGMA max_page_count = 1000000")

    def written(self) -> list[str]:
        other = sqlite3.connect(self.path)
        try:
            return [name for (name,) in other.execute("SELECT rule FROM alerts")]
        finally:
            other.close()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    found = Disk(tmp_path / "state.db")
    yield found
    found.state.close()


def test_on_a_full_disk_the_agent_goes_on_and_writes_everything_when_it_can(disk: Disk) -> None:
    save(disk.state, "before")
    disk.fill()
    names = ["a" * 5000, "b" * 5000]
    for name in names:
        save(disk.state, name)
    assert known(disk.state) == [*names, "before"]
    assert disk.written() == ["before"]
    assert "full" in disk.state.problem
    assert len(disk.said) == 1
    disk.clock.advance(31)
    save(disk.state, "still full")
    assert disk.state.problem
    disk.free()
    disk.clock.advance(31)
    save(disk.state, "after")
    assert disk.state.problem == ""
    assert sorted(disk.written()) == sorted([*names, "after", "before", "still full"])
    assert len(disk.said) == 1


def test_a_table_that_somebody_took_away_does_not_stop_the_agent(disk: Disk) -> None:
    other = sqlite3.connect(disk.path, isolation_level=None)
    other.execute("ALTER TABLE alerts RENAME TO away")
    other.close()
    save(disk.state, "a")
    assert known(disk.state) == ["a"]
    assert "no such table" in disk.state.problem


def test_a_file_of_before_notifications_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    open_state(path, pytest.fail, ManualClock()).close()
    old = sqlite3.connect(path)
    for table in ("notified", "silences", *store.TABLES.names, *past_incidents.TABLES.names):
        old.execute(f"DROP TABLE {table}")
    old.execute("PRAGMA user_version = 1")
    old.execute("INSERT INTO alerts VALUES ('old', '[]', 'firing', 1, 0, '[]', 0, NULL, NULL)")
    old.commit()
    old.close()
    state = open_state(path, pytest.fail, ManualClock())
    assert known(state) == ["old"]
    assert state.read(lambda connection: connection.execute("SELECT count(*) FROM notified").fetchone()) == (0,)
    state.close()


def test_what_an_agent_of_before_left_in_the_outbox_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    old = sqlite3.connect(path)
    for version in (1, 2, 3):
        for part in (persist.TABLES, outbox.TABLES, silence_store.TABLES, marks.TABLES):
            old.executescript(";".join(part.versions.get(version, ())))
    old.execute(
        "INSERT INTO notified (target, key, seq, told, told_at, wanted, wants, doubt, attempts, next_at, parked, since,"
        " look_at, content) VALUES ('pager', 'k', 3, NULL, -9e999, 'firing', '[\"f\"]', 1, 2, 5, '', 4, 7, ?)",
        (to_text(Notification("k", Labels(), "firing", (), 0.0)),),
    )
    old.execute("PRAGMA user_version = 3")
    old.commit()
    old.close()
    state = open_state(path, pytest.fail, ManualClock())
    found = state.read(outbox.rows)["pager", "k"]
    assert found.delivered is None
    assert found.wanted_alerts == {"f"}
    assert found.maybe_delivered is MaybeDelivered.UNDER_WAY
    assert not found.parked_reason
    assert (found.wanted_since, found.plan_again_at) == (4.0, 7.0)
    state.close()


def insert_twice(connection: sqlite3.Connection) -> None:
    for _ in range(2):
        connection.execute("INSERT INTO alerts VALUES ('r', '[]', 'firing', 1, 0, '[]', 0, NULL, NULL)")


def test_a_transaction_is_whole_or_nothing(disk: Disk) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        disk.state.write(insert_twice)
    assert known(disk.state) == []
    assert disk.state.problem == ""
