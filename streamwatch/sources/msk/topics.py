"""Partitions by MSK's own topic calls: for an agent that cannot reach the brokers.

One ListTopics tells of every topic how many replicas are out of sync. Only where that changed, and in turn, is a topic
described: a healthy cluster of a thousand topics costs a dozen calls a read. Nothing is known of leadership until every
topic has been described once, and nothing while one is known to have changed since. A list that does not come leaves
what is known for twice its interval; so does a topic that is new and cannot be described: MSK's own word is as old.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from streamwatch.core.clock import Clock
from streamwatch.core.errors import SourceError, SourceMisread
from streamwatch.model.kafka import Bools, Broker, ClusterSnapshot, Topology, blank
from streamwatch.model.snapshot import Problem
from streamwatch.sources.aws.errors import NotThere
from streamwatch.sources.aws.parts import CachedPart
from streamwatch.sources.msk.config import Topics
from streamwatch.sources.msk.control import Listed, MskControl, Partition
from streamwatch.sources.problems import problem

_HOSTS_SECONDS = 600.0


@dataclass(slots=True)
class _Known:
    """One topic, as it was last listed and described."""

    listed: Listed
    listed_at: float
    """When it was first listed."""
    partitions: tuple[Partition, ...] | None = None
    described_at: float = float("-inf")
    changed: bool = True


class TopicsSource:
    """Reads the topics of one cluster. One read at a time."""

    def __init__(  # noqa: PLR0913, PLR0917 - what, whose, who, how, which, when
        self, name: str, cluster: str, config: Topics, control: MskControl, admits: Callable[[str], bool], clock: Clock
    ) -> None:
        """Prepare; nothing is called before the first read.

        Args:
            name: what the source is called.
            cluster: the label ``kafka_cluster`` of what it tells.
            config: how often.
            control: asks MSK; shared with the source of its state, which counts the calls.
            admits: which topics are looked at in detail.
            clock: what time it is.

        """
        self.config = config
        self._name, self._cluster = name, cluster
        self._control, self._admits, self._clock = control, admits, clock
        self._known: dict[str, _Known] = {}
        self._described: dict[str, tuple[Partition, ...]] | None = None
        self._topology: Topology | None = None
        self._selected: Bools = np.zeros(0, dtype=bool)
        self._holders: set[int] = set()
        """Of replicas."""
        self._listed_at = float("-inf")
        self._hosts: dict[int, str] = {}
        self._nodes: CachedPart[dict[int, str]] = CachedPart(_HOSTS_SECONDS)

    @property
    def hosts(self) -> Mapping[int, str]:
        """The brokers' addresses as MSK last returned them, by broker."""
        return self._hosts

    def read(self) -> ClusterSnapshot:
        """Read what changed; what could not be read is one of the problems."""
        taken_at, started = self._clock.now(), self._clock.monotonic()
        deadline = started + self.config.read_seconds
        problems: list[Problem] = []
        if self._list(taken_at, deadline, problems):
            self._listed_at = taken_at
        listed = taken_at - self._listed_at <= 2 * self.config.interval
        self._read_hosts(taken_at, deadline, problems)
        if self._listed_at == taken_at:
            self._describe_due(taken_at, deadline, problems)
            waiting = sum(one.partitions is None for one in self._known.values())
            if waiting:
                detail = f"{waiting} of {len(self._known)} topics are not described yet: the counts wait for them"
                problems.append(Problem("topic", "timeout", detail, waiting))
        found = blank(self._cluster, taken_at)
        if listed and all(one.partitions is not None or self._may_wait(one, taken_at) for one in self._known.values()):
            self._build({name: one.partitions for name, one in self._known.items() if one.partitions is not None})
            found = replace(blank(self._cluster, taken_at, self._topology), selected=self._selected)
        hosts = self._nodes.known(taken_at) or {}
        brokers = sorted(hosts.keys() | (set() if found.topology is None else self._holders))
        return replace(
            found,
            name=self._name,
            read_seconds=self._clock.monotonic() - started,
            brokers=tuple(
                Broker(broker, hosts.get(broker, ""), 0, None, up=None, registered=None) for broker in brokers
            ),
            problems=tuple(problems),
        )

    def close(self) -> None:
        """Nothing is held open; the calls end with the source of the cluster's state."""

    def _may_wait(self, topic: _Known, now: float) -> bool:
        """Whether a topic is so new that what is known of the others is shown without it."""
        is_new = topic.described_at == float("-inf") and now - topic.listed_at <= 2 * self.config.interval
        return self._topology is not None and is_new

    def _build(self, described: dict[str, tuple[Partition, ...]]) -> None:
        """Make the topology of what was described; the same object where nothing changed."""
        if described != self._described:
            self._described = described
            self._topology = _topology(described)
            self._holders = set(self._topology.replica.tolist())
            self._selected = np.array([self._admits(name) for name in self._topology.topics], dtype=bool)

    def _list(self, now: float, deadline: float, problems: list[Problem]) -> bool:
        """Learn which topics there are, and which have changed; return whether that is known."""
        try:
            listed = self._control.topics(deadline)
        except SourceError as error:
            problems.append(problem("cluster", error, str(error)))
            return False
        self._known = {name: self._known.get(name) or _Known(entry, now) for name, entry in listed.items()}
        for name, entry in listed.items():
            known = self._known[name]
            known.changed |= known.listed != entry
            known.listed = entry
        return True

    def _describe_due(self, now: float, deadline: float, problems: list[Problem]) -> None:
        """Describe the topics whose turn it is: changed ones first, then those that are not well, then the oldest."""
        oldest = now - self.config.describe_interval
        due = [name for name, one in self._known.items() if one.changed or one.listed[2] or one.described_at <= oldest]
        due.sort(key=lambda name: (not self._known[name].changed, self._known[name].described_at))
        failed: SourceError | None = None
        for name in due:
            known = self._known[name]
            if failed is None:
                try:
                    known.partitions = self._control.partitions(name, deadline)
                    known.described_at, known.changed = now, False
                    continue
                except NotThere:
                    del self._known[name]  # deleted since it was listed
                    continue
                except SourceError as error:
                    if not isinstance(error, SourceMisread):
                        failed = error  # the others would fail alike, each after its own timeout
                    problems.append(problem("topic", error, f"topic {name}: {error}"))
            if known.changed or now - known.described_at > 2 * self.config.describe_interval:
                known.partitions = None

    def _read_hosts(self, now: float, deadline: float, problems: list[Problem]) -> None:
        if not self._nodes.is_due(now):
            return
        try:
            self._hosts = self._control.hosts(deadline)
            self._nodes.learn(self._hosts, now)
        except SourceError as error:
            self._nodes.want()
            problems.append(problem("broker", error, str(error)))


def _topology(topics: Mapping[str, tuple[Partition, ...]]) -> Topology:
    """Return the topology: topics sorted by name, rows by topic and partition."""
    names = tuple(sorted(topics))
    rows = [(at, *partition) for at, name in enumerate(names) for partition in sorted(topics[name])]
    sizes = [len(replicas) for *_, replicas, _ in rows]
    return Topology(
        topics=names,
        internal=np.array([name.startswith("__") for name in names], dtype=bool),
        topic_start=np.concatenate(([0], np.cumsum([len(topics[name]) for name in names]))).astype(np.int64),
        topic=np.array([row[0] for row in rows], dtype=np.int32),
        partition=np.array([row[1] for row in rows], dtype=np.int32),
        leader=np.array([row[2] for row in rows], dtype=np.int32),
        replica_start=np.concatenate(([0], np.cumsum(sizes))).astype(np.int64),
        replica=np.array(list(chain.from_iterable(row[3] for row in rows)), dtype=np.int32),
        in_sync=np.array([one in row[4] for row in rows for one in row[3]], dtype=bool),
    )
