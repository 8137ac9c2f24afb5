"""What becomes of an application's leases from one read of its table to the next."""

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from streamwatch.model.kinesis import Shard
from streamwatch.model.reader import Assignment
from streamwatch.sources.readers.kcl_rows import Lease, Lock, Row, Version

HEARTBEAT_SECONDS: Final = 10.0
"""A lease that is held is renewed every 3.3 s by default: not to see it renewed takes two reads so far apart."""
LEADER_SECONDS: Final = 120.0
"""A leader that did not renew its lock for so long is none."""
_CONTENDED_SECONDS: Final = 600.0
_CONTENDED_CHANGES: Final = 3
_TWO: Final = 2


@dataclass(frozen=True)
class ListedShards:
    """The shards of a stream, as they were listed last."""

    shards: Sequence[Shard]
    at: float
    """When, or a moment before."""

    @cached_property
    def ids(self) -> frozenset[str]:
        """Those of its shards."""
        return frozenset(one.id for one in self.shards)


@dataclass(frozen=True, slots=True)
class Probed:
    """What the shard answered when it was asked what comes after a checkpoint."""

    at: float
    unread_since: float | None
    """When the first record that is not read arrived; None where there was none."""


@dataclass(slots=True)
class Followed:
    """One lease, with what was seen of it."""

    lease: Lease
    counted_at: float
    """When its counter, or its owner, was first seen as it is."""
    moved_at: float
    """When its checkpoint was first seen as it is."""
    seen_at: float
    """When it was seen first: a listing of later has its shard, or the shard is gone."""
    has_moved: bool = False
    """Whether it was seen to move; the agent may have come later."""
    idle_until: float = 0.0
    """Nothing that it has not read was written before; 0 where that was never known."""
    probed: Probed | None = None
    """None where its shard was not asked since the checkpoint moved."""
    asked_at: float = 0.0
    """When its shard was asked last, answered or not."""
    renewed: bool | None = None
    """None where it was read once, or twice within a moment."""
    last_owner: str = ""
    changes: deque[tuple[float, str]] = field(default_factory=deque)
    """Owners that took it, and when that was seen."""

    def take(self, lease: Lease) -> bool:
        """Take a newer row; return whether another worker has it now."""
        before, self.lease = self.lease, lease
        if lease.position != before.position:
            self.moved_at, self.has_moved, self.probed = lease.read_at, True, None
        if lease.counter != before.counter or lease.owner != before.owner:
            self.counted_at = lease.read_at
            self.renewed = bool(lease.owner)
        elif lease.read_at - self.counted_at >= HEARTBEAT_SECONDS:
            self.renewed = False
        while self.changes and lease.read_at - self.changes[0][0] > _CONTENDED_SECONDS:
            self.changes.popleft()
        if not lease.owner or lease.owner == self.last_owner:
            return False
        is_change = bool(self.last_owner)
        self.last_owner = lease.owner
        if is_change:
            self.changes.append((lease.read_at, lease.owner))
        return is_change

    @property
    def has_just_moved(self) -> bool:
        """Whether the checkpoint was another one at the read before."""
        return self.has_moved and self.moved_at == self.lease.read_at

    @property
    def is_contended(self) -> bool:
        """Whether two workers take it from each other."""
        owners = [owner for _, owner in self.changes]
        return len(owners) >= _CONTENDED_CHANGES and len(set(owners)) == _TWO


@dataclass(slots=True)
class _FollowedLock:
    """The leader's lock in one table, with what was seen of it."""

    lock: Lock
    renewed_at: float
    """When its version was first seen as it is."""
    is_held: bool | None = None
    """None where it was not seen long enough."""

    def take(self, lock: Lock) -> None:
        """Take a newer row."""
        before, self.lock = self.lock, lock
        if before.version != lock.version:
            self.is_held, self.renewed_at = True, lock.read_at
        elif lock.read_at - self.renewed_at >= LEADER_SECONDS:
            self.is_held = False


class Leases:
    """The leases of one application."""

    def __init__(self) -> None:
        self.followed: dict[str, Followed] = {}
        self._changes: dict[tuple[str, str], int] = {}
        self._locks: dict[str, _FollowedLock] = {}
        self._wants_leader = False
        self._is_leader_read = True

    def take(self, rows: Sequence[Row], *, is_leader_read: bool = True) -> None:
        """Take all rows of one read of the table, and of the coordinators' where there is one.

        Args:
            rows: of both.
            is_leader_read: whether what the coordinators have could be read.

        """
        leases = [row for row in rows if isinstance(row, Lease)]
        for gone in self.followed.keys() - {one.key for one in leases}:
            del self.followed[gone]
        for lease in leases:
            known = self.followed.get(lease.key)
            if known is None:
                at = lease.read_at
                self.followed[lease.key] = Followed(lease, at, at, at, last_owner=lease.owner)
            elif known.take(lease):
                self._changes[lease.of] = self._changes.get(lease.of, 0) + 1
        self._is_leader_read = is_leader_read
        self._take_locks([row for row in rows if isinstance(row, Lock)])
        versions = [row for row in rows if isinstance(row, Version)]
        if versions:  # as they behave, whatever lock was left behind
            self._wants_leader = any(one.has_leader for one in versions)
        elif self._locks:
            self._wants_leader = True

    def _take_locks(self, locks: Iterable[Lock]) -> None:
        there = {one.table: one for one in locks}
        for gone in self._locks.keys() - there.keys():
            del self._locks[gone]
        for table, lock in there.items():
            known = self._locks.get(table)
            if known is None:
                self._locks[table] = _FollowedLock(lock, lock.read_at)
            else:
                known.take(lock)

    @property
    def has_leader(self) -> bool | None:
        """Whether a worker assigns leases; None where none does in this version, or that is not known yet."""
        if not self._wants_leader or not self._is_leader_read:
            return None
        held = [one.is_held for one in self._locks.values()]
        return True if True in held else None if None in held else False

    def is_gone(self, lease: Lease, listing: ListedShards | None) -> bool:
        """Whether the shard of a lease is gone: one that is only younger than the listing is not.

        Args:
            lease: one of these.
            listing: what the stream has; None where that is not known.

        """
        return listing is not None and lease.shard not in listing.ids and self.followed[lease.key].seen_at < listing.at

    def assignment(
        self,
        leases: Sequence[Lease],
        listing: ListedShards | None,
        unreadable: Collection[str] = (),
        left: int = 0,
    ) -> Assignment:
        """Return who holds what of one stream.

        Args:
            leases: those of the stream.
            listing: what the stream has; None where that is not known.
            unreadable: shards that have a lease which could not be read.
            left: how many leases are left of a stream of that name which was deleted.

        """
        there = [one for one in leases if not self.is_gone(one, listing)]
        unlisted = [] if listing is None else [one for one in there if one.shard not in listing.ids]
        ended = {parent for one in unlisted for parent in one.parents}  # open in the listing, and not any more
        found = () if listing is None else holes(leases, listing.shards, unreadable)
        at_work = [self.followed[one.key] for one in there if not one.is_finished]
        held = [one for one in at_work if one.lease.owner]
        is_known = all(one.renewed is not None for one in held)
        alive = [one for one in held if one.renewed]
        is_read_twice = all(one.renewed is not None for one in at_work)
        return Assignment(
            renewed=len(alive) if is_known else None,
            not_renewed=len(held) - len(alive) if is_known else None,
            free=len(at_work) - len(held) if is_read_twice else None,
            finished=sum(one.is_finished for one in leases),
            zombies=None if listing is None else left + len(leases) - len(there),
            holes=None if listing is None else tuple(one for one in found if one not in ended),
            contended=sum(self.followed[one.key].is_contended for one in leases),
            owner_changes=sum(self._changes.get(of, 0) for of in {one.of for one in leases}),
            workers=len({one.lease.owner for one in alive}) if is_known else None,
            has_leader=self.has_leader,
            unlisted=tuple(one.shard for one in unlisted),
        )


def holes(leases: Iterable[Lease], shards: Sequence[Shard], unreadable: Collection[str] = ()) -> tuple[str, ...]:
    """Return the open shards that nobody will read: no lease, and no lease of a parent that is still being read."""
    by_shard = {one.shard: one for one in leases}
    parents: Mapping[str, tuple[str, ...]] = {one.id: one.parents for one in shards}

    def waits(shard: str) -> bool:
        lease = by_shard.get(shard)
        if lease is not None:
            return not lease.is_finished
        return shard in unreadable or any(waits(parent) for parent in parents.get(shard, ()))

    return tuple(one.id for one in shards if one.is_open and one.id not in by_shard and not waits(one.id))
