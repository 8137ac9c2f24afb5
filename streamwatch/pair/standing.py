"""Who notifies, as one agent judges it: a pure function of what it heard, and when.

Times are this process's monotonic ones; no clock of another machine is ever compared with its own. In order:

1. Who holds the lease notifies. If a living peer says that it holds it, too (the lease's home lies), the first by name.
2. Who reaches the lease's home, and is told that another holds it, is quiet.
3. Who does not, or is told what cannot be, and hears a living peer notify is quiet.
4. Who does not, and hears nobody notify, does so when its turn comes: the first by name at once.

What is said here by ``notifies`` is only whether messages may leave; all decide, and keep what is to be sent.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from streamwatch.pair.lease.lease import Holding

_GRACE: Final = 1.2
"""Times the length of the lease after which a home that does not answer counts as out of reach: whoever held the lease
then holds it no more."""
_TURN_SECONDS: Final = 2.0
"""Between the turns of two agents that may both begin to notify: time to hear that the other one does."""


@dataclass(frozen=True, slots=True)
class PeerView:
    """A peer, as it was heard last."""

    name: str
    received_at: float
    """Monotonic."""
    notifies: bool
    holds: bool
    """Whether it holds the lease, as it judges itself."""


@dataclass(frozen=True, slots=True)
class Situation:
    """All that the judgement depends on."""

    name: str
    now: float
    holding: Holding
    """The last that was heard of the lease."""
    reached_at: float
    """When the lease's home answered last; when waiting for it began, before it has."""
    peers: tuple[PeerView, ...]
    configured: int
    """How many peers there are."""
    lease_seconds: float
    deaf_after: float
    notifies: bool
    """What was judged the last time."""
    unled_since: float
    """Since when nobody was known to notify; infinity while somebody is."""

    @property
    def is_reached(self) -> bool:
        """Whether the lease's home answers; one that hangs does not."""
        return self.now - self.reached_at < self.lease_seconds * _GRACE


@dataclass(frozen=True, slots=True)
class PairStanding:
    """The judgement."""

    notifies: bool
    why: str
    """In words, for the log."""
    unled_since: float


def living(peers: Collection[PeerView], now: float, deaf_after: float) -> list[PeerView]:
    """Return the peers that were heard of late."""
    return [peer for peer in peers if now - peer.received_at <= deaf_after]


def judge(at: Situation) -> PairStanding:
    """Say whether this agent notifies."""
    alive = living(at.peers, at.now, at.deaf_after)
    leading = [peer for peer in alive if peer.notifies]
    unled_since = math.inf if leading else min(at.unled_since, at.now)
    if at.now < at.holding.until:
        rivals = [peer.name for peer in leading if peer.holds and peer.name < at.name]
        if rivals:
            return PairStanding(notifies=False, why=f"{rivals[0]} holds the lease, too", unled_since=math.inf)
        return PairStanding(notifies=True, why="it holds the lease", unled_since=math.inf)
    holder = at.holding.holder
    if at.is_reached and holder and holder != at.name and not _is_false(at, alive):
        return PairStanding(
            notifies=False,
            why=f"{holder} holds the lease",
            unled_since=unled_since if _is_idle(holder, alive) else math.inf,
        )
    before = [peer.name for peer in leading if not at.notifies or peer.holds or peer.name < at.name]
    if before:
        return PairStanding(notifies=False, why=f"{before[0]} notifies", unled_since=math.inf)
    rank = sum(peer.name < at.name for peer in alive)
    wait = rank * _TURN_SECONDS + (at.lease_seconds if at.is_reached else 0.0)
    if at.notifies or at.now - unled_since >= wait:
        return PairStanding(
            notifies=True,
            why="nobody holds the lease that it can know of, and nobody is heard",
            unled_since=unled_since,
        )
    return PairStanding(notifies=False, why="nobody notifies: it waits for its turn", unled_since=unled_since)


def holders(at: Situation) -> int:
    """Return how many agents hold the lease, as far as one of them can know.

    Whom the lease's home names, and nobody heard, counts where it may be a peer that is not heard now.
    """
    alive = living(at.peers, at.now, at.deaf_after)
    names = {peer.name for peer in alive if peer.holds}
    if at.now < at.holding.until:
        names.add(at.name)
    elif at.is_reached and at.holding.holder not in {"", at.name, *(peer.name for peer in alive)}:
        names |= {at.holding.holder} if len(alive) < at.configured or not at.configured else set()
    return len(names)


def _is_idle(holder: str, alive: Collection[PeerView]) -> bool:
    """Say whether the holder is heard, and does not notify."""
    return any(peer.name == holder and not peer.notifies for peer in alive)


def _is_false(at: Situation, alive: Collection[PeerView]) -> bool:
    """Say whether what the home says cannot be: the holder is none of us, or lives and has not notified for long."""
    names = {peer.name for peer in alive}
    if at.holding.holder in names:
        return _is_idle(at.holding.holder, alive) and at.now - at.unled_since >= at.lease_seconds
    return at.configured > 0 and len(alive) == at.configured
