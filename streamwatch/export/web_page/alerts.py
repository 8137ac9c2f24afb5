"""Alerts as they are shown: what, since when, and who was notified."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from streamwatch.export.web_page.words import Health, ago, listed, span
from streamwatch.model.alert import WATCHDOG_SEVERITY, Alert
from streamwatch.notify.text import Links

_ORDER: Final = ("critical", "page", "warning", "warn", "info")
_MOST: Final = 50
_KNOWN: Final = frozenset({"alertname", "severity", "instance", "job"})
"""Labels that say nothing more of an alert: what is said beside it, and the agent that decided it, which is asked."""


@dataclass(frozen=True, slots=True)
class AlertView:
    """One alert."""

    id: str
    name: str
    severity: str
    health: Health
    summary: str
    description: str
    labels: str
    since: str
    sent: Sequence[str]
    """What each channel was notified of."""
    muted: Sequence[str]
    """What keeps it from which channel."""
    runbook: str
    """An address, or a path on the agent; empty where there is none that a browser should go to."""
    dashboard: str = ""
    """An address; empty where there is none."""


@dataclass(frozen=True, slots=True)
class Alerts:
    """All that is shown of them."""

    firing: Sequence[AlertView]
    more: int
    """Firing ones that are not listed."""
    pending: Sequence[AlertView]
    """Those whose condition holds, not for long enough yet."""
    more_pending: int = 0
    """Pending ones that are not listed."""


def alerts(  # noqa: PLR0913, PLR0917 - what there is, each by its name
    active: Sequence[Alert],
    notifications: Sequence[Mapping[str, Any]],
    channels: int,
    now: float,
    own: str = "",
    reasons: Mapping[str, Sequence[str]] = MappingProxyType({}),
    most: int = _MOST,
    chosen: Sequence[Alert] | None = None,
    links: Links | None = None,
) -> Alerts:
    """Return what is shown of alerts.

    Args:
        active: those that are pending or firing.
        notifications: what each channel was notified of, as ``/api/v1/notifications`` has it.
        channels: how many there are to notify.
        now: seconds since 1970.
        own: the agent's address.
        reasons: what mutes alerts, by their fingerprints.
        most: so many are shown.
        chosen: those of them that are shown, in this order; None: the worst, and of these the oldest.
        links: where dashboards are; nowhere by default.

    """
    sent: dict[str, list[Mapping[str, Any]]] = {}
    for notification in notifications:
        for fingerprint in notification["alerts"]:
            sent.setdefault(fingerprint, []).append(notification)
    shown = [one for one in active if one.labels.get("severity") != WATCHDOG_SEVERITY]
    shown.sort(key=lambda one: (_rank(one), one.active_at))
    firing = [one for one in shown if one.state == "firing"]
    pending = [one for one in shown if one.state == "pending"]
    first = firing[:most] if chosen is None else chosen
    return Alerts(
        [
            _shown(one, sent.get(one.fingerprint, []), reasons.get(one.fingerprint, ()), channels, now, own, links)
            for one in first
        ],
        max(0, len(firing) - len(first)),
        [_shown(one, [], (), 0, now, own) for one in pending[:most]],
        max(0, len(pending) - most),
    )


def health(alerts: Alerts) -> Health:
    """Return how bad it is."""
    levels = {one.health for one in alerts.firing}
    return "bad" if "bad" in levels else "warn" if "warn" in levels else "good"


def _rank(alert: Alert) -> int:
    severity = alert.labels.get("severity", "")
    return _ORDER.index(severity) if severity in _ORDER else len(_ORDER)


def _shown(  # noqa: PLR0913, PLR0917 - as above, of one
    alert: Alert,
    sent: Sequence[Mapping[str, Any]],
    muted: Sequence[str],
    channels: int,
    now: float,
    own: str,
    links: Links | None = None,
) -> AlertView:
    severity = alert.labels.get("severity", "")
    notes = dict(alert.annotations)
    labels = [f"{name}={value}" for name, value in alert.labels.pairs if name not in _KNOWN]
    since = alert.active_at if alert.fired_at is None else alert.fired_at
    words = [_sent(each, now) for each in sent]
    if alert.state == "firing" and not words:
        words = ["nobody was notified" if channels else "there is no channel to notify"]
    return AlertView(
        alert.fingerprint,
        alert.name,
        severity or "no severity",
        "bad" if severity in {"critical", "page"} else "warn" if severity in {"warning", "warn"} else "unknown",
        alert.summary,
        notes.get("description", ""),
        listed(labels, 8),
        span(max(0.0, now - since)),
        words,
        muted,
        _link(notes.get("runbook_url", ""), own),
        "" if links is None else _link(links.dashboard_of(alert), ""),
    )


def _link(url: str, own: str) -> str:
    """Return what a browser that sees this page can go to: a path, where it is the agent's own."""
    if own and url.startswith(f"{own}/"):
        return url.removeprefix(own)
    return url if url.startswith(("http://", "https://")) else ""


def _sent(one: Mapping[str, Any], now: float) -> str:
    channel = one["channel"]
    if one["parked"]:
        return f"{channel} refuses it: {one['parked']}"
    if one["notified"] == "firing":
        return f"{channel} was notified {ago(max(0.0, now - datetime.fromisoformat(one['notifiedAt']).timestamp()))}"
    attempts = one["attempts"]
    return f"{channel} is being notified" + (f", after {attempts} attempts that failed" if attempts else "")
