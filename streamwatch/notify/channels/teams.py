"""Microsoft Teams, by a workflow's webhook (`When a Teams webhook request is received`): an adaptive card."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from streamwatch.http.client import check_url
from streamwatch.model.notification import Notification
from streamwatch.notify.channel import Integration, TextChannel, Tools
from streamwatch.notify.text import named_links
from streamwatch.notify.writer import Writer
from streamwatch.settings.types import Secret, setting, tried

_MOST_TITLE: Final = 256
_MOST_BYTES: Final = 28_000
"""Of the request's body: the service takes 28 KB."""
_LINK: Final = re.compile(r"\](?=[(\[:]|$)", re.MULTILINE)
"""Where Markdown's brackets may become a link."""
_COLOURS: Final = {"critical": "Attention", "page": "Attention", "warning": "Warning", "warn": "Warning"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(TextChannel):
    """A channel in Microsoft Teams."""

    url: Secret = setting("the workflow's address")

    def own_problems(self) -> Iterator[str]:
        """Yield the mistakes in what this kind of channel alone has."""
        yield from tried(check_url, "url", self.url)

    def integrations(self, tools: Tools) -> tuple[Integration, ...]:
        """Return what is notified."""
        return (Integration(self.name, self.name, Teams(self, tools), rate=1.0, burst=5),)


class Teams:
    """Posts cards."""

    def __init__(self, config: Config, tools: Tools) -> None:
        self._config, self._tools = config, tools
        self._writer = Writer(tools, config.name, config.title, config.text, escaped)

    def send(self, notifications: Sequence[Notification]) -> None:
        """Post them, one request each."""
        for notification in notifications:
            self._tools.web.post(self._config.url.reveal(), _body(self._message(notification)))

    def _message(self, notification: Notification) -> dict[str, Any]:
        title = self._writer.title(notification, _MOST_TITLE)
        actions = [
            {"type": "Action.OpenUrl", "title": what, "url": where}
            for what, where in named_links(notification, self._tools.links).items()
            if where.startswith(("http://", "https://"))
        ]
        colour = "Good" if notification.status == "resolved" else _COLOURS.get(notification.severity, "Default")

        def card(text: str) -> dict[str, Any]:
            return _card(title, colour, text, actions)

        return card(self._writer.text(notification, lambda text: len(_body(card(text))) <= _MOST_BYTES))


def escaped(text: str) -> str:
    """Return a text in which nothing is a link of Markdown.

    By a space without width: Teams' apps do not agree on what a backslash before a bracket is.
    """
    return _LINK.sub("]\u200b", text)


def _card(title: str, colour: str, text: str, actions: list[dict[str, str]]) -> dict[str, Any]:
    head = {"type": "TextBlock", "text": title, "weight": "Bolder", "color": colour, "wrap": True}
    lines = [{"type": "TextBlock", "text": line, "wrap": True} for line in text.splitlines() if line.strip()]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [head, *lines],
        "actions": actions,
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def _body(message: dict[str, Any]) -> bytes:
    return json.dumps(message, ensure_ascii=False).encode()
