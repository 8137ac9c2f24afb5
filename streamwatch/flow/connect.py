"""Connectors of Kafka Connect: a source writes topics, a sink reads them, MirrorMaker 2 does both."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_connect as c
from streamwatch.flow.facts import Facts, Row
from streamwatch.flow.graph import Builder, Edge, GraphNode, Health, Role
from streamwatch.flow.kafka import topic
from streamwatch.flow.past import Past, SourceAges

_MIRROR: Final = "MirrorSourceConnector"
_NO_SOURCE_LAG: Final = "Kafka Connect does not say how far a source is behind what it reads"
_QUIET: Final = "its database may be quiet: only with heartbeat.action.query would a change that stands say something"
_NO_MIRROR_LAG: Final = "MirrorMaker says which records are copied, and not how old the others are"
_NO_GROUP: Final = "its group has committed nothing there"


def owners(builder: Builder, facts: Facts) -> Mapping[tuple[str, str], str]:
    """Add all connectors, and return which group is whose."""
    failed = {row[:3]: count for row, count in facts.of(c.CONNECTOR_TASKS).items() if row[3] == "FAILED"}
    states = {row[:3]: row[3] for row in facts.of(c.CONNECTOR_STATE)}
    for connect, cluster, name, kind, plugin, _ in facts.of(c.CONNECTOR_INFO):
        row = (connect, cluster, name)
        health, words = _judged(states.get(row, ""), failed.get(row, 0.0))
        role: Role = "sink" if kind == "sink" else "reader" if plugin.endswith(_MIRROR) else "writer"
        builder.node(GraphNode(_id(row), role, f"{kind} connector", name, connect, health, words))
    return {
        (cluster, group): _id((connect, cluster, name))
        for connect, cluster, name, group in facts.of(c.CONNECTOR_GROUP)
        if _id((connect, cluster, name)) in builder.nodes
    }


def add_topics_of_connectors(builder: Builder, facts: Facts, past: Past) -> None:
    """Add what connectors write, and what they are to read, by their configuration; mirrors by their tasks."""
    times, changed = facts.times(c.CONNECTOR_TOPIC), past(c.CHANGE_TIMESTAMP)
    names = _topics(facts)
    for row in facts.of(c.CONNECTOR_TOPIC):
        _, cluster, _, name, match = row
        own, at = _id(row), times[row]
        if own not in builder.nodes:
            continue
        for each in [name] if match == "name" else _beginning(name, names.get(cluster, ())):
            there = builder.node(topic(cluster, each))
            if builder.nodes[own].role == "sink":
                builder.edge(Edge(there, own, None, _NO_GROUP, at=at))
            else:
                seconds, why = _behind_source(facts, row[:3], at)
                points = changed.get(row[:3])
                ages = None if seconds is None or points is None else SourceAges(points)
                builder.edge(Edge(own, there, seconds, why, at=at, past=ages))
    _add_mirrored(builder, facts)


def _behind_source(facts: Facts, connector: Row, at: float | None) -> tuple[float | None, str]:
    """Return how far a source is behind at most, where its heartbeats are changes of its database; else why not."""
    changed = facts.of(c.CHANGE_TIMESTAMP).get(connector)
    if changed is None or at is None:
        return None, _NO_SOURCE_LAG
    if not facts.of(c.HEARTBEAT_WRITES_SOURCE).get(connector):
        return None, _QUIET
    return max(0.0, at - changed), ""


def _add_mirrored(builder: Builder, facts: Facts) -> None:
    """Add topics and their copies, and how many records are not copied yet."""
    ends, copied, times = facts.of(k.TOPIC_END_OFFSET), facts.of(c.MIRROR_OFFSET), facts.times(c.MIRROR_PARTITIONS)
    have_copies = facts.of(c.MIRROR_COPIED_PARTITIONS)
    for row, partitions in facts.of(c.MIRROR_PARTITIONS).items():
        _, cluster, _, target, name, copy = row
        own, at = _id(row), times[row]
        if own not in builder.nodes:
            continue
        end, offset = ends.get((cluster, name)), copied.get(row)
        left = None if end is None or offset is None or have_copies.get(row) != partitions else max(0.0, end - offset)
        seconds = 0.0 if left == 0 else None
        there = builder.node(topic(cluster, name))
        builder.edge(Edge(there, own, seconds, "" if left == 0 else _NO_MIRROR_LAG, records=left, at=at))
        if copy:
            builder.edge(Edge(own, builder.node(topic(target, copy)), 0.0, at=at))


def _topics(facts: Facts) -> Mapping[str, Sequence[str]]:
    """Return the names of the topics of each cluster, in order."""
    found: dict[str, list[str]] = {}
    for cluster, name in sorted(facts.of(k.TOPIC_PARTITIONS)):
        found.setdefault(cluster, []).append(name)
    return found


def _beginning(prefix: str, names: Sequence[str]) -> Iterator[str]:
    for name in names[bisect_left(names, prefix) :]:
        if not name.startswith(prefix):
            return
        yield name


def _id(row: Row) -> str:
    return f"connector:{row[0]}/{row[2]}"


def _judged(state: str, failed: float) -> tuple[Health, str]:
    if state == "FAILED":
        return "bad", "it failed"
    if failed:
        return "bad", f"{failed:.0f} task{'' if failed == 1 else 's'} failed"
    return ("good", "") if state in {"", "RUNNING"} else ("warn", f"it is {state}")
