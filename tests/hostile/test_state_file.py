"""A state file in which somebody, or something, wrote what makes no sense: it costs the row, and nothing else."""

import json
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from streamwatch.agent import past_incidents
from streamwatch.agent.state import open_state
from streamwatch.archive.archive import Archive
from streamwatch.archive.archive_file import ArchiveFile
from streamwatch.archive.rings import ROW_BYTES
from streamwatch.catalogue.agent import BUILD_INFO
from streamwatch.core.clock import ManualClock
from streamwatch.export.remote_write.encode import Cycle
from streamwatch.export.remote_write.queue_file import QueueFile
from streamwatch.model.alert import Alert
from streamwatch.model.labels import Labels
from streamwatch.model.notification import Notification
from streamwatch.notify import outbox, silence_store
from streamwatch.notify.plan import NotificationState
from streamwatch.rules import persist
from streamwatch.state import marks
from streamwatch.state.statefile import StateFile
from tests.waiting import wait_for

NOW = 1_800_000_000.0
NOBODY = 65_534
FIRING = Alert(Labels({"alertname": "A"}), "firing", 1.0, NOW, (), NOW)
ROW = NotificationState("pager", "k", wanted="firing", wanted_alerts=frozenset({"a"}))


def fill(connection: sqlite3.Connection) -> None:
    """Write a row into each table, as the agent does."""
    pairs = json.dumps(FIRING.labels.pairs)
    alert = ("A", pairs, "firing", 1.0, NOW, "[]", NOW, None, None)
    connection.execute("INSERT INTO alerts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", alert)
    outbox.put(connection, ROW, Notification("k", Labels(), "firing", (FIRING,), NOW))
    silence_store.add(connection, ['a="b"'], NOW + 60, "me", "", NOW, NOW)
    incident = ("broker:a/1", NOW - 9, NOW, "It was down", json.dumps([FIRING.labels.pairs]))
    connection.execute("INSERT INTO past_incidents VALUES (NULL, ?, ?, ?, ?, ?)", incident)


def read_all(state: StateFile) -> tuple[int, int, int, int]:
    """Return how many alerts, notifications, silences and incidents there are, reading them as everybody does."""
    clock = ManualClock(NOW)
    state.read(marks.Marks("evaluator", clock).jump)
    alerts = state.read(persist.load)
    taken = state.write(lambda connection: outbox.take(connection, "pager", NOW + 1e9, 10))
    found = state.read(outbox.rows)
    assert len(found) == len(state.read(outbox.entries)) == len(taken)
    silences = state.read(lambda c: silence_store.ended_after(c, 0.0))
    return sum(map(len, alerts.values())), len(taken), len(silences), len(state.read(past_incidents.load))


CONTENT = "UPDATE notified SET content = "
SPOILT = {
    "labels_that_are_no_json": "UPDATE alerts SET labels = 'x'",
    "labels_of_another_kind": "UPDATE alerts SET labels = '5'",
    "labels_without_end": "UPDATE alerts SET labels = replace(hex(zeroblob(100000)), '0', '[')",
    "labels_no_utf8": "UPDATE alerts SET labels = CAST(x'ff' AS TEXT)",
    "labels_that_are_bytes": "UPDATE alerts SET labels = x'ff'",
    "active_at_that_is_a_word": "UPDATE alerts SET active_at = 'soon'",
    "active_at_beyond_all_dates": "UPDATE alerts SET active_at = 1e300",
    "active_at_without_end": "UPDATE alerts SET active_at = 9e999",
    "fired_at_below_all_dates": "UPDATE alerts SET fired_at = -1e300",
    "a_value_that_is_a_word": "UPDATE alerts SET value = 'much'",
    "a_state_that_is_none": "UPDATE alerts SET state = 'burning'",
    "annotations_of_another_kind": "UPDATE alerts SET annotations = '{}1'",
    "wanted_alerts_that_are_no_json": "UPDATE notified SET wanted_alerts = ''",
    "wanted_alerts_of_another_kind": "UPDATE notified SET wanted_alerts = '[{}]'",
    "delivered_that_is_no_json": "UPDATE notified SET delivered = '{'",
    "content_that_is_no_json": f"{CONTENT} 'x'",
    "content_of_another_kind": f"{CONTENT} '[]'",
    "content_without_alerts": f"{CONTENT} '{{}}'",
    "content_without_end": f"{CONTENT} replace(hex(zeroblob(100000)), '0', '[')",
    "content_at_no_time": f"{CONTENT} replace(content, '{NOW}', '1e300')",
    "an_attempt_that_is_a_word": "UPDATE notified SET attempts = 'many'",
    "an_outcome_that_is_none": "UPDATE notified SET maybe_delivered = 77",
    "next_at_that_is_a_word": "UPDATE notified SET next_at = 'soon'",
    "matchers_that_are_no_json": "UPDATE silences SET matchers = 'x'",
    "matchers_that_are_none": "UPDATE silences SET matchers = '[\"=~(\"]'",
    "until_that_is_a_word": "UPDATE silences SET until = 'ever'",
    "until_beyond_all_dates": "UPDATE silences SET until = 1e300",
    "an_incident_of_no_alerts": "UPDATE past_incidents SET alerts = 'x'",
    "an_incident_of_other_alerts": "UPDATE past_incidents SET alerts = '[5]'",
    "an_incident_whose_alerts_have_no_end": "UPDATE past_incidents SET alerts = replace(hex(zeroblob(9999)), '0', '[')",
    "an_incident_that_began_soon": "UPDATE past_incidents SET since = 'soon'",
    "an_incident_that_began_before_all_dates": "UPDATE past_incidents SET since = -1",
    "an_incident_that_ended_before_it_began": "UPDATE past_incidents SET ended = 5",
    "an_incident_that_ends_beyond_all_dates": "UPDATE past_incidents SET ended = 9e999",
    "an_incident_whose_sentence_is_no_utf8": "UPDATE past_incidents SET sentence = CAST(x'ff' AS TEXT)",
    "a_mark_of_the_clock_that_is_a_word": "INSERT INTO clocks VALUES ('evaluator', 'noon', 1.0, 'b')",
    "a_mark_of_the_clock_without_end": "INSERT INTO clocks VALUES ('evaluator', 9e999, 1.0, 'b')",
}


@pytest.mark.parametrize("statement", SPOILT.values(), ids=SPOILT)
def test_a_row_that_nobody_can_read_is_set_aside_and_said_once(tmp_path: Path, statement: str) -> None:
    path = tmp_path / "state.db"
    said: list[str] = []
    first = open_state(path, said.append, ManualClock(NOW))
    first.write(fill)
    assert read_all(first) == (1, 1, 1, 1)
    first.close()
    with closing(sqlite3.connect(path)) as hand:
        hand.execute(statement)
        hand.commit()

    state = open_state(path, said.append, ManualClock(NOW))
    lost = [statement.startswith(f"UPDATE {name} ") for name in ("alerts", "notified", "silences", "past_incidents")]
    assert read_all(state) == tuple(1 - one for one in lost)
    state.close()
    open_state(path, said.append, ManualClock(NOW)).close()

    (report,) = said
    assert f"1 rows of {statement.split()[2 if 'INTO' in statement else 1]} cannot be read" in report
    aside = tmp_path / f"state.db.unreadable-{int(NOW)}"
    assert len(aside.read_text("utf-8").splitlines()) == 1
    assert stat.S_IMODE(aside.stat().st_mode) == 0o600


def test_what_another_process_writes_and_nobody_can_read_does_not_count(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    said: list[str] = []
    state = open_state(path, said.append, ManualClock(NOW))
    state.write(fill)
    with closing(sqlite3.connect(path)) as hand:
        hand.execute("UPDATE alerts SET labels = 'x'")
        hand.execute("INSERT INTO silences VALUES (7, '[\"c=d\"]', ?, 'hand', '', 0, 0)", (NOW + 60,))
        hand.commit()

    wait_for(lambda: read_all(state) == (0, 1, 2, 1), 10, "what can be read counts")
    assert [text for text in said if "1 rows that another process wrote cannot be read" in text] == said
    state.close()


@pytest.mark.parametrize("mode", [None, 0o644, 0o666])
def test_the_file_and_those_beside_it_are_its_owners_only(tmp_path: Path, mode: int | None) -> None:
    path = tmp_path / "state.db"
    if mode is not None:
        open_state(path, lambda _: None, ManualClock(NOW)).close()
        path.chmod(mode)
    before = os.umask(0)
    try:
        state = open_state(path, lambda _: None, ManualClock(NOW))
        state.write(fill)
        files = sorted(tmp_path.iterdir())
        assert [one.name for one in files] == ["state.db", "state.db-shm", "state.db-wal"]
        assert {stat.S_IMODE(one.stat().st_mode) for one in files} == {0o600}
        state.close()
    finally:
        os.umask(before)


@pytest.mark.parametrize("mode", [None, 0o644])
def test_what_is_kept_beside_it_is_its_owners_only(tmp_path: Path, mode: int | None) -> None:
    kept = tmp_path / "archive", tmp_path / "queue"
    if mode is not None:  # of an earlier version
        for path in kept:
            path.touch(mode)
            path.with_name(f"{path.name}.new").touch(mode)
    before = os.umask(0)
    try:
        clock = ManualClock(NOW)
        archive = ArchiveFile(kept[0], Archive(10 * ROW_BYTES, clock))
        archive.write(NOW)
        archive.close()
        queue = QueueFile(kept[1], 2**20)
        queue.write([Cycle(NOW, [BUILD_INFO.sample(1.0, version="1")], [])], 0)
        queue.close()
    finally:
        os.umask(before)
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == dict.fromkeys(
        ("archive", "queue"), 0o600
    )


def test_a_link_where_a_new_file_is_to_be_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "of_somebody_else").write_text("precious")
    for name in ("archive.new", "queue.new"):
        (tmp_path / name).symlink_to("of_somebody_else")
    archive = ArchiveFile(tmp_path / "archive", Archive(10 * ROW_BYTES, ManualClock(NOW)))
    queue = QueueFile(tmp_path / "queue", 2**20)
    with pytest.raises(OSError, match="symbolic link"):
        archive.write(NOW)
    with pytest.raises(OSError, match="symbolic link"):
        queue.write([Cycle(NOW, [BUILD_INFO.sample(1.0, version="1")], [])], 0)
    assert (tmp_path / "of_somebody_else").read_text() == "precious"


@contextmanager
def another_user() -> Iterator[Path]:
    """Give a folder with a state file that this process may not use: of another user, where it can be one."""
    with TemporaryDirectory() as name:  # those of pytest are for one user only
        folder = Path(name)
        open_state(folder / "state.db", lambda _: None, ManualClock(NOW)).close()
        folder.chmod(0o755)
        if is_root := os.geteuid() == 0:
            os.seteuid(NOBODY)
        else:
            (folder / "state.db").chmod(0)
        try:
            yield folder
        finally:
            if is_root:
                os.seteuid(0)


def test_what_a_link_in_its_place_leads_to_is_left_as_it_is(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("of somebody else")
    precious.chmod(0o644)
    (tmp_path / "state.db").symlink_to(precious)
    said: list[str] = []
    state = open_state(tmp_path / "state.db", said.append, ManualClock(NOW))
    state.write(fill)
    state.close()
    assert (precious.read_text(), stat.S_IMODE(precious.stat().st_mode)) == ("of somebody else", 0o644)
    assert not (tmp_path / "state.db").is_symlink(), "the link was set aside"
    assert "set aside as state.db.damaged-" in said[0]


@pytest.mark.parametrize("target", ["nothing", "an empty file", "another program's", "a state file"])
def test_a_link_to_what_is_no_state_file_is_not_followed(tmp_path: Path, target: str) -> None:
    theirs = tmp_path / "theirs"
    if target == "an empty file":
        theirs.touch()
    elif target == "another program's":
        make_foreign(theirs)
    elif target == "a state file":
        open_state(theirs, lambda _: None, ManualClock(NOW)).close()
    before = theirs.read_bytes() if theirs.exists() else None
    (tmp_path / "state.db").symlink_to(theirs)
    said: list[str] = []
    state = open_state(tmp_path / "state.db", said.append, ManualClock(NOW))
    state.write(fill)
    assert read_all(state) == (1, 1, 1, 1)
    state.close()
    assert (tmp_path / "state.db").is_symlink()
    if target == "a state file":
        assert said == []
    else:
        assert (theirs.read_bytes() if theirs.exists() else None) == before
        assert "is left as it is" in said[0]


def test_another_programs_database_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "grafana.db"
    make_foreign(path)
    before, said = path.read_bytes(), list[str]()
    state = open_state(path, said.append, ManualClock(NOW))
    state.write(fill)
    state.close()
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["grafana.db"]
    assert "it is another program's database: alerts are kept in memory only: give another path" in said[0]


def make_foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("CREATE TABLE dashboards (id INTEGER); PRAGMA user_version = 2")


@pytest.mark.parametrize(
    "change",
    [
        "DROP TABLE clocks; CREATE TABLE clocks (x)",
        "CREATE TRIGGER t BEFORE INSERT ON alerts BEGIN SELECT RAISE(ABORT, 'no'); END",
        "ALTER TABLE alerts ADD COLUMN more",
    ],
)
def test_tables_that_somebody_made_anew_are_set_aside(tmp_path: Path, change: str) -> None:
    path = tmp_path / "state.db"
    open_state(path, lambda _: None, ManualClock(NOW)).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(change)
    said: list[str] = []
    state = open_state(path, said.append, ManualClock(NOW))
    state.write(fill)
    assert read_all(state) == (1, 1, 1, 1)
    assert not state.problem
    state.close()
    assert "set aside as state.db.damaged-" in said[0]


def test_a_file_that_is_another_users_is_left_where_it_is() -> None:
    said: list[str] = []
    with another_user() as folder:
        state = open_state(folder / "state.db", said.append, ManualClock(NOW))
        state.write(fill)
        assert read_all(state) == (1, 1, 1, 1)
        state.close()
        assert [one.name for one in folder.iterdir()] == ["state.db"]
    (only,) = said
    assert "alerts are kept in memory only: is it another user's" in only


def test_a_file_that_is_not_the_agents_to_use_is_left_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.mkdir()
    said: list[str] = []
    state = open_state(path, said.append, ManualClock(NOW))
    state.write(fill)
    assert read_all(state) == (1, 1, 1, 1)
    state.close()
    assert [one.name for one in tmp_path.iterdir()] == ["state.db"]
    assert "alerts are kept in memory only: is it another user's" in said[0]
