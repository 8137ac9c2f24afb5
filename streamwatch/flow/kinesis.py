"""Kinesis streams, and who is known to read them."""

from collections.abc import Iterator, Mapping
from typing import Final

from streamwatch.catalogue import kinesis as s
from streamwatch.catalogue import kinesis_shards as h
from streamwatch.catalogue import readers as r
from streamwatch.core.words import span
from streamwatch.flow.facts import Facts, Row
from streamwatch.flow.graph import Builder, Edge, GraphNode, Health, Role

KINDS: Final = {
    "kcl": "KCL application",
    "lambda": "Lambda function",
    "firehose": "delivery stream",
    "msk_connect": "MSK connector",
    "dms": "DMS task",
    "pipes": "pipe",
    "flink": "Flink application",
    "msk_replicator": "MSK replicator",
    "redshift": "Redshift view",
    "kafka_connect": "connector",
}
"""What people call the kinds of readers."""
WRITERS: Final = frozenset({"dms"})
"""Kinds that write what is named with them."""
_KIND: Final = r.READER.index("kind")
_CONNECTOR: Final = "msk_connect"
SINKS: Final = frozenset({"redshift"})
"""Kinds in which what they read ends."""
_STANDS_SECONDS: Final = 60.0
"""Reads agree by then that a position stands."""
_DRAWN_BY_CONNECT: Final = "kafka_connect"
"""A kind of which Kafka Connect's own samples say more."""
_STATES: Final[Mapping[str, tuple[Health, str]]] = {
    "stopped": ("bad", "it is stopped"),
    "disabled": ("warn", "somebody disabled it"),
    "partly": ("warn", "a part of it does not run"),
    "failing": ("bad", "it fails"),
    "changing": ("warn", "it is being changed"),
    "unknown": ("unknown", "its state is not known"),
}


def stream(account: str, region: str, name: str) -> GraphNode:
    """Return the node of a stream that is well."""
    return GraphNode(f"stream:{account}/{region}/{name}", "stream", "stream", name, f"{region}, account {account}")


def add_streams(builder: Builder, facts: Facts) -> None:
    """Add all streams, and whoever registered to read them."""
    read = facts.of(s.BEING_READ)
    for row in facts.of(s.STREAM_UP):
        one = stream(*row)
        if read.get(row) == 0:
            one = GraphNode(one.id, one.role, one.kind, one.name, one.place, "bad", "nobody reads it")
        builder.node(one)
    times = facts.times(h.CONSUMER_LAG)
    for row, seconds in facts.of(h.CONSUMER_LAG).items():
        *where, name = row
        there = builder.node(stream(*where))
        own = GraphNode(f"consumer:{there}/{name}", "reader", "registered consumer", name, _place(row))
        builder.edge(Edge(there, builder.node(own), seconds, at=times[row]))


def judged(state: str) -> tuple[Health, str]:
    """Return how a reader in this state does, and what is wrong, in words."""
    return _STATES.get(state, ("good", ""))


def stood(facts: Facts) -> Mapping[Row, float]:
    """Return for how many seconds each reader has stood, in the shard in which that is longest."""
    found: dict[Row, float] = {}
    for row, seconds in facts.of(r.STANDING).items():
        if row[_KIND] not in SINKS:  # the position of a view moves when it is refreshed, which may be seldom
            found[row[:-1]] = max(seconds, found.get(row[:-1], 0.0))
    return found


def reader(row: Row, state: str, role: Role = "reader", stood_seconds: float = 0.0) -> GraphNode:
    """Return the node of whoever reads, or writes, on somebody's behalf: a row of the labels of readers."""
    account, region, *_, kind, own = row
    health, words = judged(state)
    if stood_seconds >= _STANDS_SECONDS and health != "bad":
        health, words = "bad", f"its position has stood for {span(stood_seconds)}"
    name = KINDS.get(kind, kind)
    return GraphNode(f"{kind}:{account}/{region}/{own}", role, name, own, _place(row), health, words)


def role_of(kind: str, *, has_group: bool) -> Role:
    """Return what a kind of readers is for the data."""
    if kind == _CONNECTOR:
        return "sink" if has_group else "writer"
    if kind in SINKS:
        return "sink"
    return "writer" if kind in WRITERS else "reader"


def reader_states(facts: Facts) -> Iterator[Row]:
    """Yield the labels of each reader, its group's type and its state, but of those that are drawn as connectors."""
    return (row for row in facts.of(r.STATE) if row[_KIND] != _DRAWN_BY_CONNECT)


def add_readers(builder: Builder, facts: Facts) -> None:
    """Add whoever reads a stream on somebody's behalf, tasks of DMS, which write to it, and who is neither's.

    Of those last it is not known what they read: several streams, a cluster that is not watched, or nothing is known.
    """
    lag, times = facts.of(r.LAG), facts.times(r.LAG)
    unsure = {row[:-1] for row, count in facts.of(r.LAG_METHOD).items() if row[-1] == "unknown" and count}
    standing = stood(facts)
    for row in reader_states(facts):
        each = row[:-2]
        account, region, name, *_, group, kind, _ = each
        own = builder.node(reader(each, row[-1], role_of(kind, has_group=bool(group)), standing.get(each, 0.0)))
        if not name:
            continue
        there = builder.node(stream(account, region, name))
        seconds = lag.get(each)
        why = "" if seconds is not None and each not in unsure else "how far it is behind is not known"
        ends = (own, there) if kind in WRITERS else (there, own)
        builder.edge(Edge(*ends, None if why else seconds, why, seconds or 0.0, at=times.get(each)))


def add_unnamed(builder: Builder, facts: Facts) -> None:
    """Add, to streams that are read by nobody who is known, whoever that is."""
    ages, times = facts.of(s.ITERATOR_AGE), facts.times(s.ITERATOR_AGE)
    named = {source for source, _ in builder.edges}
    for row, read in facts.of(s.BEING_READ).items():
        there = stream(*row)
        if read and there.id not in named:
            own = GraphNode(f"unnamed:{there.id}", "reader", "by GetRecords", "readers without a name", _place(row))
            seconds = ages.get(row)
            why = "" if seconds is not None else "CloudWatch has no iterator age"
            builder.edge(Edge(builder.node(there), builder.node(own), seconds, why, at=times.get(row)))


def _place(row: Row) -> str:
    return f"{row[1]}, account {row[0]}"
