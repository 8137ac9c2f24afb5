"""Whom ``top`` asks: an agent that runs, or one of its own for as long as it is shown."""

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import click

from streamwatch.catalogue.agent import SOURCE_UP
from streamwatch.cli.agent_client import AgentClient, AgentRefused

if TYPE_CHECKING:
    from streamwatch.agent.config import Config

_SECONDS: Final = 5.0
"""A cluster that is named by a flag is read so often."""
_USER: Final = "top"
_TRIES: Final = 60
_PAUSE_SECONDS: Final = 0.25


class RunningAgent:
    """An agent, asked over HTTP."""

    def __init__(self, client: AgentClient, name: str) -> None:
        self._client = client
        self._name = name

    @property
    def name(self) -> str:
        """What a person calls it."""
        return self._name

    @property
    def url(self) -> str:
        """Where it is."""
        return self._client.url

    def get(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """Return what it answers; None where it has nothing there.

        Raises:
            click.ClickException: it does not answer, or refuses.

        """
        try:
            return self._client.ask("GET", path)
        except AgentRefused as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise


def await_first_read(agent: RunningAgent) -> None:
    """Return when an agent has read something, or after a while in which it has not."""
    pause = threading.Event()
    for _ in range(_TRIES):
        if agent.get(f"/api/v1/query?{urlencode({'query': SOURCE_UP.name})}")["data"]["result"]:
            return
        pause.wait(_PAUSE_SECONDS)


@contextmanager
def own_agent(config: "Config", name: str, *, is_live: bool) -> Iterator[RunningAgent]:
    """Run an agent in this process that notifies nobody, writes nothing, and answers nobody else.

    It decides alerts, and has the history that rates are computed of: what is shown is what a running agent would show.

    Args:
        config: what it watches.
        name: what a person calls it.
        is_live: whether clusters are read every few seconds, whatever the configuration says.

    Raises:
        click.ClickException: it cannot begin.

    """
    from streamwatch.agent.app import App  # noqa: PLC0415 - only who asks no running agent needs all of it
    from streamwatch.core.clock import SystemClock  # noqa: PLC0415
    from streamwatch.core.errors import StreamWatchError  # noqa: PLC0415
    from streamwatch.http.server import BasicAuth  # noqa: PLC0415
    from streamwatch.http.server import Config as ListenConfig  # noqa: PLC0415
    from streamwatch.notify.config import Config as NotifyConfig  # noqa: PLC0415
    from streamwatch.settings.types import HostPort, Secret  # noqa: PLC0415

    password = secrets.token_urlsafe()
    login = BasicAuth(username=_USER, password=Secret(password))
    kafka = tuple(replace(one, interval=min(one.interval, _SECONDS)) for one in config.kafka)
    own = replace(
        config,
        kafka=kafka if is_live else config.kafka,
        listen=ListenConfig(address=HostPort("127.0.0.1", 0), basic_auth=login),
        rules=replace(config.rules, state=None),
        notify=NotifyConfig(),
        remote_write=(),
    )
    try:
        app = App(own, SystemClock())
        app.start()
    except StreamWatchError as error:
        raise click.ClickException(str(error)) from error
    try:
        yield RunningAgent(AgentClient(f"http://{app.address}", _USER, password), name)
    finally:
        app.stop()
