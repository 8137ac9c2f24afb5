"""All groups of a cluster, of both protocols, and what they committed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from streamwatch.reference.kafka.classic_group import ClassicGroup
from streamwatch.reference.kafka.codes import Code
from streamwatch.reference.kafka.consumer_group import Beat, Beaten, ConsumerGroup, TopicsByName
from streamwatch.reference.kafka.membership import Join, Joined, State
from streamwatch.reference.kafka.settings import Settings
from streamwatch.reference.kafka.timers import Later, Timers

Key = tuple[str, int]
"""(topic, partition)."""

Group = ClassicGroup | ConsumerGroup

_CHECK_SECONDS: Final = 600.0
_MOST_MEMBERS: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Committed:
    """A committed offset; the time is in seconds."""

    offset: int
    leader_epoch: int
    metadata: str
    at: float


class Groups:
    """The groups, by name. Their state outlives the move of a coordinator, as the real one's does in its log."""

    def __init__(self, timers: Timers, settings: Settings, topics: TopicsByName, now: float) -> None:
        self._timers = timers
        self._settings = settings
        self._topics = topics
        self._groups: dict[str, Group] = {}
        self.offsets: dict[str, dict[Key, Committed]] = {}
        self._pending: dict[int, dict[str, dict[Key, Committed]]] = {}
        timers.at(now + _CHECK_SECONDS, self._expire)

    # Which there are

    def names(self) -> list[str]:
        """Return the names of all groups, those that only have offsets too."""
        return sorted(self._groups.keys() | self.offsets.keys())

    def find(self, name: str) -> Group | None:
        """Return a group; None where there is none."""
        if name not in self._groups and name in self.offsets:
            self._groups[name] = self._classic(name)
        return self._groups.get(name)

    def _classic(self, name: str) -> ClassicGroup:
        delay = self._settings.seconds("group.initial.rebalance.delay.ms")
        return ClassicGroup(name, self._timers, delay, _MOST_MEMBERS)

    # Members

    def join(self, name: str, asked: Join, now: float) -> Later[Joined]:
        """Join a classic group, that is made if need be."""
        low, high = (self._settings.seconds(f"group.{which}.session.timeout.ms") for which in ("min", "max"))
        code = Code.NONE
        group = self.find(name)
        if not name:
            code = Code.INVALID_GROUP_ID
        elif not low <= asked.session_seconds <= high:
            code = Code.INVALID_SESSION_TIMEOUT
        elif isinstance(group, ConsumerGroup) and group.members:
            code = Code.INCONSISTENT_GROUP_PROTOCOL
        elif asked.member_id and group is None:
            code = Code.UNKNOWN_MEMBER_ID
        if code:
            return Later.now(Joined(code=code, member_id=asked.member_id))
        if not isinstance(group, ClassicGroup):
            group = self._groups[name] = self._classic(name)
        return group.join(asked, now)

    def classic(self, name: str) -> ClassicGroup | None:
        """Return a group if it is a classic one."""
        group = self.find(name)
        return group if isinstance(group, ClassicGroup) else None

    def beat(self, name: str, beat: Beat, now: float) -> Beaten:
        """Take a heartbeat of the new protocol."""
        group = self.find(name)
        if not name:
            return Beaten(Code.INVALID_REQUEST, why="GroupId can't be empty.")
        if isinstance(group, ClassicGroup) and group.members:
            return Beaten(Code.GROUP_ID_NOT_FOUND, why=f"Group {name} is not a consumer group.")
        if not isinstance(group, ConsumerGroup):
            if beat.epoch != 0:
                return Beaten(
                    Code.UNKNOWN_MEMBER_ID if group else Code.GROUP_ID_NOT_FOUND, why=f"Group {name} not found."
                )
            session = self._settings.seconds("group.consumer.session.timeout.ms")
            group = self._groups[name] = ConsumerGroup(name, self._timers, self._topics, session)
        return group.beat(beat, now)

    def topics_changed(self) -> None:
        """Let the groups whose coordinator assigns do so anew, where it matters."""
        for group in self._groups.values():
            if isinstance(group, ConsumerGroup) and group.members:
                group.assign()

    # Offsets

    def may_commit(self, name: str, member_id: str, instance_id: str | None, generation: int) -> Code:
        """Return whether somebody may commit: a member of the current generation, or anybody where there are none."""
        group = self.find(name)
        if generation < 0 and (group is None or not group.members):
            return Code.NONE
        if group is None:
            return Code.ILLEGAL_GENERATION if generation >= 0 else Code.GROUP_ID_NOT_FOUND
        if isinstance(group, ConsumerGroup):
            return group.is_current(member_id, generation)
        code = group.check(member_id, instance_id, generation)
        if not code and group.state is State.COMPLETING:
            return Code.REBALANCE_IN_PROGRESS
        return code

    def commit(self, name: str, offsets: Mapping[Key, Committed]) -> None:
        """Keep offsets."""
        self.offsets.setdefault(name, {}).update(offsets)

    def fetch(self, name: str) -> Mapping[Key, Committed]:
        """Return what a group committed."""
        return self.offsets.get(name, {})

    def pend(self, name: str, producer_id: int, offsets: Mapping[Key, Committed]) -> None:
        """Keep offsets that count when their transaction commits."""
        self._pending.setdefault(producer_id, {}).setdefault(name, {}).update(offsets)

    def finish(self, producer_id: int, *, commit: bool) -> None:
        """End a transaction."""
        for name, offsets in self._pending.pop(producer_id, {}).items():
            if commit:
                self.commit(name, offsets)

    def unstable(self, name: str) -> set[Key]:
        """Return the partitions whose offsets are part of an open transaction."""
        return {key for groups in self._pending.values() for key in groups.get(name, {})}

    def forget_offsets(self, name: str, keys: Iterable[Key]) -> None:
        """Delete committed offsets."""
        for key in keys:
            self.offsets.get(name, {}).pop(key, None)

    def delete(self, name: str) -> Code:
        """Delete a group without members."""
        group = self.find(name)
        if group is None:
            return Code.GROUP_ID_NOT_FOUND
        if group.members:
            return Code.NON_EMPTY_GROUP
        self._groups.pop(name)
        self.offsets.pop(name, None)
        return Code.NONE

    def forget_topic(self, topic: str) -> None:
        """A topic was deleted, and with it what was committed of it."""
        for name in list(self.offsets):
            self.forget_offsets(name, [key for key in self.offsets[name] if key[0] == topic])

    def _expire(self, now: float) -> None:
        keep = self._settings.number("offsets.retention.minutes") * 60.0
        for name in self.names():
            group = self.find(name)
            if group is None or group.members or now - group.empty_since < keep:
                continue
            old = [key for key, one in self.fetch(name).items() if now - one.at >= keep]
            self.forget_offsets(name, old)
            if not self.fetch(name):
                self.delete(name)
        self._timers.at(now + _CHECK_SECONDS, self._expire)

    # What happens to them

    def moved(self, names: Iterable[str], now: float) -> None:
        """Other brokers coordinate these groups now."""
        for name in names:
            group = self._groups.get(name)
            if isinstance(group, ClassicGroup):
                group.moved(now)
            elif group is not None:
                for member in group.members.values():
                    member.seen = now

    def kill_members(self, name: str) -> None:
        """Let all members vanish as if they had crashed."""
        group = self._groups.get(name)
        if group is not None:
            for member in group.members.values():
                member.is_dead = True

    def force_rebalance(self, name: str, now: float) -> None:
        """Let a group rebalance without a reason."""
        group = self._groups.get(name)
        if isinstance(group, ClassicGroup) and group.state is State.STABLE:
            group.rebalance(now)
        elif isinstance(group, ConsumerGroup):
            group.assign()

    def rewind(self, name: str, by: int) -> None:
        """Set all committed offsets back."""
        own = self.offsets.get(name, {})
        for key, one in own.items():
            own[key] = Committed(max(0, one.offset - by), one.leader_epoch, one.metadata, one.at)
