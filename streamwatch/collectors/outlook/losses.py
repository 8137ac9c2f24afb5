"""What would break if a broker, a rack or an availability zone were lost, for all of them at once.

What is lost at once is a *domain*: a broker is one by itself, and the brokers of a rack are one. Partitions that are
offline or refuse writers already are counted for no domain.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streamwatch.collectors.columns import count_by, runs
from streamwatch.collectors.outlook.redundancy import Redundancy
from streamwatch.model.distinct import distinct
from streamwatch.model.kafka import Bools, Broker, Int32s, Int64s
from streamwatch.model.metric import Values

Grid = npt.NDArray[np.float64]
_LAST = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True, eq=False)
class Succession:
    """Who leads, and who would. Shapes: R replicas, B brokers, L replicas that lead, H that would take over."""

    place: Int32s
    """R: where the replica's broker stands among the brokers; -1 where it is not there."""
    domain: Int64s
    """B: what each broker is lost with; -1 for those that are in no domain."""
    size: int
    """How many domains there are."""
    leading: Int32s
    """L: which of the replicas; where a leader's broker is down, the one that takes over."""
    heirs: Int32s
    """H: which of the replicas."""
    cause: Int64s
    """H: the domain whose loss makes it lead."""

    def carried(self, of_replica: Values | None = None) -> Grid:
        """Return what each broker (B) would lead without each domain (D): partitions, or what their replicas weigh.

        NaN for the brokers that are lost, and where a weight is not known.
        """
        brokers = len(self.domain)
        now, then = (None, None) if of_replica is None else (of_replica[self.leading], of_replica[self.heirs])
        led = _sums(self.place[self.leading], now, brokers)
        moved = _sums(self.cause * brokers + self.place[self.heirs], then, self.size * brokers)
        is_lost = np.arange(self.size)[:, None] == self.domain[None, :]
        return np.where(is_lost, np.nan, led + moved.reshape(self.size, brokers))


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
    succession: Succession
    """Who would lead."""
    leaders: Grid
    """D, B: partitions that each broker would lead; NaN for those that are lost."""


@dataclass(frozen=True, slots=True, eq=False)
class _Pairs:
    """A domain, and a partition with live replicas in it (N of them)."""

    row: Int64s
    domain: Int64s
    remaining: Int64s
    """N: the live replicas that are elsewhere."""


def losses(now: Redundancy, domain: Int64s, size: int) -> Losses:
    """Count for every domain what its loss would break.

    Args:
        now: how redundant the partitions are.
        domain: of each broker (B); -1 for those that are in none.
        size: how many domains there are.

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
    succession = _succession(now, of_replica, domain, size)
    return Losses(
        offline=count_by(pairs.domain, size, offline),
        unclean=_unclean(now, of_replica, size, pairs, offline),
        under_min_isr=np.where(unclear, np.nan, count_by(pairs.domain, size, under)),
        stopped_topics=np.where(unclear, np.nan, count_by(topics // max(1, len(now.topology.topics)), size)),
        degraded=np.where(unclear, np.nan, count_by(pairs.domain, size, degraded)),
        succession=succession,
        leaders=succession.carried(),
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


def _succession(now: Redundancy, of_replica: Int64s, domain: Int64s, size: int) -> Succession:
    """Find who takes over from each leader: the first live replica that is elsewhere."""
    leading = _leading(now)
    home = np.full(len(now.count), -1, dtype=np.int64)
    home[now.row[leading]] = of_replica[leading]
    successor = _first(now, now.live & (of_replica != home[now.row]))
    moves = (home >= 0) & (successor < _LAST)
    return Succession(
        now.place, domain, size, leading.astype(np.int32), successor[moves].astype(np.int32), cause=home[moves]
    )


def _leading(now: Redundancy) -> Int64s:
    """Return which replica leads each partition that has a live one.

    A leader whose broker is down leads no more, though the controller says so until the broker's session has ended: the
    first live replica is about to take over.
    """
    leader = _first(now, now.alive & (now.topology.replica == now.topology.leader[now.row]))
    leading = np.where(leader < _LAST, leader, _first(now, now.live))
    return leading[leading < _LAST]


def _first(now: Redundancy, which: Bools) -> Int64s:
    """Return of each partition (P) the first of these replicas (R); beyond all of them where it has none."""
    if not len(now.count):
        return np.zeros(0, dtype=np.int64)
    first: Int64s = np.minimum.reduceat(np.where(which, np.arange(len(which)), _LAST), now.topology.replica_start[:-1])
    return first


def _sums(place: npt.NDArray[np.integer], weights: Values | None, size: int) -> Values:
    """Sum weights by place, or count."""
    inside = place >= 0
    sums = np.bincount(place[inside], weights=None if weights is None else weights[inside], minlength=size)
    return sums.astype(np.float64)
