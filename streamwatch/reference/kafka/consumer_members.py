"""Members of groups of the new protocol (KIP-848), and what they send and get. Times are seconds."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from streamwatch.reference.kafka.assignors import ASSIGNORS, Slot
from streamwatch.reference.kafka.codes import Code
from streamwatch.reference.timers import Timer

JOIN, LEAVE, LEAVE_FOR_A_WHILE = 0, -1, -2
"""Epochs that say something."""
NOTHING: Final[frozenset[Slot]] = frozenset()


class MemberStep(StrEnum):
    """Where a member stands on the way to its target."""

    STABLE = "STABLE"
    UNREVOKED = "UNREVOKED_PARTITIONS"
    UNRELEASED = "UNRELEASED_PARTITIONS"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartbeatRequest:
    """A heartbeat; None stands for what did not change since the last one."""

    member_id: str
    epoch: int
    client_id: str
    host: str
    instance_id: str | None = None
    rack: str | None = None
    session_seconds: float | None = None
    """For how long the group's members live without a heartbeat, as its settings say now."""
    rebalance_seconds: float | None = None
    topics: tuple[str, ...] | None = None
    pattern: str | None = None
    assignor: str | None = None
    owned: frozenset[Slot] | None = None


@dataclass(frozen=True, slots=True)
class HeartbeatResponse:
    """The answer to a heartbeat; no assignment where it has not changed."""

    code: Code
    member_id: str = ""
    epoch: int = 0
    assignment: frozenset[Slot] | None = None
    why: str | None = None


@dataclass(slots=True)
class ConsumerMember:
    """One member: ``assigned`` is what it may use, ``revoking`` what it must give back first."""

    id: str
    instance_id: str | None
    rack: str | None = None
    client_id: str = ""
    host: str = ""
    topics: tuple[str, ...] = ()
    pattern: str = ""
    assignor: str | None = None
    rebalance_seconds: float = 300.0
    epoch: int = 0
    previous_epoch: int = 0
    step: MemberStep = MemberStep.STABLE
    assigned: frozenset[Slot] = NOTHING
    revoking: frozenset[Slot] = NOTHING
    until: float = 0.0
    session_timer: Timer | None = None
    rebalance_timer: Timer | None = None
    """Runs while it has something to give back."""
    is_dead: bool = False
    """A fault: it vanished, and only its session remains."""

    def stop(self) -> None:
        """Let no timer of it run out any more."""
        for timer in (self.session_timer, self.rebalance_timer):
            if timer:
                timer.cancel()
        self.session_timer = self.rebalance_timer = None


def is_current(member: ConsumerMember, beat: HeartbeatRequest) -> bool:
    """Whether an epoch is the member's, or the one before, because the answer with the new one was lost."""
    if beat.epoch == member.epoch:
        return True
    return beat.epoch == member.previous_epoch and beat.owned is not None and beat.owned <= member.assigned


def malformed(beat: HeartbeatRequest) -> HeartbeatResponse | None:
    """Return what is wrong with a heartbeat whatever the group is like."""
    why = None
    if not beat.member_id:
        why = "MemberId can't be empty."
    elif beat.epoch == LEAVE_FOR_A_WHILE and beat.instance_id is None:
        why = "InstanceId can't be null."
    elif beat.epoch < LEAVE_FOR_A_WHILE:
        why = f"MemberEpoch is {beat.epoch}, but must be greater than or equal to -2."
    elif beat.epoch == JOIN and beat.owned:
        why = "TopicPartitions must be empty when (re-)joining."
    elif beat.epoch == JOIN and beat.rebalance_seconds is None:
        why = "RebalanceTimeoutMs must be provided in first request."
    elif beat.epoch == JOIN and beat.topics is None and beat.pattern is None:
        why = "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining."
    elif beat.pattern and not _is_pattern(beat.pattern):
        why = f"SubscribedTopicRegex `{beat.pattern}` is not a valid regular expression."
    if why is None and beat.assignor is not None and beat.assignor not in ASSIGNORS:
        names = ", ".join(ASSIGNORS)
        why = f"ServerAssignor {beat.assignor} is not supported. Supported assignors: {names}."
        return HeartbeatResponse(Code.UNSUPPORTED_ASSIGNOR, why=why)
    return HeartbeatResponse(Code.INVALID_REQUEST, why=why) if why else None


def _is_pattern(text: str) -> bool:
    try:
        re.compile(text)
    except re.error:
        return False
    return True
