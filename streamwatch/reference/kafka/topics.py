"""Topics: where replicas are placed, and how topics come, grow and go."""

import re
import uuid
from collections.abc import Mapping, Sequence
from itertools import cycle, islice, pairwise
from typing import Final

from streamwatch.reference.kafka.broker import Broker
from streamwatch.reference.kafka.cluster import Cluster
from streamwatch.reference.kafka.codes import Code, RequestRefused
from streamwatch.reference.kafka.partition import NO_LEADER, OFFSETS, TRANSACTIONS, Partition, PartitionRecord, Topic
from streamwatch.reference.kafka.settings_kinds import BadSetting, check
from streamwatch.reference.kafka.settings_topics import topic_settings

_LEGAL: Final = re.compile(r"[a-zA-Z0-9._-]+")
_LONGEST: Final = 249
_CORDONED: Final = (4, 3)
"""From this release on brokers can have cordoned log directories."""


def ensure(cluster: Cluster, name: str, now: float) -> Topic:
    """Return a topic, made with the defaults if it is not there; raises Refused."""
    if name in cluster.topics:
        return cluster.topics[name]
    if name in {OFFSETS, TRANSACTIONS}:
        alive = sum(not broker.is_fenced for broker in cluster.brokers.values())
        kind = "offsets.topic" if name == OFFSETS else "transaction.state.log"
        partitions = cluster.settings.number(f"{kind}.num.partitions")
        replication = min(cluster.settings.number(f"{kind}.replication.factor"), alive)
        own = {"cleanup.policy": "compact", "segment.bytes": "104857600", "compression.type": "producer"}
    else:
        check_name(cluster, name)
        partitions, own = cluster.settings.number("num.partitions"), {}
        replication = cluster.settings.number("default.replication.factor")
    if not cluster.controller.is_active:
        raise RequestRefused(Code.LEADER_NOT_AVAILABLE, "there is no controller that could make the topic")
    return create(cluster, name, assign(cluster, partitions, replication), own, now)


def create(
    cluster: Cluster,
    name: str,
    assignment: Sequence[Sequence[int]],
    settings: Mapping[str, str],
    now: float,
) -> Topic:
    """Make a topic from the replicas of each partition; its name and settings have been checked."""
    topic = Topic(name, new_id(cluster), settings=dict(settings))
    cluster.controller.append_records(1 + len(settings))
    cluster.topics[name] = topic
    cluster.metric_names.setdefault(_in_metrics(name), set()).add(name)
    cluster.topics_by_id[topic.id] = topic
    add_partitions(cluster, topic, assignment, now)
    return topic


def new_id(cluster: Cluster) -> uuid.UUID:
    """Return an id for a topic that no other has."""
    return uuid.UUID(int=cluster.random.getrandbits(128), version=4)


def add_partitions(cluster: Cluster, topic: Topic, assignment: Sequence[Sequence[int]], now: float) -> None:
    """Add partitions to a topic."""
    cluster.controller.append_records(len(assignment))
    for replicas in assignment:
        alive = tuple(each for each in replicas if not cluster.brokers[each].is_fenced)
        state = PartitionRecord(tuple(replicas), alive[0] if alive else NO_LEADER, alive or tuple(replicas[:1]))
        partition = Partition(topic, len(topic.partitions), state)
        topic.partitions.append(partition)
        for each in replicas:
            cluster.brokers[each].add_replica(partition, now)
        if len(alive) < len(replicas):
            cluster.replication.behind.add(partition)
        for replica in partition.replicas.values():
            replica.known_end = 0
            replica.reconciled_epoch = 0


def delete(cluster: Cluster, topic: Topic, now: float) -> None:
    """Delete a topic and everything in it."""
    cluster.controller.append_records(1)
    del cluster.topics[topic.name], cluster.topics_by_id[topic.id]
    others = cluster.metric_names[_in_metrics(topic.name)]
    others.discard(topic.name)
    if not others:
        del cluster.metric_names[_in_metrics(topic.name)]
    for partition in topic.partitions:
        cluster.replication.forget(partition)
        for each in list(partition.replicas):
            cluster.brokers[each].remove_replica(partition)
        partition.state.leader = NO_LEADER
        partition.abandon(Code.UNKNOWN_TOPIC_OR_PARTITION, now)


def check_name(cluster: Cluster, name: str) -> None:
    """Raise Refused where a new topic cannot have this name."""
    wrong = illegal(name)
    if wrong is not None:
        raise RequestRefused(Code.INVALID_TOPIC_EXCEPTION, wrong)
    if name in cluster.topics:
        raise RequestRefused(Code.TOPIC_ALREADY_EXISTS, f"Topic '{name}' already exists.")
    others = cluster.metric_names.get(_in_metrics(name))
    if others:
        raise RequestRefused(
            Code.INVALID_TOPIC_EXCEPTION, f"Topic '{name}' collides with existing topic: {min(others)}"
        )


def illegal(name: str) -> str | None:
    """Return why no topic can have this name, in Kafka's words; None where one can."""
    if not name:
        why = "the empty string is not allowed"
    elif name in {".", ".."}:
        why = f"'{name}' is not allowed"
    elif len(name) > _LONGEST:
        why = f"the length of '{name}' is longer than the max allowed length {_LONGEST}"
    elif not _LEGAL.fullmatch(name):
        why = f"'{name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"
    else:
        return None
    return f"Topic name is invalid: {why}"


def _in_metrics(name: str) -> str:
    """Return a topic's name as Kafka's metrics write it: a new topic must not share one."""
    return name.replace(".", "_")


def check_settings(cluster: Cluster, settings: Mapping[str, str]) -> None:
    """Raise Refused where a topic cannot have these settings."""
    try:
        for name, value in settings.items():
            check(topic_settings(cluster.spec.release), name, value, "topic")
    except BadSetting as bad:
        raise RequestRefused(Code.INVALID_CONFIG, str(bad)) from None


def assign(cluster: Cluster, partitions: int, replication: int, first: int = 0) -> list[tuple[int, ...]]:
    """Choose replicas for new partitions, as Kafka does: leaders in turn, replicas over the racks; raises Refused."""
    usable = [broker for broker in cluster.brokers.values() if not broker.is_fenced]
    if replication < 1:
        why = "Replication factor must be larger than 0, or -1 to use the default value."
        raise RequestRefused(Code.INVALID_REPLICATION_FACTOR, why)
    if partitions < 1:
        raise RequestRefused(Code.INVALID_PARTITIONS, "Number of partitions was set to an invalid non-positive value.")
    if replication > len(usable):
        why = (
            f"Unable to replicate the partition {replication} time(s): The target replication factor of "
            f"{replication} cannot be reached because only {len(usable)} broker(s) are registered"
        )
        cordoned = (
            " or some brokers have all their log directories cordoned" if cluster.spec.release >= _CORDONED else ""
        )
        raise RequestRefused(Code.INVALID_REPLICATION_FACTOR, f"{why}{cordoned}.")
    order = _by_racks(usable)
    start = first or cluster.random.randrange(len(order))
    ring = [one.id for one in order]
    return [tuple(islice(cycle(ring), start + i, start + i + replication)) for i in range(partitions)]


def _by_racks(brokers: Sequence[Broker]) -> list[Broker]:
    """Return brokers so that neighbours are of different racks, where there are racks."""
    racks: dict[str | None, list[Broker]] = {}
    for broker in brokers:
        racks.setdefault(broker.rack, []).append(broker)
    order: list[Broker] = []
    for i in range(max(map(len, racks.values()), default=0)):
        order += [group[i] for group in racks.values() if i < len(group)]
    return order


def check_assignment(cluster: Cluster, assignment: Sequence[Sequence[int]], size: int | None = None) -> None:
    """Raise Refused where replicas that somebody chose cannot be; ``size`` is how many others have."""
    for replicas in assignment:
        wrong = _misplaced(cluster, replicas, size)
        if wrong is not None:
            raise RequestRefused(Code.INVALID_REPLICA_ASSIGNMENT, f"The manual partition assignment includes {wrong}")
        size = len(replicas)


def _misplaced(cluster: Cluster, replicas: Sequence[int], size: int | None) -> str | None:
    if not replicas:
        return "an empty replica list."
    ordered = sorted(replicas)
    for each in ordered:
        if each not in cluster.brokers:
            return f"broker {each}, but no such broker is registered."
    twice = next((each for each, other in pairwise(ordered) if each == other), None)
    if twice is not None:
        return f"the broker {twice} more than once."
    if size is not None and size != len(replicas):
        return (
            f"a partition with {len(replicas)} replica(s), but this is not consistent with previous partitions, "
            f"which have {size} replica(s)."
        )
    return None
