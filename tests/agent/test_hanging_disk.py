"""A disk that hangs keeps nobody from reading, being scraped, or being paged; and it is told."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from streamwatch.agent import config
from streamwatch.agent.app import App
from streamwatch.agent.state import open_state
from streamwatch.core.clock import ManualClock, SystemClock
from streamwatch.state import statefile
from streamwatch.state.statefile import StateFile
from tests.agent.test_app import samples
from tests.conftest import Start, closed_port, get
from tests.notify.receiver import Receiver, receiver
from tests.waiting import wait_for

READS = 4
HANG_SECONDS = 900
"""At most: longer than all that a test waits for meanwhile, however slow the machine is."""
Hang = Callable[[StateFile], AbstractContextManager[None]]


@contextmanager
def held(state: StateFile) -> Iterator[None]:
    """Hold the lock that a writer holds, from another thread, as a writer does whose ``fsync`` hangs."""
    is_held, may_go = threading.Event(), threading.Event()

    def hold() -> None:
        with state._lock:
            is_held.set()
            may_go.wait(HANG_SECONDS)

    holder = threading.Thread(target=hold)
    holder.start()
    assert is_held.wait(20)
    try:
        yield
    finally:
        may_go.set()
        holder.join(20)


@contextmanager
def stuck(state: StateFile) -> Iterator[None]:
    """Let the next statement on the file not return."""
    may_go = threading.Event()
    state._connection.set_trace_callback(lambda _: may_go.wait(HANG_SECONDS) and None)
    try:
        yield
    finally:
        may_go.set()


HANGS = pytest.mark.parametrize("hang", [held, stuck])


def save(state: StateFile, name: str) -> None:
    values = (name, "[]", "firing", 1.0, 0.0, "[]", 0.0, None, None)
    state.write(lambda connection: connection.execute("INSERT INTO alerts VALUES (?,?,?,?,?,?,?,?,?)", values))


def rules(connection: sqlite3.Connection) -> list[str]:
    return [name for (name,) in connection.execute("SELECT rule FROM alerts")]


def written(path: Path) -> list[str]:
    other = sqlite3.connect(path)
    try:
        return rules(other)
    finally:
        other.close()


@HANGS
def test_who_reads_and_writes_goes_on_and_the_file_follows(hang: Hang, tmp_path: Path) -> None:
    path, said = tmp_path / "state.db", list[str]()
    state = open_state(path, said.append, ManualClock(1000.0))
    save(state, "a")
    with hang(state):
        assert state.read(rules) == ["a"]
        assert state.problem == ""
        save(state, "b")  # waits for as long as a disk takes that works
        assert "not answered" in state.problem
        save(state, "c")
        assert state.read(rules) == ["a", "b", "c"]
        assert written(path) == ["a"]
    wait_for(lambda: state.problem == "", 20, "the file follows")
    assert written(path) == ["a", "b", "c"]
    save(state, "d")
    assert written(path) == ["a", "b", "c", "d"]
    assert len(said) == 1
    state.close()


@HANGS
def test_work_that_fails_changes_nothing_while_it_hangs(hang: Hang, tmp_path: Path) -> None:
    def fail(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM alerts")
        raise ValueError("no")

    state = open_state(tmp_path / "state.db", list[str]().append, ManualClock(1000.0))
    save(state, "a")
    with hang(state), pytest.raises(ValueError, match="no"):
        state.write(fail)
    assert state.read(rules) == ["a"]
    wait_for(lambda: state.problem == "", 20, "the file follows")
    assert written(tmp_path / "state.db") == ["a"]
    state.close()


def test_an_end_does_not_wait_for_a_disk_that_hangs(tmp_path: Path) -> None:
    state = open_state(tmp_path / "state.db", list[str]().append, ManualClock(1000.0))
    with held(state):
        state.close()
        with pytest.raises(sqlite3.ProgrammingError):
            save(state, "a")
    assert state._thread is not None
    state._thread.join(20)
    assert not state._thread.is_alive()


def test_what_another_process_has_written_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    state, other = (open_state(path, pytest.fail, ManualClock(1000.0)) for _ in range(2))
    save(other, "a")
    save(state, "b")
    assert state.read(rules) == ["a", "b"] == written(path)
    wait_for(lambda: other.read(rules) == ["a", "b"], 20, "seen without writing")
    other.close()
    state.close()


def test_who_is_counted_by_does_not_wait_for_who_works_in_memory(tmp_path: Path) -> None:
    state = open_state(tmp_path / "state.db", pytest.fail, ManualClock(1000.0))
    save(state, "a")
    assert state.glance(rules) == ["a"]
    is_at_work, may_go = threading.Event(), threading.Event()

    def work(_: sqlite3.Connection) -> None:
        is_at_work.set()
        may_go.wait(HANG_SECONDS)

    worker = threading.Thread(target=state.read, args=(work,))
    worker.start()
    assert is_at_work.wait(20)
    assert state.glance(rules) is None
    may_go.set()
    worker.join(20)
    assert state.glance(rules) == ["a"]
    state.close()


RULES = """
groups:
  - name: mine
    rules:
      - alert: Blind
        expr: streamwatch_source_up == 0
        labels: {severity: critical}
      - alert: NotWritten
        expr: streamwatch_alert_state_up == 0
        labels: {severity: warning}
"""


@pytest.fixture
def service() -> Iterator[Receiver]:
    with receiver() as found:
        yield found


def settings(folder: Path, service: Receiver) -> config.Config:
    (folder / "mine.yml").write_text(RULES)
    text = f"""
kafka: [{{name: shop, bootstrap: ['127.0.0.1:{closed_port()}'], interval: 5s, deadline: 500ms}}]
listen: {{address: '127.0.0.1:0'}}
rules: {{pack: false, files: [mine.yml], state: state.db, evaluation_interval: 1s}}
notify: {{webhook: [{{name: hook, url: '{service.url}/x'}}]}}
"""
    found = config.parse(text, "test.yaml", folder)
    return replace(found, rules=replace(found.rules, state=str(folder / "state.db")))


@HANGS
def test_an_agent_is_scraped_reads_and_pages(hang: Hang, tmp_path: Path, service: Receiver, start: Start) -> None:
    app = start(settings(tmp_path, service))
    wait_for(lambda: [one for one in service.requests if b"Blind" in one.body], 20, "the first page")
    with hang(app._alerting.state):
        before = samples(app)["streamwatch_job_runs_total"]["shop"]
        wait_for(lambda: samples(app)["streamwatch_job_runs_total"]["shop"] >= before + READS, 40, "reads go on")
        assert get(app, "/")[0] == 200
        assert get(app, "/api/v1/notifications")[0] == 200
        assert get(app, "/api/v2/silences")[0] == 200
        wait_for(lambda: samples(app)["streamwatch_alert_state_up"] == {"": 0.0}, 20, "it is told")
        wait_for(lambda: [one for one in service.requests if b"NotWritten" in one.body], 20, "it pages")
        assert set(samples(app)["streamwatch_job_overruns_total"].values()) == {0.0}
    wait_for(lambda: samples(app)["streamwatch_alert_state_up"] == {"": 1.0}, 20, "all is written")


def test_an_agent_begins_while_the_disk_hangs(
    tmp_path: Path, service: Receiver, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_go = threading.Event()
    opened = statefile._opened
    monkeypatch.setattr(statefile, "_OPEN_SECONDS", 0.2)
    monkeypatch.setattr(statefile, "_opened", lambda *args: may_go.wait(HANG_SECONDS) and opened(*args))
    try:
        app = start(settings(tmp_path, service))
        wait_for(lambda: [one for one in service.requests if b"Blind" in one.body], 20, "it pages")
        wait_for(lambda: [one for one in service.requests if b"NotWritten" in one.body], 20, "it pages of the disk")
        assert samples(app)["streamwatch_alert_state_up"] == {"": 0.0}
        assert get(app, "/")[0] == 200
    finally:
        may_go.set()


def test_an_agent_that_stops_does_not_wait_for_a_disk_that_hangs(tmp_path: Path, service: Receiver) -> None:
    app = App(settings(tmp_path, service), SystemClock())
    app.start()
    with held(app._alerting.state):
        app.stop()
