"""Deliveries at work, in threads: one that hangs costs its own share only; what is due at the end is delivered."""

import signal
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from streamwatch.agent.state import open_state
from streamwatch.core.clock import SystemClock
from streamwatch.core.errors import NotifyUnavailable
from streamwatch.http.client import HttpClient, HttpConfig
from streamwatch.model.notification import Notification
from streamwatch.notify.channel import Integration
from streamwatch.notify.channels.logged import Config as Logged
from streamwatch.notify.config import Config, HeartbeatConfig
from streamwatch.notify.delivery import Deliveries
from streamwatch.notify.dispatch import Dispatcher
from streamwatch.notify.heartbeat import HeartbeatSender
from streamwatch.settings.types import Secret
from tests.agent_process import agent
from tests.notify.alerts import alert
from tests.notify.receiver import Receiver, receiver
from tests.waiting import wait_for


class Ears:
    """Hears, or hangs until it is let go."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.free = threading.Event()
        self.free.set()

    def send(self, some: Sequence[Notification]) -> None:
        if not self.free.wait(20):
            raise NotifyUnavailable("hung")
        self.heard += [one.name for one in some]


class Site:
    def __init__(self, path: Path) -> None:
        self.clock = SystemClock()
        self.state = open_state(path, pytest.fail, self.clock)
        self.ears = {"a": Ears(), "b": Ears()}
        self.targets = [Integration(name, name, one, rate=1000.0, burst=100) for name, one in self.ears.items()]
        config = Config(log=tuple(Logged(name=name) for name in self.ears), inhibit_pack=False)
        self.dispatcher = Dispatcher(config, self.targets, (), self.clock)
        self.deliveries = Deliveries(self.targets, self.state, self.clock)
        self.state.write(self.dispatcher.begin)

    def fire(self, *names: str) -> None:
        some = [alert(name) for name in names]
        self.state.write(lambda connection: self.dispatcher.plan(connection, some, changed=True))
        self.deliveries.wake()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path / "state.db")
    yield made
    for one in made.ears.values():
        one.free.set()
    made.deliveries.stop(5)
    made.state.close()


def test_a_channel_that_hangs_does_not_hold_up_the_others(site: Site) -> None:
    site.ears["a"].free.clear()
    site.deliveries.start()
    site.fire("One")
    wait_for(lambda: site.ears["b"].heard == ["One"], 10, "the other is told")
    site.fire("One", "Two")
    wait_for(lambda: site.ears["b"].heard == ["One", "Two"], 10, "and again")
    assert site.ears["a"].heard == []
    site.ears["a"].free.set()
    wait_for(lambda: site.ears["a"].heard == ["One", "Two"], 10, "late, and in order")


def test_at_the_end_what_is_due_is_delivered_and_what_hangs_is_left(site: Site) -> None:
    site.deliveries.start()
    assert site.deliveries.are_well
    site.ears["a"].free.clear()
    site.fire("One")
    began = time.monotonic()
    site.deliveries.stop(1.0)
    assert time.monotonic() - began < 10, "it does not wait for what hangs"
    assert site.ears["b"].heard == ["One"]
    assert not site.deliveries.are_well


def test_a_full_disk_keeps_nobody_from_being_told(tmp_path: Path) -> None:
    said: list[str] = []
    site = Site(tmp_path / "state.db")
    site.state._report = said.append
    connection = site.state._connection
    connection.execute(f"PRAGMA max_page_count = {connection.execute('PRAGMA page_count').fetchone()[0]}")
    site.deliveries.start()
    site.fire(*(f"A{number}" for number in range(200)))
    for one in site.ears.values():
        wait_for(lambda one=one: len(one.heard) == 200, 20, "everything is told")  # type: ignore[misc]
    assert len(said) == 1
    assert "full" in said[0]
    site.deliveries.stop(5)
    site.state.close()


@pytest.fixture
def service() -> Iterator[Receiver]:
    with receiver() as found:
        yield found


def test_the_heart_beats_only_as_long_as_all_is_well(service: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    well = [True]
    config = Config(heartbeat=HeartbeatConfig(url=Secret(f"{service.url}/beat/s3cr3t-word")))
    heart = HeartbeatSender(config, HttpClient(HttpConfig(timeout=1.0), SystemClock()), lambda: well[0], SystemClock())
    assert heart.is_up is None
    heart.beat()
    assert heart.is_up
    assert service.requests[0].line == "GET /beat/s3cr3t-word HTTP/1.1"
    well[0] = False
    heart.beat()
    heart.beat()
    assert heart.is_up is False
    assert len(service.requests) == 1
    well[0], service.status, service.body = True, 500, b"s3cr3t-word"
    heart.beat()
    assert heart.is_up is False
    assert [one.getMessage().partition(":")[0] for one in caplog.records] == ["heartbeat"] * 2, "changes are logged"
    assert "s3cr3t" not in caplog.text


def test_a_reload_takes_other_channels_and_tries_again_what_was_refused(tmp_path: Path) -> None:
    rules = "groups: [{name: g, rules: [{alert: Always, expr: vector(1)}]}]"
    (tmp_path / "rules.yml").write_text(rules)
    file = tmp_path / "agent.yaml"
    text = (
        "kafka: [{name: shop, bootstrap: ['127.0.0.1:1'], interval: 1s}]\n"
        "listen: {address: '127.0.0.1:0', reload: true}\n"
        "rules: {pack: false, files: [rules.yml], evaluation_interval: 500ms}\n"
        "notify: {webhook: [CHANNELS]}\n"
    )
    with receiver() as first, receiver() as second:
        first.status = 403
        one, two = (f"{{name: {name}, url: '{to.url}'}}" for name, to in (("one", first), ("two", second)))
        file.write_text(text.replace("CHANNELS", one))
        with agent("--config", str(file)) as running:
            wait_for(lambda: running.value("streamwatch_notifications_parked", channel="one") == 1, 20, "refused")
            assert len(first.requests) == 1
            first.status = 200
            file.write_text(text.replace("CHANNELS", f"{one}, {two}"))
            running.process.send_signal(signal.SIGHUP)
            wait_for(lambda: len(first.requests) == 2, 20, "it is tried again")
            wait_for(lambda: len(second.requests) == 1, 20, "the new channel is told what fires")
