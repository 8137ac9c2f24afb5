"""The page as a whole: what there is to show at one moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

from streamwatch.export.web_page import alerts as a
from streamwatch.export.web_page import incidents as i
from streamwatch.export.web_page.addresses import EntityRef
from streamwatch.export.web_page.changes import ChangeView
from streamwatch.export.web_page.clusters import ClusterView, cluster
from streamwatch.export.web_page.past import Past, cluster_with_past, stream_with_past
from streamwatch.export.web_page.sample_index import Read, SampleIndex
from streamwatch.export.web_page.streams import StreamView, streams
from streamwatch.export.web_page.words import WORST_FIRST, Health, ago, counted, listed, span, worst
from streamwatch.incidents.incident import Incident
from streamwatch.model.alert import Alert
from streamwatch.model.connect import ConnectSnapshot
from streamwatch.model.kinesis import StreamsSnapshot
from streamwatch.model.metric import Samples
from streamwatch.notify.text import Links

_MOST_PROBLEMS: Final = 5
_OTHERS: Final = frozenset({"kinesis", "connect"})
"""Kinds of what is no Kafka cluster."""
_MOST_PICTURES: Final = 40
_MOST_LINES: Final = 400
"""What is not drawn is listed, a line each, up to so many."""


@dataclass(frozen=True, slots=True)
class SourceView:
    """How fresh one source is."""

    name: str
    kind: str
    health: Health
    words: str
    """How it is."""
    seen: str
    interval: str
    read_time: str
    problems: Sequence[str]
    more: int
    path: str = ""
    """Where its page is; empty where it has none of its own."""


@dataclass(frozen=True, slots=True)
class _Word:
    """How one thing is."""

    name: str
    health: Health
    sentence: str


@dataclass(frozen=True, slots=True)
class PageView:
    """What the page shows."""

    version: str
    health: Health
    headline: str
    clusters: Sequence[ClusterView]
    streams: Sequence[StreamView]
    alerts: a.Alerts
    incidents: Sequence[i.IncidentView]
    more_incidents: int
    """How many are not shown."""
    sources: Sequence[SourceView]
    pictures: Sequence[tuple[str, ClusterView | StreamView]]
    """Clusters and streams that are drawn, with what they are: those in trouble first."""
    lines: Sequence[ClusterView | StreamView]
    """Those that are listed and not drawn; none is worse than any that is."""
    more: int
    """How many are not even listed."""
    changes: Sequence[ChangeView] = ()
    """What changed lately, the newest first."""


def view(  # noqa: PLR0913, PLR0917 - what there is, each by its name
    version: str,
    reads: Sequence[Read],
    samples: Mapping[str, Sequence[Samples]],
    alerts: Sequence[Alert],
    notifications: Sequence[Mapping[str, Any]],
    channels: int,
    now: float,
    own: str = "",
    reasons: Mapping[str, Sequence[str]] = MappingProxyType({}),
    incidents: Sequence[Incident] = (),
    remedies: Mapping[str, str] = MappingProxyType({}),
    past: Past | None = None,
    links: Links | None = None,
) -> PageView:
    """Return what the page shows.

    Args:
        version: the agent's.
        reads: every source, and what it read last.
        samples: what is known now, by part of the configuration.
        alerts: those that are pending or firing.
        notifications: what each channel was notified of, as ``/api/v1/notifications`` has it.
        channels: how many there are to tell.
        now: seconds since 1970.
        own: the agent's address: what is below it is linked to by its path.
        reasons: what mutes alerts, by their fingerprints.
        incidents: the same alerts by their cause; none where that was not asked for.
        remedies: the first thing to do, by the name of a runbook.
        past: the hours before; None shows nothing of them.
        links: where dashboards are; nowhere by default.

    """
    parts: dict[str, list[Read]] = {}
    for one in reads:
        parts.setdefault(one.part, []).append(one)
    looked = {part: SampleIndex(samples.get(part, ())) for part in parts}
    clusters = [cluster(part, some, looked[part], now) for part, some in parts.items() if some[0].kind not in _OTHERS]
    some = [stream for read in reads if read.kind == "kinesis" for stream in streams(read, looked[read.part], now)]
    first = i.chosen(incidents)
    shown = a.alerts(alerts, notifications, channels, now, own, reasons, chosen=first.alerts or None, links=links)
    sources = [_source(read, looked[read.part].is_up(read), now) for read in reads]
    words = [_Word(one.name, one.health, one.headline) for one in clusters]
    words += [_Word(one.name, one.health, one.headline) for one in some]
    known = {word.name for word in words}
    words += [_Word(source.name, source.health, source.words) for source in sources if source.name not in known]
    live = replace(shown, firing=shown.firing[: sum(len(below) for _, below in first.live)]) if first.chosen else shown
    level = worst([a.health(live), *(word.health for word in words)]) if words else "unknown"
    found: list[tuple[str, ClusterView | StreamView]] = [
        *(("cluster", one) for one in clusters),
        *(("stream", one) for one in some),
    ]
    found.sort(key=lambda one: WORST_FIRST.index(one[1].health))
    drawn = [(kind, _with_past(each, past, now)) for kind, each in found[:_MOST_PICTURES]]
    lines = [one for _, one in found[_MOST_PICTURES:]]
    return PageView(
        version, level, _headline(level, words, shown, first), clusters, some, shown,
        i.incident_views(first, shown.firing, remedies, now), first.more, sources,
        drawn, lines[:_MOST_LINES], max(0, len(lines) - _MOST_LINES),
    )  # fmt: skip


def _with_past(one: ClusterView | StreamView, past: Past | None, now: float) -> ClusterView | StreamView:
    if past is None:
        return one
    return cluster_with_past(one, past, now) if isinstance(one, ClusterView) else stream_with_past(one, past, now)


def _headline(level: Health, words: Sequence[_Word], shown: a.Alerts, first: i.ChosenIncidents) -> str:
    """Return the one sentence that everybody reads: the cause of the worst that fires, where it is known."""
    firing = len(shown.firing) + shown.more
    worst_of = [word for word in words if word.health == level]
    cause = next((each.sentence.rstrip(".") for each, _ in first.live if each.cause is not None), "")
    if level in {"bad", "warn"} and cause:
        sentence = cause
    elif not words:
        sentence = "Nothing is watched here"
    elif level == "good":
        sentence = _pending(shown, firing) or f"All is well: {listed([word.name for word in words])}"
    elif len(worst_of) == 1:
        sentence = f"{worst_of[0].name}: {worst_of[0].sentence}"
    else:
        lead = {"bad": "Trouble", "unknown": "Not known", "warn": "Worth a look"}[level]
        sentence = f"{lead}: {listed([one.name for one in worst_of])}" if worst_of else lead
    return f"{sentence}. {counted(firing, 'alert fires', 'alerts fire')}" if firing else sentence


def _pending(shown: a.Alerts, firing: int) -> str:
    """Return which alerts may fire soon, the worst first; empty where none may: then all is well indeed."""
    if not shown.pending:
        return ""
    names = listed(list(dict.fromkeys(one.name for one in shown.pending)))
    few = counted(len(shown.pending) + shown.more_pending, "alert is pending", "alerts are pending")
    return f"{few}: {names}" if firing else f"Nothing fires; {few}: {names}"


def _source(read: Read, is_up: bool | None, now: float) -> SourceView:  # noqa: FBT001 - whether it is
    last = read.last
    if last is None:
        every = span(read.interval_seconds)
        return SourceView(
            read.name, read.kind, "unknown", "the first read has not ended yet", "not yet", every, "", (), 0
        )
    notes = last.notes() if isinstance(last, StreamsSnapshot | ConnectSnapshot) else ()
    health: Health = (
        "unknown" if is_up is None else "bad" if not is_up else "warn" if last.problems or notes else "good"
    )
    words = {
        "good": "it was read",
        "warn": notes[0] if notes else "not everything could be learnt",
        "bad": f"it cannot be read: {read.why}",
        "unknown": f"it has not been read for {span(read.age(now))}",
    }
    return SourceView(
        read.name,
        read.kind,
        health,
        words[health],
        ago(read.age(now)),
        span(read.interval_seconds),
        span(last.read_seconds),
        [*notes, *(f"{problem.reason}: {problem.detail}" for problem in last.problems[:_MOST_PROBLEMS])],
        max(0, len(last.problems) - _MOST_PROBLEMS),
        EntityRef("connect", (read.part,)).path if read.kind == "connect" else "",
    )
