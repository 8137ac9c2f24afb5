"""A server that listens for a test, and a client to ask it."""

import contextlib
import http.client
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus

import numpy as np

from streamwatch.export.endpoints import Health, endpoints
from streamwatch.export.exposition import Exposition, RenderedExposition
from streamwatch.http.message import Response
from streamwatch.http.server import Config, Server
from streamwatch.model.metric import Keys, Metric, Tier
from streamwatch.settings.types import HostPort

PATIENCE = 60.0
LOCAL = Config(address=HostPort("127.0.0.1", 0))
WELL = Health()
HOME = b"<!doctype html><p>all is well</p>"


def page(series: int = 3) -> RenderedExposition:
    metric = Metric(
        name="lag_total", kind="counter", unit="", labels=("n",), tier=Tier.AGENT, help="Lag.", question="?"
    )
    keys = Keys(("n",), [(str(number),) for number in range(series)])
    return Exposition().render([metric.samples(keys, np.arange(float(series)))])


@dataclass
class World:
    """What the server is told, for a test to change."""

    page: RenderedExposition
    health: Health = WELL
    ready: Health = WELL
    reload: Callable[[], None] | None = None
    hangs: Callable[[], Health] | None = None
    """Answers instead of ``health``, when it wants to."""


@contextlib.contextmanager
def serving(config: Config = LOCAL, world: World | None = None) -> Iterator[Server]:
    world = world or World(page())
    routes = endpoints(
        page=lambda: world.page,
        health=world.hangs or (lambda: world.health),
        ready=lambda: world.ready,
        status=lambda: "all is well",
        home=lambda: Response(HTTPStatus.OK, HOME, "text/html; charset=utf-8"),
        reload=world.reload if config.reload else None,
    )
    server = Server(config, routes)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@dataclass(frozen=True)
class Got:
    status: int
    headers: http.client.HTTPMessage
    body: bytes


def ask(
    server: Server,
    path: str,
    headers: dict[str, str] | None = None,
    *,
    method: str = "GET",
    tls: ssl.SSLContext | None = None,
) -> Got:
    if tls is None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    else:
        connection = http.client.HTTPSConnection("127.0.0.1", server.port, timeout=PATIENCE, context=tls)
    with contextlib.closing(connection):
        connection.request(method, path, headers=headers or {})
        response = connection.getresponse()
        return Got(response.status, response.headers, response.read())
