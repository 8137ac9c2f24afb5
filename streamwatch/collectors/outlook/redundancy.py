"""How far each partition is from being offline, and from refusing writers with acks=all."""

from dataclasses import dataclass

import numpy as np

from streamwatch.collectors.columns import count_true, replication
from streamwatch.collectors.health import broker_index, expected_replicas
from streamwatch.model.kafka import NOT_KNOWN, Bools, Broker, ClusterSnapshot, Int32s, Int64s, Topology


@dataclass(frozen=True, slots=True, eq=False)
class Redundancy:
    """What counts when brokers are lost. Shapes: P partitions, R replicas."""

    topology: Topology
    brokers: tuple[Broker, ...]
    row: Int64s
    """R: the row of the replica's partition."""
    place: Int32s
    """R: where the replica's broker stands in ``brokers``; -1 where it is not there."""
    alive: Bools
    """R: whether the replica's broker is there, and not known to be down."""
    live: Bools
    """R: alive and in the ISR: it can lead, and counts for ``acks=all``."""
    count: Int64s
    """P: replicas that are live."""
    needed: Int64s
    """P: how many ``acks=all`` needs; ``NOT_KNOWN`` where the setting is not known."""
    expected: Int64s
    """P: replicas that should be in sync: all but those that a reassignment adds."""


def redundancy(now: ClusterSnapshot, topology: Topology) -> Redundancy:
    """Derive it from a snapshot and its topology."""
    facts = replication(topology)
    replicas = facts.replicas
    place = broker_index(now.brokers, topology.replica)
    # The last one is for -1: a broker that the cluster does not list is not there.
    may_serve = np.array([*(broker.up is not False for broker in now.brokers), False])
    alive = may_serve[place]
    live = alive & topology.in_sync
    min_isr = now.min_isr[topology.topic]
    return Redundancy(
        topology=topology,
        brokers=now.brokers,
        row=np.repeat(np.arange(len(replicas)), replicas),
        place=place,
        alive=alive,
        live=live,
        count=count_true(live, topology),
        # As brokers see it since 3.0: a topic cannot need more replicas in sync than it has.
        needed=np.where(min_isr >= 0, np.minimum(min_isr, replicas), NOT_KNOWN),
        expected=expected_replicas(now, topology, facts),
    )
