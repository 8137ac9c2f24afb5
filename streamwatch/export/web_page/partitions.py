"""The partitions of a cluster as a map: a row a topic, a square a partition, coloured by how it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from streamwatch.collectors.columns import replication
from streamwatch.collectors.health import PartitionHealth, partition_health
from streamwatch.export.web_page.addresses import EntityRef
from streamwatch.export.web_page.words import Health, listed
from streamwatch.model.kafka import ClusterSnapshot, Int64s, Topology

_MOST_SQUARES: Final = 60
_LEVELS: Final[tuple[Health, ...]] = ("good", "warn", "bad")


@dataclass(frozen=True, slots=True)
class Square:
    """One partition."""

    number: int
    health: Health
    title: str


@dataclass(frozen=True, slots=True)
class TopicView:
    """One topic's row."""

    name: str
    squares: Sequence[Square]
    more: int
    """Partitions that are not drawn; all of them are as good as the best that is."""
    path: str = ""
    """Of its page."""


@dataclass(frozen=True, slots=True)
class Map:
    """The topics that are drawn: those in trouble first."""

    topics: Sequence[TopicView]
    more: int
    """Topics that are not drawn."""


def partition_map(last: ClusterSnapshot | None, cluster: str = "", most: int = 12) -> Map:
    """Return the map of what was read last of a cluster, so many topics of it; nothing where that is not known."""
    if last is None or last.topology is None:
        return Map((), 0)
    shape = last.topology
    health = partition_health(last, shape, replication(shape))
    level = _levels(health)
    starts = shape.topic_start
    trouble = np.add.reduceat(np.append(level, 0), starts[:-1]) if len(shape.topics) else np.zeros(0)
    order = sorted(range(len(shape.topics)), key=lambda t: (-trouble[t], bool(shape.internal[t]), shape.topics[t]))
    topics = [_topic(shape, t, level, health, cluster) for t in order[:most]]
    return Map(topics, max(0, len(order) - most))


def topic_map(last: ClusterSnapshot | None, cluster: str, name: str, most: int = 200) -> TopicView | None:
    """Return one topic's partitions, so many of them, those in trouble first; None where that is not known."""
    if last is None or last.topology is None or name not in last.topology.topics:
        return None
    shape = last.topology
    health = partition_health(last, shape, replication(shape))
    return _topic(shape, shape.topics.index(name), _levels(health), health, cluster, most)


def _levels(health: PartitionHealth) -> Int64s:
    """Return how each partition (P) is: an index into ``_LEVELS``."""
    bad = health.offline | (health.unreachable == 1) | health.lacks_min_isr
    return np.where(bad, 2, np.where(health.lacks_replicas, 1, 0)).astype(np.int64)


def _topic(  # noqa: PLR0913, PLR0917 - one topic of all that is known
    shape: Topology, topic: int, level: Int64s, health: PartitionHealth, cluster: str, most: int = _MOST_SQUARES
) -> TopicView:
    rows = range(int(shape.topic_start[topic]), int(shape.topic_start[topic + 1]))
    drawn = sorted(sorted(rows, key=lambda row: -int(level[row]))[:most])
    squares = [Square(int(shape.partition[row]), _LEVELS[int(level[row])], _title(shape, row, health)) for row in drawn]
    name = shape.topics[topic]
    return TopicView(name, squares, len(rows) - len(drawn), EntityRef("topic", (cluster, name)).path)


def _title(shape: Topology, row: int, health: PartitionHealth) -> str:
    first, end = int(shape.replica_start[row]), int(shape.replica_start[row + 1])
    leader = int(shape.leader[row])
    missing = [str(shape.replica[at]) for at in range(first, end) if health.lagging[at]]
    words = [f"partition {shape.partition[row]}: " + ("no leader" if leader < 0 else f"led by broker {leader}")]
    if leader >= 0 and health.unreachable[row] == 1:
        words.append("which does not answer")
    if missing:
        words.append(f"missing on {listed(missing)}")
    if health.lacks_min_isr[row]:
        words.append("too few replicas in sync to be written with acks=all")
    return ", ".join(words)
