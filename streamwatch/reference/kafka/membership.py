"""What members of classic groups ask for and get."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from streamwatch.reference.kafka.codes import Code


class ClassicGroupState(StrEnum):
    """Of a group, by the names that tools print."""

    EMPTY = "Empty"
    PREPARING = "PreparingRebalance"
    COMPLETING = "CompletingRebalance"
    STABLE = "Stable"
    DEAD = "Dead"


NO_GENERATION: Final = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """What a member asks for. Timeouts are seconds."""

    member_id: str
    instance_id: str | None
    client_id: str
    host: str
    session_seconds: float
    rebalance_seconds: float
    protocol_type: str
    protocols: tuple[tuple[str, bytes], ...]
    """(name, metadata), the preferred one first."""
    needs_id: bool
    """Whether a member without an id is sent away with one first (KIP-394)."""
    knows_skip: bool
    """Whether it understands that its assignment stays (JoinGroup 9)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """The answer to a JoinGroup."""

    code: Code
    member_id: str = ""
    generation: int = NO_GENERATION
    protocol_type: str | None = None
    protocol: str | None = None
    leader: str = ""
    members: tuple[tuple[str, str | None, bytes], ...] = ()
    """(member id, instance id, metadata), for the leader only."""
    skip_assignment: bool = False


@dataclass(frozen=True, slots=True)
class Synced:
    """The answer to a SyncGroup."""

    code: Code
    assignment: bytes = b""
    protocol_type: str | None = None
    protocol: str | None = None
