"""What anybody sends to the listener: bytes that an agent's own connection, server and APIs answer."""

import logging
import random
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import numpy as np

from streamwatch.agent.app import App
from streamwatch.agent.config import parse
from streamwatch.catalogue.kafka_groups import GROUP_LAG_SECONDS
from streamwatch.core.clock import ManualClock
from streamwatch.http.connection import HttpConnection, StatusCounts
from streamwatch.model.metric import Keys
from streamwatch.samples.precedence import SourcePrecedence
from tests.fuzz.parser import Parser
from tests.fuzz.spoiling import spoilt, spoilt_json

_NOW: Final = 1_800_000_000.0
_LENGTH: Final = re.compile(rb"(Content-Length: )\d+")
_CONFIG: Final = """
kafka: [{name: shop, bootstrap: ['127.0.0.1:1']}]
listen: {address: '127.0.0.1:0'}
rules: {pack: false}
ha: {name: a, token: 0123456789abcdef, peers: [{url: 'http://127.0.0.1:1'}], lease: {kubernetes: {url: 'http://127.0.0.1:1'}}}
"""
_SILENCE: Final = (
    '{"matchers": [{"name": "a", "value": "b|c", "isRegex": true, "isEqual": true}], "startsAt": "%s",'
    ' "endsAt": "%s", "createdBy": "me", "comment": "work", "id": ""}'
)
_QUESTIONS: Final = (
    ("query", {"query": 'sum by (a) (rate(up{job=~".+"}[5m]))', "time": "1800000000.5", "timeout": "1s"}),
    ("query_range", {"query": "up", "start": "2027-01-15T08:00:00Z", "end": "1800000600", "step": "15s"}),
    ("series", {"match[]": 'up{a!="b"}', "start": "0", "end": "1800000000"}),
    ("label/job/values", {"match[]": "up"}),
    ("metadata", {"metric": "kafka_cluster_brokers"}),
    ("events", {"since": "0", "until": "2027-01-15T08:00:00Z", "limit": "5", "kind": "topic", "after": "5.5:3"}),
    ("may-restart", {"broker": "1", "margin": "2", "after": "1800000000"}),
)

_PAGES: Final = (
    "/", "/metrics", "/api/v1/audit", "/cluster/shop?window=24h", "/cluster/shop/group/billing?name=t%C3%A4",
    "/reader?kind=kcl&reader=b", "/flow", "/stream/a/b/c", "/runbooks/x",
)  # fmt: skip


class _Given(socket.socket):
    """A client that has sent all that it will, stays, and takes any answer at once."""

    def settimeout(self, _: float | None) -> None:
        super().settimeout(0)

    def sendall(self, *_: object) -> None:
        """Take it."""


class _Raising(logging.Handler):
    """Raises what is logged with its traceback: a bug, of which a client sees the status 500 only."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1] is not None:
            raise record.exc_info[1]


@contextmanager
def raising() -> Iterator[None]:
    """Let what the agent logs as a bug be raised."""
    log, handler = logging.getLogger("streamwatch"), _Raising()
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)


@cache
def _agent() -> App:
    app = App(parse(_CONFIG, "fuzz", Path()), ManualClock(_NOW))
    app._server.start()
    app._hub.add("shop", "kafka", "shop", SourcePrecedence())
    app._add_targets(app.config.kafka[0])
    groups = Keys(GROUP_LAG_SECONDS.labels, [("shop", "billing")])
    app._hub.append("shop", [GROUP_LAG_SECONDS.samples(groups, np.array([90.0]))], at=_NOW, valid_seconds=30)
    return app


def feed(data: bytes, counts: StatusCounts | None = None) -> None:
    """Let an agent answer all that a client sends at once; raise what it would log as a bug."""
    app, clock = _agent(), ManualClock(_NOW)
    here, there = socket.socketpair()
    with there, _Given(fileno=here.detach()) as client, raising():
        there.sendall(data)
        answer, sent = app._server._answer, counts or StatusCounts()
        HttpConnection(client, answer, sent, clock, spare=False, timeout_seconds=0.0, address="10.0.0.1").serve()
    if app._alerting.notifications.silences(0.0):  # the next input finds an agent without any
        app._server.stop()
        app._alerting.state.close()
        _agent.cache_clear()


def _spoilt(chance: random.Random, seeds: list[bytes]) -> bytes:
    """Return a request that is spoilt anywhere, or of which the body is other JSON, as long as it says."""
    head, empty, body = chance.choice(seeds).partition(b"\r\n\r\n")
    if not body or chance.randrange(2):
        return spoilt(chance, seeds)
    body = spoilt_json(chance, [body])
    return _LENGTH.sub(b"\\g<1>%d" % len(body), head) + empty + body


def _request(line: str, body: str = "", *headers: str) -> bytes:
    length = (f"Content-Length: {len(body)}", "Content-Type: application/json") if body else ()
    return "\r\n".join([f"{line} HTTP/1.1", "Host: localhost", *length, *headers, "", body]).encode()


def _seeds() -> Iterator[bytes]:
    for path, given in _QUESTIONS:
        yield _request(f"GET /api/v1/{path}?{urlencode(given)}", "", "Accept-Encoding: gzip;q=0.5, *;q=0")
    for path in _PAGES:
        yield _request(f"GET {path}", "", "Accept: text/html;q=0.9, application/openmetrics-text;version=1.0.0")
    asked = urlencode({"filter": 'a=~"b"', "silenced": "false", "receiver": "x.*"})
    yield _request(f"GET /api/v2/alerts?{asked}")
    until = datetime.fromtimestamp(_NOW + 60, UTC).isoformat()
    yield _request("POST /api/v2/silences", _SILENCE % (until.replace("08", "07"), until), "Origin: http://localhost")
    yield _request("DELETE /api/v2/silence/00000000-0000-4000-8000-000000000001", "", "Sec-Fetch-Site: none")
    yield _request("POST /api/v1/peer", '{"seen": "0a"}', "Authorization: Bearer 0123456789abcdef")
    yield _request("POST /-/reload", "", "Authorization: Basic YTpi")


def parser() -> Parser:
    """Return it."""
    return Parser(tuple(_seeds()), feed, (), _spoilt)
