"""What a checkpoint says of the lag: an upper bound by itself, and the lag where it is known what was written since.

CloudWatch tells minutes with records, minutes late. Where it has none after the checkpoint's own minute there is
nothing left to read, as far as CloudWatch goes: records of that very minute cannot be distinguished.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from streamwatch.model.cloudwatch import Reading
from streamwatch.model.kinesis import Shard
from streamwatch.model.reader import Method, Position
from streamwatch.sources.readers.kcl_leases import Followed
from streamwatch.sources.readers.kcl_rows import Lease, precedes

MINUTE: Final = 60
LATE_SECONDS: Final = 180.0
"""A minute that ended so long before CloudWatch was asked is in its answer: AWS is two minutes late, or less."""
SEEN_SECONDS: Final = 600.0
"""Every answer of CloudWatch goes so far back."""


@dataclass(slots=True)
class Writes:
    """Which minutes had records, of a stream or of a shard, as far as it is known."""

    since: float = math.inf
    until: float = -math.inf
    """Every minute between the two is known."""
    newest: float = -math.inf
    """The newest minute that has records."""

    def take(self, reading: Reading) -> None:
        """Take what CloudWatch answered last."""
        if reading.asked_at <= self.until:
            return
        self.know(reading.asked_at - SEEN_SECONDS, reading.asked_at - LATE_SECONDS, reading.minute)

    def know(self, since: float, until: float, newest: float) -> None:
        """Take that of all minutes between two times the newest with records is this one; NaN where none is."""
        # Where the two do not meet, what was between is not known.
        self.since = since if since > self.until else min(self.since, since)
        self.until = max(self.until, until)
        self.newest = max(self.newest, newest)  # NaN is not larger

    def none_since(self, at: float) -> float | None:
        """Return until when nothing was written after the minute of a time; None where something was, or may have."""
        minute = at // MINUTE * MINUTE
        if self.newest > minute or self.since > minute + MINUTE or self.until < minute + MINUTE:
            return None
        return self.until

    def has_since(self, at: float) -> bool:
        """Whether something was written in a later minute."""
        return self.newest > at // MINUTE * MINUTE


@dataclass(frozen=True, slots=True)
class ShardFacts:
    """What is known of the shard besides its lease."""

    shard: Shard | None
    """None where the stream's shards are not known."""
    stream: Writes | None
    """What was written to the stream."""
    own: Writes | None
    """What was written to this shard: where it is the only one, or its own metrics are on."""


def position(followed: Followed, known: ShardFacts, still_seconds: float) -> Position:
    """Return how far the reader of a lease is.

    Args:
        followed: the lease, and what was seen of it.
        known: of its shard.
        still_seconds: a checkpoint that has not moved for so long stands still.

    """
    probed = _probed(followed, still_seconds)
    return probed if probed is not None else _inferred(followed, known, still_seconds)


def _position(
    lease: Lease, method: Method, lag: float | None, bound: float | None, since: float | None = None
) -> Position:
    return Position(
        part=lease.shard, worker=lease.owner, method=method, lag_seconds=lag, bound_seconds=bound, standing_since=since
    )


def _probed(followed: Followed, still_seconds: float) -> Position | None:
    """Return what the shard answered when it was asked; None where that says nothing of now."""
    lease, probed = followed.lease, followed.probed
    if probed is None:
        return None
    if probed.unread_since is not None:
        since = max(followed.moved_at, probed.unread_since)
        lag = max(0.0, max(lease.read_at, probed.at) - probed.unread_since)
        if lease.read_at - since >= still_seconds:
            return _position(lease, "standing", lag, lag, since)
        return _position(lease, "probed", lag, lag)
    followed.idle_until = max(followed.idle_until, probed.at)
    return _position(lease, "probed", 0.0, 0.0) if probed.at >= lease.read_at else None


def _inferred(followed: Followed, known: ShardFacts, still_seconds: float) -> Position:
    """Return what the checkpoint's own time says, and what is known to have been written since."""
    lease = followed.lease
    written = lease.written(lease.read_at)
    shard = known.shard
    if written is None or (shard is not None and precedes(written, shard.id, shard.starting)):
        return _position(lease, "unknown", None, None)
    until = _idle_until(written.at, known)
    followed.idle_until = max(followed.idle_until if not _moved_since(followed) else 0.0, until or 0.0)
    if until is not None and (known.shard is None or known.shard.is_open):
        return _position(lease, "idle", 0.0, 0.0)
    bound = max(0.0, lease.read_at - max(written.at, followed.idle_until))
    stands = lease.read_at - followed.moved_at >= still_seconds
    is_left = known.shard is not None and not known.shard.is_open
    has_more = is_left or (known.own is not None and known.own.has_since(written.at))
    if stands and has_more:
        return _position(lease, "standing", bound, bound, max(followed.moved_at, followed.idle_until))
    # What moved a moment ago and does not now may have read everything: CloudWatch tells later.
    if has_more or followed.has_just_moved:
        return _position(lease, "moving", bound, bound)
    return _position(lease, "unknown", None, bound)


def _moved_since(followed: Followed) -> bool:
    return followed.moved_at == followed.lease.read_at


def _idle_until(at: float, known: ShardFacts) -> float | None:
    """Return until when nothing was written to the shard since; None where something was, or may have been."""
    found: list[Callable[[float], float | None]] = [one.none_since for one in (known.own, known.stream) if one]
    return max((until for tell in found if (until := tell(at)) is not None), default=None)
