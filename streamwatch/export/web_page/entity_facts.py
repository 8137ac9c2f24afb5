"""What is said of a single broker, group, topic and reader on its page: numbers, what belongs to it, and how it is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_brokers as b
from streamwatch.catalogue import kafka_groups as g
from streamwatch.catalogue import readers as r
from streamwatch.export.web_page.addresses import EntityRef
from streamwatch.export.web_page.clusters import Fact
from streamwatch.export.web_page.sample_index import SampleIndex
from streamwatch.export.web_page.words import Health, amount, counted, number, share, span

_MOST_ROWS: Final = 50
_FULL: Final = 0.85
_RETENTION_LATE: Final = 3600.0
"""Data that are lost within so many seconds are in trouble."""


@dataclass(frozen=True, slots=True)
class EntityCell:
    """One cell of a table."""

    text: str
    path: str = ""
    """Where it leads; empty where nowhere."""
    is_number: bool = True


@dataclass(frozen=True, slots=True)
class EntityTable:
    """What belongs to a thing."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[EntityCell]]
    more: int = 0
    """Rows that are not shown; none is worse."""


@dataclass(frozen=True, slots=True)
class EntityFacts:
    """All of it."""

    health: Health
    headline: str
    facts: Sequence[Fact]
    tables: Sequence[EntityTable] = ()


def broker(ref: EntityRef, index: SampleIndex, since: str) -> EntityFacts:
    """Return what is said of a broker; ``since`` says since when it answers, or does not."""
    at = ref.entity
    up, late = index.value(k.BROKER_UP, *at), index.value(k.BROKER_OUT_OF_SYNC, *at)
    disk = index.most(k.LOG_DIR_USED, *at)
    words = {None: "nobody knows whether it answers", 0.0: f"does not answer{since}"}.get(up, f"answers{since}")
    health: Health = "unknown" if up is None else "bad" if not up else "warn" if late else "good"
    behind = f"; {counted(late, 'replica')} out of sync" if late else ""
    idle = index.value(b.HANDLER_IDLE, *at)
    facts = [
        Fact("answers", {None: "not known", 0.0: "no"}.get(up, "yes"), "unknown" if up is None else _bad(up == 0)),
        Fact("partitions that it leads", number(index.value(k.BROKER_LEADERS, *at))),
        Fact("replicas", number(index.value(k.BROKER_PARTITIONS, *at))),
        Fact("replicas out of sync", number(late), "warn" if late else "good"),
        Fact("size of its logs", amount(index.value(k.BROKER_LOG_BYTES, *at), "bytes")),
        Fact("fullest disk", share(disk), "warn" if (disk or 0.0) >= _FULL else "good"),
        *([Fact("request handlers idle", share(idle))] if idle is not None else ()),
    ]
    return EntityFacts(health, f"{words}{behind}", facts)


def group(ref: EntityRef, index: SampleIndex) -> EntityFacts:
    """Return what is said of a group."""
    cluster, at = ref.entity[0], ref.entity
    states = [row for row, value in index.of(g.GROUP_STATE, *at).items() if value == 1]
    kind, state = states[0] if states else ("", "")
    members, lag = index.value(g.GROUP_MEMBERS, *at), index.value(g.GROUP_LAG, *at)
    late = index.value(g.GROUP_LAG_SECONDS, *at)
    expires = min(index.of(g.GROUP_TOPIC_EXPIRES, *at).values(), default=None)
    if not states and lag is None and late is None:
        return EntityFacts("unknown", "nothing is known of it now", ())
    words = [state or "its state is not known", *([counted(members, "member")] if members is not None else ())]
    words.append(f"{span(late)} behind" if late is not None else "how far it is behind, in time, is not known")
    health: Health = "bad" if expires is not None and expires < _RETENTION_LATE else "good" if states else "unknown"
    facts = [
        Fact("state", state or "not known", "good" if state else "unknown"),
        Fact("type", kind or "not known"),
        Fact("members", number(members)),
        Fact("lag, records", number(lag)),
        Fact("lag, time", span(late)),
        Fact("data lost in", span(expires) if expires is not None else "not known", health),
    ]
    topics = _topics_of(cluster, at, index)
    return EntityFacts(health, "; ".join(words), facts, [*topics, *readers(index)])


def topic(ref: EntityRef, index: SampleIndex) -> EntityFacts:
    """Return what is said of a topic."""
    at = ref.entity
    partitions, offline = index.value(k.TOPIC_PARTITIONS, *at), index.value(k.TOPIC_OFFLINE, *at)
    under = index.value(k.TOPIC_UNDER_REPLICATED, *at)
    if partitions is None:
        return EntityFacts("unknown", "nothing is known of it now", ())
    words = [f"{counted(offline, 'partition has', 'partitions have')} no leader"] if offline else []
    if under:
        words.append(f"{counted(under, 'partition is', 'partitions are')} short of a replica")
    words.append(f"of {number(partitions)}" if words else counted(partitions, "partition"))
    health: Health = "bad" if offline else "warn" if under else "unknown" if under is None else "good"
    facts = [
        Fact("partitions", number(partitions)),
        Fact("replication factor", number(index.value(k.TOPIC_REPLICATION, *at))),
        Fact("min ISR", number(index.value(k.TOPIC_MIN_ISR, *at))),
        Fact("without a leader", number(offline), "unknown" if offline is None else _bad(offline > 0)),
        Fact("under-replicated", number(under), "unknown" if under is None else "warn" if under else "good"),
        Fact("size, of one replica", amount(index.value(k.TOPIC_LOG_BYTES, *at), "bytes")),
        Fact("retention", span(index.value(k.TOPIC_RETENTION_SECONDS, *at))),
    ]
    return EntityFacts(health, ", ".join(words), facts, [*_groups_of(at[0], ref.name, index), *readers(index)])


def reader(ref: EntityRef, index: SampleIndex) -> EntityFacts:
    """Return what is said of a reader."""
    at = ref.entity
    up, late, lag = (index.value(metric, *at) for metric in (r.UP, r.LAG, r.LAG_RECORDS))
    states = [row[-1] for row, value in index.of(r.STATE, *at).items() if value == 1]
    if up is None and not states and late is None:
        return EntityFacts("unknown", "nothing is known of it now", ())
    state = states[0] if states else "not known"
    loss = index.value(r.TIME_TO_LOSS, *at)
    health: Health = (
        "bad" if (up == 0 and state != "disabled") or state == "failing" else "unknown" if up is None else "good"
    )
    runs = {None: "whether it runs is not known", 0.0: "does not run"}.get(up, "runs")
    facts = [
        Fact("state", state, health),
        Fact("lag, time", span(late)),
        Fact("lag, records", number(lag)),
        Fact("data lost in", span(loss)),
        Fact("workers", number(index.value(r.WORKERS, *at))),
        Fact("shards without a lease", number(index.value(r.HOLES, *at))),
    ]
    known = [fact for fact in facts if fact.value != "not known" or fact.name in {"state", "lag, time"}]
    return EntityFacts(
        health, f"{runs}; {f'{span(late)} behind' if late is not None else 'its lag is not known'}", known
    )


def readers(index: SampleIndex) -> list[EntityTable]:
    """Return the readers among some samples, those most behind first."""
    late = index.of(r.LAG)
    rows = sorted({*index.of(r.UP), *late}, key=lambda row: (-late.get(row, -1.0), row))
    up = index.of(r.UP)
    shown = [
        (
            EntityCell(row[-1], EntityRef("reader", row).path, is_number=False),
            EntityCell(row[-2], is_number=False),
            EntityCell({None: "not known", 0.0: "no"}.get(up.get(row), "yes"), is_number=False),
            EntityCell(span(late.get(row))),
        )
        for row in rows[:_MOST_ROWS]
    ]
    return _table("Readers", ("reader", "kind", "runs", "lag, time"), shown, len(rows))


def _topics_of(cluster: str, at: tuple[str, ...], index: SampleIndex) -> list[EntityTable]:
    lag, late = index.of(g.GROUP_TOPIC_LAG, *at), index.of(g.GROUP_TOPIC_LAG_SECONDS, *at)
    lost = index.of(g.GROUP_TOPIC_EXPIRES, *at)
    names = sorted({*lag, *late}, key=lambda row: (-late.get(row, -1.0), -lag.get(row, -1.0), row))
    rows = [
        (
            EntityCell(name, EntityRef("topic", (cluster, name)).path, is_number=False),
            EntityCell(span(late.get((name,)))),
            EntityCell(number(lag.get((name,)))),
            EntityCell(_lost(lost.get((name,)))),
        )
        for (name,) in names[:_MOST_ROWS]
    ]
    return _table("Topics that it reads", ("topic", "lag, time", "lag, records", "data lost in"), rows, len(names))


def _groups_of(cluster: str, topic: str, index: SampleIndex) -> list[EntityTable]:
    lag, late = index.of(g.GROUP_TOPIC_LAG, cluster), index.of(g.GROUP_TOPIC_LAG_SECONDS, cluster)
    lost = index.of(g.GROUP_TOPIC_EXPIRES, cluster)
    names = sorted({*lag, *late}, key=lambda row: (-late.get(row, -1.0), -lag.get(row, -1.0), row))
    rows = [
        (
            EntityCell(row[0], EntityRef("group", (cluster, row[0])).path, is_number=False),
            EntityCell(span(late.get(row))),
            EntityCell(number(lag.get(row))),
            EntityCell(_lost(lost.get(row))),
        )
        for row in names[:_MOST_ROWS]
        if row[1] == topic
    ]
    return _table("Groups that read it", ("group", "lag, time", "lag, records", "data lost in"), rows, len(names))


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[EntityCell]], count: int) -> list[EntityTable]:
    return [EntityTable(title, head, rows, max(0, count - len(rows)))] if rows else []


def _lost(seconds: float | None) -> str:
    return "" if seconds is None else "never" if math.isinf(seconds) else span(seconds)


def _bad(is_so: bool) -> Health:  # noqa: FBT001 - reads well
    return "bad" if is_so else "good"
