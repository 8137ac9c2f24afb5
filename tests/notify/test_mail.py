"""Mail, to a server that takes it, or fails in the ways that servers do."""

import asyncio
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

from streamwatch.core.clock import ManualClock, SystemClock
from streamwatch.core.errors import NotifyError, NotifyRefused, NotifyUnavailable
from streamwatch.http.client import HttpClient, HttpConfig
from streamwatch.notify.channel import Tools
from streamwatch.notify.channels.mail import Config, Mail
from streamwatch.notify.text import Links
from streamwatch.settings.types import HostPort, Secret
from tests.notify.alerts import notification, resolved
from tests.real.certificates import Authority

PASSWORD = "pa55word-of-mail"


class Mailbox:
    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.answer = "250 OK"
        self.login: str | None = None

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        if self.answer.startswith("250"):
            self.messages.append(message_from_bytes(envelope.content, policy=policy.default))
        return self.answer


class Server(Controller):
    """On a port that the system chose; the login is ``me`` and the password."""

    def factory(self) -> SMTP:
        def login(_server: Any, _session: Any, _envelope: Any, _mechanism: Any, data: Any) -> AuthResult:
            if self.handler.login is not None:
                return AuthResult(success=False, handled=False, message=self.handler.login)
            return AuthResult(success=(data.login, data.password) == (b"me", PASSWORD.encode()), handled=False)

        return SMTP(
            self.handler, tls_context=self.tls, require_starttls=True, auth_required=True, authenticator=login,
            auth_require_tls=True,
        )  # fmt: skip

    def _trigger_server(self) -> None:
        assert isinstance(self.server, asyncio.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]

    tls: ssl.SSLContext


Send = Callable[..., NotifyError | None]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "ca")


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def send(authority: Authority, mailbox: Mailbox) -> Iterator[Send]:
    own = authority.issue("server")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own.certificate, own.key)
    server = Server(mailbox, hostname="127.0.0.1", port=0)
    server.tls = context
    with ExitStack() as stack:
        server.start()
        stack.callback(server.stop)
        port = server.port
        tools = Tools(HttpClient(HttpConfig(), SystemClock()), ManualClock(), Links(), "http://agent")

        def told(status: str = "firing", **changes: Any) -> NotifyError | None:
            settings = {
                "name": "m", "smarthost": HostPort("127.0.0.1", port), "ca_file": str(authority.file), "username": "me",
                "password": Secret(PASSWORD), "from_": "streamwatch@example.com", "to": ("ops@example.com",),
                "timeout": 2.0,
            }  # fmt: skip
            mail = Mail(Config(**{**settings, **changes}), tools)
            try:
                mail.send([notification() if status == "firing" else resolved()])
            except NotifyError as error:
                found = error
            else:
                return None
            assert PASSWORD not in f"{found!r} {found}"
            return found

        yield told


def test_the_messages_of_an_incident_make_one_thread(send: Send, mailbox: Mailbox) -> None:
    assert send() is None
    assert send("resolved") is None
    first, second = mailbox.messages
    assert first["Subject"] == "Down of 1"
    assert second["Subject"] == "RESOLVED: Down of 1"
    assert first["References"] == second["References"]
    assert first["Message-ID"] != second["Message-ID"]
    assert "Runbook: /runbooks/Down" in first.get_content()


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("451 try again", NotifyUnavailable),
        ("452 full", NotifyUnavailable),
        ("550 no", NotifyRefused),
        ("554 no", NotifyRefused),
    ],
)
def test_answers_are_understood(send: Send, mailbox: Mailbox, answer: str, kind: type[NotifyError]) -> None:
    mailbox.answer = f"{answer} {PASSWORD}"
    assert isinstance(send(), kind)


def test_a_wrong_password_is_refused_and_never_sent_in_the_clear(send: Send) -> None:
    assert isinstance(send(password=Secret("wrong")), NotifyRefused)
    with pytest.raises(ValueError, match="security: a password is not sent in the clear"):
        send(security="none")


def test_a_login_that_fails_for_now_is_tried_again(send: Send, mailbox: Mailbox) -> None:
    for answer, kind in (("454 4.7.0 Temporary authentication failure", NotifyUnavailable), ("535 no", NotifyRefused)):
        mailbox.login = f"{answer} {PASSWORD}"
        assert isinstance(send(), kind)


def test_a_server_that_is_not_trusted_or_not_there_is_not_sent_to(send: Send, mailbox: Mailbox, tmp_path: Path) -> None:
    found = send(ca_file=str(Authority(tmp_path, "another").file))
    assert isinstance(found, NotifyUnavailable)
    assert not found.reached
    assert isinstance(send(smarthost=HostPort("127.0.0.1", 1)), NotifyUnavailable)
    assert isinstance(send(security="tls"), NotifyUnavailable)
    assert mailbox.messages == []
