"""A group of the new protocol (KIP-848): the coordinator assigns, members reconcile by heartbeats. Times: seconds."""

import re
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from streamwatch.reference.kafka.assignors import ASSIGNORS, Slot, Target
from streamwatch.reference.kafka.classic_members import Who
from streamwatch.reference.kafka.codes import Code
from streamwatch.reference.kafka.consumer_members import (
    JOIN,
    LEAVE_FOR_A_WHILE,
    NOTHING,
    ConsumerMember,
    HeartbeatRequest,
    HeartbeatResponse,
    MemberStep,
    is_current,
    malformed,
)
from streamwatch.reference.timers import Timers

Topics = Callable[[], Mapping[str, tuple[uuid.UUID, int]]]
"""Returns (id, number of partitions) of every topic, by name."""


class Phase(StrEnum):
    """The state of a group, by the names that tools print."""

    EMPTY = "Empty"
    ASSIGNING = "Assigning"
    RECONCILING = "Reconciling"
    STABLE = "Stable"
    DEAD = "Dead"


@dataclass(slots=True)
class ConsumerGroup:
    """A group, its members, and what each is to have."""

    name: str
    timers: Timers
    topics: Topics
    session_seconds: float = 45.0
    max_size: int = 2**31 - 1
    epoch: int = 0
    assignment_epoch: int = 0
    """The epoch that the target is of; the next heartbeat brings it up to the group's."""
    members: dict[str, ConsumerMember] = field(default_factory=dict)
    target: Target = field(default_factory=dict)
    empty_since: float = 0.0
    is_deleted: bool = False
    _known: dict[str, tuple[uuid.UUID, int]] = field(default_factory=dict)
    """The topics that were subscribed to, as they were when that was last looked at."""

    @property
    def state(self) -> Phase:
        """What tools show."""
        if not self.members:
            return Phase.DEAD if self.is_deleted else Phase.EMPTY
        if self.epoch > self.assignment_epoch:
            return Phase.ASSIGNING
        is_done = all(
            member.step is MemberStep.STABLE and member.epoch == self.epoch for member in self.members.values()
        )
        return Phase.STABLE if is_done else Phase.RECONCILING

    @property
    def assignor(self) -> str:
        """The one that most members ask for."""
        votes = Counter(member.assignor for member in self.members.values() if member.assignor)
        return votes.most_common(1)[0][0] if votes else next(iter(ASSIGNORS))

    def static(self, instance_id: str | None) -> ConsumerMember | None:
        """Return who has this instance id."""
        found = (
            member for member in self.members.values() if instance_id is not None and member.instance_id == instance_id
        )
        return next(found, None)

    # Heartbeats

    def beat(self, beat: HeartbeatRequest, now: float) -> HeartbeatResponse:
        """Take a heartbeat."""
        refusal = malformed(beat) or self._refusal(beat)
        if refusal:
            return refusal
        self.session_seconds = self.session_seconds if beat.session_seconds is None else beat.session_seconds
        if beat.epoch < 0:
            return self._leave(beat, now)
        member = self.members.get(beat.member_id) or self._enter(beat)
        before = member.assigned
        if self._update(member, beat):
            self.bump()
        if self.epoch > self.assignment_epoch:
            self._assign()
        self._reconcile(member, beat.owned)
        self._touch(member, now)
        is_full = beat.owned is not None and beat.rebalance_seconds is not None
        is_news = beat.epoch == JOIN or is_full or member.assigned != before
        return HeartbeatResponse(Code.NONE, member.id, member.epoch, member.assigned if is_news else None)

    def _refusal(self, beat: HeartbeatRequest) -> HeartbeatResponse | None:
        member = self.members.get(beat.member_id)
        known = self.static(beat.instance_id)
        code = Code.NONE
        if beat.instance_id is not None and known is not None and known.id != beat.member_id:
            if beat.epoch != JOIN:
                code = Code.FENCED_INSTANCE_ID
            elif known.epoch != LEAVE_FOR_A_WHILE:
                code = Code.UNRELEASED_INSTANCE_ID
        elif member is None:
            full = len(self.members) >= self.max_size
            code = Code.UNKNOWN_MEMBER_ID if beat.epoch != JOIN else Code.GROUP_MAX_SIZE_REACHED if full else Code.NONE
        elif member.is_dead or (beat.instance_id is not None and known is None):
            code = Code.UNKNOWN_MEMBER_ID
        elif beat.epoch >= 0 and not is_current(member, beat):
            code = Code.FENCED_MEMBER_EPOCH
        why = f"Member {beat.member_id} of group {self.name} with epoch {beat.epoch}: {code.name}."
        return HeartbeatResponse(code, why=why) if code else None

    def _enter(self, beat: HeartbeatRequest) -> ConsumerMember:
        member = ConsumerMember(beat.member_id, beat.instance_id)
        old = self.static(beat.instance_id)
        if old is not None:  # who left for a while is back: what it had was kept for it
            old.stop()
            del self.members[old.id]
            self.target[member.id] = self.target.pop(old.id, set())
            member.assigned, member.topics, member.pattern = old.assigned, old.topics, old.pattern
            member.assignor, member.rebalance_seconds = old.assignor, old.rebalance_seconds
        self.members[member.id] = member
        return member

    def _update(self, member: ConsumerMember, beat: HeartbeatRequest) -> bool:
        """Take over what changed; return whether that calls for a new epoch."""
        before = (member.topics, member.pattern)
        member.client_id, member.host = beat.client_id, beat.host
        member.rack = beat.rack or member.rack
        if beat.rebalance_seconds is not None:
            member.rebalance_seconds = beat.rebalance_seconds
        if beat.topics is not None:
            member.topics = tuple(sorted(set(beat.topics)))
        if beat.pattern is not None:
            member.pattern = beat.pattern
        member.assignor = beat.assignor or member.assignor
        return member.id not in self.target or before != (member.topics, member.pattern)

    def _leave(self, beat: HeartbeatRequest, now: float) -> HeartbeatResponse:
        member = self.members[beat.member_id]
        if beat.epoch == LEAVE_FOR_A_WHILE and member.instance_id is not None:
            member.epoch, member.step, member.revoking = LEAVE_FOR_A_WHILE, MemberStep.STABLE, NOTHING
            self._be_patient(member, now)
        else:
            self.remove(member, now)
        return HeartbeatResponse(Code.NONE, member.id, beat.epoch)

    def remove(self, member: ConsumerMember, now: float) -> None:
        """Take a member out; what it had is free."""
        member.stop()
        del self.members[member.id]
        self.target.pop(member.id, None)
        self.bump()
        if not self.members:
            self.empty_since, self.assignment_epoch = now, self.epoch

    # Sessions

    def _touch(self, member: ConsumerMember, now: float) -> None:
        member.until = now + self.session_seconds
        if member.session_timer is None:
            self._watch(member)
        self._be_patient(member, now)

    def _watch(self, member: ConsumerMember) -> None:
        def look(now: float) -> None:
            member.session_timer = None
            if now < member.until:
                self._watch(member)
            else:
                self.remove(member, now)

        member.session_timer = self.timers.at(member.until, look)

    def _be_patient(self, member: ConsumerMember, now: float) -> None:
        """Who has something to give back has its rebalance timeout for that."""
        if member.step is MemberStep.UNREVOKED and member.rebalance_timer is None:
            deadline = now + member.rebalance_seconds
            member.rebalance_timer = self.timers.at(deadline, lambda then: self.remove(member, then))
        elif member.step is not MemberStep.UNREVOKED and member.rebalance_timer is not None:
            member.rebalance_timer.cancel()
            member.rebalance_timer = None

    def moved(self, now: float) -> None:
        """Another broker coordinates: sessions begin anew, as does the time to give back."""
        for member in self.members.values():
            if member.rebalance_timer is not None:
                member.rebalance_timer.cancel()
                member.rebalance_timer = None
            self._touch(member, now)

    # Assignments

    def subscribed(self, member: ConsumerMember) -> dict[str, tuple[uuid.UUID, int]]:
        """Return the topics that a member subscribes to and that exist."""
        known = self.topics()
        names = {name for name in member.topics if name in known}
        if member.pattern:
            names |= set(filter(re.compile(member.pattern).fullmatch, known))
        return {name: known[name] for name in sorted(names)}

    def _subscriptions(self) -> dict[str, tuple[uuid.UUID, int]]:
        found: dict[str, tuple[uuid.UUID, int]] = {}
        for member in self.members.values():
            found |= self.subscribed(member)
        return found

    def refresh(self) -> None:
        """Look at the topics: where those that are subscribed to changed, a new epoch begins."""
        if self._subscriptions() != self._known:
            self.bump()

    def bump(self) -> None:
        """Begin a new epoch; the next heartbeat of anybody brings the assignment of it."""
        self._known = self._subscriptions()
        self.epoch += 1

    def _assign(self) -> None:
        """Decide anew what each member is to have."""
        interested: dict[uuid.UUID, list[str]] = {}
        counts: dict[uuid.UUID, int] = {}
        order = sorted(
            self.members.values(), key=lambda member: (member.instance_id is None, member.instance_id or member.id)
        )
        for member in order:
            for topic, count in self.subscribed(member).values():
                interested.setdefault(topic, []).append(member.id)
                counts[topic] = count
        assign = ASSIGNORS[self.assignor]
        self.target = assign(interested, counts, [one.id for one in order], self.target)
        self.assignment_epoch = self.epoch

    def _reconcile(self, member: ConsumerMember, owned: frozenset[Slot] | None) -> None:
        """Bring a member nearer to its target: it gives back first, then it gets what nobody has."""
        if member.step is MemberStep.UNREVOKED and (owned is None or owned & member.revoking):
            return
        if member.step is MemberStep.STABLE and member.epoch == self.assignment_epoch:
            return
        target = frozenset(self.target.get(member.id, ()))
        kept, revoked = member.assigned & target, member.assigned - target
        if revoked and (owned is None or owned & revoked):
            member.step, member.assigned, member.revoking = MemberStep.UNREVOKED, kept, revoked
            member.previous_epoch = member.epoch
            return
        free = target - kept - self._held_by_others(member)
        member.assigned, member.revoking = kept | free, NOTHING
        member.step = MemberStep.STABLE if member.assigned == target else MemberStep.UNRELEASED
        member.previous_epoch, member.epoch = member.epoch, self.assignment_epoch

    def _held_by_others(self, member: ConsumerMember) -> set[Slot]:
        return {slot for one in self.members.values() if one is not member for slot in one.assigned | one.revoking}

    def check(self, who: Who) -> Code:
        """Return what is wrong with who commits; NONE where nothing is."""
        member = self.members.get(who.member_id)
        if member is None or member.is_dead:
            return Code.UNKNOWN_MEMBER_ID
        return Code.NONE if who.generation == member.epoch else Code.STALE_MEMBER_EPOCH
