"""A classic group: members join, the leader assigns, everybody syncs (Kafka's ClassicGroup, 4.x). Times are seconds."""

import uuid
from collections.abc import Iterable, Mapping
from typing import Final

from streamwatch.reference.kafka.classic_members import ClassicMember, ClassicMembers, Rows, Who
from streamwatch.reference.kafka.codes import Code
from streamwatch.reference.kafka.membership import ClassicGroupState, Join, Joined, Synced
from streamwatch.reference.timers import Do, Later, Timer, Timers

NEW_MEMBER_SECONDS: Final = 300.0
"""For how long somebody who does not know its id yet may wait for the answer to its first JoinGroup."""


class ClassicGroup:
    """A group: its state, its generation, its members."""

    def __init__(self, name: str, timers: Timers, initial_delay: float = 0.0, max_size: int = 2**31 - 1) -> None:
        self.name = name
        self.state = ClassicGroupState.EMPTY
        self.generation = 0
        self.protocol_type: str | None = None
        self.protocol: str | None = None
        self.membership = ClassicMembers(timers, self._remove)
        self.pending: dict[str, Timer] = {}
        """Ids that were given out, and nobody joined with yet."""
        self.unsynced: set[str] = set()
        """Who has not sent a SyncGroup in this generation."""
        self.empty_since = 0.0
        self._timers = timers
        self._initial_delay = initial_delay
        self._max_size = max_size
        self._timer: Timer | None = None
        self._is_first = False
        self._has_grown = False

    @property
    def members(self) -> dict[str, ClassicMember]:
        """By id."""
        return self.membership.members

    @property
    def leader(self) -> str:
        """The leader's id."""
        return self.membership.leader

    # Joining

    def join(self, asked: Join, now: float) -> Later[Joined]:
        """Join, or join again; the answer comes when everybody has."""
        code = self._refusal(asked)
        if code:
            return Later.now(Joined(code=code, member_id=asked.member_id))
        if not asked.member_id:
            return self._join_unknown(asked, now)
        if asked.member_id in self.pending:
            self.pending.pop(asked.member_id).cancel()
            return self._add(asked.member_id, asked, now)
        return self._join_known(asked, now)

    def _refusal(self, asked: Join) -> Code:
        if not self._has_room(asked.member_id):
            return Code.GROUP_MAX_SIZE_REACHED
        names = {name for name, _ in asked.protocols}
        if not names or not asked.protocol_type:
            return Code.INCONSISTENT_GROUP_PROTOCOL
        fits = asked.protocol_type == self.protocol_type and (not self.members or names & self.membership.common())
        return Code.NONE if fits or self.state is ClassicGroupState.EMPTY else Code.INCONSISTENT_GROUP_PROTOCOL

    def _has_room(self, member_id: str) -> bool:
        member = self.members.get(member_id)
        if self.state is ClassicGroupState.PREPARING:
            waiting = sum(member.joining is not None for member in self.members.values())
            return waiting < self._max_size or (member is not None and member.joining is not None)
        return member is not None or len(self.members) < self._max_size

    def _join_unknown(self, asked: Join, now: float) -> Later[Joined]:
        number = f"{asked.instance_id or asked.client_id}-{uuid.uuid4()}"
        if asked.instance_id is not None:
            old = self.membership.static(asked.instance_id)
            return self._replace(old, number, asked, now) if old else self._add(number, asked, now)
        if not asked.needs_id:
            return self._add(number, asked, now)
        self.pending[number] = self._timers.at(now + asked.session_seconds, lambda then: self._forget(number, then))
        return Later.now(Joined(code=Code.MEMBER_ID_REQUIRED, member_id=number))

    def _forget(self, number: str, now: float) -> None:
        self.pending.pop(number).cancel()
        self._try_complete(now)

    def _add(self, number: str, asked: Join, now: float) -> Later[Joined]:
        if not self.members:
            self.protocol_type = asked.protocol_type
        member = ClassicMember(number, asked)
        self.membership.add(member)
        self.membership.touch(member, now, NEW_MEMBER_SECONDS)
        self._has_grown = True
        return self._wait(member, asked, now)

    def _join_known(self, asked: Join, now: float) -> Later[Joined]:
        code = self.membership.check(Who(asked.member_id, asked.instance_id))
        if code:
            return Later.now(Joined(code=code, member_id=asked.member_id))
        member = self.members[asked.member_id]
        is_same = asked.protocols == member.asked.protocols
        if is_same and (
            self.state is ClassicGroupState.COMPLETING
            or (self.state is ClassicGroupState.STABLE and member.id != self.leader)
        ):
            return Later.now(self._joined(member.id))
        return self._wait(member, asked, now)

    def _replace(self, old: ClassicMember, number: str, asked: Join, now: float) -> Later[Joined]:
        """A static member is back under a new id: it takes the place of the old one."""
        leader = self.leader
        self.membership.drop(old, Code.FENCED_INSTANCE_ID)
        member = ClassicMember(number, asked, old.assignment, is_new=False)
        self.membership.add(member)
        if leader == old.id:
            self.membership.leader = number
        self.membership.touch(member, now)
        if self.state is not ClassicGroupState.STABLE or self.membership.voted() != self.protocol:
            return self._wait(member, asked, now)
        if asked.knows_skip:
            return Later.now(self._joined(number, skip=self.leader == number))
        return Later.now(self._joined(number, leader=leader))

    def _wait(self, member: ClassicMember, asked: Join, now: float) -> Later[Joined]:
        """Let a member wait for the others; a request that it sent before is given up."""
        member.answer_join(Joined(code=Code.REBALANCE_IN_PROGRESS, member_id=member.id))
        member.asked = asked
        member.joining = later = Later[Joined]()
        if self.state is ClassicGroupState.PREPARING:
            self._try_complete(now)
        else:
            self.rebalance(now)
        return later

    def _joined(self, number: str, *, leader: str | None = None, skip: bool = False) -> Joined:
        shown = self.leader if leader is None else leader
        return Joined(
            code=Code.NONE,
            member_id=number,
            generation=self.generation,
            protocol_type=self.protocol_type,
            protocol=self.protocol,
            leader=shown,
            members=self._rows() if number == shown else (),
            skip_assignment=skip,
        )

    def _rows(self) -> Rows:
        return tuple((member.id, member.asked.instance_id, self.metadata(member)) for member in self.members.values())

    def metadata(self, member: ClassicMember) -> bytes:
        """Return what a member said about itself for the chosen protocol."""
        return dict(member.asked.protocols).get(self.protocol or "", b"")

    # Rebalancing

    def rebalance(self, now: float) -> None:
        """Begin: everybody has to join again."""
        is_first = self._is_first = self.state is ClassicGroupState.EMPTY
        self.state, self._has_grown = ClassicGroupState.PREPARING, False
        self.unsynced.clear()
        self._stop_syncs(Code.REBALANCE_IN_PROGRESS, now)
        if is_first and self._initial_delay > 0:
            self._delay(now, self._initial_delay, max(self.membership.longest - self._initial_delay, 0.0))
        elif is_first:
            self._complete(now)
        else:
            self._arm(now + self.membership.longest, self._complete)
            self._try_complete(now)

    def _delay(self, now: float, seconds: float, left: float) -> None:
        """Wait for more to join a group that was empty, and once more if more did, as long as time is left."""

        def look(then: float) -> None:
            if not self._has_grown or left <= 0:
                self._complete(then)
                return
            self._has_grown = False
            self._delay(then, min(self._initial_delay, left), max(left - seconds, 0.0))

        self._arm(now + seconds, look)

    def _stop_syncs(self, code: Code, now: float) -> None:
        for member in [member for member in self.members.values() if member.syncing]:
            self.membership.touch(member, now)
            member.answer_sync(Synced(code))

    def _arm(self, when: float, do: Do) -> None:
        self._disarm()
        self._timer = self._timers.at(when, do)

    def _disarm(self) -> None:
        if self._timer:
            self._timer.cancel()

    def _try_complete(self, now: float) -> None:
        is_due = self.membership.all_joined and not self.pending and not self._is_first
        if self.state is ClassicGroupState.PREPARING and is_due:
            self._complete(now)

    def _complete(self, now: float) -> None:
        """Begin a new generation with those that joined; static members may be late."""
        for member in tuple(self.members.values()):
            if member.joining is None and member.asked.instance_id is None:
                self.membership.drop(member)
        if self.members and not self.membership.elect():
            # until a static member is back, or its session ends
            self._arm(now + self.membership.longest, self._complete)
            return
        self._disarm()
        self._is_first = False
        self.generation += 1
        if not self.members:
            self.state, self.protocol, self.empty_since = ClassicGroupState.EMPTY, None, now
            return
        self.state, self.protocol, self.unsynced = (
            ClassicGroupState.COMPLETING,
            self.membership.voted(),
            set(self.members),
        )
        self._arm(now + self.membership.longest, self._end_syncs)
        answers = [(member, self._joined(member.id)) for member in self.members.values()]
        for member, answer in answers:
            member.is_new = False
            self.membership.touch(member, now)
            member.answer_join(answer)

    def _end_syncs(self, now: float) -> None:
        """Take out who has not synced in time."""
        late = [self.members[number] for number in self.unsynced if number in self.members]
        for member in late:
            self.membership.drop(member)
        if late:
            self.rebalance(now)

    # Members of a generation

    def check(self, who: Who) -> Code:
        """Return what is wrong with who asks; NONE where nothing is."""
        code = self.membership.check(who)
        if not code and who.generation != self.generation:
            return Code.ILLEGAL_GENERATION
        return code

    def sync(self, who: Who, assignments: Mapping[str, bytes], now: float) -> Later[Synced]:
        """Get one's assignment; the leader brings those of all, by member id."""
        code = self.check(who)
        if code or self.state is ClassicGroupState.PREPARING:
            return Later.now(Synced(code or Code.REBALANCE_IN_PROGRESS))
        member = self.members[who.member_id]
        self.unsynced.discard(member.id)
        self.membership.touch(member, now)
        if self.state is ClassicGroupState.STABLE:
            return Later.now(self._synced(member))
        member.answer_sync(Synced(Code.REBALANCE_IN_PROGRESS))  # a request that it sent before
        member.syncing = later = Later[Synced]()
        if member.id == self.leader:
            self._stabilise(assignments, now)
        return later

    def _stabilise(self, assignments: Mapping[str, bytes], now: float) -> None:
        self.state = ClassicGroupState.STABLE
        for member in self.members.values():
            member.assignment = assignments.get(member.id, b"")
        for member in [member for member in self.members.values() if member.syncing]:
            self.membership.touch(member, now)
            member.answer_sync(self._synced(member))

    def _synced(self, member: ClassicMember) -> Synced:
        return Synced(Code.NONE, member.assignment, self.protocol_type, self.protocol)

    def heartbeat(self, who: Who, now: float) -> Code:
        """Keep a session alive; learn of rebalances."""
        code = self.check(who)
        if code:
            return code
        self.membership.touch(self.members[who.member_id], now)
        return Code.REBALANCE_IN_PROGRESS if self.state is ClassicGroupState.PREPARING else Code.NONE

    def leave(self, leavers: Iterable[Who], now: float) -> tuple[Code, ...]:
        """Let several leave, each by its id or (where that is empty) by its instance id; generations do not matter."""
        size = len(self.members)
        codes = tuple(self._leave(who, now) for who in leavers)
        if len(self.members) < size:
            self._shrunk(now)
        return codes

    def _leave(self, who: Who, now: float) -> Code:
        if who.member_id in self.pending:
            self._forget(who.member_id, now)
            return Code.NONE
        member = self.members.get(who.member_id)
        if not who.member_id and who.instance_id is not None:
            member = self.membership.static(who.instance_id)
        code = self.membership.check(who) if who.member_id else Code.NONE
        if code or member is None:
            return code or Code.UNKNOWN_MEMBER_ID
        self.membership.drop(member)
        return Code.NONE

    def _remove(self, member: ClassicMember, now: float) -> None:
        self.membership.drop(member)
        self._shrunk(now)

    def _shrunk(self, now: float) -> None:
        if self.state in {ClassicGroupState.STABLE, ClassicGroupState.COMPLETING}:
            self.rebalance(now)
        else:
            self._try_complete(now)

    # What happens to it

    def moved(self, now: float) -> None:
        """Another broker coordinates: who waits is sent there, sessions begin anew, ids that nobody got are lost."""
        for member in tuple(self.members.values()):
            if member.is_new:
                self.membership.drop(member, Code.NOT_COORDINATOR)
        self.unsynced |= {member.id for member in self.members.values() if member.syncing}
        self._stop_syncs(Code.NOT_COORDINATOR, now)
        for member in tuple(self.members.values()):
            self.membership.touch(member, now)
            member.answer_join(Joined(code=Code.NOT_COORDINATOR, member_id=member.id))
        if self.state is ClassicGroupState.PREPARING:
            self._arm(now + self.membership.longest, self._complete)

    def die(self) -> None:
        """Be deleted."""
        self.state = ClassicGroupState.DEAD
        self._disarm()
        for timer in self.pending.values():
            timer.cancel()
        self.pending.clear()
