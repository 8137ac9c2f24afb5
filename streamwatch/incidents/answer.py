"""Incidents as JSON, as ``/api/v1/incidents`` has them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from streamwatch.core.times import rfc3339
from streamwatch.incidents.incident import Incident
from streamwatch.incidents.timeline import timeline

_MOST_INCIDENTS: Final = 500
_MOST_ALERTS: Final = 2_000
"""In all incidents together: what tells an alert from every other is made of its labels anew each time."""
_MOST_NAMES: Final = 20


def answer(incidents: Sequence[Incident], remedies: Mapping[str, str]) -> dict[str, Any]:
    """Return the incidents, those that fire and the worst first, those that are over last.

    Args:
        incidents: what is the matter.
        remedies: the first thing to do, by the name of a runbook.

    """
    return {
        "incidents": list(_each(incidents[:_MOST_INCIDENTS], remedies)),
        "incidentsLeftOut": max(0, len(incidents) - _MOST_INCIDENTS),
    }


def _each(incidents: Sequence[Incident], remedies: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    room = _MOST_ALERTS
    for incident in incidents:
        yield _shown(incident, remedies, room)
        room = max(0, room - len(incident.alerts))


def _shown(incident: Incident, remedies: Mapping[str, str], most_alerts: int) -> dict[str, Any]:
    impact = incident.impact
    return {
        "id": incident.id,
        "cause": None if incident.cause is None else incident.cause.kind,
        "about": None if incident.cause is None else list(incident.cause.scope),
        "sentence": incident.sentence,
        "evidence": list(incident.evidence),
        "state": "firing" if incident.is_firing else "pending",
        "isOver": incident.is_over,
        "since": rfc3339(incident.since),
        "holdsSince": rfc3339(incident.holds_since),
        "remedy": incident.first_remedy(remedies),
        "runbook": f"/runbooks/{incident.runbook}" if incident.runbook in remedies else "",
        "impact": {
            "partitions": impact.partitions,
            "groups": _named(impact.groups),
            "readers": _named(impact.readers),
            "streams": _named(impact.streams),
        },
        "changes": [
            {"at": rfc3339(change.at), "kind": change.kind, "subject": change.subject, "sentence": change.sentence}
            for change in incident.changes
        ],
        "timeline": [{"at": rfc3339(moment.at), "what": moment.words} for moment in timeline(incident)],
        "alerts": [
            {
                "fingerprint": alert.fingerprint,
                "alertname": alert.name,
                "state": alert.state,
                "severity": alert.labels.get("severity", ""),
                "activeAt": rfc3339(alert.active_at),
            }
            for alert in incident.alerts[:most_alerts]
        ],
        "alertsLeftOut": max(0, len(incident.alerts) - most_alerts),
    }


def _named(names: tuple[str, ...]) -> dict[str, Any]:
    return {"count": len(names), "names": list(names[:_MOST_NAMES])}
