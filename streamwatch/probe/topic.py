"""The probe's topic: who leads which partition, which partition stands for which broker, and what its shape lacks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from streamwatch.sources.kafka.apis import Message
from streamwatch.sources.kafka.metadata import Registered

Covers = Mapping[int, int]
"""The partition through which each broker is probed, by broker."""


@dataclass(frozen=True, slots=True)
class ProbePartition:
    """One partition of the topic."""

    index: int
    leader: int
    """-1 where there is none."""
    replicas: tuple[int, ...]
    in_sync: frozenset[int]


@dataclass(frozen=True, slots=True)
class ProbeTopic:
    """The topic, and the brokers of its cluster, as Metadata has them."""

    brokers: tuple[Registered, ...]
    controller: int
    code: int
    """The topic's error."""
    partitions: tuple[ProbePartition, ...]

    def leader(self, index: int) -> int:
        """Return who leads a partition; -1 where nobody does."""
        return next((each.leader for each in self.partitions if each.index == index), -1)


def read_topic(message: Message, topic: str) -> ProbeTopic:
    """Read a Metadata answer about one topic."""
    brokers = tuple(Registered(each.node_id, each.host, each.port, each.rack or None) for each in message.brokers)
    found = next((each for each in message.topics if each.name == topic), None)
    partitions = () if found is None else found.partitions
    return ProbeTopic(
        brokers=tuple(sorted(brokers, key=lambda broker: broker.id)),
        controller=message.controller_id,
        code=0 if found is None else found.error_code,
        partitions=tuple(
            sorted(
                (
                    ProbePartition(
                        each.partition_index, each.leader_id, tuple(each.replica_nodes), frozenset(each.isr_nodes)
                    )
                    for each in partitions
                ),
                key=lambda partition: partition.index,
            )
        ),
    )


def covers(topic: ProbeTopic, before: Covers) -> dict[int, int]:
    """Return the partition through which each broker is probed.

    A broker stays with its partition while it leads it, or nobody does: what is lost with the broker is counted as its
    own. Else it gets the first that it leads; one that leads none is not covered.
    """
    leaders = {each.index: each.leader for each in topic.partitions}
    found = {broker: index for broker, index in before.items() if leaders.get(index) in {broker, -1}}
    for each in topic.partitions:
        owner = each.leader if each.leader >= 0 else each.replicas[0] if each.replicas else -1
        if owner >= 0 and each.index not in found.values():
            found.setdefault(owner, each.index)
    return found


@dataclass(frozen=True, slots=True)
class Missing:
    """What the topic lacks: the assignments of partitions to be made, and those whose preferred leader should lead."""

    assignments: tuple[tuple[int, ...], ...] = ()
    elections: tuple[int, ...] = ()


def missing(topic: ProbeTopic, replication_factor: int) -> Missing:
    """Return what must be done for each broker to lead a partition."""
    leading = {each.leader for each in topic.partitions}
    preferred = {each.replicas[0]: each for each in reversed(topic.partitions) if each.replicas}
    idle = [broker for broker in topic.brokers if broker.id not in leading]
    new = [broker for broker in topic.brokers if broker.id not in preferred]
    return Missing(
        tuple(_assignment(broker, topic.brokers, replication_factor) for broker in new),
        tuple(
            sorted(
                preferred[broker.id].index
                for broker in idle
                if broker.id in preferred and broker.id in preferred[broker.id].in_sync
            )
        ),
    )


def _assignment(leader: Registered, brokers: Sequence[Registered], replication_factor: int) -> tuple[int, ...]:
    """Return the replicas of a partition that a broker leads: the next ones after it, in other racks first."""
    at = [broker.id for broker in brokers].index(leader.id)
    others = [*brokers[at + 1 :], *brokers[:at]]
    chosen, racks = [leader.id], {leader.rack}
    while others and len(chosen) < replication_factor:
        following = next((each for each in others if each.rack not in racks), others[0])
        others.remove(following)
        chosen.append(following.id)
        racks.add(following.rack)
    return tuple(chosen)
