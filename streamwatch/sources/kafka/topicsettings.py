"""Topics' own settings: asked once for every topic, then anew a few each read, so that all are fresh within a while."""

import asyncio
from typing import Final

import numpy as np

from streamwatch.errors import SourceError
from streamwatch.model.kafka import NOT_SET, Int64s, Topology
from streamwatch.model.snapshot import Problem
from streamwatch.sources.kafka import codes
from streamwatch.sources.kafka.apis import DESCRIBE_CONFIGS
from streamwatch.sources.kafka.config import Config
from streamwatch.sources.kafka.fanout import Asking, Fanout
from streamwatch.sources.kafka.link import Link
from streamwatch.sources.kafka.problems import problem, refusal

NAMES: Final = ("min.insync.replicas", "retention.ms", "retention.bytes")
_TOPIC: Final = 2
_CHUNK: Final = 1000
"""Topics asked about in one request."""

Settings = tuple[int, int, int]
"""In the order of ``NAMES``."""


class TopicSettingsReader:
    """Keeps each topic's settings, and asks anew for those that are the oldest."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._known: dict[str, tuple[float, Settings]] = {}
        self._columns: tuple[Topology, dict[str, tuple[float, Settings]], tuple[Int64s, Int64s, Int64s]] | None = None

    async def refresh(self, asking: Asking, fanout: Fanout, topology: Topology) -> None:
        """Ask for topics that are new, and for a share of the others."""
        now = asyncio.get_running_loop().time()
        new = [name for name in topology.topics if name not in self._known]
        links = [link for link in fanout.links.values() if link.up and DESCRIBE_CONFIGS.key in link.versions]
        names = new or self._due(now, topology)
        if not names or not links:
            return
        chunks = [tuple(names[i : i + _CHUNK]) for i in range(0, len(names), _CHUNK)]
        calls = {chunk: self._ask(asking, links[i % len(links)], chunk) for i, chunk in enumerate(chunks)}
        answers = await asking.all(calls, _failed)
        known = {name: self._known[name] for name in topology.topics if name in self._known}
        for answer in answers.values():
            known |= {name: (now, settings) for name, settings in answer.items()}
        self._known = known

    def columns(self, topology: Topology) -> tuple[Int64s, Int64s, Int64s]:
        """Return a column (T) for each of ``NAMES``; the same objects while nothing changes."""
        last = self._columns
        if last is None or last[0] is not topology or last[1] is not self._known:
            unknown = (0.0, (NOT_SET, NOT_SET, NOT_SET))
            rows = [self._known.get(name, unknown)[1] for name in topology.topics]
            table = np.array(rows, dtype=np.int64).reshape(-1, len(NAMES))
            found = (table[:, 0].copy(), table[:, 1].copy(), table[:, 2].copy())
            if last is not None and all(np.array_equal(a, b) for a, b in zip(last[2], found, strict=True)):
                found = last[2]
            last = self._columns = (topology, self._known, found)
        return last[2]

    def _due(self, now: float, topology: Topology) -> list[str]:
        """Return the topics to ask anew: in one request, and only when it is worth one."""
        if not self._known:
            return []
        reads = max(1.0, self._config.topic_settings_interval / self._config.interval)
        share = int(np.ceil(len(topology.topics) / reads))
        oldest_first = sorted(self._known, key=lambda name: self._known[name][0])
        due = oldest_first[: max(share, 1)]
        # Small clusters: all topics in one request, once an interval, rather than one topic in each read.
        few = len(topology.topics) <= _CHUNK
        if few and now - self._known[due[0]][0] < self._config.topic_settings_interval:
            return []
        return oldest_first[:_CHUNK] if few else due

    async def _ask(self, asking: Asking, link: Link, names: tuple[str, ...]) -> dict[str, Settings]:
        version = link.versions[DESCRIBE_CONFIGS.key]
        resource = DESCRIBE_CONFIGS.request.DescribeConfigsResource
        resources = [
            resource(version=version, resource_type=_TOPIC, resource_name=name, configuration_keys=list(NAMES))
            for name in names
        ]
        body = await asking.ask(link, DESCRIBE_CONFIGS, DESCRIBE_CONFIGS.encode(version, resources=resources))
        settings: dict[str, Settings] = {}
        refused: dict[int, list[str]] = {}
        for result in DESCRIBE_CONFIGS.decode(version, body).results:
            if result.error_code:
                refused.setdefault(result.error_code, []).append(result.resource_name)
            else:
                values = {config.name: config.value for config in result.configs}
                first, second, third = (_number(values.get(name)) for name in NAMES)
                settings[result.resource_name] = (first, second, third)
        for code, topics in refused.items():
            if code == codes.UNKNOWN_TOPIC_OR_PARTITION:
                continue  # deleted since the metadata was read
            detail = f"settings of topic {topics[0]!r} and {len(topics) - 1} others"
            asking.problems.append(refusal("topic", code, detail, len(topics)))
            # Asked again with the rest, not in every read: a right that is missing stays missing for a while.
            settings |= dict.fromkeys(topics, (NOT_SET, NOT_SET, NOT_SET))
        return settings


def _number(value: str | None) -> int:
    try:
        return int(value) if value is not None else NOT_SET
    except ValueError:
        return NOT_SET


def _failed(chunk: tuple[str, ...], error: SourceError) -> Problem:
    return problem("topic", error, f"settings of {len(chunk)} topics: {error}", len(chunk))
