"""Groups, rules and alerts in the shapes of Prometheus's API."""

from collections.abc import Iterable
from typing import Any

from streamwatch.core.times import rfc3339
from streamwatch.model.alert import Alert
from streamwatch.promql.numbers import shortest
from streamwatch.rules.group import GroupState, RuleState


def groups(states: Iterable[GroupState]) -> list[dict[str, Any]]:
    """Return groups as ``/api/v1/rules`` has them."""
    return [
        {
            "name": state.group.name,
            "file": state.group.file,
            "interval": state.group.interval_seconds or 0,
            "limit": state.group.limit,
            "rules": [_rule(rule) for rule in state.rules],
            "evaluationTime": state.seconds,
            "lastEvaluation": _instant(state.evaluated_at),
        }
        for state in states
    ]


def alerts(states: Iterable[GroupState]) -> list[dict[str, Any]]:
    """Return alerts as ``/api/v1/alerts`` has them."""
    return [_alert(alert) for state in states for rule in state.rules for alert in rule.alerts]


def _instant(at: float) -> str:
    """Return a time; what never was is Go's zero."""
    return rfc3339(at) if at else "0001-01-01T00:00:00Z"


def _rule(state: RuleState) -> dict[str, Any]:
    rule = state.rule
    shown: dict[str, Any] = {
        "name": rule.name,
        "query": rule.text,
        "labels": dict(rule.labels),
        "health": "err" if state.error else "ok" if state.evaluated_at else "unknown",
        "evaluationTime": state.seconds,
        "lastEvaluation": _instant(state.evaluated_at),
        "type": "alerting" if rule.alert else "recording",
    }
    if state.error:
        shown["lastError"] = state.error
    if not rule.alert:
        return shown
    states = {alert.state for alert in state.alerts}
    return shown | {
        "state": "firing" if "firing" in states else "pending" if "pending" in states else "inactive",
        "duration": rule.for_seconds,
        "keepFiringFor": rule.keep_firing_seconds,
        "annotations": dict(rule.annotations),
        "alerts": [_alert(alert) for alert in state.alerts],
    }


def _alert(alert: Alert) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "state": alert.state,
        "activeAt": _instant(alert.active_at),
        "value": shortest(alert.value),
    }
    if alert.keep_firing_since is not None:
        shown["keepFiringSince"] = _instant(alert.keep_firing_since)
    return shown
