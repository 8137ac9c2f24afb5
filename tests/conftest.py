"""What all tests share."""

import gc
import logging
import socket
import warnings

with warnings.catch_warnings():
    # kafka-python reads its schemas with importlib.resources.read_text, which Python 3.11 and 3.12 deprecate: the one
    # warning that is not ours. It comes when the message classes are made, so they are made here.
    warnings.filterwarnings("ignore", "(read|open)_text is deprecated", DeprecationWarning)
    import streamwatch.reference.kafka.wire
    import streamwatch.sources.kafka.apis  # noqa: F401

from collections.abc import Callable, Iterator
from http.client import HTTPConnection

import pytest
from hypothesis import HealthCheck, settings

from streamwatch.agent.app import App
from streamwatch.agent.config import AgentShare, Config
from streamwatch.agent.log import NOISY
from streamwatch.core.clock import SystemClock
from tests.waiting import wait_for

# How long an example takes says something of the machine, and nothing of what is tested.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

Start = Callable[..., App]
"""Starts an agent, and waits until every source was read once."""


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Let Python not look again and again through what is there to the end: it was a tenth of the unit tests' time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def log_is_put_back() -> Iterator[None]:
    """Put back the log's state, which is the process's: a command that runs in it says how much is logged."""
    several = [logging.getLogger(name) for name in (None, *NOISY)]
    levels, handlers = [one.level for one in several], list(several[0].handlers)
    yield
    several[0].handlers[:] = handlers
    for one, level in zip(several, levels, strict=True):
        one.setLevel(level)


def closed_port() -> int:
    """Return a port at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def get(app: App, path: str, method: str = "GET") -> tuple[int, str]:
    """Ask an agent; return the status and the body."""
    host, _, port = app.address.rpartition(":")
    connection = HTTPConnection(host, int(port), timeout=60)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


@pytest.fixture
def start() -> Iterator[Start]:
    apps: list[App] = []

    def begin(first: Config, load: Callable[[], Config] | None = None, share: AgentShare | None = None) -> App:
        app = App(first, SystemClock(), load, share)
        apps.append(app)
        app.start()
        wait_for(lambda: get(app, "/readyz")[0] == 200, 20, "every source was read once")
        return app

    yield begin
    for app in apps:
        app.stop()
