"""Connectors of Kafka Connect: a source writes topics, a sink reads them, MirrorMaker 2 does both."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_connect as c
from streamwatch.flow.facts import Facts, Row
from streamwatch.flow.graph import Builder, Edge, GraphNode, Health, Role
from streamwatch.flow.kafka import topic

_MIRROR: Final = "MirrorSourceConnector"
_NO_SOURCE_LAG: Final = "Kafka Connect does not say how far a source is behind what it reads"
_NO_MIRROR_LAG: Final = "MirrorMaker commits no offsets: how far it is behind is not known"
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


def add_topics_of_connectors(builder: Builder, facts: Facts) -> None:
    """Add what connectors write, and what they are to read, by their configuration."""
    mirrors = {row[:3] for row in facts.of(c.CONNECTOR_INFO) if row[4].endswith(_MIRROR)}
    times = facts.times(c.CONNECTOR_TOPIC)
    names = _topics(facts)
    for row in facts.of(c.CONNECTOR_TOPIC):
        connect, cluster, connector, name, match = row
        own = _id((connect, cluster, connector))
        if own not in builder.nodes:
            continue
        found = [name] if match == "name" else list(_beginning(name, names.get(cluster, ())))
        for each in found:
            if row[:3] in mirrors:
                _mirrored(builder, own, (cluster, each), name, times[row])
            elif builder.nodes[own].role == "sink":
                there = builder.node(topic(cluster, each))
                builder.edge(Edge(there, own, None, _NO_GROUP, at=times[row]))
            else:
                there = builder.node(topic(cluster, each))
                builder.edge(Edge(own, there, None, _NO_SOURCE_LAG, at=times[row]))


def _mirrored(builder: Builder, own: str, copy: tuple[str, str], prefix: str, at: float | None) -> None:
    """Add a topic and its copy, where the alias of the other cluster is what it is called here."""
    original = topic(prefix.rstrip("."), copy[1].removeprefix(prefix))
    builder.edge(Edge(own, builder.node(topic(*copy)), 0.0, at=at))
    if original.id in builder.nodes:
        builder.edge(Edge(original.id, own, None, _NO_MIRROR_LAG, at=at))


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
