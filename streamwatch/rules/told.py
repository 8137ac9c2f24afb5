"""Groups, rules and alerts in the shapes of Prometheus's API."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from streamwatch.model.alert import Alert
from streamwatch.promql.numbers import shortest
from streamwatch.rules.group import GroupState, RuleState


def groups(some: Iterable[GroupState]) -> list[dict[str, Any]]:
    """Return groups as ``/api/v1/rules`` has them."""
    return [
        {
            "name": one.group.name,
            "file": one.group.file,
            "interval": one.group.interval_seconds or 0,
            "limit": one.group.limit,
            "rules": [_rule(rule) for rule in one.rules],
            "evaluationTime": one.seconds,
            "lastEvaluation": instant(one.evaluated_at),
        }
        for one in some
    ]


def alerts(some: Iterable[GroupState]) -> list[dict[str, Any]]:
    """Return alerts as ``/api/v1/alerts`` has them."""
    return [_alert(alert) for one in some for rule in one.rules for alert in rule.alerts]


def instant(at: float) -> str:
    """Return seconds since 1970 as RFC 3339; what never was is Go's zero."""
    if not at:
        return "0001-01-01T00:00:00Z"
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _rule(state: RuleState) -> dict[str, Any]:
    rule = state.rule
    told: dict[str, Any] = {
        "name": rule.name,
        "query": rule.text,
        "labels": dict(rule.labels),
        "health": "err" if state.error else "ok" if state.evaluated_at else "unknown",
        "evaluationTime": state.seconds,
        "lastEvaluation": instant(state.evaluated_at),
        "type": "alerting" if rule.alert else "recording",
    }
    if state.error:
        told["lastError"] = state.error
    if not rule.alert:
        return told
    states = {alert.state for alert in state.alerts}
    return told | {
        "state": "firing" if "firing" in states else "pending" if "pending" in states else "inactive",
        "duration": rule.for_seconds,
        "keepFiringFor": rule.keep_firing_seconds,
        "annotations": dict(rule.annotations),
        "alerts": [_alert(alert) for alert in state.alerts],
    }


def _alert(alert: Alert) -> dict[str, Any]:
    told: dict[str, Any] = {
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "state": alert.state,
        "activeAt": instant(alert.active_at),
        "value": shortest(alert.value),
    }
    if alert.keep_firing_since is not None:
        told["keepFiringSince"] = instant(alert.keep_firing_since)
    return told
