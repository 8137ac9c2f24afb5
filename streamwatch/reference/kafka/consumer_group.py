"""A consumer group of the new protocol (KIP-848): the coordinator assigns, members reconcile by heartbeats."""

import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from streamwatch.reference.kafka.codes import Code
from streamwatch.reference.kafka.timers import Timer, Timers

Slot = tuple[uuid.UUID, int]
"""A partition: its topic's id, and its number."""

TopicsByName = Callable[[], Mapping[str, tuple[uuid.UUID, int]]]
"""Returns (id, number of partitions) of every topic."""

LEAVE, LEAVE_FOR_A_WHILE = -1, -2
ASSIGNORS: Final = ("uniform", "range")


@dataclass(slots=True)
class Member:
    """One member; what it may use is ``assigned``, what it must give back first is ``revoking``."""

    id: str
    instance_id: str | None
    rack: str | None
    client_id: str
    host: str
    topics: tuple[str, ...] = ()
    pattern: str | None = None
    epoch: int = 0
    previous_epoch: int = 0
    assigned: set[Slot] = field(default_factory=set)
    revoking: set[Slot] = field(default_factory=set)
    rebalance_seconds: float = 300.0
    seen: float = 0.0
    timer: Timer | None = None
    is_dead: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """A heartbeat; None stands for what did not change."""

    member_id: str
    epoch: int
    instance_id: str | None
    rack: str | None
    client_id: str
    host: str
    rebalance_seconds: float | None
    topics: tuple[str, ...] | None
    pattern: str | None
    assignor: str | None
    owned: frozenset[Slot] | None


@dataclass(frozen=True, slots=True)
class Beaten:
    """The answer to a heartbeat; no assignment where it has not changed."""

    code: Code
    member_id: str = ""
    epoch: int = 0
    assignment: frozenset[Slot] | None = None
    why: str | None = None


@dataclass(slots=True)
class ConsumerGroup:
    """A group, its members, and what each is to have."""

    name: str
    timers: Timers
    topics: TopicsByName
    session_seconds: float
    epoch: int = 0
    assignor: str = "uniform"
    members: dict[str, Member] = field(default_factory=dict)
    target: dict[str, set[Slot]] = field(default_factory=dict)
    owner: dict[Slot, str] = field(default_factory=dict)
    """Who has a partition, until it has confirmed that it gave it back."""
    empty_since: float = 0.0

    @property
    def state(self) -> str:
        """By the names that tools print."""
        if not self.members:
            return "Empty"
        return "Stable" if all(map(self._is_done, self.members.values())) else "Reconciling"

    def _is_done(self, member: Member) -> bool:
        is_even = member.assigned == self.target.get(member.id, set()) and not member.revoking
        return is_even and member.epoch == self.epoch

    def beat(self, beat: Beat, now: float) -> Beaten:
        """Take a heartbeat."""
        if beat.assignor is not None and beat.assignor not in ASSIGNORS:
            why = f"ServerAssignor {beat.assignor} is not supported. Supported assignors: {', '.join(ASSIGNORS)}."
            return Beaten(Code.UNSUPPORTED_ASSIGNOR, why=why)
        if beat.epoch in {LEAVE, LEAVE_FOR_A_WHILE}:
            return self._leave(beat, now)
        member = self.members.get(beat.member_id)
        wrong = self._wrong(beat, member)
        if wrong:
            return Beaten(wrong, why=wrong.name)
        is_new = member is None or beat.epoch == 0
        if member is None:
            member = self._added(beat)
        before = frozenset(member.assigned)
        self._update(member, beat, now, is_new=is_new)
        self._confirm(member, beat.owned if not is_new else frozenset())
        self._reconcile(member)
        is_news = is_new or frozenset(member.assigned) != before
        return Beaten(Code.NONE, member.id, member.epoch, frozenset(member.assigned) if is_news else None)

    def _wrong(self, beat: Beat, member: Member | None) -> Code:
        if beat.instance_id is not None:
            known = next((one for one in self.members.values() if one.instance_id == beat.instance_id), None)
            if known is not None and known.id != beat.member_id:
                if beat.epoch != 0:
                    return Code.FENCED_INSTANCE_ID
                if known.epoch != LEAVE_FOR_A_WHILE:
                    return Code.UNRELEASED_INSTANCE_ID
        if member is None:
            return Code.NONE if beat.epoch == 0 else Code.UNKNOWN_MEMBER_ID
        if member.is_dead:
            return Code.UNKNOWN_MEMBER_ID
        is_known = beat.epoch in {0, member.epoch, member.previous_epoch}
        return Code.NONE if is_known else Code.FENCED_MEMBER_EPOCH

    def _added(self, beat: Beat) -> Member:
        number = beat.member_id or str(uuid.uuid4())
        member = Member(number, beat.instance_id, beat.rack, beat.client_id, beat.host)
        old = next(
            (one for one in self.members.values() if one.instance_id and one.instance_id == beat.instance_id), None
        )
        if old is not None:  # a static member is back: what it had is kept for it
            del self.members[old.id]
            self.target[number] = self.target.pop(old.id, set())
            for slot, owner in self.owner.items():
                if owner == old.id:
                    self.owner[slot] = number
        self.members[number] = member
        return member

    def _update(self, member: Member, beat: Beat, now: float, *, is_new: bool) -> None:
        member.seen = now
        if is_new:
            member.assigned, member.revoking = set(), set()
        if beat.rebalance_seconds is not None:
            member.rebalance_seconds = beat.rebalance_seconds
        before = (member.topics, member.pattern, self.assignor)
        member.topics = member.topics if beat.topics is None else beat.topics
        member.pattern = member.pattern if beat.pattern is None else (beat.pattern or None)
        self.assignor = beat.assignor or self.assignor
        if member.timer is None:
            self._watch(member, now + self.session_seconds)
        if before != (member.topics, member.pattern, self.assignor) or member.id not in self.target:
            self.assign()

    def _watch(self, member: Member, when: float) -> None:
        def look(now: float) -> None:
            if self.members.get(member.id) is not member:
                return
            ends = member.seen + self.session_seconds
            if now < ends:
                self._watch(member, ends)
            else:
                self.remove(member, now)

        member.timer = self.timers.at(when, look)

    def _confirm(self, member: Member, owned: frozenset[Slot] | None) -> None:
        """A member says what it still has: what it gave back is free."""
        if owned is None:
            return
        for slot in tuple(member.revoking):
            if slot not in owned:
                member.revoking.discard(slot)
                if self.owner.get(slot) == member.id:
                    del self.owner[slot]

    def _reconcile(self, member: Member) -> None:
        """Bring a member nearer to its target: it gives back first, and gets what nobody has."""
        target = self.target.get(member.id, set())
        member.revoking |= member.assigned - target
        member.assigned &= target
        if member.revoking:
            return
        for slot in target - member.assigned:
            if self.owner.get(slot) in {None, member.id}:
                self.owner[slot] = member.id
                member.assigned.add(slot)
        if member.epoch != self.epoch:
            member.previous_epoch, member.epoch = member.epoch, self.epoch

    def _leave(self, beat: Beat, now: float) -> Beaten:
        member = self.members.get(beat.member_id)
        if member is None:
            return Beaten(Code.UNKNOWN_MEMBER_ID, why="The member is not known.")
        if beat.epoch == LEAVE_FOR_A_WHILE and member.instance_id:
            member.epoch = LEAVE_FOR_A_WHILE
        else:
            self.remove(member, now)
        return Beaten(Code.NONE, member.id, beat.epoch)

    def remove(self, member: Member, now: float) -> None:
        """Take a member out; what it had is free."""
        self.members.pop(member.id, None)
        self.target.pop(member.id, None)
        self.owner = {slot: owner for slot, owner in self.owner.items() if owner != member.id}
        if member.timer:
            member.timer.cancel()
        if not self.members:
            self.empty_since = now
        self.assign()

    def subscribed(self, member: Member) -> dict[str, tuple[uuid.UUID, int]]:
        """Return the topics that a member subscribes to and that exist."""
        known = self.topics()
        names = set(member.topics)
        if member.pattern:
            with suppress(re.error):
                names |= {name for name in known if re.fullmatch(member.pattern, name)}
        return {name: known[name] for name in names if name in known}

    def assign(self) -> None:
        """Decide anew what each member is to have, in a new epoch."""
        self.epoch += 1
        wanted: dict[str, list[Member]] = {}
        for member in sorted(self.members.values(), key=lambda one: one.id):
            for name in self.subscribed(member):
                wanted.setdefault(name, []).append(member)
        target: dict[str, set[Slot]] = {number: set() for number in self.members}
        for name in sorted(wanted):
            topic, count = self.topics()[name]
            slots = [(topic, index) for index in range(count)]
            if self.assignor == "range":
                _range(slots, wanted[name], target)
            else:
                _uniform(slots, wanted[name], target, self.target)
        self.target = target

    def is_current(self, member_id: str, epoch: int) -> Code:
        """Return whether a member may commit."""
        member = self.members.get(member_id)
        if member is None or member.is_dead:
            return Code.UNKNOWN_MEMBER_ID
        return Code.NONE if epoch == member.epoch else Code.STALE_MEMBER_EPOCH


def _range(slots: Sequence[Slot], members: Sequence[Member], target: dict[str, set[Slot]]) -> None:
    """Give each member a run of neighbours."""
    each, more = divmod(len(slots), len(members))
    at = 0
    for i, member in enumerate(members):
        size = each + (i < more)
        target[member.id].update(slots[at : at + size])
        at += size


def _uniform(
    slots: Sequence[Slot],
    members: Sequence[Member],
    target: dict[str, set[Slot]],
    before: Mapping[str, set[Slot]],
) -> None:
    """Give each member as many as the others, and leave with each what it had."""
    each, more = divmod(len(slots), len(members))
    left = set(slots)
    shares: dict[str, int] = {}
    by_having = sorted(members, key=lambda one: (-len(before.get(one.id, set()) & left), len(target[one.id])))
    for i, member in enumerate(by_having):
        shares[member.id] = each + (i < more)
        kept = sorted(before.get(member.id, set()) & left)[: shares[member.id]]
        target[member.id].update(kept)
        shares[member.id] -= len(kept)
        left -= set(kept)
    free = iter(sorted(left))
    for member in by_having:
        for _ in range(shares[member.id]):
            target[member.id].add(next(free))
