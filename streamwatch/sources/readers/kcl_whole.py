"""An application as a whole: a stream of several shards tells only the sum of what is written to them.

Where that has records in a minute after every checkpoint, one of the shards has some that are not read.
"""

from collections.abc import Sequence
from typing import Final

from streamwatch.model.kinesis import Shard
from streamwatch.model.reader import Position
from streamwatch.sources.readers.kcl_lag import Writes
from streamwatch.sources.readers.kcl_leases import Followed
from streamwatch.sources.readers.kcl_rows import decoded

_EARLIER_SECONDS: Final = 3.0
"""A checkpoint's time is up to 2.5 s before its record arrived, which may be in the next minute."""


def standing(
    positions: Sequence[Position],
    leases: Sequence[Followed],
    shards: Sequence[Shard] | None,
    stream: Writes | None,
    still_seconds: float,
) -> Position | None:
    """Return the position of an application that stands in one of its shards; None where that is not proven.

    Args:
        positions: of each lease, what it says by itself; where one says more than how far it is at most, that is it.
        leases: those that are not finished.
        shards: what the stream has; None where that is not known.
        stream: what was written to it.
        still_seconds: checkpoints that have not moved for so long stand still.

    """
    if shards is None or stream is None or len(leases) <= 1 or any(one.method != "unknown" for one in positions):
        return None
    newest = _newest(leases, shards)
    if newest is None or not stream.has_since(newest + _EARLIER_SECONDS):
        return None
    now = max(one.lease.read_at for one in leases)
    since = max(max(one.moved_at, one.idle_until) for one in leases)
    if now - since < still_seconds:
        return None
    bounds = [one.bound_seconds for one in positions]
    known = [one for one in bounds if one is not None]
    # Which shard has what is unread is not known, and so not since when it is: the lag is not, but at most the largest.
    return Position(
        part="",
        worker="",
        method="standing",
        lag_seconds=None,
        bound_seconds=max(known) if len(known) == len(bounds) else None,
        standing_since=since,
    )


def _newest(leases: Sequence[Followed], shards: Sequence[Shard]) -> float | None:
    """Return until when all may be read: the newest checkpoint, or birth of a shard, which ends its parents."""
    held = {one.lease.shard for one in leases}
    if any(one.is_open and one.id not in held for one in shards):
        return None
    times = [one.lease.written(one.lease.read_at) for one in leases if one.lease.checkpoint != "TRIM_HORIZON"]
    births = [decoded(one.starting, one.id, float("inf")) for one in shards if one.is_open]
    checkpoints = [one.at for one in times if one is not None]
    if not checkpoints or len(checkpoints) < len(times) or None in births:
        return None
    return float(max(*checkpoints, *(one.made for one in births if one is not None)))
