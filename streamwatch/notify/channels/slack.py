"""Slack, by an incoming webhook: a message when it begins, and one when it is over."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from streamwatch.http.client import check_url
from streamwatch.model.notification import Notification
from streamwatch.notify.channel import Integration, TextChannel, Tools
from streamwatch.notify.writer import Writer
from streamwatch.settings.types import Secret, setting, tried

_MOST_TITLE: Final = 140
_MOST_BLOCK: Final = 3000
"""Characters of a block's text, escaped; the service takes no more, and no empty one."""
_COLOURS: Final = {"critical": "#d00000", "page": "#d00000", "warning": "#e8a200", "warn": "#e8a200", "info": "#3070c0"}
_GOOD: Final = "#2e8540"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(TextChannel):
    """A channel in Slack."""

    url: Secret = setting("the incoming webhook's address")

    def own_problems(self) -> Iterator[str]:
        """Yield the mistakes in what this kind of channel alone has."""
        yield from tried(check_url, "url", self.url)

    def integrations(self, tools: Tools) -> tuple[Integration, ...]:
        """Return what is notified; Slack takes about a message a second."""
        return (Integration(self.name, self.name, Slack(self, tools), rate=1.0, burst=5),)


class Slack:
    """Posts messages."""

    def __init__(self, config: Config, tools: Tools) -> None:
        self._config, self._tools = config, tools
        self._writer = Writer(tools, config.name, config.title, config.text, escaped)

    def send(self, notifications: Sequence[Notification]) -> None:
        """Post them, one request each."""
        for notification in notifications:
            body = json.dumps(self._message(notification)).encode()
            self._tools.web.post(self._config.url.reveal(), body)

    def _message(self, notification: Notification) -> dict[str, Any]:
        title = self._writer.title(notification, _MOST_TITLE)
        text = self._writer.text(notification, lambda candidate: _length(candidate) <= _MOST_BLOCK)
        return {
            "text": title,
            "attachments": [
                {
                    "color": _GOOD
                    if notification.status == "resolved"
                    else _COLOURS.get(notification.severity, "#808080"),
                    "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": text}}],
                    "fallback": title,
                }
            ],
        }


def escaped(text: str) -> str:
    """Return a text in which nothing is a mention or a link of Slack's own."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _length(text: str) -> int:
    """Return how many characters a text has for who counts those beyond the first plane twice."""
    return len(text) + sum(sign > "\uffff" for sign in text)
