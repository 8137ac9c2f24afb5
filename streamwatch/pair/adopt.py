"""A peer's word becomes this agent's own state, in one transaction: what was notified, and silences.

Of two words the later counts. Instants of the peer's are moved by how far its clock is from this agent's, as its
document shows, so that clocks that differ change nothing.
"""

import math
import sqlite3
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from streamwatch.model.notification import from_text
from streamwatch.notify import outbox, silence_store
from streamwatch.notify.plan import MaybeDelivered, NotificationState
from streamwatch.notify.silence import Silence
from streamwatch.pair.document import Notified

_SAME_SECONDS: Final = 0.05
"""Two instants that are nearer are one delivery, seen by two agents."""


@dataclass(frozen=True, slots=True)
class Adopter:
    """Who adopts."""

    targets: Collection[str]
    """The integrations that this agent has: others are of another configuration."""
    sends: bool
    """Whether it is the one that notifies: what it sends at this very moment is in doubt until it knows."""
    over: Mapping[tuple[str, str], float]
    """Groups that are over and forgotten, by target and key, and when that was last heard."""


def adopt(connection: sqlite3.Connection, notified: Iterable[Notified], who: Adopter, ahead: float) -> bool:
    """Take what a peer notified for one's own; return whether anything is new.

    Args:
        connection: in a transaction.
        notified: the peer's rows.
        who: adopts it.
        ahead: seconds by which this agent's wall clock is ahead of the peer's.

    """
    rows, is_new = outbox.rows(connection), False
    for one in notified:
        if one.target in who.targets:
            is_new |= _adopt(connection, rows, replace(one, at=one.at + ahead), who, ahead)
    return is_new


def _adopt(
    connection: sqlite3.Connection,
    rows: Mapping[tuple[str, str], NotificationState],
    one: Notified,
    who: Adopter,
    ahead: float,
) -> bool:
    own = rows.get((one.target, one.key))
    if own is None:
        return _begin(connection, one, who, ahead)
    after = merged(own, one, sends=who.sends)
    if after != own:
        outbox.change(connection, after)
    return after != own


def _begin(connection: sqlite3.Connection, one: Notified, who: Adopter, ahead: float) -> bool:
    """Take a group for one's own that is not known here, where somebody may have been notified that it fires."""
    if not one.content or not (one.delivered or one.maybe):
        return False
    content = from_text(one.content)
    fired_at = max((alert.fired_at or alert.active_at for alert in content.alerts), default=content.at) + ahead
    said_at = fired_at if math.isinf(one.at) else one.at
    if said_at <= who.over.get((one.target, one.key), -math.inf):
        return False  # since then a peer wrote that it is over
    maybe = MaybeDelivered.YES if one.maybe else MaybeDelivered.NO
    row = NotificationState(one.target, one.key, 1, one.delivered, one.at, maybe_delivered=maybe, plan_again_at=0.0)
    outbox.put(connection, row, content)
    return True


def merged(own: NotificationState, theirs: Notified, *, sends: bool) -> NotificationState:
    """Return what is known of a group after a peer has answered what it notified of it."""
    if theirs.delivered is None:
        doubts = theirs.maybe and own.is_unknown_to_service
        return replace(own, maybe_delivered=MaybeDelivered.YES) if doubts else own
    if own.delivered is not None and theirs.at <= own.delivered_at + _SAME_SECONDS:
        return own
    is_done = own.wanted == "resolved" and not theirs.delivered
    is_done |= own.wanted == "firing" and bool(theirs.delivered) and own.wanted_alerts <= theirs.delivered
    maybe = MaybeDelivered.YES if theirs.maybe else own.maybe_delivered if sends else MaybeDelivered.NO
    return replace(
        own,
        seq=own.seq + is_done,
        delivered=theirs.delivered,
        delivered_at=theirs.at,
        wanted="" if is_done else own.wanted,
        maybe_delivered=maybe,
        plan_again_at=0.0,
    )


def mark_maybe_delivered(connection: sqlite3.Connection) -> None:
    """Whoever notified is not heard any more: what it was to send, it may have sent."""
    for row in outbox.rows(connection).values():
        if row.wanted and row.maybe_delivered is MaybeDelivered.NO:
            outbox.change(connection, replace(row, maybe_delivered=MaybeDelivered.YES))


def adopt_silences(connection: sqlite3.Connection, theirs: Iterable[Silence], now: float) -> bool:
    """Take a peer's silences, of two of a number the one that was changed last; return whether anything is new.

    One that ended before it was known here silences nothing: it is left out, and of those that end here no more are
    kept than where they are made.
    """
    own = {silence.number: silence for silence in silence_store.ended_after(connection, -math.inf)}
    is_new = False
    for silence in theirs:
        known = own.get(silence.number)
        if known is None and silence.until > now:
            silence_store.put(connection, silence)
        elif known and known.matchers == silence.matchers and known.updated < silence.updated:
            silence_store.change(connection, silence)
        else:
            continue
        is_new = True
    if is_new:
        silence_store.forget_ended(connection, now)
    return is_new
