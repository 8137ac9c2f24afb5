"""Topics that one failure stops or loses: their replicas, where these are, and how many of them must be in sync."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from streamwatch.audit.commands import alter_topic, reassign
from streamwatch.audit.facts import ClusterFacts
from streamwatch.audit.finding import NotChecked, Observation, Outcome, Severity
from streamwatch.core.words import counted, listed
from streamwatch.model.distinct import distinct
from streamwatch.model.kafka import NOT_SET, Bools, ClusterSnapshot, Int64s, Topology

_WANTED: Final = 3
"""Replicas of a partition: one may be away for maintenance while another fails."""
_ALWAYS_ACKS_ALL: Final = frozenset({"__consumer_offsets", "__transaction_state", "__share_group_state"})


@dataclass(frozen=True, slots=True, eq=False)
class _Placed:
    """The replicas of a cluster's partitions."""

    snapshot: ClusterSnapshot
    topology: Topology
    factor: Int64s
    """T: how many replicas each partition has, the least where partitions differ; those that are being added left
    out."""

    @property
    def racks(self) -> dict[int, str | None]:
        """The racks of the brokers that are registered."""
        return {broker.id: broker.rack for broker in self.snapshot.brokers if broker.registered is not False}

    def topics(self, which: Bools) -> list[int]:
        """Return the topics (T) that are so, of those that are looked at."""
        found: list[int] = np.flatnonzero(which & self.snapshot.selected).tolist()
        return found

    def rows(self, topic: int) -> range:
        """Return the rows of a topic's partitions."""
        start = self.topology.topic_start
        return range(int(start[topic]), int(start[topic + 1]))

    def replicas(self, row: int) -> list[int]:
        """Return the brokers that hold a partition."""
        start = self.topology.replica_start
        found: list[int] = self.topology.replica[start[row] : start[row + 1]].tolist()
        return found


def _placed(cluster: ClusterFacts) -> _Placed | None:
    snapshot = cluster.snapshot
    if snapshot is None or snapshot.topology is None or not len(snapshot.topology.partition):
        return None
    topology = snapshot.topology
    kept = np.concatenate(([0], np.cumsum(~snapshot.adding)))
    counts = kept[topology.replica_start[1:]] - kept[topology.replica_start[:-1]]
    factor = np.zeros(len(topology.topics), dtype=np.int64)
    there = np.diff(topology.topic_start) > 0
    factor[there] = np.minimum.reduceat(counts, topology.topic_start[:-1][there])
    return _Placed(snapshot, topology, factor)


def single_replicas(cluster: ClusterFacts) -> Iterator[Outcome]:
    """Topics of which a partition has one replica."""
    placed = _placed(cluster)
    if placed is None:
        return
    brokers = len(placed.racks)
    for topic in placed.topics(placed.factor == 1):
        name, rows = placed.topology.topics[topic], placed.rows(topic)
        single = [row for row in rows if len(placed.replicas(row)) == 1]
        evidence = f"{len(single)} of {len(rows)} partitions have one replica"
        remedy = (
            _more_replicas(cluster, placed, topic, min(_WANTED, brokers))
            if brokers > 1
            else "the cluster has one broker: add two, then give each partition three replicas"
        )
        yield Observation(
            severity="critical" if brokers > 1 else "warning",
            kind="topic",
            target=f"{cluster.name}/{name}",
            evidence=(evidence,),
            remedy=remedy,
        )


def single_racks(cluster: ClusterFacts) -> Iterator[Outcome]:
    """Topics whose replicas are all in one rack; or all brokers are."""
    placed = _placed(cluster)
    alive = {} if placed is None else placed.racks
    if placed is None or len(alive) < 2:  # noqa: PLR2004 - one broker is one rack, whatever it says
        return
    if None in alive.values():
        silent = [str(broker) for broker, rack in alive.items() if rack is None]
        who = "no broker gives" if len(silent) == len(alive) else f"{listed(silent)} do not give"
        yield NotChecked(cluster.name, f"{who} a rack (`broker.rack`)")
        return
    gone = {broker.id: broker.rack for broker in placed.snapshot.brokers if broker.registered is False}
    racks = alive | {broker: rack for broker, rack in gone.items() if rack is not None}
    names = sorted({rack for rack in racks.values() if rack is not None})
    if len(names) == 1 and None in gone.values():
        who = listed([str(broker) for broker, rack in gone.items() if rack is None])
        yield NotChecked(cluster.name, f"the rack of brokers that are gone ({who}) is not known")
        return
    if len(names) == 1:
        evidence = f"all {len(racks)} brokers are in rack {names[0]}"
        remedy = "give brokers other racks (`broker.rack` in server.properties, by availability zone), and restart them"
        yield Observation(severity="warning", kind="cluster", target=cluster.name, evidence=(evidence,), remedy=remedy)
        return
    for topic, rows in _in_one_rack(placed, {broker: names.index(rack or "") for broker, rack in racks.items()}):
        where = sorted({racks.get(broker) or "" for row in rows for broker in placed.replicas(row)})
        evidence = f"{len(rows)} of {len(placed.rows(topic))} partitions have all replicas in one rack"
        yield Observation(
            severity="warning",
            kind="topic",
            target=f"{cluster.name}/{placed.topology.topics[topic]}",
            evidence=(f"{evidence}: {listed(where)}; the cluster has {len(names)}",),
            remedy=_spread(cluster, placed, rows, racks),
        )


def min_isr_equals_replication(cluster: ClusterFacts) -> Iterator[Outcome]:
    """Topics that take no records with acks=all when one replica is away."""
    placed = _placed(cluster)
    if placed is None:
        return
    yield from _settings_unknown(cluster, placed)
    least = placed.snapshot.min_isr
    for topic in placed.topics((placed.factor > 1) & (least >= placed.factor)):
        name, factor, wanted = placed.topology.topics[topic], int(placed.factor[topic]), int(least[topic])
        never = wanted > factor
        evidence = f"min.insync.replicas is {wanted}, of {counted(factor, 'replica')}"
        remedy = alter_topic(cluster, name, f"min.insync.replicas={factor - 1}")
        if factor < _WANTED <= len(placed.racks):
            remedy = _more_replicas(cluster, placed, topic, _WANTED)
        yield Observation(
            severity="critical" if never else "warning",
            kind="topic",
            target=f"{cluster.name}/{name}",
            evidence=(evidence, *(("no record with acks=all is ever taken",) if never else ())),
            remedy=remedy,
        )


def min_isr_without_spare(cluster: ClusterFacts) -> Iterator[Outcome]:
    """Topics in which acks=all means one replica."""
    placed = _placed(cluster)
    if placed is None:
        return
    yield from _settings_unknown(cluster, placed)
    for topic in placed.topics((placed.factor > 1) & (placed.snapshot.min_isr == 1)):
        name, factor = placed.topology.topics[topic], int(placed.factor[topic])
        acks = (
            "brokers write it with acks=all"
            if name in _ALWAYS_ACKS_ALL
            else "whether its producers ask for acks=all is not known: no broker says it (it is the default since 3.0)"
        )
        remedy = alter_topic(cluster, name, "min.insync.replicas=2")
        severity: Severity = "warning"
        if factor < _WANTED:
            severity = "info"
            if len(placed.racks) >= _WANTED:
                remedy = f"{_more_replicas(cluster, placed, topic, _WANTED)}; then {remedy}"
            else:
                remedy = f"add a broker and a third replica; then {remedy}"
        yield Observation(
            severity=severity,
            kind="topic",
            target=f"{cluster.name}/{name}",
            evidence=(f"min.insync.replicas is 1, of {counted(factor, 'replica')}", acks),
            remedy=remedy,
        )


def _settings_unknown(cluster: ClusterFacts, placed: _Placed) -> Iterator[NotChecked]:
    count = len(placed.topics((placed.factor > 1) & (placed.snapshot.min_isr == NOT_SET)))
    if count:
        yield NotChecked(cluster.name, f"min.insync.replicas of {counted(count, 'topic')} is not known")


def _in_one_rack(placed: _Placed, place: dict[int, int]) -> Iterator[tuple[int, list[int]]]:
    """Yield topics with those of their rows that have two replicas or more, all in one rack."""
    topology = placed.topology
    known = np.full(int(max(topology.replica.max(initial=0), *place)) + 1, -1, dtype=np.int64)
    known[list(place)] = list(place.values())
    racks, starts = known[topology.replica], topology.replica_start[:-1]
    several = np.flatnonzero(np.diff(topology.replica_start) > 0)
    lowest, highest = np.minimum.reduceat(racks, starts[several]), np.maximum.reduceat(racks, starts[several])
    is_so = (lowest == highest) & (lowest >= 0) & (np.diff(topology.replica_start)[several] > 1)
    rows = several[is_so & placed.snapshot.selected[topology.topic[several]]]
    for topic in distinct(topology.topic[rows]).tolist():
        yield topic, rows[topology.topic[rows] == topic].tolist()


def _more_replicas(cluster: ClusterFacts, placed: _Placed, topic: int, wanted: int) -> str:
    """Return the command that gives a topic's partitions so many replicas: first where no replica is, by rack."""
    racks = placed.racks
    load = dict.fromkeys(racks, 0)
    plan: dict[int, Sequence[int]] = {}
    for row in placed.rows(topic):
        replicas = placed.replicas(row)
        while len(replicas) < wanted:
            replicas.append(_next(replicas, racks, load))
        plan[int(placed.topology.partition[row])] = replicas
    return reassign(cluster, placed.topology.topics[topic], plan)


def _spread(cluster: ClusterFacts, placed: _Placed, rows: list[int], racks: dict[int, str | None]) -> str:
    """Return what moves the last replica of each of these partitions to another rack, one that lives if any does."""
    alive = placed.racks
    are_several = len({*alive.values()}) > 1
    load = dict.fromkeys(alive if are_several else racks, 0)
    plan: dict[int, Sequence[int]] = {}
    for row in rows:
        replicas = placed.replicas(row)[:-1]
        plan[int(placed.topology.partition[row])] = [*replicas, _next(replicas, racks, load)]
    command = reassign(cluster, placed.topology.topics[placed.topology.topic[rows[0]]], plan)
    return command if are_several else f"start the brokers that are gone, then {command}"


def _next(replicas: list[int], racks: dict[int, str | None], load: dict[int, int]) -> int:
    """Return the broker for one more replica: in a rack that has none, with the fewest of this plan."""
    used = {racks.get(broker) for broker in replicas}
    free = [broker for broker in load if broker not in replicas]
    best = min(free, key=lambda broker: (racks[broker] in used and racks[broker] is not None, load[broker], broker))
    load[best] += 1
    return best
