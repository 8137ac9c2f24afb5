"""What the agent may ask of a cluster: one small request for each API that a read uses."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Final

from streamwatch.core.errors import SourceError
from streamwatch.sources.kafka import apis, codes
from streamwatch.sources.kafka.apis import KafkaApi, Message
from streamwatch.sources.kafka.config import Config
from streamwatch.sources.kafka.dial import BrokerSession
from streamwatch.sources.kafka.versions import OFFSET_FETCH_OF_MANY_GROUPS

_DESCRIBE = 8
"""Kafka's number for the operation DESCRIBE."""
_WITH_OPERATIONS = 10
"""The last version of Metadata that has what the user may do with the cluster."""
_NOBODY = "streamwatch-doctor"
"""A group that does not exist: asking about it shows the right to ask."""

IAM: Final = {
    "DESCRIBE on topics": ("kafka-cluster:Connect", "kafka-cluster:DescribeTopic"),
    "DESCRIBE on the cluster": ("kafka-cluster:Connect", "kafka-cluster:DescribeCluster"),
    "DESCRIBE on groups": ("kafka-cluster:Connect", "kafka-cluster:DescribeGroup"),
    "DESCRIBE_CONFIGS on topics": ("kafka-cluster:Connect", "kafka-cluster:DescribeTopicDynamicConfiguration"),
}
"""What MSK's IAM calls each right."""


@dataclass(frozen=True, slots=True)
class Right:
    """One API: what asking it came to."""

    api: str
    needs: str
    code: int = 0
    detail: str = "allowed"
    problem: str = ""
    remedy: str = ""
    optional: bool = False
    """Whether the agent does without, and knows less."""


@dataclass(frozen=True, slots=True)
class _Probe:
    api: KafkaApi
    needs: str
    fields: Callable[[int, str], dict[str, Any]]
    """The request's fields, from the version and the name of some topic."""
    code: Callable[[Message], int]
    """The error code in the answer."""


def _first(items: Any) -> int:  # noqa: ANN401 - a list of messages
    return int(next((item.error_code for item in items if item.error_code), 0))


def _quorum(version: int, _: str) -> dict[str, Any]:
    data = apis.DESCRIBE_QUORUM.request.TopicData
    partition = data.PartitionData(version=version, partition_index=0)
    return {"topics": [data(version=version, topic_name="__cluster_metadata", partitions=[partition])]}


def _commits(version: int, _: str) -> dict[str, Any]:
    if version < OFFSET_FETCH_OF_MANY_GROUPS:
        return {"group_id": _NOBODY, "topics": None}
    group = apis.OFFSET_FETCH.request.OffsetFetchRequestGroup
    return {"groups": [group(version=version, group_id=_NOBODY, topics=None)]}


def _described(*_: object) -> dict[str, Any]:
    return {"group_ids": [_NOBODY]}


def _left(version: int, _: str) -> dict[str, Any]:
    group = apis.SHARE_OFFSETS.request.DescribeShareGroupOffsetsRequestGroup
    return {"groups": [group(version=version, group_id=_NOBODY, topics=None)]}


def _settings(version: int, topic: str) -> dict[str, Any]:
    resource = apis.DESCRIBE_CONFIGS.request.DescribeConfigsResource
    keys = ["min.insync.replicas"]
    found = resource(version=version, resource_type=2, resource_name=topic, configuration_keys=keys)
    return {"resources": [found] if topic else []}


_PROBES = (
    _Probe(
        apis.DESCRIBE_QUORUM,
        "DESCRIBE on the cluster",
        _quorum,
        lambda m: m.error_code or _first([p for topic in m.topics for p in topic.partitions]),
    ),
    _Probe(apis.LIST_GROUPS, "DESCRIBE on the cluster", lambda *_: {}, lambda m: m.error_code),
    _Probe(apis.DESCRIBE_GROUPS, "DESCRIBE on groups", lambda *_: {"groups": [_NOBODY]}, lambda m: _refused(m.groups)),
    _Probe(apis.CONSUMER_GROUP_DESCRIBE, "DESCRIBE on groups", _described, lambda m: _refused(m.groups)),
    _Probe(apis.SHARE_GROUP_DESCRIBE, "DESCRIBE on groups", _described, lambda m: _refused(m.groups)),
    _Probe(apis.STREAMS_GROUP_DESCRIBE, "DESCRIBE on groups", _described, lambda m: _refused(m.groups)),
    _Probe(apis.SHARE_OFFSETS, "DESCRIBE on groups", _left, lambda m: _refused(m.groups)),
    _Probe(apis.OFFSET_FETCH, "DESCRIBE on groups", _commits, lambda m: _refused(m.groups or [m])),
    _Probe(
        apis.DESCRIBE_LOG_DIRS,
        "DESCRIBE on the cluster",
        lambda *_: {"topics": []},
        lambda m: m.error_code or _first(m.results) or (0 if m.results else codes.CLUSTER_DENIED),
    ),
    _Probe(
        apis.LIST_REASSIGNMENTS,
        "DESCRIBE on the cluster",
        lambda *_: {"timeout_ms": 1000, "topics": []},
        lambda m: m.error_code,
    ),
    _Probe(apis.DESCRIBE_CONFIGS, "DESCRIBE_CONFIGS on topics", _settings, lambda m: _first(m.results)),
)


def _refused(items: Any) -> int:  # noqa: ANN401 - a list of messages
    """Return the code of a refusal; that the group is not there, or is coordinated elsewhere, is no refusal."""
    return _first([item for item in items if item.error_code not in codes.MOVED_GROUP | {codes.GROUP_ID_NOT_FOUND}])


def _producers(version: int, topic: str) -> dict[str, Any]:
    kind = apis.DESCRIBE_PRODUCERS.request.TopicRequest
    return {"topics": [kind(version=version, name=topic, partition_indexes=[0])] if topic else []}


_OPTIONAL = (
    _Probe(
        apis.DESCRIBE_PRODUCERS,
        "READ on topics",
        _producers,
        lambda m: _denied([partition for topic in m.topics for partition in topic.partitions]),
    ),
    _Probe(
        apis.DESCRIBE_TRANSACTIONS,
        "DESCRIBE on transactional ids",
        lambda *_: {"transactional_ids": [_NOBODY]},
        lambda m: _denied(m.transaction_states),
    ),
)
"""What names the transactions that hold readers back (transactions.py)."""


def _denied(items: Any) -> int:  # noqa: ANN401 - a list of messages
    """Return the code of a missing right; any other says nothing of rights."""
    return int(next((item.error_code for item in items if item.error_code in codes.DENIED), 0))


async def check_rights(session: BrokerSession, config: Config) -> AsyncIterator[Right]:
    """Ask each API once, as a read would."""
    topics, cluster_right = await _topics(session, config)
    yield topics
    yield cluster_right
    topic = topics.detail.partition("'")[2].partition("'")[0]
    for probe in (*_PROBES, *_OPTIONAL):
        optional = probe in _OPTIONAL
        version = session.versions.get(probe.api.key)
        if version is None:
            yield Right(probe.api.name, probe.needs, detail="not offered by this version of Kafka", optional=optional)
            continue
        try:
            body = probe.api.encode(version, **probe.fields(version, topic))
            message = await _ask(session, config, probe.api, version, body)
            yield Right(probe.api.name, probe.needs, probe.code(message) or 0, optional=optional)
        except (TimeoutError, SourceError) as error:
            why = str(error) or f"no answer within {config.request_timeout:g}s"
            remedy = "look into the broker's log: does it reach a controller?"
            yield Right(probe.api.name, probe.needs, problem=why, remedy=remedy)
            if session.connection.lost.done():
                return


async def _topics(session: BrokerSession, config: Config) -> tuple[Right, Right]:
    """Return what can be seen of topics, and whether the user may describe the cluster: without, lists are shorter."""
    version = session.versions[apis.METADATA.key]
    message = await _ask(session, config, apis.METADATA, version, apis.METADATA.encode(version, topics=None))
    names = [topic.name for topic in message.topics]
    needs = "DESCRIBE on topics"
    if names:
        seen = Right(apis.METADATA.name, needs, detail=f"{len(names)} topics visible, {names[0]!r} among them")
    else:
        why = "no topics visible: there are none, or none that this user may describe"
        seen = Right(apis.METADATA.name, needs, problem=why, remedy=f"if there are topics, grant {needs}")
    version = min(version, _WITH_OPERATIONS)
    body = apis.METADATA.encode(version, topics=[], include_cluster_authorized_operations=True)
    message = await _ask(session, config, apis.METADATA, version, body)
    allowed = message.authorized_operations
    if allowed is None or _DESCRIBE in allowed:
        return seen, Right("DescribeCluster", "DESCRIBE on the cluster")
    return seen, Right("DescribeCluster", "DESCRIBE on the cluster: without it groups stay hidden", 31)


async def _ask(session: BrokerSession, config: Config, api: KafkaApi, version: int, body: bytes) -> Message:
    async with asyncio.timeout(config.request_timeout):
        return api.decode(version, await session.connection.send(api, version, body).answer)
