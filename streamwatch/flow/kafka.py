"""Topics, and the groups that read them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_groups as g
from streamwatch.core.words import counted
from streamwatch.flow.facts import Facts
from streamwatch.flow.graph import Builder, Edge, GraphNode, Health

Owners = Mapping[tuple[str, str], str]
"""The node on whose behalf a group reads, by cluster and group: a connector, a function."""
_BAD: Final = frozenset({"stalled", "stopped", "uncommitted", "ahead"})
_LATE: Final = "late"


def topic(cluster: str, name: str) -> GraphNode:
    """Return the node of a topic that is well."""
    return GraphNode(f"topic:{cluster}/{name}", "stream", "topic", name, cluster)


def add_topics(builder: Builder, facts: Facts) -> None:
    """Add all topics."""
    offline = facts.of(k.TOPIC_OFFLINE)
    for cluster, name in facts.of(k.TOPIC_PARTITIONS):
        one = topic(cluster, name)
        count = offline.get((cluster, name), 0.0)
        if count:
            words = counted(count, "partition is offline", "partitions are offline")
            one = replace(one, health="bad", words=words)
        builder.node(one)


def add_groups(builder: Builder, facts: Facts, owners: Owners) -> None:
    """Add the groups that somebody runs, and what they have left to read; a group with an owner is that owner."""
    seconds, lag = facts.of(g.GROUP_TOPIC_LAG_SECONDS), facts.of(g.GROUP_TOPIC_LAG)
    wanted, times = facts.of(g.GROUP_TOPIC_WANTED), facts.times(g.GROUP_TOPIC_LAG)
    states, dim = _states(facts), _unknown_partitions(facts)
    for row in dict.fromkeys((*seconds, *lag, *wanted, *dim)):
        cluster, group, name = row
        if wanted.get(row) == 0:
            builder.idle += 1
            continue
        target = owners.get((cluster, group)) or builder.node(_group(cluster, group, states.get((cluster, group), {})))
        source = builder.node(topic(cluster, name))
        known = seconds.get(row)
        why = _why(known, lag.get(row), dim.get(row, 0.0))
        builder.edge(Edge(source, target, None if why else known, why, known or 0.0, lag.get(row), times.get(row)))


def _why(seconds: float | None, records: float | None, unknown: float) -> str:
    """Say why a lag in seconds is not known; empty where it is."""
    if unknown:
        return f"of {counted(unknown, 'partition')} it is not known how old what is unread is"
    if seconds is not None:
        return ""
    return "its offsets are not known" if records is None else "how old what is unread is, is not known"


def _unknown_partitions(facts: Facts) -> Mapping[tuple[str, ...], float]:
    methods = facts.of(g.GROUP_TOPIC_LAG_METHOD)
    return {row[:-1]: count for row, count in methods.items() if row[-1] == "unknown"}


def _states(facts: Facts) -> Mapping[tuple[str, str], dict[str, float]]:
    """Return in how many partitions each group is in which state, over its topics."""
    found: dict[tuple[str, str], dict[str, float]] = {}
    for (cluster, group, _, state), count in facts.of(g.GROUP_TOPIC_STATE).items():
        some = found.setdefault((cluster, group), {})
        some[state] = some.get(state, 0.0) + count
    return found


def _group(cluster: str, name: str, states: Mapping[str, float]) -> GraphNode:
    health, words = judged(states)
    return GraphNode(f"group:{cluster}/{name}", "reader", "group", name, cluster, health, words)


def judged(states: Mapping[str, float]) -> tuple[Health, str]:
    """Return how a group does, and in words what it does not do."""
    bad = {state: count for state, count in states.items() if state in _BAD and count}
    if bad:
        state, count = max(bad.items(), key=lambda one: (one[1], one[0]))
        return "bad", f"{state} in {count:.0f} partition{'' if count == 1 else 's'}"
    if states.get(_LATE):
        return "warn", "its lag only grows"
    return "good", ""
