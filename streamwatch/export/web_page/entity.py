"""The page of a single cluster, broker, group, topic, stream or reader: how it is, since when, and the hours before."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from streamwatch.archive.marks import AlertMark
from streamwatch.archive.numbers import EntityKind, numbers_of
from streamwatch.core.times import rfc3339
from streamwatch.export.web_page import entity_facts as f
from streamwatch.export.web_page.addresses import EntityRef
from streamwatch.export.web_page.alerts import AlertView
from streamwatch.export.web_page.charts import WINDOWS, Chart, Mark, Window, chart, clock_time
from streamwatch.export.web_page.clusters import ClusterView, Fact, Most, cluster
from streamwatch.export.web_page.entity_connect import connect, connector
from streamwatch.export.web_page.narrowed import narrowed
from streamwatch.export.web_page.partitions import TopicView, topic_map
from streamwatch.export.web_page.past import Past, broker_since, cluster_with_past
from streamwatch.export.web_page.sample_index import Read, SampleIndex
from streamwatch.export.web_page.streams import StreamView, stream_view
from streamwatch.export.web_page.words import Health, ago, worst
from streamwatch.incidents.past import PastIncident
from streamwatch.model.journal_entry import JournalEntry
from streamwatch.model.kafka import ClusterSnapshot
from streamwatch.model.metric import Samples

_KINDS: Final[dict[EntityKind, str]] = {
    "cluster": "Kafka cluster", "broker": "broker", "group": "group", "topic": "topic", "stream": "Kinesis stream",
    "reader": "reader", "connect": "Kafka Connect", "connector": "connector",
}  # fmt: skip
_OTHERS: Final = {"group": f.group, "topic": f.topic, "connect": connect, "connector": connector}
_MOST_TITLE: Final = 60
_MOST_EVENTS: Final = 40
_MOST_MARKS: Final = 200
_MOST: Final = Most(brokers=200, groups=100, topics=40)


@dataclass(frozen=True, slots=True)
class PageLink:
    """Where something leads."""

    words: str
    path: str
    is_here: bool = False


@dataclass(frozen=True, slots=True)
class EventView:
    """Something that happened in the time that is shown."""

    at: str
    time: str
    style: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityView:
    """All that is shown of one thing."""

    version: str
    kind: str
    name: str
    title: str
    """The name, not too long."""
    trail: Sequence[PageLink]
    health: Health
    headline: str
    alerts: Sequence[AlertView]
    more_alerts: int
    facts: Sequence[Fact]
    tables: Sequence[f.EntityTable]
    window: Window
    windows: Sequence[PageLink]
    charts: Sequence[Chart]
    events: Sequence[EventView]
    more_events: int
    is_archived: bool = True
    """Whether numbers of such things are archived at all."""
    cluster: ClusterView | None = None
    stream: StreamView | None = None
    partitions: TopicView | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownOfEntity:
    """What there is to show of one thing."""

    version: str
    now: float
    reads: Sequence[Read]
    """The sources of its part of the configuration, the main one first."""
    samples: Sequence[Samples]
    """What is known now of that part."""
    past: Past
    alerts: Sequence[AlertView]
    """Those that fire and are about it, not too many."""
    more_alerts: int
    marks: Sequence[AlertMark]
    """Alerts that began and ended, of all things."""
    changes: Sequence[JournalEntry]
    """What changed in its part of the configuration, the newest first."""
    incidents: Sequence[PastIncident] = ()
    """Those that were, and are: their alerts are not marked beside them."""


def entity_view(ref: EntityRef, known: KnownOfEntity, window: Window) -> EntityView | None:
    """Return what is shown of a thing; None where nothing is, and was, known of it."""
    own = known.samples if ref.kind == "cluster" else narrowed(known.samples, ref.row)
    index = SampleIndex(own if ref.kind == "cluster" else [*own, *_of_sources(known.samples)])
    facts, drawn, stream = _facts(ref, known, index)
    curves = [(number, known.past.curve(number, ref.entity, window.seconds)) for number in numbers_of(ref.kind)]
    if not own and all(curve is None for _, curve in curves):
        return None
    marks = _marks(ref, known, window)
    health = worst([facts.health, *(alert.health for alert in known.alerts if alert.health != "unknown")])
    return EntityView(
        version=known.version,
        kind=_KINDS[ref.kind],
        name=ref.name,
        title=ref.name if len(ref.name) <= _MOST_TITLE else f"{ref.name[: _MOST_TITLE - 1]}…",
        trail=_trail(ref),
        health=health,
        headline=facts.headline,
        alerts=known.alerts,
        more_alerts=known.more_alerts,
        facts=facts.facts,
        tables=facts.tables,
        window=window,
        windows=[PageLink(one.words, _with(ref.path, one), one is window) for one in WINDOWS],
        charts=[chart(number, curve, window, known.now, marks) for number, curve in curves if curve is not None],
        events=[_event(mark, known.now) for mark in marks[:_MOST_EVENTS]],
        more_events=max(0, len(marks) - _MOST_EVENTS),
        is_archived=bool(numbers_of(ref.kind)),
        cluster=drawn,
        stream=stream,
        partitions=_partitions(ref, known, index),
    )


def window_of(name: str) -> Window:
    """Return the time that an address asks for; an hour where it asks for none.

    Raises:
        ValueError: there is no such time.

    """
    found = next((window for window in WINDOWS if name in {window.name, ""}), None)
    if found is None:
        there = ", ".join(window.name for window in WINDOWS)
        raise ValueError(f"window: {name[:_MOST_TITLE]!r}: there are {there}")
    return found


def _of_sources(samples: Sequence[Samples]) -> list[Samples]:
    """Return what says whether sources could be read: it has no label of what they read."""
    return [each for each in samples if each.metric.labels == ("source",)]


def _facts(
    ref: EntityRef, known: KnownOfEntity, index: SampleIndex
) -> tuple[f.EntityFacts, ClusterView | None, StreamView | None]:
    if ref.kind == "cluster" and not known.reads:
        return f.EntityFacts("unknown", "nothing is known of it now", ()), None, None
    if ref.kind == "cluster":
        shown = cluster_with_past(cluster(ref.name, known.reads, index, known.now, _MOST), known.past, known.now)
        return f.EntityFacts(shown.health, shown.headline, ()), shown, None
    if ref.kind == "stream":
        view = stream_view(ref.entity, known.reads, index, known.now)
        if view is None:
            return f.EntityFacts("unknown", "nothing is known of it now", ()), None, None
        return f.EntityFacts(view.health, view.headline, (), f.readers(index)), None, view
    if ref.kind == "broker":
        return f.broker(ref, index, broker_since(ref.name, ref.entity[0], known.past, known.now)), None, None
    return _OTHERS.get(ref.kind, f.reader)(ref, index), None, None


def _partitions(ref: EntityRef, known: KnownOfEntity, index: SampleIndex) -> TopicView | None:
    """Return the partitions of a topic, where they are known."""
    if ref.kind != "topic":
        return None
    read = next((read for read in known.reads if isinstance(read.last, ClusterSnapshot)), None)
    if read is None or not isinstance(read.last, ClusterSnapshot) or not index.is_up(read) or read.last.metadata_frozen:
        return None
    return topic_map(read.last, ref.entity[0], ref.name)


def _trail(ref: EntityRef) -> list[PageLink]:
    links = [PageLink("all", "/")]
    labels = ref.labels
    if ref.kind == "connector":
        links.append(PageLink(ref.entity[0], EntityRef("connect", ref.entity[:1]).path))
    if ref.kind != "cluster" and "kafka_cluster" in labels:
        links.append(PageLink(labels["kafka_cluster"], EntityRef("cluster", (labels["kafka_cluster"],)).path))
    if ref.kind == "reader" and "stream" in labels:
        stream = (labels.get("aws_account", ""), labels.get("aws_region", ""), labels["stream"])
        links.append(PageLink(labels["stream"], EntityRef("stream", stream).path))
    return links


def _with(path: str, window: Window) -> str:
    return f"{path}{'&' if '?' in path else '?'}window={window.name}"


def _marks(ref: EntityRef, known: KnownOfEntity, window: Window) -> list[Mark]:
    """Return what happened to it in the time that is shown, the newest first."""
    first = known.now - window.seconds
    own = [each for each in known.incidents if any(ref.concerns(labels) for labels in each.alerts)]
    found = [Mark(each.since, "fires", each.sentence) for each in own if each.since >= first]
    found += [
        Mark(each.ended, "resolved", f"over: {each.sentence}")
        for each in own
        if each.ended is not None and each.ended >= first
    ]
    found += [
        Mark(mark.at, mark.what, f"{mark.labels.get('alertname', 'an alert')} {mark.what}")
        for mark in known.marks
        if mark.at >= first and ref.concerns(mark.labels) and not any(each.covers(mark.labels, mark.at) for each in own)
    ]
    found += [
        Mark(change.at, "change", change.sentence)
        for change in known.changes
        if change.at >= first and _is_of(change, ref)
    ]
    return sorted(found, key=lambda mark: -mark.at)[:_MOST_MARKS]


def _is_of(change: JournalEntry, ref: EntityRef) -> bool:
    """Say whether a change is of this very thing: another reader may have its name, and another region its stream."""
    if ref.kind in {"cluster", "connect"}:
        return True
    own, changed = ref.labels, change.labels
    is_kind = change.kind.startswith(f"{ref.kind}.") and bool(changed)
    return is_kind and all(own.get(label, value) == value for label, value in changed.items())


def _event(mark: Mark, now: float) -> EventView:
    return EventView(
        f"{clock_time(mark.at)} ({ago(max(0.0, now - mark.at))})", rfc3339(mark.at, "seconds"), mark.style, mark.title
    )
