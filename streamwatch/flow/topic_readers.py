"""Who reads topics on somebody's behalf, as AWS tells of it; where its cluster is watched, its group has the lag."""

from collections.abc import Mapping
from typing import Final

from streamwatch.catalogue import kafka_readers as r
from streamwatch.flow.facts import Facts
from streamwatch.flow.graph import Builder, Edge, GraphNode
from streamwatch.flow.kafka import topic
from streamwatch.flow.kinesis import KINDS, judged

_ONLY_RECORDS: Final = "AWS tells records, and no time: watch the cluster, and its group's lag in seconds is known"


def owners_of_readers(builder: Builder, facts: Facts) -> Mapping[tuple[str, str], str]:
    """Add all of them, and return which group is whose."""
    found = {}
    for account, region, cluster, _, group, kind, name, _, state in facts.of(r.STATE):
        health, words = judged(state)
        place = f"{region}, account {account}"
        own = f"{kind}:{account}/{region}/{name}"
        builder.node(GraphNode(own, "reader", KINDS.get(kind, kind), name, place, health, words))
        if group:
            found[cluster, group] = own
    return found


def add_topics_of_readers(builder: Builder, facts: Facts) -> None:
    """Add what they read, where their groups have not said it."""
    lag, times = facts.of(r.LAG), facts.times(r.STATE)
    for row in facts.of(r.STATE):
        account, region, cluster, name, _, kind, reader = row[:7]
        if cluster and name:
            own, there = f"{kind}:{account}/{region}/{reader}", builder.node(topic(cluster, name))
            builder.edge(Edge(there, own, None, _ONLY_RECORDS, records=lag.get(row[:7]), at=times.get(row)))
