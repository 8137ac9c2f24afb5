"""The heartbeats of connectors: a task that is RUNNING may do nothing."""

from collections.abc import Mapping
from typing import Any, Final

from streamwatch.model.connect import Heartbeat
from streamwatch.sources.connect.plugins import is_debezium, is_mirror, text

_SLOWEST: Final = 120.0
"""Seconds; a heartbeat that comes less often is no sign of life within minutes."""
_MOST_TOPIC: Final = 249


def heartbeat(settings: Mapping[str, Any]) -> Heartbeat | None:
    """Return what a connector is set to; None where it can write no heartbeat."""
    if is_mirror(settings, "MirrorHeartbeatConnector"):
        is_on = text(settings, "emit.heartbeats.enabled", "true").lower() == "true"
        every = _number(text(settings, "emit.heartbeats.interval.seconds", "1")) if is_on else 0.0
        return Heartbeat(every, "heartbeats" if 0 < every <= _SLOWEST else None)
    if is_debezium(settings):
        every = _number(text(settings, "heartbeat.interval.ms", "0")) / 1000
        prefix = text(settings, "topic.prefix", "") or text(settings, "database.server.name", "")
        before = text(settings, "topic.heartbeat.prefix", "") or text(settings, "heartbeat.topics.prefix", "")
        topic = f"{before or '__debezium-heartbeat'}.{prefix}"[:_MOST_TOPIC]
        is_shown = bool(prefix) and 0 < every <= _SLOWEST
        writes = every > 0 and bool(text(settings, "heartbeat.action.query", ""))
        return Heartbeat(every, topic if is_shown else None, writes)
    return None


def _number(digits: str) -> float:
    return float(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else 0.0  # noqa: PLR2004 - a long interval
