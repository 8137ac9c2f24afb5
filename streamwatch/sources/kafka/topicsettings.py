"""Topics' own settings: asked once for every topic, then anew a few each read, so that all are fresh within a while.

A topic that was deleted and made anew is another topic: its settings are asked at once, and the old one's forgotten.
"""

import asyncio
from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np

from streamwatch.core.errors import SourceError
from streamwatch.core.memo import Memo
from streamwatch.model.kafka import NOT_SET, CleanupPolicy, ClusterSnapshot, Int64s, Topology
from streamwatch.model.snapshot import Problem
from streamwatch.sources.kafka import codes
from streamwatch.sources.kafka.apis import DESCRIBE_CONFIGS
from streamwatch.sources.kafka.broker_connection import BrokerConnection
from streamwatch.sources.kafka.broker_pool import BrokerPool
from streamwatch.sources.kafka.config import Config
from streamwatch.sources.kafka.problems import problem, refusal
from streamwatch.sources.kafka.read_session import ReadSession

NAMES: Final = ("min.insync.replicas", "retention.ms", "retention.bytes", "cleanup.policy")
_TOPIC: Final = 2
_CHUNK: Final = 1000
"""Topics asked about in one request."""

Settings = tuple[int, int, int, int]
"""In the order of ``NAMES``; the policy is a ``CleanupPolicy``."""
_UNKNOWN: Final[Settings] = (NOT_SET, NOT_SET, NOT_SET, NOT_SET)
_POLICIES: Final = {
    "delete": CleanupPolicy.DELETE,
    "compact": CleanupPolicy.COMPACT,
    "none": CleanupPolicy.NONE,
}


@dataclass(frozen=True, slots=True, eq=False)
class TopicSettings:
    """The settings of all topics (T each)."""

    min_isr: Int64s
    retention_ms: Int64s
    retention_bytes: Int64s
    cleanup_policy: Int64s

    def same_as(self, other: "TopicSettings") -> bool:
        """Whether all columns hold the same values."""
        return all(np.array_equal(getattr(self, field.name), getattr(other, field.name)) for field in fields(self))

    def into(self, snapshot: ClusterSnapshot) -> ClusterSnapshot:
        """Return the snapshot with its fields of these."""
        return replace(
            snapshot,
            min_isr=self.min_isr,
            retention_ms=self.retention_ms,
            retention_bytes=self.retention_bytes,
            cleanup_policy=self.cleanup_policy,
        )


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of one topic."""

    at: float
    """When it was asked (loop time)."""
    settings: Settings
    refused: int | None = 0
    """The error code that came instead; 0 for none, None where the answer leaves the topic out."""


class TopicSettingsReader:
    """Keeps each topic's settings, and asks anew for those that are the oldest."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._topology: Topology | None = None
        self._known: dict[str, _Known] = {}
        self._refused = Memo[list[Problem]]()
        self._columns = Memo[TopicSettings]()
        self._last: TopicSettings | None = None

    async def refresh(self, session: ReadSession, pool: BrokerPool, topology: Topology) -> None:
        """Ask for topics that are new, and for a share of the others; what was refused is a problem in every read."""
        now = asyncio.get_running_loop().time()
        self._forget(topology)
        names = [name for name in topology.topics if name not in self._known] or self._due(now, topology)
        up = [connection for connection in pool.connections.values() if connection.up]
        # Where no broker offers it, the first one says so.
        connections = [connection for connection in up if DESCRIBE_CONFIGS.key in connection.versions] or up[:1]
        if names and connections:
            chunks = [tuple(names[i : i + _CHUNK]) for i in range(0, len(names), _CHUNK)]
            calls = {
                chunk: self._ask(session, connections[i % len(connections)], chunk) for i, chunk in enumerate(chunks)
            }
            answers = await session.all(calls, _failed)
            if answers:
                self._known = self._known | {name: one for answer in answers.values() for name, one in answer.items()}
        session.problems += self._refused.get(self._refusals, self._known)

    def columns(self, topology: Topology) -> TopicSettings:
        """Return the columns; the same objects while nothing changes."""
        return self._columns.get(lambda: self._joined(topology), topology, self._known)

    def _joined(self, topology: Topology) -> TopicSettings:
        unknown = _Known(0.0, _UNKNOWN)
        rows = [self._known.get(name, unknown).settings for name in topology.topics]
        table = np.array(rows, dtype=np.int64).reshape(-1, len(NAMES))
        columns = TopicSettings(*(table[:, at].copy() for at in range(len(NAMES))))
        if self._last is None or not self._last.same_as(columns):
            self._last = columns
        return self._last

    def _forget(self, topology: Topology) -> None:
        """Forget the topics that are gone, and those that are others now under their old names."""
        before, self._topology = self._topology, topology
        if before is None or before is topology:
            return
        anew = {topology.topics[i] for i in np.flatnonzero(topology.recreated(before)).tolist()}
        if anew or not self._known.keys() <= topology.topic_index.keys():
            self._known = {
                name: known for name, known in self._known.items() if name in topology.topic_index and name not in anew
            }

    def _refusals(self) -> list[Problem]:
        """Return a problem for each error code that stands for a topic's settings."""
        refused: dict[int | None, list[str]] = {}
        for name, known in self._known.items():
            if known.refused != 0:
                refused.setdefault(known.refused, []).append(name)
        return [_refusal(code, topics) for code, topics in refused.items()]

    def _due(self, now: float, topology: Topology) -> list[str]:
        """Return the topics to ask anew: in one request, and only when it is worth one."""
        if not self._known:
            return []
        reads = max(1.0, self._config.topic_settings_interval / self._config.interval)
        share = int(np.ceil(len(topology.topics) / reads))
        oldest_first = sorted(self._known, key=lambda name: self._known[name].at)
        due = oldest_first[: max(share, 1)]
        # Small clusters: all topics in one request, once an interval, rather than one topic in each read.
        few = len(topology.topics) <= _CHUNK
        if few and now - self._known[due[0]].at < self._config.topic_settings_interval:
            return []
        return oldest_first[:_CHUNK] if few else due

    async def _ask(
        self, session: ReadSession, connection: BrokerConnection, names: tuple[str, ...]
    ) -> dict[str, _Known]:
        version = connection.version(DESCRIBE_CONFIGS)
        resource = DESCRIBE_CONFIGS.request.DescribeConfigsResource
        resources = [
            resource(version=version, resource_type=_TOPIC, resource_name=name, configuration_keys=list(NAMES))
            for name in names
        ]
        body = await session.ask(connection, DESCRIBE_CONFIGS, DESCRIBE_CONFIGS.encode(version, resources=resources))
        now = asyncio.get_running_loop().time()
        found: dict[str, _Known] = {}
        gone: set[str] = set()
        for result in DESCRIBE_CONFIGS.decode(version, body).results:
            name, code = result.resource_name, result.error_code
            if code == codes.UNKNOWN_TOPIC_OR_PARTITION:
                gone.add(name)  # deleted since the metadata was read
            elif code:
                # Asked again with the rest, not in every read: a right that is missing stays missing for a while.
                found[name] = _Known(now, _UNKNOWN, code)
            else:
                values = {config.name: config.value for config in result.configs}
                first, second, third = (_number(values.get(name)) for name in NAMES[:3])
                found[name] = _Known(now, (first, second, third, cleanup_policy(values.get(NAMES[3]))))
        return {name: found.get(name, _Known(now, _UNKNOWN, None)) for name in names if name not in gone}


def _refusal(code: int | None, topics: list[str]) -> Problem:
    detail = f"settings of topic {topics[0]!r} and {len(topics) - 1} others: DescribeConfigs"
    if code is None:
        return Problem("topic", "misread", f"{detail}: left out of the answer", len(topics))
    return refusal("topic", code, detail, len(topics))


def cleanup_policy(value: str | None) -> int:
    """Return the policy that a topic's setting names, or ``NOT_SET``; the order of its words means nothing."""
    if value is None:
        return NOT_SET
    words = {word.strip() for word in value.split(",")} - {""}
    if not words <= {"delete", "compact", "none"}:
        return NOT_SET
    both = {"delete", "compact"} <= words
    policy = CleanupPolicy.COMPACT_DELETE if both else _POLICIES[next(iter(words - {"none"}), "none")]
    return int(policy)


def _number(value: str | None) -> int:
    try:
        return int(value) if value is not None else NOT_SET
    except ValueError:
        return NOT_SET


def _failed(chunk: tuple[str, ...], error: SourceError) -> Problem:
    return problem("topic", error, f"settings of {len(chunk)} topics: {error}", len(chunk))
