"""Who reads, or writes, topics on somebody's behalf; where its cluster is watched, its group has the lag."""

from collections.abc import Iterator, Mapping
from typing import Final

from streamwatch.catalogue import attached_readers as a
from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import readers as r
from streamwatch.core.patterns import quickest
from streamwatch.flow.facts import Facts, Row
from streamwatch.flow.graph import Builder, Edge, GraphNode
from streamwatch.flow.kafka import topic
from streamwatch.flow.kinesis import WRITERS, reader, reader_states, role_of, stood

_FIREHOSE: Final = "firehose"
_REPLICATOR: Final = "msk_replicator"
_ONLY_RECORDS: Final = "AWS tells records, and no time: watch the cluster, and its group's lag in seconds is known"
_REDSHIFT: Final = "redshift"
_ONLY_NEWEST: Final = "Redshift says how old the newest record is that a view has, and not what came after it"
_NO_LATENCY: Final = "CloudWatch has no ReplicationLatency: it has copied nothing lately"
_NO_FRESHNESS: Final = "CloudWatch has no DataFreshness: it has delivered nothing lately"


def owners_of_readers(builder: Builder, facts: Facts) -> Mapping[tuple[str, str], str]:
    """Add those whose cluster is known, and return which group is whose."""
    owners, standing = {}, stood(facts)
    for *each, _, state in reader_states(facts):
        *_, cluster, _, group, kind, _ = row = tuple(each)
        if cluster:
            own = builder.node(reader(row, state, role_of(kind, has_group=bool(group)), standing.get(row, 0.0)))
            if group:
                owners[cluster, group] = own
    return owners


def add_topics_of_readers(builder: Builder, facts: Facts) -> None:
    """Add the topics that they read or write, where their groups have not said it."""
    records, lag, times = facts.of(r.LAG_RECORDS), facts.of(r.LAG), facts.times(r.STATE)
    for state in reader_states(facts):
        row = state[:-2]
        *_, cluster, name, _, kind, _ = row
        if not cluster or not name:
            continue
        own, there, seconds = _id(row), builder.node(topic(cluster, name)), lag.get(row)
        why = "" if seconds is not None else _ONLY_NEWEST if kind == _REDSHIFT else _ONLY_RECORDS
        ends = (own, there) if kind in WRITERS else (there, own)
        builder.edge(Edge(*ends, seconds, why, records=records.get(row), at=times[state]))


def add_copies(builder: Builder, facts: Facts) -> None:
    """Add what replicators copy: the topics that their patterns match, and those of that name at their target."""
    records, lag, times = facts.of(r.LAG_RECORDS), facts.of(r.LAG), facts.times(a.TOPICS)
    targets = {row[:-1]: row[-1] for row in facts.of(a.TARGET)}
    for labels in facts.of(a.TOPICS):
        row = labels[:-1]
        source, kind = row[3], row[-2]
        if not source or kind != _REPLICATOR:
            continue
        own, seconds, target = _id(row), lag.get(row), targets.get(row, "")
        for name in _matched(facts, source, labels[-1]):
            why = "" if seconds is not None else _NO_LATENCY
            there = builder.node(topic(source, name))
            builder.edge(Edge(there, own, seconds, why, records=records.get(row), at=times[labels]))
            if (target, name) in facts.of(k.TOPIC_PARTITIONS):
                builder.edge(Edge(own, builder.node(topic(target, name)), 0.0, at=times[labels]))


def _matched(facts: Facts, cluster: str, patterns: str) -> Iterator[str]:
    """Yield the topics of a cluster that one of the patterns matches; what is no pattern of ours matches nothing."""
    try:
        wanted = quickest(patterns.replace(",", "|"))
    except ValueError:
        return
    for of, name, *_ in facts.of(k.TOPIC_PARTITIONS):
        if of == cluster and wanted.fullmatch(name):
            yield name


def add_deliveries(builder: Builder, facts: Facts) -> None:
    """Add what delivery streams deliver: it is behind them by what they have read and not delivered."""
    fresh, times = facts.of(a.FRESHNESS), facts.times(a.FRESHNESS)
    read = {target for _, target in builder.edges}
    for state in reader_states(facts):
        row = state[:-2]
        own = builder.nodes.get(_id(row))
        if row[-2] == _FIREHOSE and own is not None and own.id in read:
            seconds = fresh.get(row)
            there = builder.node(GraphNode(f"delivered:{own.id}", "sink", "delivered data", own.name, own.place))
            builder.edge(Edge(own.id, there, seconds, "" if seconds is not None else _NO_FRESHNESS, at=times.get(row)))


def _id(row: Row) -> str:
    return reader(row, "").id
