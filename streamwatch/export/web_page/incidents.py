"""Incidents as they are shown: the cause in one sentence, what shows it, what to do first, and its alerts below it."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from streamwatch.export.web_page.alerts import AlertView
from streamwatch.export.web_page.words import Health, ago, span, worst
from streamwatch.incidents.incident import Incident
from streamwatch.incidents.timeline import timeline
from streamwatch.model.alert import Alert

_MOST_INCIDENTS: Final = 20
_MOST_ALERTS: Final = 50
"""Of all incidents together; each shows one at least."""


@dataclass(frozen=True, slots=True)
class IncidentView:
    """One incident of which an alert fires."""

    id: str
    """Of the element: the same for as long as the incident goes on."""
    health: Health
    sentence: str
    is_known: bool
    """Whether its cause is known."""
    since: str
    """For how long it has been as the sentence says."""
    sent: Sequence[str]
    """Who was notified of its first alert; where that fired before it was so, that it did."""
    evidence: Sequence[str]
    changes: Sequence[str]
    """What changed in the minutes before it began."""
    timeline: Sequence[str]
    """What happened, the oldest first, each with how long ago."""
    remedy: str
    runbook: str
    """A path on the agent; empty where there is none."""
    alerts: Sequence[AlertView]
    """Those that fire, the worst first, not too many."""
    more: int
    """Those that are active and not shown."""


@dataclass(frozen=True, slots=True)
class ChosenIncidents:
    """What is shown of incidents, before its alerts are."""

    chosen: Sequence[tuple[Incident, Sequence[Alert]]] = ()
    """Each with the alerts that are shown below it."""
    more: int = 0
    """Incidents that are not shown."""

    @property
    def alerts(self) -> list[Alert]:
        """The alerts that are shown, in their order."""
        return [alert for _, shown in self.chosen for alert in shown]

    @property
    def live(self) -> Sequence[tuple[Incident, Sequence[Alert]]]:
        """Those that go on, which come first; all of them where every one is over."""
        return [each for each in self.chosen if not each[0].is_over] or self.chosen


def chosen(incidents: Sequence[Incident]) -> ChosenIncidents:
    """Return what is shown: the worst incidents of which an alert fires, each with the worst of its alerts."""
    firing = [incident for incident in incidents if incident.is_firing]
    shown = firing[:_MOST_INCIDENTS]
    most = max(1, _MOST_ALERTS // max(1, len(shown)))
    return ChosenIncidents(
        [(each, [alert for alert in each.alerts if alert.state == "firing"][:most]) for each in shown],
        len(firing) - len(shown),
    )


def incident_views(
    shown: ChosenIncidents, alerts: Sequence[AlertView], remedies: Mapping[str, str], now: float
) -> list[IncidentView]:
    """Return the incidents.

    Args:
        shown: those that are shown.
        alerts: the same alerts as ``shown.alerts``, as they are shown.
        remedies: the first thing to do, by the name of a runbook.
        now: seconds since 1970.

    """
    rest = iter(alerts)
    return [_view(incident, some, [next(rest) for _ in some], remedies, now) for incident, some in shown.chosen]


def _sent(incident: Incident, alerts: Sequence[Alert], below: Sequence[AlertView]) -> list[str]:
    """Return who was notified of the first alert that fired since it is so; else of the first, and that it is older.

    What follows may have fired for another cause before: of that was the message, and who got it knows nothing of this.
    """
    each = [
        (alert.fired_at or 0.0, [*view.sent, *view.muted], view.name) for alert, view in zip(alerts, below, strict=True)
    ]
    known = [words for at, words, _ in each if incident.ended is not None or at >= incident.holds_since]
    if known or not each:
        return known[0] if known else []
    _, words, name = each[0]
    return [f"{name} fired before it: {word}" for word in words]


def _view(
    incident: Incident,
    alerts: Sequence[Alert],
    below: Sequence[AlertView],
    remedies: Mapping[str, str],
    now: float,
) -> IncidentView:
    return IncidentView(
        f"incident-{zlib.crc32(incident.id.encode('utf-8', 'replace')):08x}",
        worst(alert.health for alert in below if alert.health != "unknown"),
        incident.sentence,
        incident.cause is not None,
        span(max(0.0, now - incident.holds_since)),
        _sent(incident, alerts, below),
        incident.evidence,
        [f"{change.sentence} ({ago(max(0.0, now - change.at))})" for change in incident.changes],
        [f"{ago(max(0.0, now - moment.at))}: {moment.words}" for moment in timeline(incident)],
        incident.first_remedy(remedies),
        f"/runbooks/{incident.runbook}" if incident.runbook in remedies else "",
        below,
        len(incident.alerts) - len(below),
    )
