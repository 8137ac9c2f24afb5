"""Groups as tools are shown them."""

import struct
from dataclasses import dataclass
from typing import Final

from streamwatch.reference.kafka.classic import ClassicGroup
from streamwatch.reference.kafka.codes import Code
from streamwatch.reference.kafka.consumer_groups import ConsumerGroup, Phase
from streamwatch.reference.kafka.membership import ClassicGroupState

Group = ClassicGroup | ConsumerGroup

CONSUMER: Final = "consumer"
"""The protocol type whose metadata the coordinator understands."""


@dataclass(frozen=True, slots=True)
class GroupListing:
    """A line of ListGroups."""

    name: str
    kind: str
    """``classic`` or ``consumer``."""
    protocol_type: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedMember:
    """A member as DescribeGroups shows it."""

    id: str
    instance_id: str | None
    client_id: str
    host: str
    metadata: bytes
    assignment: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedGroup:
    """A classic group as DescribeGroups shows it; what members said and got is shown while it is Stable."""

    code: Code = Code.NONE
    state: ClassicGroupState = ClassicGroupState.DEAD
    protocol_type: str = ""
    protocol: str = ""
    members: tuple[DescribedMember, ...] = ()


def is_empty(group: Group) -> bool:
    """Whether it has no members, and none is about to be."""
    return group.state in {ClassicGroupState.EMPTY, Phase.EMPTY}


def listed(name: str, group: Group) -> GroupListing:
    """Return its line of ListGroups."""
    if isinstance(group, ClassicGroup):
        return GroupListing(name, "classic", group.protocol_type or "", str(group.state))
    return GroupListing(name, CONSUMER, CONSUMER, str(group.state))


def described(group: ClassicGroup) -> DescribedGroup:
    """Describe it."""
    is_stable = group.state is ClassicGroupState.STABLE
    return DescribedGroup(
        state=group.state,
        protocol_type=group.protocol_type or "",
        protocol=(group.protocol or "") if is_stable else "",
        members=tuple(
            DescribedMember(
                id=member.id,
                instance_id=member.asked.instance_id,
                client_id=member.asked.client_id,
                host=member.asked.host,
                metadata=group.metadata(member) if is_stable else b"",
                assignment=member.assignment if is_stable else b"",
            )
            for member in group.members.values()
        ),
    )


def subscribed(group: Group) -> set[str] | None:
    """Return the topics that members subscribe to; None where that cannot be known."""
    if isinstance(group, ConsumerGroup):
        return {name for member in group.members.values() for name in group.subscribed(member)}
    if is_empty(group):
        return set()
    if group.protocol_type != CONSUMER or group.protocol is None:
        return None
    try:
        return {name for member in group.members.values() for name in topics_of(group.metadata(member))}
    except (struct.error, UnicodeDecodeError):
        return None


def topics_of(metadata: bytes) -> list[str]:
    """Return the topics of a ConsumerProtocolSubscription; raises struct.error or UnicodeDecodeError."""
    _, count = struct.unpack_from(">hi", metadata)
    names, at = [], 6
    for _ in range(count):
        (size,) = struct.unpack_from(">h", metadata, at)
        names.append(struct.unpack_from(f">{size}s", metadata, at + 2)[0].decode())
        at += 2 + size
    return names
