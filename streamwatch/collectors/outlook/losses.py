"""What would break if a broker, a rack or an availability zone were lost, for all of them at once.

What is lost at once is a *domain*: a broker is one by itself, and the brokers of a rack are one. Partitions that are
offline or refuse writers already are counted for no domain.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streamwatch.collectors.columns import count_by, distinct, known, runs
from streamwatch.collectors.outlook.redundancy import Redundancy
from streamwatch.model.kafka import Bools, Broker, Int64s
from streamwatch.model.metric import Values

Grid = npt.NDArray[np.float64]
_LAST = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True, eq=False)
class Losses:
    """What the loss of each domain takes along. Shapes: D domains, B brokers."""

    offline: Values
    """D: partitions that would have no leader."""
    unclean: Values
    """D: those of them that an unclean election would bring back, without the records that were not replicated."""
    under_min_isr: Values
    """D: partitions that would be led, and refuse writers with ``acks=all``; NaN where a setting is not known."""
    stopped_topics: Values
    """D: topics of which writers with ``acks=all`` would stop, in one partition at least; NaN for the same reason."""
    degraded: Values
    """D: partitions that writers could not use, and could if all replicas were in sync now; NaN for the same reason."""
    leaders: Grid
    """D, B: partitions that each broker would lead; NaN for those that are lost."""
    leader_bytes: Grid
    """D, B: the log bytes of those; NaN for those that are lost, and where a size is not known."""


@dataclass(frozen=True, slots=True, eq=False)
class _Pairs:
    """A domain, and a partition with live replicas in it (N of them)."""

    row: Int64s
    domain: Int64s
    remaining: Int64s
    """N: the live replicas that are elsewhere."""


def losses(now: Redundancy, domain: Int64s, size: int, replica_bytes: Int64s) -> Losses:
    """Count for every domain what its loss would break.

    Args:
        now: how redundant the partitions are.
        domain: of each broker (B); -1 for those that are in none.
        size: how many domains there are.
        replica_bytes: of each replica's log (R).

    """
    of_replica = np.append(domain, -1)[now.place]
    pairs = _pairs(now, of_replica, size)
    needed, before = now.needed[pairs.row], now.count[pairs.row]
    offline, is_known = pairs.remaining == 0, needed >= 0
    under = ~offline & is_known & (before >= needed) & (pairs.remaining < needed)
    # A partition that refuses writers already does not stop them once more.
    stopped = under | (offline & (before >= needed))
    unclear = count_by(pairs.domain, size, ~is_known & ~offline) > 0
    topics = distinct((pairs.domain * len(now.topology.topics) + now.topology.topic[pairs.row])[stopped])
    degraded = stopped & is_known & (now.expected[pairs.row] > needed)
    leaders, leader_bytes = _carried(now, of_replica, domain, size, replica_bytes)
    return Losses(
        offline=count_by(pairs.domain, size, offline),
        unclean=_unclean(now, of_replica, size, pairs, offline),
        under_min_isr=np.where(unclear, np.nan, count_by(pairs.domain, size, under)),
        stopped_topics=np.where(unclear, np.nan, count_by(topics // max(1, len(now.topology.topics)), size)),
        degraded=np.where(unclear, np.nan, count_by(pairs.domain, size, degraded)),
        leaders=leaders,
        leader_bytes=leader_bytes,
    )


def racks(brokers: tuple[Broker, ...]) -> tuple[tuple[str, ...], Int64s]:
    """Return the racks (on MSK: availability zones), and which each broker is in; -1 for those that name none."""
    names = tuple(sorted({broker.rack for broker in brokers if broker.rack}))
    index = {name: i for i, name in enumerate(names)}
    return names, np.array([index.get(broker.rack or "", -1) for broker in brokers], dtype=np.int64)


def _pairs(now: Redundancy, of_replica: Int64s, size: int) -> _Pairs:
    inside = now.live & (of_replica >= 0)
    keys, starts = runs(np.sort(now.row[inside] * size + of_replica[inside]))
    lost = np.append(starts[1:], np.count_nonzero(inside)) - starts
    row, domain = np.divmod(keys, max(1, size))
    return _Pairs(row, domain, now.count[row] - lost)


def _unclean(now: Redundancy, of_replica: Int64s, size: int, pairs: _Pairs, offline: Bools) -> Values:
    """Count the partitions that would be offline, and have a replica elsewhere that is not in sync."""
    behind = now.alive & ~now.live
    # Those that are in no domain (-1) have a key that no partition's domain has.
    row, domain = pairs.row[offline], pairs.domain[offline]
    everywhere = np.bincount(now.row[behind], minlength=len(now.count))[row]
    keys, wanted = np.sort(now.row[behind] * (size + 1) + of_replica[behind]), row * (size + 1) + domain
    inside = np.searchsorted(keys, wanted, side="right") - np.searchsorted(keys, wanted, side="left")
    return count_by(domain, size, everywhere > inside)


def _carried(
    now: Redundancy, of_replica: Int64s, domain: Int64s, size: int, replica_bytes: Int64s
) -> tuple[Grid, Grid]:
    """Return what each broker would lead: the first live replica that is elsewhere takes over."""
    brokers, shape = len(now.brokers), now.topology
    leads = shape.replica == shape.leader[now.row]
    sizes = known(replica_bytes)
    led, led_bytes = _leading(now.place[leads], sizes[leads], brokers)
    home = np.full(len(now.count), -1, dtype=np.int64)
    home[now.row[leads]] = of_replica[leads]
    places = np.where(now.live & (of_replica != home[now.row]), np.arange(len(now.row)), _LAST)
    successor = np.minimum.reduceat(places, shape.replica_start[:-1]) if len(home) else home
    moves = (home >= 0) & (successor < _LAST)
    heirs = successor[moves]
    moved, moved_bytes = _leading(home[moves] * brokers + now.place[heirs], sizes[heirs], size * brokers)
    gone = np.arange(size)[:, None] == domain[None, :]
    return (
        np.where(gone, np.nan, led + moved.reshape(size, brokers)),
        np.where(gone, np.nan, led_bytes + moved_bytes.reshape(size, brokers)),
    )


def _leading(place: Int64s, sizes: Values, size: int) -> tuple[Values, Values]:
    """Count leaders by place, and sum their bytes."""
    inside = place >= 0
    totals = np.bincount(place[inside], weights=sizes[inside], minlength=size).astype(np.float64)
    return count_by(place, size), totals
