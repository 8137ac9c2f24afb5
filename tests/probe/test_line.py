"""A connection that is dialled where it is wanted."""

import asyncio
from types import SimpleNamespace
from typing import Any

from streamwatch.core.errors import SourceError
from streamwatch.probe.line import BrokerLine


class Connection:
    """Knows why it was closed."""

    def __init__(self) -> None:
        self.reasons: list[SourceError] = []

    def close(self, reason: SourceError) -> None:
        self.reasons.append(reason)


class Broker:
    """Is dialled at once; each time with another connection."""

    def __init__(self) -> None:
        self.connections: list[Connection] = []

    async def dial(self, *_: object) -> Any:
        self.connections.append(Connection())
        return SimpleNamespace(connection=self.connections[-1])


def line_to(broker: Broker) -> BrokerLine:
    return BrokerLine(broker, "127.0.0.1", 1)  # type: ignore[arg-type]  # all that is used of a dialer


async def until_dialled() -> None:
    """Return when the dial has ended, and nobody has heard of it yet."""
    for _ in range(2):
        await asyncio.sleep(0)


def test_a_session_that_comes_while_the_line_is_closed_is_not_left_open() -> None:
    broker = Broker()

    async def run() -> None:
        line = line_to(broker)
        asked = asyncio.create_task(line.session())
        await until_dialled()
        line.close()
        assert broker.connections[0].reasons == [], "there is nothing to cancel any more, and nothing to close yet"
        await asked

    asyncio.run(run())
    assert [str(reason) for reason in broker.connections[0].reasons] == ["the probe is over"]


def test_who_asks_when_the_dial_has_just_ended_has_its_session() -> None:
    """A second dial would take the place of the first one, which nobody would ever close."""
    broker = Broker()

    async def run() -> None:
        line = line_to(broker)
        asked = asyncio.create_task(line.session())
        await until_dialled()
        assert await line.session() is await asked

    asyncio.run(run())
    assert len(broker.connections) == 1
