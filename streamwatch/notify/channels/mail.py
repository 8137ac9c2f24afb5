"""E-mail by SMTP with TLS; the messages of one incident make one thread."""

import re
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.utils import formatdate
from hashlib import sha256
from typing import TYPE_CHECKING, Final, Literal

from streamwatch.core.errors import NotifyError, NotifyRefused, NotifyUnavailable
from streamwatch.http.transport import tls_context
from streamwatch.model.notification import Notification
from streamwatch.notify.channel import Integration, TextChannel, Tools
from streamwatch.notify.writer import Writer
from streamwatch.settings.types import Duration, FilePath, HostPort, Secret, setting

if TYPE_CHECKING:
    from email.message import EmailMessage
    from smtplib import SMTP

_ADDRESS: Final = re.compile(r"[^\s@,;<>]+@[^\s@,;<>]+")
_MOST_SUBJECT: Final = 200
_MOST_TEXT: Final = 64_000
"""Characters: a message of a quarter of a megabyte at most, which every server takes."""
_MOST_ANSWER: Final = 200
_TRANSIENT: Final = range(400, 500)
_DOMAIN: Final = "streamwatch.invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(TextChannel):
    """People, and the server that takes mail for them."""

    smarthost: HostPort = setting("the SMTP server, as in `smtp.example.com:587`", formerly=("server",))
    security: Literal["starttls", "tls", "none"] = setting(
        "`starttls` after connecting (587), `tls` from the start (465), or `none` at all", default="starttls"
    )
    ca_file: FilePath | None = setting("PEM file of the authorities to trust besides the system's", default=None)
    username: str | None = setting("user name", default=None)
    password: Secret | None = setting("its password", default=None)
    from_: str = setting("the sender's address", key="from", formerly=("sender",))
    to: tuple[str, ...] = setting("the recipients' addresses")
    timeout: Duration = setting("how long each step may take", default=10.0, minimum=0.1, maximum=60.0)

    def own_problems(self) -> Iterator[str]:
        """Yield the mistakes in what this kind of channel alone has."""
        for field, addresses in (("from", (self.from_,)), ("to", self.to)):
            if not addresses or any(
                address is not None and _ADDRESS.fullmatch(address) is None for address in addresses
            ):
                yield f"{field}: an address is wanted, as in 'me@example.com'; several are a list"
        if (self.username is None) != (self.password is None):
            yield "username: it and `password` belong together"
        if self.username is not None and self.security == "none":
            yield "security: a password is not sent in the clear: write `starttls` or `tls`"

    def integrations(self, tools: Tools) -> tuple[Integration, ...]:
        """Return what is notified."""
        return (Integration(self.name, self.name, Mail(self, tools), rate=1.0, burst=10),)


class Mail:
    """Sends messages."""

    def __init__(self, config: Config, tools: Tools) -> None:
        self._config, self._tools = config, tools
        self._writer = Writer(tools, config.name, config.title, config.text)

    def send(self, notifications: Sequence[Notification]) -> None:
        """Send them over one connection."""
        config, at_data = self._config, False
        try:
            with self._connected() as server:
                for notification in notifications:
                    at_data = True
                    server.send_message(self._message(notification), config.from_, list(config.to))
        except OSError as error:  # those of SMTP are such, too
            raise _understood(error, config, at_data=at_data) from None

    def _connected(self) -> "SMTP":
        import smtplib  # noqa: PLC0415 - it and the writer of messages are 1 MB, for who sends mail

        config = self._config
        host, port = config.smarthost.host, config.smarthost.port
        if config.security == "tls":
            server: SMTP = smtplib.SMTP_SSL(host, port, timeout=config.timeout, context=tls_context(config.ca_file))
        else:
            server = smtplib.SMTP(host, port, timeout=config.timeout)
        try:
            if config.security == "starttls":
                server.starttls(context=tls_context(config.ca_file))
            if config.username is not None and config.password is not None:
                server.login(config.username, config.password.reveal())
        except BaseException:
            server.close()
            raise
        return server

    def _message(self, notification: Notification) -> "EmailMessage":
        from email.message import EmailMessage  # noqa: PLC0415 - as above
        from email.policy import SMTP  # noqa: PLC0415

        message = EmailMessage(SMTP.clone(cte_type="7bit"))  # not every server takes eight bits
        message["From"] = self._config.from_
        message["To"] = ", ".join(self._config.to)
        message["Subject"] = self._writer.title(notification, _MOST_SUBJECT)
        message["Date"] = formatdate(notification.at)
        # The same thread for the same incident, of whichever agent; another message each time.
        thread = sha256(notification.key.encode()).hexdigest()[:32]
        message["Message-ID"] = f"<{thread}.{notification.status}.{int(notification.at * 1000)}@{_DOMAIN}>"
        message["References"] = message["In-Reply-To"] = f"<{thread}@{_DOMAIN}>"
        message["Auto-Submitted"] = "auto-generated"
        message["X-StreamWatch-Key"] = notification.key
        message.set_content(self._writer.text(notification, lambda text: len(text) <= _MOST_TEXT))
        return message


def _understood(error: Exception, config: Config, *, at_data: bool) -> NotifyError:
    """Return what an error of SMTP means; the server's words could hold the password."""
    import smtplib  # noqa: PLC0415 - as above

    where = config.smarthost
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = [code for code, _ in error.recipients.values()]
        what = f"{where}: no recipient was taken: {codes}"
        return NotifyUnavailable(what) if any(code in _TRANSIENT for code in codes) else NotifyRefused(what)
    if isinstance(error, smtplib.SMTPAuthenticationError):
        what = f"{where}: the login was refused ({error.smtp_code})"
        return NotifyUnavailable(what) if error.smtp_code in _TRANSIENT else NotifyRefused(what)
    if isinstance(error, smtplib.SMTPResponseException):
        answer = error.smtp_error.decode("utf-8", "replace") if isinstance(error.smtp_error, bytes) else ""
        if config.password is not None:
            answer = answer.replace(config.password.reveal(), "********")
        what = f"{where}: {error.smtp_code} {answer[:_MOST_ANSWER]}"
        is_passing = error.smtp_code in _TRANSIENT or error.smtp_code < 0
        return NotifyUnavailable(what, reached=at_data) if is_passing else NotifyRefused(what)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return NotifyRefused(f"{where}: {error}")
    if isinstance(error, ssl.SSLCertVerificationError):
        return NotifyUnavailable(f"{where}: its certificate is not trusted: {error.verify_message}")
    why = error.strerror if isinstance(error, OSError) else None
    return NotifyUnavailable(f"{where}: {why or type(error).__name__}", reached=at_data)
