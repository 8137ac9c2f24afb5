"""The partitions of a cluster as a map: a row a topic, a square a partition, coloured by how it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from streamwatch.export.web_page.said import Health, listed
from streamwatch.model.kafka import Bools, ClusterSnapshot, Int64s, Topology

_MOST_TOPICS: Final = 12
_MOST_SQUARES: Final = 60
_LEVELS: Final[tuple[Health, ...]] = ("good", "warn", "bad")


@dataclass(frozen=True, slots=True)
class Square:
    """One partition."""

    number: int
    health: Health
    title: str


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic's row."""

    name: str
    squares: Sequence[Square]
    more: int
    """Partitions that are not drawn; all of them are as good as the best that is."""


@dataclass(frozen=True, slots=True)
class Map:
    """The topics that are drawn: those in trouble first."""

    topics: Sequence[Topic]
    more: int
    """Topics that are not drawn."""


def partition_map(last: ClusterSnapshot | None) -> Map:
    """Return the map of what was read last; nothing where that is not known."""
    if last is None or last.topology is None:
        return Map((), 0)
    shape = last.topology
    level, words = _levels(last, shape)
    starts = shape.topic_start
    trouble = np.add.reduceat(np.append(level, 0), starts[:-1]) if len(shape.topics) else np.zeros(0)
    order = sorted(range(len(shape.topics)), key=lambda t: (-trouble[t], bool(shape.internal[t]), shape.topics[t]))
    topics = [_topic(last, shape, t, level, words) for t in order[:_MOST_TOPICS]]
    return Map(topics, max(0, len(order) - _MOST_TOPICS))


def _levels(last: ClusterSnapshot, shape: Topology) -> tuple[Int64s, list[Bools]]:
    """Return how each partition is (an index into ``_LEVELS``), and why: offline, unreachable, too few, short."""
    replicas = np.diff(shape.replica_start)
    in_sync = _count(shape.in_sync, shape)
    expected = replicas - _count(last.adding, shape)
    needed = np.minimum(last.min_isr[shape.topic], replicas)
    down = np.array([one.id for one in last.brokers if one.up is False], dtype=np.int64)
    why = [shape.leader < 0, np.isin(shape.leader, down), in_sync < needed, in_sync < expected]
    level = np.where(why[0] | why[1] | why[2], 2, np.where(why[3], 1, 0)).astype(np.int64)
    return level, why


def _count(flags: Bools, shape: Topology) -> Int64s:
    sums = np.concatenate(([0], np.cumsum(flags)))
    found: Int64s = (sums[shape.replica_start[1:]] - sums[shape.replica_start[:-1]]).astype(np.int64)
    return found


def _topic(last: ClusterSnapshot, shape: Topology, topic: int, level: Int64s, why: list[Bools]) -> Topic:
    rows = range(int(shape.topic_start[topic]), int(shape.topic_start[topic + 1]))
    drawn = sorted(sorted(rows, key=lambda row: -int(level[row]))[:_MOST_SQUARES])
    squares = [
        Square(int(shape.partition[row]), _LEVELS[int(level[row])], _title(last, shape, row, why)) for row in drawn
    ]
    return Topic(shape.topics[topic], squares, len(rows) - len(drawn))


def _title(last: ClusterSnapshot, shape: Topology, row: int, why: list[Bools]) -> str:
    first, end = int(shape.replica_start[row]), int(shape.replica_start[row + 1])
    leader = int(shape.leader[row])
    missing = [str(shape.replica[at]) for at in range(first, end) if not shape.in_sync[at] and not last.adding[at]]
    words = [f"partition {shape.partition[row]}: " + ("no leader" if leader < 0 else f"led by broker {leader}")]
    if why[1][row]:
        words.append("which does not answer")
    if missing:
        words.append(f"missing on {listed(missing)}")
    if why[2][row]:
        words.append("too few replicas in sync to be written with acks=all")
    return ", ".join(words)
