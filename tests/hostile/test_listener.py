"""Who asks the listener and means harm: pages of other sites, names that were made to point here, guesses."""

import base64
import logging
from dataclasses import replace
from http import HTTPStatus

import pytest

from streamwatch.core.clock import ManualClock
from streamwatch.http.connection import parse_request
from streamwatch.http.guesses import Guesses
from streamwatch.http.message import Response, text_response
from streamwatch.http.server import BasicAuth, Config, PathHandler, Server, ServerTls
from streamwatch.settings.types import HostPort, Secret
from tests.http.serving import LOCAL, World, ask, page, serving

ANY = "0.0.0.0"  # noqa: S104 - what is attacked
RELOADS = replace(LOCAL, reload=True)
EVERYWHERE = replace(RELOADS, address=HostPort(ANY, 0))
LOCKED = BasicAuth(username="me", password=Secret("right"))


def login(password: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'me:{password}'.encode()).decode()}"}


WRITES = [
    pytest.param(RELOADS, {}, 200, id="from_this_machine"),
    pytest.param(RELOADS, {"Host": "localhost:9308"}, 200, id="by_a_name_of_this_machine"),
    pytest.param(RELOADS, {"Host": "evil.example"}, 403, id="by_a_name_that_was_made_to_point_here"),
    pytest.param(RELOADS, {"Host": "127.0.0.1.evil.example"}, 403, id="by_a_name_like_an_address"),
    pytest.param(RELOADS, {"Origin": "https://evil.example"}, 403, id="of_another_sites_page"),
    pytest.param(RELOADS, {"Origin": "null"}, 403, id="of_a_page_that_hides_its_site"),
    pytest.param(RELOADS, {"Sec-Fetch-Site": "cross-site"}, 403, id="as_the_browser_says"),
    pytest.param(RELOADS, {"Sec-Fetch-Site": "same-site"}, 403, id="of_a_sibling"),
    pytest.param(EVERYWHERE, {}, 403, id="from_the_network_without_a_password"),
    pytest.param(replace(EVERYWHERE, basic_auth=LOCKED), {}, 401, id="from_the_network_by_who_does_not_know_it"),
    pytest.param(replace(EVERYWHERE, basic_auth=LOCKED), login("right"), 200, id="from_the_network_by_who_does"),
    pytest.param(
        replace(EVERYWHERE, basic_auth=LOCKED),
        {**login("right"), "Origin": "https://evil.example"},
        403,
        id="of_another_sites_page_in_the_browser_of_who_does",
    ),
]


@pytest.mark.parametrize(("config", "headers", "status"), WRITES)
def test_who_may_reload(config: Config, headers: dict[str, str], status: int) -> None:
    calls: list[int] = []
    with serving(config, World(page(), reload=lambda: calls.append(1))) as server:
        assert ask(server, "/-/reload", headers, method="POST").status == status
    assert len(calls) == (status == 200)


TOKEN = "0123456789abcdef" * 2


@pytest.mark.parametrize(
    ("config", "headers", "statuses"),
    [
        pytest.param(LOCAL, {}, (401, 200), id="on_this_machine_without_it"),
        pytest.param(EVERYWHERE, {}, (401, 200), id="from_the_network_without_it"),
        pytest.param(EVERYWHERE, {"Authorization": f"Bearer {TOKEN}"}, (200, 200), id="with_it"),
        pytest.param(EVERYWHERE, {"Authorization": f"Bearer {TOKEN}0"}, (401, 200), id="with_another"),
        pytest.param(EVERYWHERE, {"Authorization": "Bearer "}, (401, 200), id="with_an_empty_one"),
        pytest.param(EVERYWHERE, {"Authorization": f"Basic {TOKEN}"}, (401, 200), id="as_a_password"),
        pytest.param(replace(LOCAL, basic_auth=LOCKED), {"Authorization": f"Bearer {TOKEN}"}, (200, 401), id="locked"),
        pytest.param(replace(LOCAL, basic_auth=LOCKED), login("right"), (200, 200), id="by_the_password"),
        pytest.param(replace(LOCAL, basic_auth=LOCKED), {}, (401, 401), id="locked_without_it"),
        pytest.param(
            EVERYWHERE,
            {"Authorization": f"Bearer {TOKEN}", "Origin": "https://evil.example"},
            (403, 200),
            id="of_another_sites_page",
        ),
    ],
)
def test_the_token_of_peers_opens_their_path_and_nothing_else(
    config: Config, headers: dict[str, str], statuses: tuple[int, int]
) -> None:
    routes = [
        PathHandler(
            "/peer",
            lambda _: text_response(HTTPStatus.OK, "heard"),
            ("POST",),
            is_guarded=True,
            token=lambda: Secret(TOKEN),
        ),
        PathHandler("/metrics", lambda _: text_response(HTTPStatus.OK, "up 1")),
    ]
    server = Server(config, routes)
    server.start()
    try:
        answers = (ask(server, "/peer", headers, method="POST"), ask(server, "/metrics", headers))
    finally:
        server.stop()
    assert tuple(answer.status for answer in answers) == statuses
    assert all(TOKEN.encode() not in answer.body for answer in answers)


@pytest.mark.parametrize(
    "lengths",
    [
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: identity\r\nContent-Length: 0\r\n",
    ],
)
def test_a_request_whose_end_is_in_doubt_is_refused(lengths: str) -> None:
    refusal = parse_request(f"POST /-/reload HTTP/1.1\r\nHost: h\r\n{lengths}\r\n".encode())
    assert isinstance(refusal, Response)
    assert refusal.status == 400


def test_guesses_have_to_wait_and_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    with serving(replace(LOCAL, basic_auth=LOCKED)) as server, caplog.at_level(logging.WARNING):
        server._guesses._clock = ManualClock()
        statuses = [ask(server, "/metrics", login("wrong")).status for _ in range(100)]
        assert ask(server, "/metrics", login("right")).status == 429, "or a guess that is right would show"
        assert ask(server, "/healthz").status == 200
        assert ask(server, "/metrics").status == 401, "who says nothing guesses nothing"
        server._guesses._clock.advance(1.0)
        assert ask(server, "/metrics", login("right")).status == 200

    assert statuses == [401] * 11 + [429] * 89
    (line,) = [record for record in caplog.records if record.message == "http: wrong password"]
    assert line.address == "127.0.0.1"  # type: ignore[attr-defined]


def test_guesses_of_others_do_not_count_and_all_of_them_take_little_memory() -> None:
    clock = ManualClock()
    guesses = Guesses(clock)
    for i in range(100_000):
        guesses.wrong(f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}")
    for i in range(20):
        guesses.wrong(f"2001:db8::{i}")
    assert len(guesses._wrong) <= 1024
    assert guesses.must_wait("2001:db8::ffff"), "of one network"
    assert guesses.must_wait("2001:db8:0:0:ffff::1"), "of one /64"
    assert not guesses.must_wait("2001:db8:0:1::1"), "of another"
    clock.advance(600)
    assert not guesses.must_wait("2001:db8::ffff"), "long ago"


@pytest.mark.parametrize(
    ("config", "is_open"),
    [
        (Config(), False),
        (Config(address=HostPort("localhost", 1)), False),
        (Config(address=HostPort("::1", 1)), False),
        (Config(address=HostPort(ANY, 1)), True),
        (Config(address=HostPort("::", 1)), True),
        (Config(address=HostPort("metrics.example", 1)), True),
        (Config(address=HostPort(ANY, 1), basic_auth=LOCKED), False),
        (Config(address=HostPort(ANY, 1), tls=ServerTls(cert_file="c", key_file="k")), True),
        (Config(address=HostPort("::", 1), tls=ServerTls(cert_file="c", key_file="k", client_ca_file="a")), False),
    ],
)
def test_what_is_open(config: Config, *, is_open: bool) -> None:
    assert config.is_open is is_open
