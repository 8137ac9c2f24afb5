"""The agent's own log: where notifications go while no channel is configured."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from streamwatch.model.notification import Notification
from streamwatch.notify.channel import Channel, Integration, Tools
from streamwatch.notify.text import named_links
from streamwatch.notify.writer import Writer
from streamwatch.settings.types import setting

log = logging.getLogger(__name__)

_MOST_TITLE: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(Channel):
    """The agent's log."""

    name: str = setting("what the channel is called", default="log")

    def integrations(self, tools: Tools) -> tuple[Integration, ...]:
        """Return what is notified."""
        return (Integration(self.name, self.name, Logged(tools, self.name), rate=100.0, burst=1000),)


class Logged:
    """Logs notifications."""

    def __init__(self, tools: Tools, name: str = "log") -> None:
        self._links, self._writer = tools.links, Writer(tools, name)

    def send(self, notifications: Sequence[Notification]) -> None:
        """Log them, one line each."""
        for notification in notifications:
            level = logging.WARNING if notification.status == "firing" else logging.INFO
            links = {what.lower(): where for what, where in named_links(notification, self._links).items()}
            facts = {"severity": notification.severity, "status": notification.status, **links}
            log.log(
                level, "%s", self._writer.title(notification, _MOST_TITLE), extra={"alert": notification.name, **facts}
            )
