"""Commands that ask a running agent: what is no address, what is no agent, and a password where one is asked for."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from streamwatch.cli.agent_client import AgentClient
from streamwatch.cli.alerts import alerts
from streamwatch.cli.events import events
from streamwatch.cli.may_restart import may_restart
from streamwatch.cli.rules import query
from streamwatch.export.json_answer import success
from streamwatch.http.server import BasicAuth, Config, PathHandler, Server
from streamwatch.settings.types import HostPort, Secret


@contextmanager
def speaking(said: bytes) -> Iterator[str]:
    """Listen once, say this whatever is asked, and hang up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            client, _ = listener.accept()
            with client:
                client.recv(65536)
                client.sendall(said)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


@pytest.mark.parametrize("command", [(query, "up"), (alerts,)])
@pytest.mark.parametrize(
    "url",
    ["", "127.0.0.1:9308", "ftp://a", "http://", "http:///x", "http://[::1", "http://a:b", "http://a:99999", "http://a:0",
     "http://a b", "http://a/\x1b[2J", "http://a/?x=y", "http://a/#x"],
)  # fmt: skip
def test_what_is_no_address_is_said(command: tuple[Any, ...], url: str) -> None:
    answer = CliRunner().invoke(command[0], [*command[1:], "--url", url])
    assert answer.exit_code == 2
    assert "is no address: write http://HOST:PORT" in answer.output
    assert "\x1b" not in answer.output


@pytest.mark.parametrize(
    "url",
    ["http://me:hunter2@127.0.0.1:9308", "http://me:hunter2@a:b", "http://me:hunter2@[::1", "me:hunter2@a:9308",
     "http://me:hun/hunter2@a", "http:/me:hunter2@a"],
)  # fmt: skip
def test_a_password_in_an_address_is_refused_and_not_repeated(url: str) -> None:
    answer = CliRunner().invoke(alerts, ["--url", url])
    assert answer.exit_code == 2
    assert "--password-file" in answer.output
    assert "hunter2" not in answer.output


@pytest.mark.parametrize(
    "said", [b"", b"SSH-2.0-x\r\n", b"220 mail\x1b[2J ready\r\n", b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"da']
)
def test_what_is_no_agent_is_said(said: bytes) -> None:
    with speaking(said) as url, pytest.raises(click.ClickException) as raised:
        AgentClient(url, None, None).ask("GET", "/api/v1/alerts")
    assert f"{url}: no answer: " in raised.value.message
    assert raised.value.message.isprintable()


@pytest.mark.parametrize("body", [b'"no such silence"', b'{"error": "no such silence"}', b"no such silence\n"])
def test_a_refusal_is_told_in_its_words(body: bytes) -> None:
    said = b"HTTP/1.1 404 No\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    with speaking(said) as url, pytest.raises(click.ClickException) as raised:
        AgentClient(url, None, None).ask("GET", "/api/v1/alerts")
    assert raised.value.message == f"{url}: refused, status 404: no such silence"


def test_a_refusal_is_no_order_to_the_terminal() -> None:
    said = b"HTTP/1.1 403 No\r\nContent-Length: 9\r\n\r\n\x1b[2J\x07\r\nno"
    with speaking(said) as url, pytest.raises(click.ClickException) as raised:
        AgentClient(url, None, None).ask("GET", "/api/v1/alerts")
    assert "status 403" in raised.value.message
    assert raised.value.message.isprintable()


@pytest.mark.parametrize("number", ["abc", "2147483648", "99999999999999999999"])
def test_what_can_be_no_broker_is_refused_before_it_is_asked_for(number: str) -> None:
    answer = CliRunner().invoke(may_restart, ["broker", number])
    assert answer.exit_code == 2
    assert "Invalid value for 'NUMBER'" in answer.output


@pytest.mark.parametrize("option", ["--since", "--until"])
@pytest.mark.parametrize("when", ["yesterday", "-3h", "1w", "2h30m", ""])
def test_what_is_no_time_is_said_in_the_words_of_the_command(option: str, when: str) -> None:
    answer = CliRunner().invoke(events, [option, when])
    assert answer.exit_code == 2
    assert f"{when!r}: write how long ago, as in 90m or 2d, or when" in answer.output


def test_a_query_is_answered_where_a_password_is_asked_for(tmp_path: Path) -> None:
    config = Config(address=HostPort("127.0.0.1", 0), basic_auth=BasicAuth(username="me", password=Secret("hunter2")))
    result = {"resultType": "scalar", "result": [120.0, "2"]}
    server = Server(config, [PathHandler("/api/v1/query", lambda _: success(result))])
    server.start()
    (tmp_path / "password").write_text("hunter2\n")
    known = ["--username", "me", "--password-file", str(tmp_path / "password")]
    asked = ["1 + 1", "--url", server.url]
    try:
        assert CliRunner().invoke(query, [*asked, *known]).output == "2\n"
        stranger = CliRunner().invoke(query, asked)
    finally:
        server.stop()
    assert stranger.exit_code == 1
    assert "status 401" in stranger.output
