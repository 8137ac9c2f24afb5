"""The topics that a connector's settings name: what a source writes, and what a sink is to read."""

from collections.abc import Mapping
from typing import Any, Final

from streamwatch.sources.connect.plugins import is_debezium, text

_MOST: Final = 20
"""Topics of a connector that are looked at."""
_MOST_NAME: Final = 249
"""Signs of a topic's name, as Kafka has it."""
_NAMES: Final = ("topic", "kafka.topic")
"""Settings by which sources name the one topic that they write."""


def topics(settings: Mapping[str, Any], *, is_sink: bool) -> tuple[str, ...]:
    """Return the names of topics, not too many; not those that are a variable which only the workers know."""
    if is_sink:
        names = [one.strip() for one in text(settings, "topics", "").split(",")]
    else:
        names = [text(settings, key, "") for key in _NAMES]
    return tuple(dict.fromkeys(name[:_MOST_NAME] for name in names if name and "${" not in name))[:_MOST]


def topic_prefix(settings: Mapping[str, Any]) -> str | None:
    """Return what the names of a source's topics begin with; None where its settings do not say it."""
    prefix = text(settings, "topic.prefix", "")
    if "${" in prefix:
        return None
    if is_debezium(settings):
        prefix = prefix or text(settings, "database.server.name", "")
        return f"{prefix}."[:_MOST_NAME] if prefix else None
    return prefix[:_MOST_NAME] or None
