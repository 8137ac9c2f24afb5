"""The topics in which connectors show that they live: a task that is RUNNING may do nothing."""

from collections.abc import Mapping
from typing import Any, Final

_SLOWEST: Final = 120.0
"""Seconds; a heartbeat that comes less often is no sign of life within minutes."""
_MIRROR: Final = "org.apache.kafka.connect.mirror.MirrorHeartbeatConnector"
_DEBEZIUM: Final = "io.debezium.connector."


def heartbeat_topic(settings: Mapping[str, Any]) -> str | None:
    """Return where a connector writes a heartbeat; None where it writes none, or too seldom."""
    plugin = _text(settings, "connector.class", "")
    if plugin in {_MIRROR, "MirrorHeartbeatConnector"}:
        is_on = _text(settings, "emit.heartbeats.enabled", "true").lower() == "true"
        every = _number(_text(settings, "emit.heartbeats.interval.seconds", "1"))
        return "heartbeats" if is_on and 0 < every <= _SLOWEST else None
    if plugin.startswith(_DEBEZIUM):
        every = _number(_text(settings, "heartbeat.interval.ms", "0")) / 1000
        prefix = _text(settings, "topic.prefix", "") or _text(settings, "database.server.name", "")
        if prefix and 0 < every <= _SLOWEST:
            before = _text(settings, "topic.heartbeat.prefix", "") or _text(settings, "heartbeat.topics.prefix", "")
            return f"{before or '__debezium-heartbeat'}.{prefix}"[:249]
    return None


def _text(settings: Mapping[str, Any], key: str, default: str) -> str:
    value = settings.get(key)
    return value.strip() if isinstance(value, str) else default


def _number(text: str) -> float:
    return float(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0.0  # noqa: PLR2004 - a long interval
