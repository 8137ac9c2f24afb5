"""Everything that the library apprise knows how to reach, a hundred services: by one address each.

What it says of a failure is a line in its log, of which the HTTP status is read; where there is none, it may pass.
"""

import logging
import re
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from streamwatch.core.errors import ConfigError, NotifyError, NotifyRefused, NotifyUnavailable
from streamwatch.model.notification import Notification
from streamwatch.notify.channel import Integration, TextChannel, Tools
from streamwatch.notify.writer import Writer
from streamwatch.settings.types import Secret, setting, tried

_STATUS: Final = re.compile(r"error[=:]\s*(\d{3})\b")
_UNCHECKED: Final = re.compile(r"[?&]verify=(?:no|n|false|f|0|off|never|deny|disabled?)\b", re.IGNORECASE)
_TIMEOUT: Final = re.compile(r"[?&][cr]to=")
_WAITS: Final = frozenset({408, 425, 429})
_SERVER: Final = 500
_REFUSED: Final = range(400, 500)
_MOST_TITLE: Final = 250
_LINE_ENDS: Final = 10
"""Characters that the library puts between a title and a text, or around one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(TextChannel):
    """A service that the library apprise reaches; needs `pip install 'streamwatch[apprise]'`."""

    url: Secret = setting("apprise's address of the service, as in `discord://ID/TOKEN`")

    def own_problems(self) -> Iterator[str]:
        """Yield the mistakes in what this kind of channel alone has."""
        address = self.url.reveal() if self.url is not None else "x://"
        if "://" not in address:
            yield "url: this is no address of apprise: write one like 'discord://ID/TOKEN'"
        if _UNCHECKED.search(address) is not None:
            yield "url: it says that certificates are not checked (`verify`): they always are"

    def warnings(self) -> Iterator[str]:
        """Yield what the library has to say about the address."""
        if self.url is not None:
            yield from tried(_service, self)

    def integrations(self, tools: Tools) -> tuple[Integration, ...]:
        """Return what is notified."""
        return (Integration(self.name, self.name, Apprise(self, tools), rate=1.0, burst=5),)


class Apprise:
    """Sends through the library."""

    def __init__(self, config: Config, tools: Tools) -> None:
        """Read the address.

        Raises:
            ConfigError: the library is not there, or does not know the address.

        """
        self._config, self._tools = config, tools
        self._writer = Writer(tools, config.name, config.title, config.text)
        try:
            self._service = _service(config)
        except ValueError as error:
            raise ConfigError([f"notify.apprise {config.name!r}: {error}"]) from error
        if _TIMEOUT.search(config.url.reveal()) is None:
            self._service.socket_connect_timeout = self._service.socket_read_timeout = tools.web.timeout

    def send(self, notifications: Sequence[Notification]) -> None:
        """Send them, one message each."""
        for notification in notifications:
            self._send(notification)

    def _send(self, notification: Notification) -> None:
        service, shown = self._service, self._shown
        title = self._writer.title(notification, min(service.title_maxlen or _MOST_TITLE, _MOST_TITLE))
        # A service without titles has it before the text.
        head = 0 if service.title_maxlen > 0 else len(shown(title)) + _LINE_ENDS
        text = self._writer.text(notification, lambda candidate: head + len(shown(candidate)) <= service.body_maxlen)
        title = title if service.title_maxlen > 0 else shown(title)
        kind = "failure" if notification.severity == "critical" else "warning"
        kind = "success" if notification.status == "resolved" else kind
        with _listening() as log_lines:
            try:
                taken = service.notify(body=shown(text), title=title, notify_type=kind)
            except Exception as error:  # noqa: BLE001 - it may raise anything
                # The library raises whatever a service's part of it does; its words could hold the address.
                raise NotifyUnavailable(f"apprise: {type(error).__name__}", reached=True) from None
        if not taken:
            raise _verdict(log_lines)

    def _shown(self, text: str) -> str:
        """Return a text in the service's own notation, as it is sent."""
        from apprise.conversion import convert_between  # noqa: PLC0415 - as below

        return str(convert_between("text", self._service.notify_format, content=text))  # type: ignore[no-untyped-call]


def _verdict(log_lines: Sequence[str]) -> NotifyError:
    """Return what the library's log says of a failure; its words could hold the address."""
    statuses = [int(match[1]) for line in log_lines for match in _STATUS.finditer(line)]
    if not statuses:
        return NotifyUnavailable("apprise: the message was not taken, and no status was given", reached=True)
    status = statuses[-1]
    what = f"apprise: HTTP status {status}"
    if status in _REFUSED and status not in _WAITS:
        return NotifyRefused(what, status=status)
    return NotifyUnavailable(what, reached=status >= _SERVER)


def _service(config: Config) -> Any:  # noqa: ANN401 - the library makes its classes as it runs
    """Return the library's object for an address.

    Raises:
        ValueError: there is none.

    """
    with warnings.catch_warnings():
        # It imports all its parts, and some of what those import is deprecated.
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            import apprise  # noqa: PLC0415 - half a second and 20 MB, for who uses it
        except ImportError:
            raise ValueError("url: apprise is not installed: pip install 'streamwatch[apprise]'") from None
        asset = apprise.AppriseAsset(async_mode=False, app_id="StreamWatch", app_desc="StreamWatch")
        with _listening():
            service = apprise.Apprise.instantiate(config.url.reveal(), asset=asset)
    if service is None:
        raise ValueError("url: apprise does not know this address: its documentation says how each service is written")
    return service


@contextmanager
def _listening() -> Iterator[list[str]]:
    """Take what the library logs in this thread, and keep it from the agent's log: it could hold the address."""
    log_lines: list[str] = []
    own = threading.get_ident()

    def take(record: logging.LogRecord) -> bool:
        if record.thread != own:
            return True
        log_lines.append(record.getMessage())
        return False

    log = logging.getLogger("apprise")
    log.setLevel(logging.WARNING)  # whatever the agent's own level is, the status is wanted
    log.addFilter(take)
    try:
        yield log_lines
    finally:
        log.removeFilter(take)
