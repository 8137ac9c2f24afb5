"""The decision list: what is the matter, the deepest cause first, and which alerts follow from it.

A branch is a function that yields causes with their evidence; several can be true at once. Each alert hangs below the
first cause that explains it. A cause that explains no alert is none, and what no cause explains is an incident of which
the cause is not known. Nothing here decides whether anybody is notified.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from streamwatch.core.times import rfc3339
from streamwatch.core.words import counted
from streamwatch.incidents import changes, cluster, groups, monitor, probes, readers, streams
from streamwatch.incidents.incident import Cause, Impact, Incident, Scope
from streamwatch.incidents.known import Known, scopes
from streamwatch.incidents.own_words import own_words
from streamwatch.model.alert import Alert

Branch = Callable[[Known], Iterable[Cause]]
BRANCHES: Final[tuple[Branch, ...]] = (
    cluster.controllers,
    cluster.disks,
    cluster.brokers,
    cluster.returned,
    monitor.blind,
    cluster.links,
    cluster.busy,
    cluster.quotas,
    groups.transactions,
    readers.connectors,
    readers.stopped,
    readers.plain,
    readers.stands,
    readers.workers,
    readers.idle,
    readers.replicators,
    streams.writers,
    streams.throttled_readers,
    streams.unread,
    probes.lost,
    groups.members,
    groups.stuck,
    groups.rebalances,
    groups.slow,
    monitor.late,
    own_words,
)
"""In this order: what comes first explains what comes after it."""
_ORDER: Final = ("critical", "page", "warning", "warn", "info")
_MOST_EVIDENCE: Final = 8
_MOST_GROUPS: Final = 3


def decide(known: Known) -> list[Incident]:
    """Return what is the matter: what is over last, what fires first, and of these the worst and the oldest first."""
    left = {id(alert): alert for alert in known.alerts}
    incidents: list[Incident] = []
    for branch in BRANCHES:
        for cause in branch(known):
            alerts = _claimed(known, cause, left)
            if alerts:
                incidents.append(_incident(known, cause.id, cause, cause.scope, alerts))
    for scope, alerts in _by_place(left.values()).items():
        for change, thing, own in changes.explained(known, scope, alerts):
            name = change.id if change is not None else f"not known:{'/'.join(scope[1:])}"
            incidents.append(_incident(known, name, change, thing, own))
    merged = _merged(incidents)
    return sorted(merged, key=_place)


def _place(incident: Incident) -> tuple[bool, bool, int, float]:
    return incident.is_over, not incident.is_firing, _rank(incident.alerts[0]), incident.since


def _claimed(known: Known, cause: Cause, left: dict[int, Alert]) -> list[Alert]:
    """Return the alerts that a cause explains and no cause before it did."""
    explained = (alert for effects in cause.effects for alert in known.about(effects.scope, effects.names))
    return [alert for alert in explained if left.pop(id(alert), None) is not None]


def _by_place(alerts: Iterable[Alert]) -> dict[Scope, list[Alert]]:
    """Return alerts that nothing explains by the cluster, stream or source that they are about."""
    places: dict[Scope, list[Alert]] = {}
    for alert in alerts:
        every = {scope[0]: scope for scope in scopes(alert)}
        kinds = ("stream", "cluster", "reader", "connect", "source")
        place = next((every[kind] for kind in kinds if kind in every), ("alert", alert.name))
        places.setdefault(place, []).append(alert)
    return places


def _incident(known: Known, name: str, cause: Cause | None, scope: Scope, alerts: list[Alert]) -> Incident:
    if len(alerts) > 1:
        alerts.sort(key=lambda alert: (alert.state != "firing", _rank(alert), alert.active_at))
    since = min(alert.active_at for alert in alerts)
    impact = _impact(cause, alerts)
    ended = None if cause is None else _end(cause, alerts)
    if cause is not None:
        sentence, evidence, runbook = f"{_over(ended)}{cause.sentence}", cause.evidence, cause.runbook
    else:
        more = f", and {counted(len(alerts) - 1, 'more alert')}" if len(alerts) > 1 else ""
        sentence = f"{_unknown(alerts[0])}{more}"
        late = dict.fromkeys(scope for alert in alerts[:100] for scope in scopes(alert) if scope[0] == "group")
        evidence = tuple(text for scope in list(late)[:_MOST_GROUPS] for text in groups.evidence(known, scope))
        runbook = alerts[0].name
    return Incident(
        name,
        cause,
        f"{sentence}{_concerned(impact)}.",
        tuple(text for text in evidence if text)[:_MOST_EVIDENCE],
        since,
        _holds_since(cause, alerts) if ended is None else ended,
        ended,
        tuple(alerts),
        impact,
        runbook,
        changes.before(known, since, scope, alerts),
    )


def _holds_since(cause: Cause | None, alerts: Sequence[Alert]) -> float:
    """Return since when it is as the sentence says: what follows may be older than a cause, or have another one before.

    Without a cause it is the first alert; with one, the alerts of its own name say it. Where none of these
    is active, that is not known: it is when the first of its alerts became active.
    """
    if cause is None:
        return alerts[0].active_at
    if cause.since is not None:
        return cause.since
    return min(alert.active_at for alert in _own(cause, alerts))


def _over(ended: float | None) -> str:
    """Return since when a cause is over, as the beginning of a sentence; nothing where it is not."""
    return "" if ended is None else f"Over since {rfc3339(ended, 'seconds')[11:]}: "


def _end(cause: Cause, alerts: Sequence[Alert]) -> float | None:
    """Return since when a cause is over: where its own alerts only fire because they are to be kept firing."""
    own = _own(cause, alerts)
    ends = [alert.keep_firing_since for alert in own if alert.keep_firing_since is not None]
    return max(ends) if len(ends) == len(own) else None


def _own(cause: Cause, alerts: Sequence[Alert]) -> Sequence[Alert]:
    """Return the alerts that say the cause; all of its alerts where none of these is active."""
    return [alert for alert in alerts if alert.name == cause.runbook] or alerts


def _merged(incidents: Sequence[Incident]) -> Iterable[Incident]:
    """Return incidents of which no two have the same id: the second of two hangs below the first.

    One that goes on comes before one that is over, and both before one that is pending: what may never be so is not
    said of an incident that fires.
    """
    by_id: dict[str, Incident] = {}
    for incident in incidents:
        before = by_id.get(incident.id)
        if before is None:
            by_id[incident.id] = incident
            continue
        first, second = sorted((before, incident), key=lambda each: (not each.is_firing, each.is_over))
        alerts = sorted((*first.alerts, *second.alerts), key=lambda alert: (alert.state != "firing", _rank(alert)))
        by_id[incident.id] = Incident(
            first.id,
            first.cause,
            first.sentence,
            first.evidence,
            min(first.since, second.since),
            first.holds_since,
            first.ended,
            tuple(alerts),
            _impact(first.cause, alerts),
            first.runbook,
            first.changes,
        )
    return by_id.values()


def _impact(cause: Cause | None, alerts: Sequence[Alert]) -> Impact:
    named: dict[str, dict[str, None]] = {"group": {}, "reader": {}, "stream": {}}
    for alert in alerts:
        for label, value in alert.labels.pairs:
            if label in named:
                named[label][value] = None
    return Impact(
        None if cause is None else cause.partitions,
        tuple(named["group"]),
        tuple(named["reader"]),
        tuple(named["stream"]),
    )


def _concerned(impact: Impact) -> str:
    """Return whom it concerns, as the end of a sentence."""
    words = [counted(impact.partitions, "partition")] if impact.partitions and not impact.streams else []
    words += [counted(impact.partitions, "shard")] if impact.partitions and impact.streams else []
    for names, word in ((impact.groups, "group"), (impact.readers, "reader"), (impact.streams, "stream")):
        words += [counted(len(names), word)] if names else []
    return f" ({', '.join(words)})" if words else ""


def _unknown(alert: Alert) -> str:
    says = alert.summary.rstrip(".")
    is_to_come = alert.state == "pending" and says != alert.name
    return f"The cause is not known{'.' if is_to_come else ':'} {says}"


def _rank(alert: Alert) -> int:
    severity = alert.labels.get("severity", "")
    return _ORDER.index(severity) if severity in _ORDER else len(_ORDER)
