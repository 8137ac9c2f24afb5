"""Topics and partitions of a Kafka cluster, compared by columns: what grows with partitions is never an object."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from streamwatch.core.times import duration
from streamwatch.journal.kinds import Difference
from streamwatch.journal.packing import Column, PackError, pack, unpack
from streamwatch.model.kafka import NO_ID, NOT_KNOWN, NOT_SET, Bools, CleanupPolicy, ClusterSnapshot, Int64s, Topology

SETTINGS: Final = ("min.insync.replicas", "retention.ms", "retention.bytes", "cleanup.policy")
ABSENT_TOPIC: Final = ""
_MOST_LEADERS: Final = 4
_UNPLACED: Final = np.uint64(0)
"""In the place of where a partition's replicas are: not known."""
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True, eq=False)
class TopicTable:
    """What is known of all topics (T) and of their partitions (P), rows in the order of both."""

    names: tuple[str, ...]
    """T, sorted."""
    ids: tuple[bytes, ...]
    """T: ``NO_ID`` where it is not known."""
    counts: Int64s
    """T: partitions."""
    settings: Int64s
    """T x 4, in the order of ``SETTINGS``; ``NOT_SET`` where it is not known."""
    leader: Column
    """P: id of the broker that led last, -1 where none was seen."""
    placement: Column
    """P: a number that stands for the brokers that hold replicas; 0 where that is not known."""

    @property
    def starts(self) -> Int64s:
        """The first row of each topic (T)."""
        return np.cumsum(self.counts) - self.counts

    def pick(self, which: Int64s) -> "TopicTable":
        """Return a table of these topics, in this order."""
        rows = spread(self.starts[which], self.counts[which])
        at = which.tolist()
        return TopicTable(
            tuple(self.names[i] for i in at), tuple(self.ids[i] for i in at), self.counts[which], self.settings[which],
            self.leader[rows], self.placement[rows],
        )  # fmt: skip

    def with_topics(self, other: "TopicTable") -> "TopicTable":
        """Return a table with another's topics, too: it has none of this one's."""
        both = TopicTable(
            self.names + other.names, self.ids + other.ids, np.concatenate((self.counts, other.counts)),
            np.concatenate((self.settings, other.settings)), np.concatenate((self.leader, other.leader)),
            np.concatenate((self.placement, other.placement)),
        )  # fmt: skip
        return both.pick(np.array(sorted(range(len(both.names)), key=both.names.__getitem__), dtype=np.int64))

    def says(self, other: "TopicTable") -> bool:
        """Say whether another table says the same."""
        mine, others = (self.counts, self.settings, self.leader, self.placement), (
            other.counts, other.settings, other.leader, other.placement,
        )  # fmt: skip
        return (
            self.names == other.names
            and self.ids == other.ids
            and all(np.array_equal(a, b) for a, b in zip(mine, others, strict=True))
        )

    def pack(self) -> bytes:
        """Return it as bytes."""
        columns: dict[str, Column] = {
            "counts": self.counts, "settings": self.settings, "leader": self.leader.astype(np.int32),
            "placement": self.placement,
        }  # fmt: skip
        return pack({"names": self.names, "ids": [each.hex() for each in self.ids]}, columns)


def unpack_topics(body: bytes) -> TopicTable:
    """Return the table that was packed.

    Raises:
        PackError: it cannot be read.

    """
    head, columns = unpack(body)
    try:
        ids = tuple(bytes.fromhex(each) for each in head["ids"])
        return TopicTable(
            tuple(head["names"]), ids, columns["counts"], columns["settings"], columns["leader"], columns["placement"]
        )
    except (KeyError, TypeError, ValueError) as error:
        raise PackError(str(error)) from error


def table_of(snapshot: ClusterSnapshot, topology: Topology) -> TopicTable:
    """Return the table that one read shows; what moves now is not placed yet."""
    settings = np.stack(
        [snapshot.min_isr, snapshot.retention_ms, snapshot.retention_bytes, snapshot.cleanup_policy], axis=1
    )
    is_settled = snapshot.reassigning == 0
    placement = _placements(topology) if is_settled else np.zeros(len(topology.partition), dtype=np.uint64)
    ids = topology.topic_ids or (NO_ID,) * len(topology.topics)
    return TopicTable(topology.topics, ids, np.diff(topology.topic_start), settings, topology.leader, placement)


def _placements(topology: Topology) -> Column:
    """Return a number for each partition's set of brokers, in whichever order it names them."""
    if not len(topology.replica):
        return np.zeros(len(topology.partition), dtype=np.uint64)
    mixed = (topology.replica.astype(np.uint64) + np.uint64(1)) * _MIX
    mixed ^= mixed >> np.uint64(29)
    mixed *= _MIX
    has_any = np.diff(topology.replica_start) > 0
    placed = np.zeros(len(topology.partition), dtype=np.uint64)
    placed[has_any] = np.add.reduceat(mixed, topology.replica_start[:-1][has_any])
    return placed


@dataclass(frozen=True, slots=True)
class TopicComparison:
    """What became of topics."""

    table: TopicTable
    missing: Mapping[str, float]
    """Topics that this read does not show, and since when: the next one decides."""
    differences: tuple[Difference, ...]
    recreated: frozenset[str]
    """Topics that are others than before, or gone."""
    is_same: bool
    """Whether the table says what the one before said."""


def compare_topics(  # noqa: PLR0913 - two reads, and what is known of each
    before: TopicTable, now: TopicTable, missing: Mapping[str, float], at: float, cluster: str, *, is_whole: bool
) -> TopicComparison:
    """Compare two tables.

    Args:
        before: what is known.
        now: what a read shows.
        missing: what the last read did not show.
        at: when the read began.
        cluster: its name.
        is_whole: whether the read shows every topic that there is.

    """
    same = before.names == now.names
    place = np.arange(len(now.names)) if same else _places(before.names, now.names)
    anew = _recreated(before, now, place)
    stays = (place >= 0) & ~anew
    merged, rows = _merged(before, now, place, stays)
    differences = [
        *_made(now, place, anew),
        *_partitions(before, now, place, stays),
        *_settings(before, now, place, stays),
        *_leaders(before, merged, rows, cluster),
        *_replicas(before, merged, rows),
    ]
    absent = [] if same else [i for i, name in enumerate(before.names) if name not in set(now.names)]
    absent_names = {before.names[i] for i in absent}
    is_gone = is_whole and (len(absent) < len(before.names) or len(absent) == 1)
    gone = {name for name in absent_names if name in missing} if is_gone else set[str]()
    for i in absent:
        if before.names[i] in gone:
            held = _count(int(before.counts[i]))
            differences.append(Difference("topic.deleted", before.names[i], before=held, at=missing[before.names[i]]))
    waiting = [i for i in absent if before.names[i] not in gone]
    if waiting:
        merged = merged.with_topics(before.pick(np.array(waiting, dtype=np.int64)))
    doubtful = {before.names[i]: missing.get(before.names[i], at) for i in waiting} if is_gone else {}
    others = {now.names[i] for i in np.flatnonzero(anew).tolist()} | absent_names
    is_same = not differences and merged.says(before)
    return TopicComparison(merged, doubtful, tuple(differences), frozenset(others), is_same)


def _places(before: tuple[str, ...], now: tuple[str, ...]) -> Int64s:
    """Return where each topic stood before, -1 for a new one."""
    index = {name: i for i, name in enumerate(before)}
    return np.array([index.get(name, -1) for name in now], dtype=np.int64)


def _recreated(before: TopicTable, now: TopicTable, place: Int64s) -> Bools:
    """Return which topics are others than those of their names before: by their ids, or since they have shrunk."""
    if not len(before.names):
        return np.zeros(len(now.names), dtype=bool)
    shrunk: Bools = (place >= 0) & (now.counts < before.counts[place])
    if before.ids == now.ids and before.names == now.names:
        return shrunk
    anew = [
        at >= 0 and before.ids[at] != mine and NO_ID not in {before.ids[at], mine}
        for at, mine in zip(place.tolist(), now.ids, strict=True)
    ]
    others: Bools = shrunk | np.array(anew, dtype=bool)
    return others


def _merged(before: TopicTable, now: TopicTable, place: Int64s, stays: Bools) -> tuple[TopicTable, Int64s]:
    """Return what is known now, and where each partition (P) stood before; -1 for a new one."""
    rows = np.full(len(now.leader), -1, dtype=np.int64)
    number = spread(np.zeros(len(now.counts), dtype=np.int64), now.counts)
    topic = np.repeat(np.arange(len(now.counts)), now.counts)
    there = stays[topic]
    at = place[topic[there]]
    was = number[there] < before.counts[at]
    rows[there] = np.where(was, before.starts[at] + number[there], -1)
    known = rows >= 0
    leader, placement = now.leader.copy(), now.placement.copy()
    keeps = known & (leader < 0)
    leader[keeps] = before.leader[rows[keeps]]
    keeps = known & (placement == _UNPLACED)
    placement[keeps] = before.placement[rows[keeps]]
    settings = now.settings.copy()
    earlier = before.settings[place[stays]]
    settings[stays] = np.where(settings[stays] == NOT_SET, earlier, settings[stays])
    ids = tuple(
        before.ids[at] if stay and mine == NO_ID else mine
        for mine, at, stay in zip(now.ids, place.tolist(), stays.tolist(), strict=True)
    ) if NO_ID in now.ids else now.ids  # fmt: skip
    return TopicTable(now.names, ids, now.counts, settings, leader, placement), rows


def _made(now: TopicTable, place: Int64s, anew: Bools) -> Iterator[Difference]:
    for i in np.flatnonzero((place < 0) | anew).tolist():
        kind = "topic.recreated" if place[i] >= 0 else "topic.created"
        yield Difference(kind, now.names[i], after=_count(int(now.counts[i])))


def _partitions(before: TopicTable, now: TopicTable, place: Int64s, stays: Bools) -> Iterator[Difference]:
    which = np.flatnonzero(stays)
    which = which[now.counts[which] != before.counts[place[which]]]
    for i in which.tolist():
        was, count = int(before.counts[place[i]]), int(now.counts[i])
        yield Difference("topic.partitions", now.names[i], _count(was), _count(count))


def _settings(before: TopicTable, now: TopicTable, place: Int64s, stays: Bools) -> Iterator[Difference]:
    which = np.flatnonzero(stays)
    was, new = before.settings[place[which]], now.settings[which]
    rows, columns = np.nonzero((was != new) & (was != NOT_SET) & (new != NOT_SET))
    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        texts = [_setting(column, int(each[row, column])) for each in (was, new)]
        yield Difference("topic.settings", now.names[int(which[row])], texts[0], texts[1])


def _leaders(before: TopicTable, merged: TopicTable, rows: Int64s, cluster: str) -> Iterator[Difference]:
    known = np.flatnonzero(rows >= 0)
    was, now = before.leader[rows[known]], merged.leader[known]
    moved = (was != now) & (was >= 0) & (now >= 0)
    if moved.any():
        count = int(moved.sum())
        to = Counter(now[moved].tolist()).most_common(_MOST_LEADERS)
        words = ", ".join(f"{many} to broker {broker}" for broker, many in to)
        away = sorted(set(was[moved].tolist()))
        whence = f"broker {away[0]}" if len(away) == 1 else f"{len(away)} brokers"
        yield Difference("leaders.moved", cluster, f"at {whence}", f"{count} of {len(merged.leader)}: {words}")


def _replicas(before: TopicTable, merged: TopicTable, rows: Int64s) -> Iterator[Difference]:
    known = np.flatnonzero(rows >= 0)
    was, now = before.placement[rows[known]], merged.placement[known]
    moved = known[(was != now) & (was != _UNPLACED) & (now != _UNPLACED)]
    topic = np.searchsorted(np.cumsum(merged.counts), moved, side="right")
    for i, many in sorted(Counter(topic.tolist()).items()):
        yield Difference("topic.replicas", merged.names[i], after=_count(many))


def _count(partitions: int) -> str:
    return f"{partitions} partition{'' if partitions == 1 else 's'}"


def _setting(column: int, value: int) -> str:
    """Return a setting as Kafka's tools show it."""
    name = SETTINGS[column]
    if name == "cleanup.policy":
        words: dict[Any, str] = {CleanupPolicy.COMPACT_DELETE: "compact,delete"}
        return f"{name}={words.get(value, CleanupPolicy(value).name.lower())}"
    if name == "retention.ms" and value > NOT_KNOWN:
        return f"{name}={value} ({duration(value / 1000)})"
    return f"{name}={value}"


def spread(starts: Int64s, counts: Int64s) -> Int64s:
    """Return the numbers ``start, start + 1, ...``, as many as counted, of each start in turn."""
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    numbers: Int64s = np.arange(total, dtype=np.int64) + np.repeat(starts - (ends - counts), counts)
    return numbers
