"""Topics: where replicas are placed, and how topics come, grow and go."""

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from typing import TYPE_CHECKING, Final

from streamwatch.reference.kafka.broker import Broker
from streamwatch.reference.kafka.codes import Code
from streamwatch.reference.kafka.partition import NO_LEADER, Partition, Replica, State
from streamwatch.reference.kafka.settings import TOPIC, BadSetting, check

if TYPE_CHECKING:
    from streamwatch.reference.kafka.cluster import Cluster

OFFSETS: Final = "__consumer_offsets"
TRANSACTIONS: Final = "__transaction_state"
_LEGAL: Final = re.compile(r"[a-zA-Z0-9._-]{1,249}")


class Refused(Exception):
    """A request that a broker refuses with a code."""

    def __init__(self, code: Code, why: str) -> None:
        super().__init__(why)
        self.code = code


@dataclass(slots=True, eq=False)
class Topic:
    """A topic, its partitions in order, and its own settings."""

    name: str
    id: uuid.UUID
    partitions: list[Partition] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)
    """Only those that differ from the brokers'."""

    @property
    def is_internal(self) -> bool:
        """Whether Kafka itself keeps it."""
        return self.name in {OFFSETS, TRANSACTIONS}


def create(
    cluster: "Cluster",
    name: str,
    assignment: Sequence[Sequence[int]],
    settings: Mapping[str, str],
    now: float,
) -> Topic:
    """Make a topic from the replicas of each partition; raises Refused."""
    check_name(cluster, name)
    check_settings(settings)
    topic = Topic(name, uuid.UUID(int=cluster.random.getrandbits(128)), settings=dict(settings))
    cluster.topics[name] = topic
    cluster.topics_by_id[topic.id] = topic
    add_partitions(cluster, topic, assignment, now)
    return topic


def add_partitions(cluster: "Cluster", topic: Topic, assignment: Sequence[Sequence[int]], now: float) -> None:
    """Add partitions to a topic."""
    for replicas in assignment:
        alive = tuple(each for each in replicas if not cluster.brokers[each].is_fenced)
        state = State(tuple(replicas), alive[0] if alive else NO_LEADER, alive or tuple(replicas[:1]))
        partition = Partition(topic, len(topic.partitions), state)
        topic.partitions.append(partition)
        for each in replicas:
            add_replica(cluster.brokers[each], partition, now)
        if len(alive) < len(replicas):
            cluster.replication.behind.add(partition)
        for replica in partition.replicas.values():
            replica.known_end = 0
            replica.reconciled_epoch = 0


def add_replica(broker: Broker, partition: Partition, now: float) -> Replica:
    """Give a broker an empty copy of a partition."""
    at = broker.dir_for_new() or 0
    replica = Replica(broker.id, at, broker.dirs[at], caught_up_at=now)
    replica.volume.replicas += 1
    partition.replicas[broker.id] = replica
    broker.partitions.add(partition)
    return replica


def remove_replica(broker: Broker, partition: Partition) -> None:
    """Delete a broker's copy."""
    replica = partition.replicas.pop(broker.id)
    replica.volume.used -= replica.counted
    replica.volume.replicas -= 1
    broker.partitions.discard(partition)


def delete(cluster: "Cluster", topic: Topic, now: float) -> None:
    """Delete a topic and everything in it."""
    del cluster.topics[topic.name], cluster.topics_by_id[topic.id]
    for partition in topic.partitions:
        cluster.replication.forget(partition)
        for each in list(partition.replicas):
            remove_replica(cluster.brokers[each], partition)
        partition.state.leader = NO_LEADER
        partition.abandon(Code.UNKNOWN_TOPIC_OR_PARTITION, now)


def check_name(cluster: "Cluster", name: str) -> None:
    """Raise Refused where a topic cannot have this name."""
    if not _LEGAL.fullmatch(name) or name in {".", ".."}:
        raise Refused(Code.INVALID_TOPIC_EXCEPTION, f"Topic name is invalid: {name!r}")
    if name in cluster.topics:
        raise Refused(Code.TOPIC_ALREADY_EXISTS, f"Topic '{name}' already exists.")


def check_settings(settings: Mapping[str, str]) -> None:
    """Raise Refused where a topic cannot have these settings."""
    try:
        for name, value in settings.items():
            check(TOPIC, name, value)
    except BadSetting as bad:
        raise Refused(Code.INVALID_CONFIG, str(bad)) from None


def assign(cluster: "Cluster", partitions: int, replication: int, first: int = 0) -> list[tuple[int, ...]]:
    """Choose replicas for new partitions, as Kafka does: leaders in turn, replicas over the racks; raises Refused."""
    usable = [one for one in cluster.brokers.values() if not one.is_fenced]
    if partitions < 1:
        raise Refused(Code.INVALID_PARTITIONS, "Number of partitions was set to an invalid non-positive value.")
    if replication < 1:
        raise Refused(Code.INVALID_REPLICATION_FACTOR, "Replication factor must be larger than 0.")
    if replication > len(usable):
        why = f"Unable to replicate the partition {replication} time(s): only {len(usable)} broker(s) are registered."
        raise Refused(Code.INVALID_REPLICATION_FACTOR, why)
    order = _by_racks(usable)
    start = first or cluster.random.randrange(len(order))
    ring = [one.id for one in order]
    return [tuple(islice(cycle(ring), start + i, start + i + replication)) for i in range(partitions)]


def _by_racks(brokers: Sequence[Broker]) -> list[Broker]:
    """Return brokers so that neighbours are of different racks, where there are racks."""
    racks: dict[str | None, list[Broker]] = {}
    for one in brokers:
        racks.setdefault(one.rack, []).append(one)
    order: list[Broker] = []
    for i in range(max(map(len, racks.values()), default=0)):
        order += [group[i] for group in racks.values() if i < len(group)]
    return order


def check_assignment(cluster: "Cluster", assignment: Sequence[Sequence[int]]) -> None:
    """Raise Refused where replicas that somebody chose cannot be."""
    for replicas in assignment:
        if not replicas or len(set(replicas)) < len(replicas) or not set(replicas) <= cluster.brokers.keys():
            why = f"The manual partition assignment {list(replicas)} is invalid: brokers are {sorted(cluster.brokers)}."
            raise Refused(Code.INVALID_REPLICA_ASSIGNMENT, why)
    if len({len(replicas) for replicas in assignment}) > 1:
        raise Refused(Code.INVALID_REPLICA_ASSIGNMENT, "All partitions must have the same number of replicas.")
