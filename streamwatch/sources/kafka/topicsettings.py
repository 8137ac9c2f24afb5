"""Topics' own settings: asked once for every topic, then anew a few each read, so that all are fresh within a while.

A topic that was deleted and made anew is another topic: its settings are asked at once, and the old one's forgotten.
What one broker says of a topic that is new, or that differs from what is known, two other brokers are asked, too.
"""

import asyncio
import random
from collections.abc import Iterator
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
from streamwatch.sources.kafka.topic_answers import NAMES, UNKNOWN, TopicAnswer, agreed

_TOPIC: Final = 2
_CHUNK: Final = 1000
"""Topics asked about in one request."""
_OTHERS: Final = 2
"""How many more brokers are asked where one broker's word is not enough."""

_POLICIES: Final = {
    "delete": CleanupPolicy.DELETE,
    "compact": CleanupPolicy.COMPACT,
    "none": CleanupPolicy.NONE,
}


Question = tuple[BrokerConnection, tuple[str, ...]]
"""A broker, and the topics that it is asked about in one request."""
Answers = dict[str, dict[str, TopicAnswer]]
"""Of each topic, what each broker has said, by the broker's name, the first one first."""


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


class TopicSettingsReader:
    """Keeps each topic's settings, and asks anew for those that are the oldest."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._topology: Topology | None = None
        self._known: dict[str, TopicAnswer] = {}
        self._problems = Memo[list[Problem]]()
        self._unsettled: set[str] = set()
        """Topics on which brokers disagree, or of which one has said what none confirmed."""
        self._draw = random.Random(0)  # noqa: S311 - no secret: who is asked
        self._columns = Memo[TopicSettings]()
        self._last: TopicSettings | None = None

    async def refresh(self, session: ReadSession, pool: BrokerPool, topology: Topology) -> None:
        """Ask for topics that are new, and for a share of the others; what was refused is a problem in every read."""
        now = asyncio.get_running_loop().time()
        self._forget(topology)
        names = [name for name in topology.topics if name not in self._known] or self._due(now, topology)
        connections = self._next(pool)
        if names and connections:
            answers: Answers = {name: {} for name in names}
            await self._ask_all(session, _spread(names, connections), answers)
            await self._ask_all(session, self._others(connections, answers), answers)
            self._take(answers, is_alone=len(pool.connections) == 1)
        session.problems += self._problems.get(self._found, self._known)

    def _take(self, answers: Answers, *, is_alone: bool) -> None:
        found = {name: agreed(self._known.get(name), own, is_alone=is_alone) for name, own in answers.items() if own}
        if found:
            self._known = self._known | found
            self._unsettled = {name for name in self._unsettled | found.keys() if self._known[name].unsettled}

    def _next(self, pool: BrokerPool) -> list[BrokerConnection]:
        """Return whom to ask, the first one drawn: in turns, some topics would be asked of the same broker for ever."""
        up = [connection for connection in pool.connections.values() if connection.up]
        # Where no broker offers it, the first one says so.
        offering = [connection for connection in up if DESCRIBE_CONFIGS.key in connection.versions] or up[:1]
        at = self._draw.randrange(max(len(offering), 1))
        return offering[at:] + offering[:at]

    def _reads(self) -> int:
        """Return within how many reads every topic is asked anew."""
        return max(1, round(self._config.topic_settings_interval / self._config.interval))

    def _others(self, connections: list[BrokerConnection], answers: Answers) -> list[Question]:
        """Return whom to ask, too, where one broker's word is not enough: the next ones, and those that disagreed."""
        place = {connection.name: i for i, connection in enumerate(connections)}
        names: list[list[str]] = [[] for _ in connections]
        for name, own in answers.items():
            if own and self._needs_others(name, next(iter(own.values()))):
                first = place[next(iter(own))]
                others = {(first + i) % len(connections) for i in range(1, _OTHERS + 1)}
                others |= {place[broker] for broker in self._brokers(name) if broker in place}
                for other in others - {first}:
                    names[other].append(name)
        return [(each, chunk) for each, own in zip(connections, names, strict=True) for chunk in _chunks(own)]

    def _needs_others(self, name: str, answer: TopicAnswer) -> bool:
        known = self._known.get(name)
        if known is None or known.unsettled:
            return True
        return (known.settings, known.refused) != (answer.settings, answer.refused)

    def _brokers(self, name: str) -> tuple[str, ...]:
        known = self._known.get(name)
        return () if known is None else known.brokers

    async def _ask_all(self, session: ReadSession, questions: list[Question], answers: Answers) -> None:
        calls = {question: self._ask(session, *question) for question in questions}
        for (connection, _), found in (await session.all(calls, _failed)).items():
            for name, answer in found.items():
                answers[name][connection.name] = answer

    def columns(self, topology: Topology) -> TopicSettings:
        """Return the columns; the same objects while nothing changes."""
        return self._columns.get(lambda: self._joined(topology), topology, self._known)

    def _joined(self, topology: Topology) -> TopicSettings:
        unknown = TopicAnswer(0.0, UNKNOWN)
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
            self._unsettled &= self._known.keys()

    def _found(self) -> list[Problem]:
        """Return a problem for each error code that stands for a topic's settings, and one for what is disagreed on."""
        refused: dict[int | None, list[str]] = {}
        for name, known in self._known.items():
            if known.refused != 0:
                refused.setdefault(known.refused, []).append(name)
        disagreed = sorted(name for name in self._unsettled if self._known[name].is_disagreed)
        problems = [_refusal(code, topics) for code, topics in refused.items()]
        if disagreed:
            problems.append(_disagreement(self._known[disagreed[0]].dissent, disagreed))
        return problems

    def _due(self, now: float, topology: Topology) -> list[str]:
        """Return the topics to ask anew: in one request, only when it is worth one; and those that are unsettled."""
        if not self._known:
            return []
        unsettled = sorted(name for name in self._unsettled if self._known[name].again_at <= now)[:_CHUNK]
        share = -(-len(topology.topics) // self._reads())
        oldest_first = sorted(self._known, key=lambda name: self._known[name].at)
        # Small clusters: all topics in one request, once an interval, rather than one topic in each read.
        if len(topology.topics) <= _CHUNK:
            is_time = now - self._known[oldest_first[0]].at >= self._config.topic_settings_interval
            return oldest_first[:_CHUNK] if is_time else unsettled
        return list(dict.fromkeys([*unsettled, *oldest_first[:share]]))

    async def _ask(
        self, session: ReadSession, connection: BrokerConnection, names: tuple[str, ...]
    ) -> dict[str, TopicAnswer]:
        version = connection.version(DESCRIBE_CONFIGS)
        resource = DESCRIBE_CONFIGS.request.DescribeConfigsResource
        resources = [
            resource(version=version, resource_type=_TOPIC, resource_name=name, configuration_keys=list(NAMES))
            for name in names
        ]
        body = await session.ask(connection, DESCRIBE_CONFIGS, DESCRIBE_CONFIGS.encode(version, resources=resources))
        now = asyncio.get_running_loop().time()
        found: dict[str, TopicAnswer] = {}
        gone: set[str] = set()
        for result in DESCRIBE_CONFIGS.decode(version, body).results:
            name, code = result.resource_name, result.error_code
            if code == codes.UNKNOWN_TOPIC_OR_PARTITION:
                gone.add(name)  # deleted since the metadata was read
            elif code:
                # Asked again with the rest, not in every read: a right that is missing stays missing for a while.
                found[name] = TopicAnswer(now, UNKNOWN, code)
            else:
                values = {config.name: config.value for config in result.configs}
                first, second, third = (_number(values.get(name)) for name in NAMES[:3])
                found[name] = TopicAnswer(now, (first, second, third, cleanup_policy(values.get(NAMES[3]))))
        return {name: found.get(name, TopicAnswer(now, UNKNOWN, None)) for name in names if name not in gone}


def _refusal(code: int | None, topics: list[str]) -> Problem:
    detail = f"{_settings_of(topics)}: DescribeConfigs"
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


def _disagreement(dissent: str, topics: list[str]) -> Problem:
    mend = "make their server.properties the same, or set anew what one of them has from before"
    detail = f"{_settings_of(topics)}: brokers disagree: {dissent}; {mend}"
    return Problem("topic", "disagreement", detail, len(topics))


def _settings_of(topics: list[str]) -> str:
    return f"settings of topic {topics[0]!r} and {len(topics) - 1} others"


def _chunks(names: list[str]) -> Iterator[tuple[str, ...]]:
    return (tuple(names[at : at + _CHUNK]) for at in range(0, len(names), _CHUNK))


def _spread(names: list[str], connections: list[BrokerConnection]) -> list[Question]:
    """Return questions about all topics, one chunk to each broker in turn."""
    return [(connections[i % len(connections)], chunk) for i, chunk in enumerate(_chunks(names))]


def _failed(question: Question, error: SourceError) -> Problem:
    count = len(question[1])
    return problem("topic", error, f"settings of {count} topics: {error}", count)
