"""Microsoft Teams, by a workflow's webhook (`When a Teams webhook request is received`): an adaptive card."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from streamwatch.model.notification import Notification
from streamwatch.model.settings import Secret, setting
from streamwatch.notify.channel import Target, Tools
from streamwatch.notify.text import Writer, template, told_links, truncated_bytes
from streamwatch.web import check_url

_MOST_TITLE: Final = 256
_MOST_TEXT_BYTES: Final = 16_000  # of 28 KB that a message may have, escaped
_COLOURS: Final = {"critical": "Attention", "page": "Attention", "warning": "Warning", "warn": "Warning"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A channel in Microsoft Teams."""

    name: str = setting("what the channel is called")
    url: Secret = setting("the workflow's address")
    title: str | None = setting("a template for the first line", default=None)
    text: str | None = setting("a template for the rest", default=None)

    def __post_init__(self) -> None:
        check_url("url", self.url)
        template("title", self.title)
        template("text", self.text)


class Teams:
    """Posts cards."""

    def __init__(self, config: Config, tools: Tools) -> None:
        self._config, self._tools = config, tools
        self._writer = Writer(tools.links, config.title, config.text)

    def send(self, some: Sequence[Notification]) -> None:
        """Post them, one request each."""
        for one in some:
            body = json.dumps(self._message(one), ensure_ascii=False).encode()
            self._tools.web.post(self._config.url.reveal(), body)

    def _message(self, told: Notification) -> dict[str, Any]:
        colour = "Good" if told.status == "resolved" else _COLOURS.get(told.severity, "Default")
        text = truncated_bytes(self._writer.text(told, _MOST_TEXT_BYTES), _MOST_TEXT_BYTES)
        title = {
            "type": "TextBlock",
            "text": self._writer.title(told, _MOST_TITLE),
            "weight": "Bolder",
            "color": colour,
        }
        card = {
            "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
            "type": "AdaptiveCard",
            "version": "1.4",
            "body": [
                {**title, "wrap": True},
                *({"type": "TextBlock", "text": line, "wrap": True} for line in text.splitlines() if line),
            ],
            "actions": [
                {"type": "Action.OpenUrl", "title": what, "url": where}
                for what, where in told_links(told, self._tools.links).items()
                if "://" in where
            ],
        }
        attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
        return {"type": "message", "attachments": [attachment]}


def targets(config: Config, tools: Tools) -> tuple[Target, ...]:
    """Return what is told."""
    return (Target(config.name, config.name, Teams(config, tools), rate=1.0, burst=5),)
