"""From a group's description to its members and the partitions that they hold."""

from kafka.protocol.consumer.metadata import ConsumerProtocolAssignment, ConsumerProtocolSubscription

from streamwatch.model.kafka import Group
from streamwatch.sources.kafka.apis import UNDECODABLE, Message

Assigned = dict[str, set[int]]


def from_classic(message: Message, coordinator: int) -> Group:
    """Read a group of DescribeGroups. Members hold nothing while the group rebalances: then that is not known."""
    members = message.members
    assigned: Assigned = {}
    subscribed: set[str] = set()
    idle: int | None = 0 if message.group_state in {"Stable", "Empty", "Dead"} else None
    if message.protocol_type not in {"consumer", ""}:
        idle = None
    elif message.group_state == "Stable":
        for member in members:
            held = _assignment(bytes(member.member_assignment))
            if held is None:
                idle = None
                break
            idle = idle + (not held) if idle is not None else None
            subscribed |= _subscription(bytes(member.member_metadata))
            _merge(assigned, held)
    return _group(message, "classic", coordinator, idle, assigned, subscribed)


def from_consumer(message: Message, coordinator: int) -> Group:
    """Read a group of ConsumerGroupDescribe (KIP-848), whose members always know what they hold."""
    return _from_modern(message, "consumer", coordinator)


def from_share(message: Message, coordinator: int) -> Group:
    """Read a group of ShareGroupDescribe (KIP-932); several of its members may hold the same partition."""
    return _from_modern(message, "share", coordinator)


def from_streams(message: Message, coordinator: int) -> Group:
    """Read a group of StreamsGroupDescribe (KIP-1071).

    Its members hold tasks: task ``n`` of a subtopology reads partition ``n`` of each of its topics that has one.
    Standby and warm-up tasks read no topic that the group has a position in: who holds only such is idle.
    """
    reads = {subtopology.subtopology_id: _read_by(subtopology) for subtopology in _subtopologies(message)}
    assigned: Assigned = {}
    idle = 0
    for member in message.members:
        tasks = member.assignment.active_tasks
        idle += not tasks
        _merge(assigned, [(topic, task.partitions) for task in tasks for topic in reads.get(task.subtopology_id, ())])
    subscribed = {topic for topics in reads.values() for topic in topics} if message.members else set()
    return _group(message, "streams", coordinator, idle, assigned, subscribed)


def _subtopologies(message: Message) -> list[Message]:
    """Return the parts of a Streams application; none while its source topics are missing."""
    return (message.topology.subtopologies or []) if message.topology else []


def _read_by(subtopology: Message) -> list[str]:
    return [*subtopology.source_topics, *(topic.name for topic in subtopology.repartition_source_topics)]


def _from_modern(message: Message, kind: str, coordinator: int) -> Group:
    assigned: Assigned = {}
    subscribed: set[str] = set()
    idle = 0
    for member in message.members:
        held = [(topic.topic_name, topic.partitions) for topic in member.assignment.topic_partitions]
        idle += not held
        subscribed |= set(member.subscribed_topic_names)
        _merge(assigned, held)
    return _group(message, kind, coordinator, idle, assigned, subscribed)


def _group(  # noqa: PLR0913, PLR0917 - the facts of a group
    message: Message, kind: str, coordinator: int, idle: int | None, assigned: Assigned, subscribed: set[str]
) -> Group:
    return Group(
        name=message.group_id,
        type=kind,
        state=message.group_state,
        coordinator=coordinator,
        members=len(message.members),
        idle_members=idle,
        assigned=tuple((topic, tuple(sorted(assigned[topic]))) for topic in sorted(assigned)),
        subscribed=frozenset(subscribed | assigned.keys()),
        assignor=_assignor(message, kind),
    )


def _assignor(message: Message, kind: str) -> str:
    """Return who decides what members hold; empty where the API does not say, and while the group rebalances."""
    if kind == "classic":
        is_stable = message.protocol_type == "consumer" and message.group_state == "Stable"
        return message.protocol_data or "" if is_stable else ""
    return (message.assignor_name or "") if kind in {"consumer", "share"} else ""


def _merge(assigned: Assigned, held: list[tuple[str, list[int]]]) -> None:
    for topic, partitions in held:
        assigned.setdefault(topic, set()).update(partitions)


def _assignment(data: bytes) -> list[tuple[str, list[int]]] | None:
    """Return what a classic member holds; None where its assignor writes something else there."""
    if not data:
        return []
    try:
        message = ConsumerProtocolAssignment.decode(data)
        return [(topic.topic, list(topic.partitions)) for topic in message.assigned_partitions if topic.partitions]
    except UNDECODABLE:  # other people's assignors write what they like
        return None


def _subscription(data: bytes) -> set[str]:
    try:
        return set(ConsumerProtocolSubscription.decode(data).topics)
    except UNDECODABLE:
        return set()
