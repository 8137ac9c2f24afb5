"""The service manager hears when the agent is ready, at work and about to end: by a real socket of datagrams."""

import os
import secrets
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from streamwatch.agent.app import App
from streamwatch.agent.service_watch import ServiceWatch
from streamwatch.core.clock import ManualClock
from streamwatch.core.supervisor import Supervisor
from streamwatch.export.endpoints import Health
from tests.agent.test_app import settings
from tests.agent_process import COMMAND
from tests.conftest import Start, closed_port
from tests.waiting import wait_for

HANGS = Health(("job 'shop' has not begun for 75s: it hangs",))


class Manager:
    """Listens as systemd does."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address.replace("@", "\0", 1))
        self._socket.settimeout(180)

    def hear(self) -> dict[str, str]:
        """Wait for a datagram."""
        return dict(line.split("=", 1) for line in self._socket.recv(4096).decode().split("\n"))

    def heard(self) -> list[dict[str, str]]:
        """Return what has come."""
        found = []
        self._socket.settimeout(0)
        try:
            while True:
                found.append(self.hear())
        except BlockingIOError:
            return found
        finally:
            self._socket.settimeout(180)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Manager]:
    address = str(tmp_path / "notify") if request.param == "path" else f"@streamwatch-{secrets.token_hex(8)}"
    with closing(Manager(address)) as listening:
        yield listening


def test_a_real_agent_says_that_it_is_ready_works_and_ends(manager: Manager) -> None:
    environment = os.environ | {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "300000"}
    environment.pop("WATCHDOG_PID", None)
    args = ("run", "--kafka", f"127.0.0.1:{closed_port()}", "--listen", "127.0.0.1:0")
    with subprocess.Popen(
        [*COMMAND, *args], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
    ) as process:
        try:
            wait_for(lambda: manager.hear().get("READY") == "1", 60, "it is ready")
            beats = [manager.hear() for _ in range(5)]
            assert beats == [{"WATCHDOG": "1"}] * 5
            process.send_signal(signal.SIGTERM)
            wait_for(lambda: manager.hear().get("STOPPING") == "1", 60, "it ends")
            assert process.wait(180) == 0
        finally:
            process.kill()


def test_before_all_was_read_once_it_asks_for_patience_and_not_while_it_hangs(manager: Manager) -> None:
    ready, working = Health(("source 'shop': the first read has not ended yet",)), Health()
    watch = ServiceWatch(Supervisor(manager.address, 30.0), lambda: ready, lambda: working)

    assert watch.step() == 1.0
    patience, beat = manager.heard()
    assert patience == {"STATUS": ready.reasons[0], "EXTEND_TIMEOUT_USEC": "30000000"}
    assert beat == {"WATCHDOG": "1"}
    working = HANGS
    watch.step()
    assert manager.heard() == [{"STATUS": HANGS.reasons[0]}]
    ready = working = Health()
    assert watch.step() == 10.0
    assert manager.heard() == [
        {"READY": "1", "STATUS": "every source was read"}, {"STATUS": "works again"}, {"WATCHDOG": "1"},
    ]  # fmt: skip


def test_while_a_job_hangs_the_watchdog_hears_nothing(manager: Manager) -> None:
    working = Health()
    watch = ServiceWatch(Supervisor(manager.address, 30.0), Health, lambda: working)
    watch.step()
    working = HANGS
    manager.heard()
    for _ in range(3):
        watch.step()
    assert manager.heard() == [{"STATUS": HANGS.reasons[0]}]


def test_rules_that_are_not_evaluated_are_a_hang(start: Start) -> None:
    app = App(settings("a"), ManualClock(1000.0))
    try:
        assert app.working().reasons == ("rules are not evaluated: they hang",)
    finally:
        app.stop()
    assert start(settings("a")).working() == Health()


@pytest.mark.parametrize(
    ("environment", "is_there", "watchdog"),
    [
        ({}, False, None),
        ({"NOTIFY_SOCKET": ""}, False, None),
        ({"NOTIFY_SOCKET": "vsock:2:1"}, False, None),
        ({"NOTIFY_SOCKET": "/run/systemd/notify"}, True, None),
        ({"NOTIFY_SOCKET": "@notify", "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, True, 30.0),
        ({"NOTIFY_SOCKET": "@notify", "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"}, True, None),
        ({"NOTIFY_SOCKET": "@notify", "WATCHDOG_USEC": "0"}, True, None),
        ({"NOTIFY_SOCKET": "@notify", "WATCHDOG_USEC": "soon"}, True, None),
    ],
)
def test_whom_the_environment_names(environment: dict[str, str], watchdog: float | None, *, is_there: bool) -> None:
    found = Supervisor.of(environment, 7)
    assert (found.is_there, found.watchdog_seconds) == (is_there, watchdog)


def test_one_that_is_gone_or_does_not_read_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    gone = Supervisor(str(tmp_path / "nobody"))
    for _ in range(3):
        gone.notify(WATCHDOG=1)
    assert [record.getMessage() for record in caplog.records] == [
        "NOTIFY_SOCKET: the service manager cannot be reached: No such file or directory: look at its unit"
    ]
    with closing(Manager(str(tmp_path / "deaf"))) as deaf:
        full = Supervisor(deaf.address)
        for _ in range(10_000):
            full.notify(STATUS="x" * 200)
        assert 0 < len(deaf.heard()) < 10_000


def test_nobody_who_wants_to_hear_costs_nothing() -> None:
    def nobody() -> Health:
        raise AssertionError

    assert ServiceWatch(Supervisor(None), nobody, nobody).step() is None
