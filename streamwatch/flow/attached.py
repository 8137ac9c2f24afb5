"""What AWS runs beside a topic: joined to the cluster that is called as MSK calls it; and what Firehose delivers."""

from collections.abc import Mapping
from typing import Final

from streamwatch.catalogue import attached_readers as a
from streamwatch.catalogue import kinesis_readers as r
from streamwatch.flow.facts import Facts, Row
from streamwatch.flow.graph import Builder, Edge, GraphNode, Role
from streamwatch.flow.kafka import topic
from streamwatch.flow.kinesis import WRITERS, reader

_FIREHOSE: Final = "firehose"
_CONNECTOR: Final = "msk_connect"
_OF_SEVERAL: Final = frozenset({_CONNECTOR, "msk_replicator"})
"""They name several topics, or patterns of them: a connector's topics are its group's, a replicator's are not known."""
_ONLY_RECORDS: Final = "AWS tells records, and no time"
_NO_FRESHNESS: Final = "CloudWatch has no DataFreshness: it has delivered nothing lately"


def owners_of_attached(builder: Builder, facts: Facts) -> Mapping[tuple[str, str], str]:
    """Add those that read or write topics, and return which group is whose."""
    states = {row[:-1]: row[-1] for row in facts.of(r.STATE)}
    found = {}
    for *each, cluster, _, group in facts.of(a.INFO):
        row = tuple(each)
        if cluster:
            own = builder.node(reader(row, states.get(row, "unknown"), _role(row[3], has_group=bool(group))))
            if group:
                found[cluster, group] = own
    return found


def add_topics_of_attached(builder: Builder, facts: Facts) -> None:
    """Add the topics that they read or write, where their groups have not said it."""
    records, lag, times = facts.of(a.LAG_RECORDS), facts.of(r.LAG), facts.times(a.INFO)
    for info in facts.of(a.INFO):
        row, (cluster, name, _) = info[:5], info[5:]
        if not cluster or not name or row[3] in _OF_SEVERAL:
            continue
        own, there, left = _id(row), builder.node(topic(cluster, name)), records.get(row)
        seconds = lag.get(row)
        why = "" if seconds is not None else _ONLY_RECORDS
        ends = (own, there) if row[3] in WRITERS else (there, own)
        builder.edge(Edge(*ends, seconds, why, records=left, at=times[info]))


def add_deliveries(builder: Builder, facts: Facts) -> None:
    """Add what delivery streams deliver: it is behind them by what they have read and not delivered."""
    fresh, times = facts.of(a.FRESHNESS), facts.times(a.FRESHNESS)
    for info in facts.of(a.INFO):
        row = info[:5]
        own = builder.nodes.get(_id(row))
        if row[3] == _FIREHOSE and own is not None:
            seconds = fresh.get(row)
            there = builder.node(GraphNode(f"delivered:{own.id}", "sink", "delivered data", own.name, own.place))
            builder.edge(Edge(own.id, there, seconds, "" if seconds is not None else _NO_FRESHNESS, at=times.get(row)))


def _id(row: Row) -> str:
    return reader(row, "").id


def _role(kind: str, *, has_group: bool) -> Role:
    if kind == _CONNECTOR:
        return "sink" if has_group else "writer"
    return "writer" if kind in WRITERS else "reader"
