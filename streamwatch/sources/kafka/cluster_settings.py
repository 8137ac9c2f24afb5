"""What an audit asks beyond what every read does: settings of brokers and topics, and when records came last.

One DescribeConfigs a broker about itself, one for every thousand topics, and of the partitions whose records may be old
the largest timestamp (ListOffsets, KIP-734). Nobody asks this but who wants an audit.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np

from streamwatch.core.errors import SourceError
from streamwatch.model.cluster_settings import OF_BROKERS, OF_TOPICS, ClusterSettings, Settings
from streamwatch.model.kafka import CleanupPolicy, ClusterSnapshot, Int64s, Topology
from streamwatch.model.snapshot import Problem
from streamwatch.sources.kafka.apis import DESCRIBE_CONFIGS, LIST_OFFSETS
from streamwatch.sources.kafka.broker_connection import BrokerConnection
from streamwatch.sources.kafka.broker_pool import BrokerPool
from streamwatch.sources.kafka.offsets import encode, read_answer, refused
from streamwatch.sources.kafka.problems import problem, refusal
from streamwatch.sources.kafka.read_session import ReadSession
from streamwatch.sources.kafka.timestamps import Timestamp
from streamwatch.sources.kafka.versions import LIST_OFFSETS_BY_LARGEST_TIMESTAMP

_TOPIC: Final = 2
_BROKER: Final = 4
_CHUNK: Final = 1000
_MOST_PARTITIONS: Final = 10_000
"""So many are looked at, the largest first: for each a broker reads a batch of records from its disk."""
_OLD_SECONDS: Final = 30 * 86_400.0
"""A topic that deletes what is older has no older record."""


async def read_cluster_settings(
    session: ReadSession, pool: BrokerPool, snapshot: ClusterSnapshot, at: float
) -> ClusterSettings:
    """Return what brokers answer; what they do not is among the problems.

    Args:
        session: within whose deadline they are asked.
        pool: the connections.
        snapshot: the last read of the cluster.
        at: what time it is.

    """
    topology = snapshot.topology
    up = {node: connection for node, connection in pool.connections.items() if connection.up}
    if topology is None or not up:
        return ClusterSettings(asked_at=at, problems=("no broker answers",))
    brokers = await session.all(
        {node: _described(session, connection, _BROKER, [str(node)], OF_BROKERS) for node, connection in up.items()},
        lambda node, error: problem("broker", error, f"settings of broker {node}: {error}"),
    )
    topics = await _topics(session, list(up.values()), topology)
    rows = _candidates(snapshot, topology)
    newest = await _newest(session, up, topology, rows[:_MOST_PARTITIONS])
    return ClusterSettings(
        asked_at=at,
        brokers={node: found[str(node)] for node, found in brokers.items() if str(node) in found},
        topics=topics,
        newest=newest,
        is_looked_up=len(newest) == len(rows),
        problems=tuple(each.detail for each in session.problems),
    )


async def _topics(
    session: ReadSession, connections: list[BrokerConnection], topology: Topology
) -> Mapping[str, Settings]:
    names = topology.topics
    chunks = [names[i : i + _CHUNK] for i in range(0, len(names), _CHUNK)]
    answers = await session.all(
        {
            chunk: _described(session, connections[i % len(connections)], _TOPIC, chunk, OF_TOPICS)
            for i, chunk in enumerate(chunks)
        },
        lambda chunk, error: problem("topic", error, f"settings of {len(chunk)} topics: {error}"),
    )
    return {name: settings for found in answers.values() for name, settings in found.items()}


async def _described(
    session: ReadSession, connection: BrokerConnection, kind: int, names: Iterable[str], keys: tuple[str, ...]
) -> dict[str, Settings]:
    """Return the settings of these, without those that are refused: each sort of refusal is a problem."""
    version = connection.version(DESCRIBE_CONFIGS)
    resource = DESCRIBE_CONFIGS.request.DescribeConfigsResource
    resources = [
        resource(version=version, resource_type=kind, resource_name=name, configuration_keys=list(keys))
        for name in names
    ]
    body = await session.ask(connection, DESCRIBE_CONFIGS, DESCRIBE_CONFIGS.encode(version, resources=resources))
    found: dict[str, Settings] = {}
    codes: dict[int, list[str]] = {}
    for result in DESCRIBE_CONFIGS.decode(version, body).results:
        if result.error_code:
            codes.setdefault(result.error_code, []).append(result.resource_name)
        else:
            found[result.resource_name] = {
                config.name: config.value for config in result.configs if config.value is not None
            }
    session.problems += [_refusal(kind, code, refused_names) for code, refused_names in codes.items()]
    return found


def _refusal(kind: int, code: int, names: list[str]) -> Problem:
    what = f"broker {names[0]}" if kind == _BROKER else f"{len(names)} topics, {names[0]!r} among them"
    return refusal("broker" if kind == _BROKER else "topic", code, f"settings of {what}: DescribeConfigs", len(names))


def _candidates(snapshot: ClusterSnapshot, topology: Topology) -> Int64s:
    """Return the partitions that have records of which the newest may be old, the largest first."""
    is_kept = (snapshot.retention_ms < 0) | (snapshot.retention_ms > _OLD_SECONDS * 1000)
    is_kept |= np.isin(snapshot.cleanup_policy, (CleanupPolicy.COMPACT, CleanupPolicy.NONE))
    is_wanted = is_kept & snapshot.selected & ~topology.internal
    has_records = (snapshot.end_offset > snapshot.start_offset) & (snapshot.start_offset >= 0)
    rows = np.flatnonzero(is_wanted[topology.topic] & has_records & (topology.leader >= 0))
    first = topology.replica_start[:-1][rows]
    return rows[np.argsort(-snapshot.replica_bytes[first], kind="stable")].astype(np.int64)


async def _newest(
    session: ReadSession, up: Mapping[int, BrokerConnection], topology: Topology, rows: Int64s
) -> dict[tuple[str, int], float]:
    calls = {
        node: _largest(session, connection, topology, np.sort(rows[topology.leader[rows] == node]))
        for node, connection in up.items()
        if (topology.leader[rows] == node).any()
        and connection.versions.get(LIST_OFFSETS.key, -1) >= LIST_OFFSETS_BY_LARGEST_TIMESTAMP
    }
    answers = await session.all(calls, _failed)
    return {key: at for found in answers.values() for key, at in found.items()}


async def _largest(
    session: ReadSession, connection: BrokerConnection, topology: Topology, rows: Int64s
) -> dict[tuple[str, int], float]:
    """Return the largest timestamp of each of these partitions that one broker leads."""
    body = await session.ask(connection, LIST_OFFSETS, encode(topology, rows, Timestamp.LARGEST))
    answered, _ = read_answer(body, connection.version(LIST_OFFSETS), topology)
    session.problems += refused(answered.error, "newest records")
    fine = np.flatnonzero((answered.error == 0) & (answered.timestamp >= 0))
    return {
        (topology.topics[topology.topic[row]], int(topology.partition[row])): float(answered.timestamp[i]) / 1000
        for i, row in zip(fine.tolist(), answered.rows[fine].tolist(), strict=True)
    }


def _failed(node: int, error: SourceError) -> Problem:
    return problem("partition", error, f"broker {node}: newest records: {error}")
