"""What changed before an incident began, as a journal has it: shown with all, and a cause where nothing else is."""

from collections.abc import Iterator, Sequence
from typing import Final

from streamwatch.catalogue import kafka as k
from streamwatch.core.words import counted
from streamwatch.incidents.incident import Cause, ChangeNote, Effects, Scope
from streamwatch.incidents.known import Known, scopes
from streamwatch.incidents.places import OF_A_CLUSTER, IncidentPlace
from streamwatch.model.alert import Alert

_BEFORE_SECONDS: Final = 600.0
"""What changed earlier than this before an incident began is not shown with it."""
_AFTER_SECONDS: Final = 5.0
"""A change may be seen a read later than what follows from it."""
_MOST: Final = 5
ACTS: Final = frozenset(
    {
        "topic.deleted", "topic.recreated", "topic.partitions", "topic.settings", "topic.replicas",
        "broker.added", "broker.replaced", "broker.version", "cluster.version", "cluster.replaced",
        "reassignment.started", "group.deleted", "group.assignor", "group.set_back", "group.set_forward",
        "stream.deleted", "stream.shards", "stream.mode", "stream.retention", "stream.consumers",
        "reader.deleted", "reader.settings",
    }
)  # fmt: skip
"""Kinds of changes that somebody makes. Others come of what is wrong, as leaders that move and members that are lost,
or change nothing for those who write and read; and what is wrong with a thing is not that it was made."""


def before(known: Known, since: float, scope: Scope, alerts: Sequence[Alert]) -> tuple[ChangeNote, ...]:
    """Return what changed in the minutes before an incident: of its thing first, then of its place, the newest first.

    What is certainly elsewhere is left out: of another cluster, of another stream, of who reads it.

    Args:
        known: what is known.
        since: when the incident began, in seconds since 1970.
        scope: what it is about.
        alerts: those of the incident.

    """
    place = IncidentPlace(known, scope, alerts)
    near = [
        (distance, change)
        for change in known.changes
        if since - _BEFORE_SECONDS <= change.at <= since + _AFTER_SECONDS
        and (distance := place.distance(change)) is not None
    ]
    near.sort(key=lambda one: (one[0], -one[1].at))
    return tuple(change for _, change in near[:_MOST])


def _things(alert: Alert) -> Iterator[Scope]:
    """Yield what an alert is about; not the cluster in which that is."""
    every = scopes(alert)
    yield from (scope for scope in every if scope[0] != "cluster" or len(every) == 1)


def _is_about(change: ChangeNote, thing: Scope, alert: Alert) -> bool:
    """Say whether a change is one of this very thing: a group is no topic of the same name, nor its cluster.

    Nor is a function a delivery stream of the same name, or of another region.
    """
    kind = change.kind.partition(".")[0]
    if kind in {"cluster", "reassignment"}:
        return thing[0] == "cluster" or (kind == "reassignment" and thing[0] == "broker")
    if kind != thing[0] or not change.labels:
        return False
    if kind in OF_A_CLUSTER and change.source.partition("/")[0] != thing[1]:
        return False
    return all(alert.labels.get(label, value) == value for label, value in change.labels.items())


def changed(known: Known, scope: Scope, alerts: Sequence[Alert]) -> Cause | None:
    """Return what somebody changed where nothing else explains alerts; None where nothing is known to have changed.

    A change counts where it is about the very thing that an alert is about, and came before it; or where partitions are
    being moved between brokers now.
    """
    names = frozenset(alert.name for alert in alerts)
    effects = (Effects(scope, names),)
    if scope[0] == "cluster":
        moving = known.value(k.REASSIGNING_PARTITIONS, scope[1])
        about_replicas = names <= {"KafkaReplicasOutOfSync", "KafkaReplicasOutOfSyncLong", "KafkaLeadersUnbalanced"}
        if moving and about_replicas:
            words = f"{counted(moving, 'partition')} of {scope[1]} are being moved between brokers"
            return Cause(
                "change", scope, f"Somebody moves replicas: {words}", (words,), alerts[0].name, effects, moving
            )
    since = min(alert.active_at for alert in alerts)
    found = (change for change in before(known, since, scope, alerts) if _explains(change, alerts[0]))
    change = next(found, None)
    if change is None:
        return None
    words = f"Somebody changed something: {change.sentence.rstrip('.')}"
    return Cause("change", scope, words, (), alerts[0].name, effects, since=change.at)


def explained(known: Known, scope: Scope, alerts: Sequence[Alert]) -> Iterator[tuple[Cause | None, Scope, list[Alert]]]:
    """Yield the alerts of a place that nothing else explains by the change that does; those of none together.

    What somebody changed of one group is not why another is late.
    """
    cause = changed(known, scope, alerts) if scope[0] == "cluster" else None
    if cause is not None and cause.partitions is not None:
        yield cause, scope, list(alerts)
        return
    since = min(alert.active_at for alert in alerts)
    acts = [change for change in known.changes if change.kind in ACTS and change.at >= since - _BEFORE_SECONDS]
    rest = list[Alert]()
    by_thing: dict[Scope, list[Alert]] = {}
    for alert in alerts:
        if any(_explains(change, alert) for change in acts):
            by_thing.setdefault(max(_things(alert), key=len), []).append(alert)
        else:
            rest.append(alert)
    for thing, own in by_thing.items():
        own.sort(key=lambda alert: alert.active_at)
        cause = changed(known, thing, own)
        if cause is None:
            rest += own
        else:
            yield cause, thing, own
    if rest:
        yield None, scope, rest


def _explains(change: ChangeNote, alert: Alert) -> bool:
    """Say whether somebody changed the very thing that an alert is about before it came."""
    is_act = change.kind in ACTS and change.at <= alert.active_at
    return is_act and any(_is_about(change, thing, alert) for thing in _things(alert))
