"""The members of a classic group, their sessions, and what they agree on. All times: seconds."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from streamwatch.reference.kafka.codes import Code
from streamwatch.reference.kafka.membership import NO_GENERATION, Join, Joined, Synced
from streamwatch.reference.timers import Later, Timer, Timers

Rows = tuple[tuple[str, str | None, bytes], ...]
"""(member id, instance id, metadata) of each member."""


@dataclass(frozen=True, slots=True)
class Who:
    """Who asks, in its own words; the generation is a member's epoch in groups of the new protocol."""

    member_id: str
    instance_id: str | None = None
    generation: int = NO_GENERATION


@dataclass(slots=True)
class ClassicMember:
    """One member; ``until`` is when its session ends."""

    id: str
    asked: Join
    assignment: bytes = b""
    joining: Later[Joined] | None = None
    syncing: Later[Synced] | None = None
    until: float = 0.0
    timer: Timer | None = None
    is_new: bool = True
    """Whether it was never answered, so that it cannot know its id."""
    is_dead: bool = False
    """A fault: it vanished, and only its session remains."""

    @property
    def waits(self) -> bool:
        """Whether it waits for an answer, and cannot beat meanwhile."""
        return self.joining is not None or self.syncing is not None

    def answer_join(self, answer: Joined) -> None:
        """Answer its JoinGroup, if there is one."""
        later, self.joining = self.joining, None
        if later:
            later.settle(answer)

    def answer_sync(self, answer: Synced) -> None:
        """Answer its SyncGroup, if there is one."""
        later, self.syncing = self.syncing, None
        if later:
            later.settle(answer)


class ClassicMembers:
    """The members of one classic group by id, in the order in which they came."""

    def __init__(self, timers: Timers, expired: Callable[[ClassicMember, float], None]) -> None:
        self.members: dict[str, ClassicMember] = {}
        self.leader = ""
        self._timers = timers
        self._expired = expired

    def static(self, instance_id: str) -> ClassicMember | None:
        """Return who has this group.instance.id."""
        return next((member for member in self.members.values() if member.asked.instance_id == instance_id), None)

    def check(self, who: Who) -> Code:
        """Return what is wrong with who asks, generations aside; NONE where nothing is."""
        if who.instance_id is not None:
            known = self.static(who.instance_id)
            if known is None:
                return Code.UNKNOWN_MEMBER_ID
            if known.id != who.member_id:
                return Code.FENCED_INSTANCE_ID
        member = self.members.get(who.member_id)
        return Code.UNKNOWN_MEMBER_ID if member is None or member.is_dead else Code.NONE

    def add(self, member: ClassicMember) -> None:
        """Take somebody in; the first one leads."""
        self.members[member.id] = member
        self.leader = self.leader or member.id

    def drop(self, member: ClassicMember, code: Code = Code.UNKNOWN_MEMBER_ID) -> None:
        """Take somebody out, and say so if it waits; the next one leads where the leader goes."""
        self.members.pop(member.id, None)
        if self.leader == member.id:
            self.leader = next(iter(self.members), "")
        if member.timer:
            member.timer.cancel()
        member.answer_join(Joined(code=code, member_id=member.id))
        member.answer_sync(Synced(code))

    def elect(self) -> bool:
        """Make somebody the leader who joined; return whether anybody did."""
        joined = [member.id for member in self.members.values() if member.joining]
        if joined and self.leader not in joined:
            self.leader = joined[0]
        return bool(joined)

    # Sessions

    def touch(self, member: ClassicMember, now: float, seconds: float | None = None) -> None:
        """Begin a session anew."""
        member.until = now + (member.asked.session_seconds if seconds is None else seconds)
        if member.timer and member.timer.when > member.until:
            member.timer.cancel()
            member.timer = None
        if member.timer is None:
            self._watch(member)

    def _watch(self, member: ClassicMember) -> None:
        member.timer = self._timers.at(member.until, lambda now: self._look(member, now))

    def _look(self, member: ClassicMember, now: float) -> None:
        """Who waits has until it is answered; but nobody waits for ever who was never answered."""
        member.timer = None
        if now < member.until:
            self._watch(member)
        elif member.is_new or not member.waits:
            self._expired(member, now)

    # What they agree on

    @property
    def all_joined(self) -> bool:
        """Whether everybody has sent a JoinGroup."""
        return all(member.joining for member in self.members.values())

    @property
    def longest(self) -> float:
        """The rebalance timeout: of the slowest."""
        return max((member.asked.rebalance_seconds for member in self.members.values()), default=0.0)

    def common(self) -> set[str]:
        """Return the protocols that all members know; there must be members."""
        return set.intersection(*({name for name, _ in member.asked.protocols} for member in self.members.values()))

    def voted(self) -> str:
        """Return the protocol that most members prefer among those that all know."""
        common = self.common()
        ballots = (
            next(name for name, _ in member.asked.protocols if name in common) for member in self.members.values()
        )
        return Counter(ballots).most_common(1)[0][0]
