"""Which notification one group of alerts needs, now: a function of what was delivered before. Nothing here does I/O.

The row of a group and a target in the outbox goes through these states:

    no row ──── an alert fires that is not muted ────► FIRING WANTED ── nothing fires, and none was delivered ──► no row
                                                        │         ▲
                                      it was delivered  │         │  a new alert fires: ``interval`` after the last one;
                                                        ▼         │  or alerts still fire after ``repeat``
                                                       NOTHING WANTED ── ended and delivered, ``linger`` over ──► no row
                                                        │         ▲
             nothing fires any more: the rest of the    │         │  it was delivered; or alerts fire again,
             ``interval`` later, since it may come back │         │  and it was certainly not delivered
                                                        ▼         │
                                                      RESOLVED WANTED ── alerts fire again, and it may have been
                                                                         delivered ──► FIRING WANTED, at once

While all alerts that fire are muted or inhibited, nothing is wanted, but for a resolved notification that may have
been delivered. Each attempt makes the answer to "was it delivered?" less certain (``MaybeDelivered``); that a group has
resolved is sent where the firing notification may have been delivered.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final, Literal

from streamwatch.model.alert import Alert
from streamwatch.model.labels import Labels
from streamwatch.model.notification import Notification
from streamwatch.notify.fit import worst_first

MOST_ALERTS: Final = 100
"""A notification lists no more than these."""
MOST_KNOWN: Final = 1000
"""Of so many alerts of a group is it known that they were delivered."""


class MaybeDelivered(Enum):
    """Whether the service may have taken a notification of which it is not known that it has."""

    NO = 0
    """Nothing was sent, or all attempts certainly failed."""
    UNDER_WAY = 1
    """An attempt is made now, or at once; it becomes one of the others."""
    YES = 2
    """The connection broke, say, after the request was sent."""


@dataclass(frozen=True, slots=True)
class GroupTiming:
    """How often a group is notified of, in seconds."""

    interval: float = 60.0
    """Between two notifications at least, but for the first."""
    repeat: float = 14_400.0
    """After this, alerts that still fire are sent again; 0: never."""
    linger: float = 0.0
    """For so long is it sent again that a group has resolved."""


@dataclass(frozen=True, slots=True)
class NotificationState:
    """What is known of one group and one integration: what it was notified of, and what it will be."""

    target: str
    key: str
    seq: int = 0
    """Another one for every other content that is wanted."""
    delivered: frozenset[str] | None = None
    """Fingerprints of the alerts that fired in the last notification that was delivered; none of them in a resolved
    one; None: nothing was delivered yet."""
    delivered_at: float = -math.inf
    wanted: Literal["", "firing", "resolved"] = ""
    """The notification that is to be delivered; empty where none is."""
    wanted_alerts: frozenset[str] = frozenset()
    """Fingerprints of the alerts that fire in it."""
    maybe_delivered: MaybeDelivered = MaybeDelivered.NO
    attempts: int = 0
    next_at: float = 0.0
    """When it is to be delivered, or tried again."""
    parked_reason: str = ""
    """Why it is not tried any more."""
    wanted_since: float = 0.0
    plan_again_at: float = math.inf
    """When to plan again, although no alert has changed."""

    @property
    def is_unknown_to_service(self) -> bool:
        """Whether the service certainly knows nothing of the group."""
        return self.delivered is None and self.maybe_delivered is MaybeDelivered.NO

    @property
    def is_certain(self) -> bool:
        """Whether the service knows exactly what was delivered."""
        return self.maybe_delivered is MaybeDelivered.NO


@dataclass(slots=True)
class AlertGroup:
    """The alerts of one group, now."""

    labels: Labels
    pace: GroupTiming
    firing: list[Alert] = field(default_factory=list)
    """All that fire."""
    unmuted: list[Alert] = field(default_factory=list)
    """Those of them that are neither muted nor inhibited."""
    resolved: list[Alert] = field(default_factory=list)
    """Those that have resolved of late."""


def plan(row: NotificationState, group: AlertGroup | None, now: float) -> NotificationState | None:
    """Return what is to be known of a group after a look at its alerts; None where nothing is.

    Args:
        row: what was known before: an empty one of a new group.
        group: its alerts; None where it has none any more.
        now: in seconds since 1970.

    """
    if group is None or not group.firing:
        return _over(row, group, now)
    return _firing(row, group, now) if group.unmuted else _muted(row)


def _firing(row: NotificationState, group: AlertGroup, now: float) -> NotificationState:
    """Plan for a group of which alerts fire that are not muted."""
    unmuted, delivered = fingerprints(group.unmuted), row.delivered or frozenset()
    if row.wanted == "resolved" and not row.is_certain:
        return _want(row, "firing", unmuted, now, now)
    repeat_at = row.delivered_at + (group.pace.repeat or math.inf)
    is_due = bool(unmuted - delivered) or now >= repeat_at
    if row.wanted == "firing" and (is_due or not row.is_certain):
        same = row.wanted_alerts == unmuted
        return row if same else replace(row, seq=row.seq + 1, wanted_alerts=unmuted, parked_reason="")
    if not is_due:
        return _want_nothing(row, repeat_at)
    can_wait = delivered and now < repeat_at
    return _want(row, "firing", unmuted, now, row.delivered_at + group.pace.interval if can_wait else now)


def _muted(row: NotificationState) -> NotificationState | None:
    """Plan for a group of which all alerts that fire are muted: that it has resolved will be sent."""
    if row.is_unknown_to_service:
        return None
    if row.wanted == "resolved" and not row.is_certain:
        return row
    return _want_nothing(row, math.inf)


def _over(row: NotificationState, group: AlertGroup | None, now: float) -> NotificationState | None:
    """Plan for a group in which nothing fires."""
    if row.wanted == "resolved":
        return row
    if row.is_unknown_to_service:
        return None  # it is over before anybody was notified
    pace = group.pace if group is not None else GroupTiming(interval=0.0)
    if row.delivered or not row.is_certain:
        # It may come back within a moment: that it is over can wait for the rest of the interval.
        return _want(row, "resolved", frozenset(), now, row.delivered_at + pace.interval)
    resolved = group.resolved if group is not None else ()
    ended_at = max((alert.resolved_at or 0.0 for alert in resolved), default=0.0)
    if now - ended_at >= pace.linger:
        return None
    repeat_at = row.delivered_at + pace.repeat
    if now >= repeat_at:
        return _want(row, "resolved", frozenset(), now, now)
    return replace(row, plan_again_at=repeat_at)


def _want(
    row: NotificationState, status: Literal["firing", "resolved"], alerts: frozenset[str], now: float, at: float
) -> NotificationState:
    """Want a notification, to be delivered at a time, or now where that is over."""
    # What is due at once counts as under way: it need not be written again before the first attempt.
    begins = at <= now and row.maybe_delivered is MaybeDelivered.NO
    return replace(
        row,
        seq=row.seq + 1,
        wanted=status,
        wanted_alerts=alerts,
        maybe_delivered=MaybeDelivered.UNDER_WAY if begins else row.maybe_delivered,
        attempts=0,
        next_at=max(now, at),
        parked_reason="",
        wanted_since=now,
        plan_again_at=math.inf,
    )


def _want_nothing(row: NotificationState, plan_again_at: float) -> NotificationState:
    return replace(row, wanted="", parked_reason="", plan_again_at=plan_again_at)


def content(
    row: NotificationState, group: AlertGroup | None, labels: Labels, before: Notification | None, now: float
) -> Notification:
    """Return the notification that a row wants.

    Args:
        row: it wants something.
        group: the alerts, now; None where there are none any more.
        labels: the group's.
        before: what was wanted last, of which the alerts are taken that are forgotten since.
        now: in seconds since 1970.

    """
    known = {alert.labels: alert for alert in group.resolved} if group is not None else {}
    over = [_ended(alert, known, now) for alert in (before.alerts if before is not None else ())]
    left_out = 0
    if row.wanted == "firing" and group is not None:
        delivered = row.delivered or frozenset()
        unmuted = {alert.labels for alert in group.unmuted}
        muted = (alert for alert in group.firing if alert.labels not in unmuted and alert.fingerprint in delivered)
        firing = worst_first([*group.unmuted, *muted])
        here = {alert.labels for alert in firing}
        left_out = max(0, len(firing) - MOST_ALERTS)
        over = [alert for alert in over if alert.labels not in here and alert.fingerprint in delivered][:MOST_ALERTS]
        alerts = (*firing[:MOST_ALERTS], *over)
    else:
        alerts = tuple(over)
    status: Literal["firing", "resolved"] = "firing" if row.wanted == "firing" else "resolved"
    return Notification(row.key, labels, status, alerts, now, left_out)


def _ended(alert: Alert, known: dict[Labels, Alert], now: float) -> Alert:
    if alert.state == "inactive":
        return alert
    resolved = known.get(alert.labels) or alert.but(state="inactive", resolved_at=now)
    # The clock may have been set back since it was written down: nothing ends before it began.
    ended = resolved.resolved_at or now
    fired = None if resolved.fired_at is None else min(resolved.fired_at, ended)
    return resolved.but(active_at=min(resolved.active_at, ended), fired_at=fired)


def fingerprints(alerts: Collection[Alert]) -> frozenset[str]:
    """Return the identities of these alerts; of very many, of the first."""
    return frozenset(alert.fingerprint for alert in list(alerts)[:MOST_KNOWN])
