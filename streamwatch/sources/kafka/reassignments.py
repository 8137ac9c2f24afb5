"""Partitions that are being moved to other brokers (KIP-455)."""

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from streamwatch.core.errors import SourceError, SourceUnsupported
from streamwatch.model.kafka import Bools, ClusterSnapshot, Topology
from streamwatch.sources.kafka.apis import DESCRIBE_QUORUM, LIST_REASSIGNMENTS, Message, decoding
from streamwatch.sources.kafka.broker_connection import BrokerConnection
from streamwatch.sources.kafka.broker_pool import BrokerPool
from streamwatch.sources.kafka.metadata import Metadata
from streamwatch.sources.kafka.problems import problem, refusal
from streamwatch.sources.kafka.read_session import ReadSession

_TIMEOUT_MS: Final = 1000


@dataclass(frozen=True, slots=True)
class Reassignments:
    """What is being moved."""

    count: float
    """Partitions; NaN where it is not known."""
    adding: Bools
    """R: whether that replica is being added."""

    def into(self, snapshot: ClusterSnapshot) -> ClusterSnapshot:
        """Return the snapshot with its fields of these."""
        return replace(snapshot, reassigning=self.count, adding=self.adding)


async def read_reassignments(
    session: ReadSession, pool: BrokerPool, authority: BrokerConnection | None, metadata: Metadata, controllers: float
) -> Reassignments:
    """Ask what is being moved.

    Args:
        session: this read's.
        pool: the brokers.
        authority: whose metadata is believed.
        metadata: what it says.
        controllers: active ones; without any nobody can answer, which is a problem already.

    """
    topology = metadata.topology
    moving: list[tuple[str, Message]] | None = None
    if controllers != 0:
        try:
            moving = await _ask(session, _whom(pool, authority, metadata))
        except SourceError as error:
            session.problems.append(problem("cluster", error, f"reassignments: {error}"))
    if moving is None:
        return Reassignments(math.nan, np.zeros(len(topology.replica), dtype=bool))
    return Reassignments(float(len(moving)), _adding(topology, moving))


def _whom(pool: BrokerPool, authority: BrokerConnection | None, metadata: Metadata) -> BrokerConnection | None:
    connections = pool.connections
    connection = authority if authority in connections.values() else next(iter(connections.values()), None)
    if connection is not None and DESCRIBE_QUORUM.key not in connection.versions:
        return connections.get(metadata.controller_id)  # Before KRaft only the controller answers.
    return connection


async def _ask(session: ReadSession, connection: BrokerConnection | None) -> list[tuple[str, Message]] | None:
    """Return topic and description of each partition that is being moved; None, and a problem, for a refusal."""
    if connection is None:
        raise SourceUnsupported("ListPartitionReassignments: Metadata names no controller to ask")
    version = connection.version(LIST_REASSIGNMENTS)
    body = LIST_REASSIGNMENTS.encode(version, timeout_ms=_TIMEOUT_MS, topics=None)
    message = LIST_REASSIGNMENTS.decode(version, await session.ask(connection, LIST_REASSIGNMENTS, body))
    with decoding(LIST_REASSIGNMENTS):
        moving = [(topic.name, partition) for topic in message.topics for partition in topic.partitions]
    if message.error_code:
        session.problems.append(refusal("cluster", message.error_code, "reassignments: ListPartitionReassignments"))
        return None
    return moving


def _adding(topology: Topology, moving: list[tuple[str, Message]]) -> Bools:
    adding = np.zeros(len(topology.replica), dtype=bool)
    for name, partition in moving:
        topic = np.array([topology.topic_index.get(name, -1)])
        row = int(topology.rows(topic, np.array([partition.partition_index]))[0])
        if row >= 0:
            start, end = topology.replica_start[row : row + 2]
            adding[start:end] = np.isin(topology.replica[start:end], partition.adding_replicas)
    return adding
