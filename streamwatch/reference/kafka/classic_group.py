"""A consumer group of the classic protocol: JoinGroup, SyncGroup, Heartbeat, LeaveGroup (after Kafka's coordinator)."""

import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from streamwatch.reference.kafka.codes import Code
from streamwatch.reference.kafka.membership import Join, Joined, Member, State, Synced
from streamwatch.reference.kafka.timers import Later, Timer, Timers


@dataclass(slots=True)
class ClassicGroup:
    """A group and its members. Every ``now`` is in seconds."""

    name: str
    timers: Timers
    initial_delay: float
    most_members: int
    state: State = State.EMPTY
    generation: int = 0
    protocol_type: str | None = None
    protocol: str | None = None
    leader: str = ""
    members: dict[str, Member] = field(default_factory=dict)
    pending: dict[str, Timer] = field(default_factory=dict)
    """Ids that were given to members who have not joined with them yet."""
    empty_since: float = 0.0
    timer: Timer | None = None
    """Of the rebalance that is going on."""

    # Joining

    def join(self, asked: Join, now: float) -> Later[Joined]:
        """Join, or join again; the answer comes when everybody has."""
        wrong = self._unfit(asked)
        if wrong:
            return Later.now(Joined(code=wrong, member_id=asked.member_id))
        if not asked.member_id:
            return self._join_new(asked, now)
        if asked.member_id in self.pending:
            self.pending.pop(asked.member_id).cancel()
            return self._add(asked, asked.member_id, now)
        return self._join_again(asked, now)

    def _unfit(self, asked: Join) -> Code:
        names = {name for name, _ in asked.protocols}
        if not names or (self.members and asked.protocol_type != self.protocol_type):
            return Code.INCONSISTENT_GROUP_PROTOCOL
        others = [one for one in self.members.values() if one.id != asked.member_id]
        for one in others:
            names &= {name for name, _ in one.asked.protocols}
        if not names:
            return Code.INCONSISTENT_GROUP_PROTOCOL
        is_new = asked.member_id not in self.members
        if is_new and len(self.members) >= self.most_members:
            return Code.GROUP_MAX_SIZE_REACHED
        return Code.NONE

    def _join_new(self, asked: Join, now: float) -> Later[Joined]:
        number = f"{asked.instance_id or asked.client_id}-{uuid.uuid4()}"
        if asked.instance_id:
            old = self._static(asked.instance_id)
            return self._replace(old, asked, number, now) if old else self._add(asked, number, now)
        if asked.needs_id:
            forget = self.timers.at(now + asked.session_seconds, lambda then: self._forget_pending(number, then))
            self.pending[number] = forget
            return Later.now(Joined(code=Code.MEMBER_ID_REQUIRED, member_id=number))
        return self._add(asked, number, now)

    def _forget_pending(self, number: str, now: float) -> None:
        self.pending.pop(number, None)
        self._try_complete(now)

    def _static(self, instance_id: str) -> Member | None:
        return next((one for one in self.members.values() if one.asked.instance_id == instance_id), None)

    def _replace(self, old: Member, asked: Join, number: str, now: float) -> Later[Joined]:
        """A static member is back under a new id: what it had stays, if it wants the same."""
        del self.members[old.id]
        self._fence(old)
        is_leader = self.leader == old.id
        if is_leader:
            self.leader = number
        member = Member(number, asked, assignment=old.assignment)
        self.members[number] = member
        self._touch(member, now)
        if self.state is State.STABLE and asked.protocols == old.asked.protocols:
            members = self._metadata() if is_leader and asked.knows_skip else ()
            shown = number if is_leader and asked.knows_skip else old.id if is_leader else self.leader
            return Later.now(self._joined(number, members, leader=shown, skip=is_leader and asked.knows_skip))
        return self._wait(member, now)

    def _fence(self, member: Member) -> None:
        if member.timer:
            member.timer.cancel()
        if member.joining:
            member.joining.settle(Joined(code=Code.FENCED_INSTANCE_ID, member_id=member.id))
        if member.syncing:
            member.syncing.settle(Synced(Code.FENCED_INSTANCE_ID))

    def _add(self, asked: Join, number: str, now: float) -> Later[Joined]:
        if not self.members:
            self.protocol_type = asked.protocol_type
        member = Member(number, asked)
        self.members[number] = member
        self.leader = self.leader or number
        self._touch(member, now)
        return self._wait(member, now)

    def _join_again(self, asked: Join, now: float) -> Later[Joined]:
        code = self.check(asked.member_id, asked.instance_id, None)
        if code:
            return Later.now(Joined(code=code, member_id=asked.member_id))
        member = self.members[asked.member_id]
        is_same = asked.protocols == member.asked.protocols
        member.asked = asked
        self._touch(member, now)
        keeps = self.state is State.STABLE and member.id != self.leader
        if is_same and (self.state is State.COMPLETING or keeps):
            members = self._metadata() if member.id == self.leader else ()
            return Later.now(self._joined(member.id, members))
        return self._wait(member, now)

    def _wait(self, member: Member, now: float) -> Later[Joined]:
        """Let a member wait for the others."""
        if member.joining:
            member.joining.settle(Joined(code=Code.REBALANCE_IN_PROGRESS, member_id=member.id))
        later: Later[Joined] = Later()
        member.joining = later
        if self.state is not State.PREPARING:
            self.rebalance(now)
        self._try_complete(now)
        return later

    # Rebalancing

    def rebalance(self, now: float) -> None:
        """Begin: everybody has to join again."""
        was_empty = self.state is State.EMPTY
        for member in self.members.values():
            if member.syncing:
                member.syncing.settle(Synced(Code.REBALANCE_IN_PROGRESS))
                member.syncing = None
        self.state = State.PREPARING
        longest = max((one.asked.rebalance_seconds for one in self.members.values()), default=0.0)
        self._arm(now + (self.initial_delay if was_empty else longest))

    def _arm(self, when: float) -> None:
        if self.timer:
            self.timer.cancel()
        self.timer = self.timers.at(when, self._late)

    def _late(self, now: float) -> None:
        if self.state is State.PREPARING:
            self._complete(now)
        elif self.state is State.COMPLETING:
            for member in tuple(self.members.values()):
                if member.syncing is None:
                    self.remove(member.id, now)

    def _try_complete(self, now: float) -> None:
        is_waiting = self.pending or any(one.joining is None for one in self.members.values())
        is_first = self.generation == 0 and self.initial_delay > 0 and self.timer is not None
        if self.state is State.PREPARING and not is_waiting and not is_first:
            self._complete(now)

    def _complete(self, now: float) -> None:
        """Begin a new generation with those that joined; static members may be late."""
        for member in tuple(self.members.values()):
            if member.joining is None and not member.asked.instance_id:
                self._drop(member)
        self.generation += 1
        if not self.members:
            self._become_empty(now)
            return
        if self.leader not in self.members or self.members[self.leader].joining is None:
            self.leader = next((one.id for one in self.members.values() if one.joining), next(iter(self.members)))
        self.protocol = self._voted()
        self.state = State.COMPLETING
        longest = max(one.asked.rebalance_seconds for one in self.members.values())
        self._arm(now + longest)
        for member in self.members.values():
            if member.joining:
                joining, member.joining = member.joining, None
                self._touch(member, now)
                joining.settle(self._joined(member.id, self._metadata() if member.id == self.leader else ()))

    def _become_empty(self, now: float) -> None:
        self.state, self.protocol, self.leader, self.empty_since = State.EMPTY, None, "", now
        if self.timer:
            self.timer.cancel()

    def _voted(self) -> str:
        """Return the protocol that most members prefer among those that all know."""
        common = set.intersection(*({name for name, _ in one.asked.protocols} for one in self.members.values()))
        votes = Counter(
            next(name for name, _ in one.asked.protocols if name in common) for one in self.members.values()
        )
        return votes.most_common(1)[0][0]

    def _metadata(self) -> tuple[tuple[str, str | None, bytes], ...]:
        return tuple(
            (one.id, one.asked.instance_id, dict(one.asked.protocols).get(self.protocol or "", b""))
            for one in self.members.values()
        )

    def _joined(
        self,
        number: str,
        members: tuple[tuple[str, str | None, bytes], ...],
        *,
        leader: str | None = None,
        skip: bool = False,
    ) -> Joined:
        return Joined(
            code=Code.NONE,
            member_id=number,
            generation=self.generation,
            protocol_type=self.protocol_type,
            protocol=self.protocol,
            leader=self.leader if leader is None else leader,
            members=members,
            skip_assignment=skip,
        )

    # While it is stable

    def sync(
        self,
        member_id: str,
        instance_id: str | None,
        generation: int,
        assignments: Mapping[str, bytes],
        now: float,
    ) -> Later[Synced]:
        """Get one's assignment; the leader brings those of all."""
        code = self.check(member_id, instance_id, generation)
        if code or self.state is State.PREPARING:
            return Later.now(Synced(code or Code.REBALANCE_IN_PROGRESS))
        member = self.members[member_id]
        self._touch(member, now)
        if self.state is State.STABLE:
            return Later.now(self._synced(member))
        later: Later[Synced] = Later()
        member.syncing = later
        if member_id == self.leader:
            self._stabilise(assignments)
        return later

    def _stabilise(self, assignments: Mapping[str, bytes]) -> None:
        self.state = State.STABLE
        if self.timer:
            self.timer.cancel()
        for member in self.members.values():
            member.assignment = assignments.get(member.id, b"")
            if member.syncing:
                syncing, member.syncing = member.syncing, None
                syncing.settle(self._synced(member))

    def _synced(self, member: Member) -> Synced:
        return Synced(Code.NONE, member.assignment, self.protocol_type, self.protocol)

    def check(self, member_id: str, instance_id: str | None, generation: int | None) -> Code:
        """Return what is wrong with who asks; NONE where nothing is."""
        if instance_id is not None:
            known = self._static(instance_id)
            if known is None:
                return Code.UNKNOWN_MEMBER_ID
            if known.id != member_id:
                return Code.FENCED_INSTANCE_ID
        if member_id not in self.members or self.members[member_id].is_dead:
            return Code.UNKNOWN_MEMBER_ID
        return Code.NONE if generation in {None, self.generation} else Code.ILLEGAL_GENERATION

    def heartbeat(self, member_id: str, instance_id: str | None, generation: int, now: float) -> Code:
        """Keep a session alive; learn of rebalances."""
        code = self.check(member_id, instance_id, generation)
        if code:
            return code
        self._touch(self.members[member_id], now)
        return Code.REBALANCE_IN_PROGRESS if self.state is State.PREPARING else Code.NONE

    def leave(self, member_id: str, instance_id: str | None, now: float) -> Code:
        """Leave by one's id, or by one's instance id."""
        if member_id in self.pending:
            self._forget_pending(member_id, now)
            return Code.NONE
        if instance_id and not member_id:
            known = self._static(instance_id)
            member_id = known.id if known else ""
        code = self.check(member_id, instance_id, None)
        if not code:
            self.remove(member_id, now)
        return code

    def remove(self, member_id: str, now: float) -> None:
        """Take a member out; the others rebalance."""
        member = self.members.get(member_id)
        if member is None:
            return
        self._drop(member)
        if self.state in {State.STABLE, State.COMPLETING}:
            self.rebalance(now)
        self._try_complete(now)

    def _drop(self, member: Member) -> None:
        self.members.pop(member.id, None)
        if self.leader == member.id:
            self.leader = ""
        if member.timer:
            member.timer.cancel()
        if member.joining:
            member.joining.settle(Joined(code=Code.UNKNOWN_MEMBER_ID, member_id=member.id))
        if member.syncing:
            member.syncing.settle(Synced(Code.UNKNOWN_MEMBER_ID))

    def _touch(self, member: Member, now: float) -> None:
        """Begin a session anew."""
        member.seen = now
        if member.timer is None and not member.is_dead:
            self._watch(member, now + member.asked.session_seconds)

    def _watch(self, member: Member, when: float) -> None:
        def look(now: float) -> None:
            ends = member.seen + member.asked.session_seconds
            if self.members.get(member.id) is not member:
                return
            if now < ends or (member.joining is not None and not member.is_dead):
                self._watch(member, max(ends, now + 1.0))
            else:
                self.remove(member.id, now)

        member.timer = self.timers.at(when, look)

    def moved(self, now: float) -> None:
        """Another broker coordinates: who waits is sent there, and all sessions begin anew."""
        for member in self.members.values():
            if member.joining:
                member.joining.settle(Joined(code=Code.NOT_COORDINATOR, member_id=member.id))
            if member.syncing:
                member.syncing.settle(Synced(Code.NOT_COORDINATOR))
            member.joining = member.syncing = None
            self._touch(member, now)
