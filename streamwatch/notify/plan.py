"""What is to be told of one group of alerts, now: a function of what was told before. Nothing here does I/O.

A group is one incident for one target. It is told at once when it begins; again when alerts have joined it, but not
more often than ``interval``; again when ``repeat`` is over; and when it has resolved, which waits for the rest of the
interval, so that what comes and goes is told once. What was never sent and has resolved is not sent any more.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from streamwatch.model.alert import Alert
from streamwatch.model.labels import Labels
from streamwatch.model.notification import Notification
from streamwatch.notify.fit import worst_first

MOST_ALERTS: Final = 100
"""A notification lists no more than these."""
MOST_KNOWN: Final = 1000
"""Of so many alerts of a group is it known that they were told."""

NONE: Final = 0
UNDER_WAY: Final = 1
SOME: Final = 2
"""An attempt that is under way becomes ``NONE`` where it certainly failed, and ``SOME`` where that is not known."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a group is told, in seconds."""

    interval: float = 60.0
    """Between two messages at least, but for the first."""
    repeat: float = 14_400.0
    """What fires on is told again after this; 0: never."""
    linger: float = 0.0
    """So long is it told again that a group has resolved."""


@dataclass(frozen=True, slots=True)
class Row:
    """What is known of one group and one target."""

    target: str
    key: str
    seq: int = 0
    """Another one for every other content that is wanted."""
    told: frozenset[str] | None = None
    """Fingerprints of the alerts that fired in what was delivered last: none of a resolved one; None: never."""
    told_at: float = -math.inf
    wanted: Literal["", "firing", "resolved"] = ""
    """What is to be delivered; empty where nothing is."""
    wants: frozenset[str] = frozenset()
    """Fingerprints of the alerts that fire in it."""
    doubt: int = 0
    """Whether what is wanted may have been received without our knowing: ``NONE``, ``UNDER_WAY`` or ``SOME``."""
    attempts: int = 0
    next_at: float = 0.0
    """When it is to be delivered, or tried again."""
    parked: str = ""
    """Why it is not tried any more."""
    since: float = 0.0
    """Since when it is wanted."""
    look_at: float = math.inf
    """When to plan again, although no alert has changed."""


@dataclass(slots=True)
class Group:
    """The alerts of one group, now."""

    labels: Labels
    pace: Pace
    live: list[Alert] = field(default_factory=list)
    """All that fire."""
    loud: list[Alert] = field(default_factory=list)
    """Those of them that are neither muted nor inhibited."""
    resolved: list[Alert] = field(default_factory=list)
    """Those that have resolved of late."""


def plan(row: Row, group: Group | None, now: float) -> Row | None:
    """Return what is to be known of a group after a look at its alerts; None where nothing is.

    Args:
        row: what was known before: an empty one of a new group.
        group: its alerts; None where it has none any more.
        now: in seconds since 1970.

    """
    if group is None or not group.live:
        return _ended(row, group, now)
    if not group.loud:
        return _hushed(row)
    told, loud = row.told or frozenset(), fingerprints(group.loud)
    if row.wanted == "resolved" and row.doubt:
        return _want(row, "firing", loud, now, now)
    again = row.told_at + (group.pace.repeat or math.inf)
    is_news = bool(loud - told) or now >= again
    if row.wanted == "firing" and (is_news or row.doubt):
        return row if row.wants == loud else replace(row, seq=row.seq + 1, wants=loud, parked="")
    if is_news:
        can_wait = told and now < again
        return _want(row, "firing", loud, now, max(now, row.told_at + group.pace.interval) if can_wait else now)
    return replace(row, wanted="", parked="", look_at=again)


def _hushed(row: Row) -> Row | None:
    """Return what is known of a group that nobody is to hear of now; that it has resolved will be told."""
    if row.told is None and not row.doubt:
        return None
    return row if row.wanted == "resolved" and row.doubt else replace(row, wanted="", parked="", look_at=math.inf)


def _ended(row: Row, group: Group | None, now: float) -> Row | None:
    """Return what is known of a group in which nothing fires."""
    if row.wanted == "resolved":
        return row
    if row.told is None and not row.doubt:
        return None  # never sent, and over
    pace = group.pace if group is not None else Pace(interval=0.0)
    if row.told != frozenset() or row.doubt:
        # That an incident is over which was told a moment ago can wait: it may go on.
        return _want(row, "resolved", frozenset(), now, max(now, row.told_at + pace.interval))
    resolved = group.resolved if group is not None else ()
    if now - max((one.resolved_at or 0.0 for one in resolved), default=0.0) >= pace.linger:
        return None
    again = row.told_at + pace.repeat
    return _want(row, "resolved", frozenset(), now, now) if now >= again else replace(row, look_at=again)


def _want(row: Row, what: Literal["firing", "resolved"], wants: frozenset[str], now: float, at: float) -> Row:
    # What is due at once counts as under way: it need not be written again before the first attempt.
    doubt = max(row.doubt, UNDER_WAY) if at <= now else row.doubt
    return replace(
        row, seq=row.seq + 1, wanted=what, wants=wants, doubt=doubt, attempts=0, next_at=at, parked="", since=now,
        look_at=math.inf,
    )  # fmt: skip


def content(row: Row, group: Group | None, labels: Labels, before: Notification | None, now: float) -> Notification:
    """Return the message that a row wants.

    Args:
        row: it wants something.
        group: the alerts, now; None where there are none any more.
        labels: the group's.
        before: what was wanted last, of which the alerts are taken that are forgotten since.
        now: in seconds since 1970.

    """
    known = {one.labels: one for one in group.resolved} if group is not None else {}
    over = [_over(one, known, now) for one in (before.alerts if before is not None else ())]
    left_out = 0
    if row.wanted == "firing" and group is not None:
        told = row.told or frozenset()
        firing = [*group.loud, *(one for one in group.live if one not in group.loud and one.fingerprint in told)]
        firing = worst_first(firing)
        here = {one.labels for one in firing}
        left_out = max(0, len(firing) - MOST_ALERTS)
        over = [one for one in over if one.labels not in here and one.fingerprint in told][:MOST_ALERTS]
        alerts = (*firing[:MOST_ALERTS], *over)
    else:
        alerts = tuple(over)
    status: Literal["firing", "resolved"] = "firing" if row.wanted == "firing" else "resolved"
    return Notification(row.key, labels, status, alerts, now, left_out)


def _over(alert: Alert, known: dict[Labels, Alert], now: float) -> Alert:
    if alert.state == "inactive":
        return alert
    found = known.get(alert.labels) or alert.but(state="inactive", resolved_at=now)
    # The clock may have been set back since it was written down: nothing ends before it began.
    ended = found.resolved_at or now
    fired = None if found.fired_at is None else min(found.fired_at, ended)
    return found.but(active_at=min(found.active_at, ended), fired_at=fired)


def fingerprints(alerts: Collection[Alert]) -> frozenset[str]:
    """Return what tells these alerts from others; of very many, of the first."""
    return frozenset(one.fingerprint for one in list(alerts)[:MOST_KNOWN])
