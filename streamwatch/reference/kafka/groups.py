"""All groups of a cluster, of both protocols, and what they committed. Every ``now`` is in Unix seconds."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from streamwatch.reference.kafka.classic import ClassicGroup
from streamwatch.reference.kafka.classic_members import Who
from streamwatch.reference.kafka.codes import Code
from streamwatch.reference.kafka.consumer_groups import ConsumerGroup, Topics
from streamwatch.reference.kafka.consumer_members import JOIN, HeartbeatRequest, HeartbeatResponse
from streamwatch.reference.kafka.described import (
    CONSUMER,
    DescribedGroup,
    Group,
    GroupListing,
    described,
    is_empty,
    listed,
    subscribed,
)
from streamwatch.reference.kafka.membership import NO_GENERATION, ClassicGroupState, Join, Joined, Synced
from streamwatch.reference.kafka.offsets import Committed, Key, Offsets
from streamwatch.reference.timers import Later, Timers

_CHECK_SECONDS: Final = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """A broker's settings of groups. Times are seconds."""

    initial_delay: float = 0.0
    min_session: float = 6.0
    max_session: float = 1800.0
    max_size: int = 2**31 - 1
    consumer_session: float = 45.0
    consumer_heartbeat: float = 5.0
    """What members of the new protocol get; the model itself does not need it."""
    offsets_retention: float = 7 * 86400.0


class Groups:
    """The groups, by name. Their state outlives the move of a coordinator, as the real one's does in its log."""

    def __init__(self, timers: Timers, topics: Topics = dict, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.offsets = Offsets()
        self._timers = timers
        self._topics = topics
        self._groups: dict[str, Group] = {}
        self._checks = False

    # Which there are

    def find(self, name: str) -> Group | None:
        """Return a group; None where there is none."""
        return self._groups.get(name)

    def classic(self, name: str) -> ClassicGroup | None:
        """Return a group if it is a classic one."""
        group = self._groups.get(name)
        return group if isinstance(group, ClassicGroup) else None

    def consumer(self, name: str) -> ConsumerGroup | None:
        """Return a group if it is one of the new protocol."""
        group = self._groups.get(name)
        return group if isinstance(group, ConsumerGroup) else None

    def list(self) -> list[GroupListing]:
        """Return all groups, in order of their names."""
        return [listed(name, self._groups[name]) for name in sorted(self._groups)]

    def describe(self, name: str) -> DescribedGroup:
        """Describe a classic group."""
        group = self.classic(name)
        return DescribedGroup(code=Code.GROUP_ID_NOT_FOUND) if group is None else described(group)

    def delete(self, name: str) -> Code:
        """Delete a group without members, and what it committed."""
        group = self._groups.get(name)
        if group is None:
            return Code.GROUP_ID_NOT_FOUND
        if not is_empty(group):
            return Code.NON_EMPTY_GROUP
        self._drop(name)
        return Code.NONE

    def _drop(self, name: str) -> None:
        group = self._groups.pop(name)
        if isinstance(group, ClassicGroup):
            group.die()
        self.offsets.forget_group(name)

    def _made_classic(self, name: str, now: float) -> ClassicGroup:
        """Return a classic group; one of the other kind becomes one: it must be empty."""
        group = self.classic(name)
        if group is None:
            group = ClassicGroup(name, self._timers, self.limits.initial_delay, self.limits.max_size)
            group.empty_since = now
            self._groups[name] = group
        self._begin_checks(now)
        return group

    # Members of classic groups

    def join(self, name: str, asked: Join, now: float) -> Later[Joined]:
        """Join a classic group, that is made if need be."""
        code = self._wrong_join(name, asked)
        if code:
            return Later.now(Joined(code=code, member_id=asked.member_id))
        return self._made_classic(name, now).join(asked, now)

    def _wrong_join(self, name: str, asked: Join) -> Code:
        group = self._groups.get(name)
        if not name:
            return Code.INVALID_GROUP_ID
        if not self.limits.min_session <= asked.session_seconds <= self.limits.max_session:
            return Code.INVALID_SESSION_TIMEOUT
        if isinstance(group, ConsumerGroup) and group.members:
            return Code.INCONSISTENT_GROUP_PROTOCOL
        return Code.UNKNOWN_MEMBER_ID if asked.member_id and not isinstance(group, ClassicGroup) else Code.NONE

    def sync(
        self,
        name: str,
        who: Who,
        assignments: Mapping[str, bytes],
        now: float,
        protocol: tuple[str | None, str | None] = (None, None),
    ) -> Later[Synced]:
        """Get one's assignment; the leader brings all. The protocol is (type, name); None is not looked at."""
        group = self.classic(name)
        code = Code.UNKNOWN_MEMBER_ID if group is None else group.check(who)
        if group is None or code:
            return Later.now(Synced(code))
        if protocol[0] not in {None, group.protocol_type} or protocol[1] not in {None, group.protocol}:
            return Later.now(Synced(Code.INCONSISTENT_GROUP_PROTOCOL))
        return group.sync(who, assignments, now)

    def heartbeat(self, name: str, who: Who, now: float) -> Code:
        """Keep a session alive; learn of rebalances."""
        group = self.classic(name)
        return Code.UNKNOWN_MEMBER_ID if group is None else group.heartbeat(who, now)

    def leave(self, name: str, leavers: Iterable[Who], now: float) -> tuple[Code, ...]:
        """Let members leave; one code for each."""
        group = self.classic(name)
        return tuple(Code.UNKNOWN_MEMBER_ID for _ in leavers) if group is None else group.leave(leavers, now)

    # Members of groups of the new protocol

    def beat(self, name: str, beat: HeartbeatRequest, now: float) -> HeartbeatResponse:
        """Take a heartbeat of the new protocol; the first one makes the group."""
        group = self._groups.get(name)
        if not name:
            return HeartbeatResponse(Code.INVALID_REQUEST, why="GroupId can't be empty.")
        if isinstance(group, ConsumerGroup):
            return group.beat(beat, now)
        if beat.epoch != JOIN or (group is not None and not is_empty(group)):
            return HeartbeatResponse(Code.GROUP_ID_NOT_FOUND, why=f"Group {name} is not a consumer group.")
        made = ConsumerGroup(name, self._timers, self._topics, self.limits.consumer_session, self.limits.max_size)
        answer = made.beat(beat, now)
        if not answer.code:
            if isinstance(group, ClassicGroup):
                group.die()
            self._groups[name] = made
            self._begin_checks(now)
        return answer

    def refresh(self, _now: float) -> None:
        """Topics changed: groups that subscribe to them begin a new epoch."""
        for group in self._groups.values():
            if isinstance(group, ConsumerGroup):
                group.refresh()

    # Offsets

    def may_commit(self, name: str, who: Who, *, in_transaction: bool = False) -> Code:
        """Return whether somebody may commit: a member of the current generation, or anybody where there are none."""
        group = self._groups.get(name)
        if group is None:
            return Code.NONE if who.generation < 0 else Code.ILLEGAL_GENERATION
        if who.generation < 0 and is_empty(group):
            return Code.NONE
        if isinstance(group, ConsumerGroup):
            return group.check(who)
        if who != Who("", None, NO_GENERATION):
            code = group.check(who)
        else:
            code = Code.NONE if in_transaction else Code.UNKNOWN_MEMBER_ID
        return Code.REBALANCE_IN_PROGRESS if not code and group.state is ClassicGroupState.COMPLETING else code

    def commit(self, name: str, who: Who, offsets: Mapping[Key, Committed], now: float) -> dict[Key, Code]:
        """Commit, if one may; a member's session begins anew."""
        code = self.may_commit(name, who)
        if not code:
            self.put(name, offsets, now)
            group = self.classic(name)
            if group is not None and who.member_id in group.members:
                group.membership.touch(group.members[who.member_id], now)
        return dict.fromkeys(offsets, code)

    def put(self, name: str, offsets: Mapping[Key, Committed], now: float) -> None:
        """Keep offsets without asking; the group is made if need be."""
        if name not in self._groups:
            self._made_classic(name, now)
        self.offsets.put(name, offsets)

    def fetch(self, name: str, *, require_stable: bool = False) -> dict[Key, Committed | Code]:
        """Return what a group committed; where it must be stable, a code for what an open transaction may change."""
        found: dict[Key, Committed | Code] = dict(self.offsets.of(name))
        if require_stable:
            found |= dict.fromkeys(self.offsets.unstable(name), Code.UNSTABLE_OFFSET_COMMIT)
        return found

    def delete_offsets(self, name: str, keys: Iterable[Key]) -> Code | dict[Key, Code]:
        """Delete committed offsets, but for topics that members subscribe to."""
        group = self._groups.get(name)
        if group is None:
            return Code.GROUP_ID_NOT_FOUND
        if isinstance(group, ClassicGroup) and not is_empty(group) and group.protocol_type != CONSUMER:
            return Code.NON_EMPTY_GROUP
        topics = subscribed(group)
        codes = {
            key: Code.GROUP_SUBSCRIBED_TO_TOPIC if topics is None or key[0] in topics else Code.NONE for key in keys
        }
        self.offsets.forget(name, [key for key, code in codes.items() if not code])
        return codes

    def pend(self, name: str, producer_id: int, offsets: Mapping[Key, Committed], now: float) -> None:
        """Keep offsets that count when their transaction commits."""
        if name not in self._groups:
            self._made_classic(name, now)
        self.offsets.pend(name, producer_id, offsets)

    def finish(self, producer_id: int, *, commit: bool) -> None:
        """End a transaction."""
        self.offsets.finish(producer_id, commit=commit)

    def forget_topic(self, topic: str, *, with_groups: bool = False) -> None:
        """A topic was deleted, and with it what was committed of it; empty groups with nothing else, where so asked."""
        had = self.offsets.groups()
        self.offsets.forget_topic(topic)
        for name in had - self.offsets.groups() if with_groups else ():
            group = self.classic(name)
            if group is not None and is_empty(group):
                self._drop(name)

    def _begin_checks(self, now: float) -> None:
        if not self._checks:
            self._checks = True
            self._timers.at(now + _CHECK_SECONDS, self._expire)

    def _expire(self, now: float) -> None:
        """Delete offsets that are too old, and empty groups without any."""
        for name, group in tuple(self._groups.items()):
            topics = subscribed(group)
            if topics is not None:
                self.offsets.expire(name, self._too_old(group, now), topics)
            is_free = is_empty(group) and not (isinstance(group, ClassicGroup) and group.pending)
            if is_free and name not in self.offsets.groups():
                self._drop(name)
        self._checks = False
        if self._groups:
            self._begin_checks(now)

    def _too_old(self, group: Group, now: float) -> float:
        """Return up to which time of their commit offsets are; a group that had members counts since they left."""
        until = now - self.limits.offsets_retention
        if isinstance(group, ClassicGroup) and is_empty(group) and group.protocol_type is not None:
            return now if group.empty_since <= until else -math.inf
        return until

    # What happens to them

    def moved(self, names: Iterable[str], now: float) -> None:
        """Other brokers coordinate these groups now."""
        for name in names:
            group = self._groups.get(name)
            if group is not None:
                group.moved(now)

    def kill_members(self, name: str) -> None:
        """Let all members vanish as if they had crashed: only their sessions remain."""
        group = self._groups.get(name)
        for member in group.members.values() if group else ():
            member.is_dead = True

    def force_rebalance(self, name: str, now: float) -> None:
        """Let a group rebalance without a reason."""
        group = self._groups.get(name)
        if isinstance(group, ConsumerGroup) and group.members:
            group.bump()
        elif isinstance(group, ClassicGroup) and group.state in {
            ClassicGroupState.STABLE,
            ClassicGroupState.COMPLETING,
        }:
            group.rebalance(now)

    def rewind(self, name: str, offsets: Mapping[Key, int], now: float) -> None:
        """Set committed offsets, whatever they were."""
        self.put(name, {key: Committed(offset, at=now) for key, offset in offsets.items()}, now)
