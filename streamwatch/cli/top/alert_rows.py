"""Alerts and incidents as rows, of what the agent's API says of them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from streamwatch.catalogue import agent as o
from streamwatch.cli.incident_tree import holds_since
from streamwatch.cli.top.listing import Listing, TopColumn
from streamwatch.cli.top.rows import Cell, TopRow
from streamwatch.cli.top.units import plain, written
from streamwatch.cli.top.views import TEXT
from streamwatch.export.web_page.words import Health
from streamwatch.model.alert import WATCHDOG_SEVERITY, text_in_state

_BAD, _WARN = frozenset({"critical", "page"}), frozenset({"warning", "warn"})
_OVER: Final = "over"
"""The state of an incident whose alerts only fire because they are to be kept firing."""
_HIDDEN: Final = frozenset({"alertname", "severity", "instance", "job"})

ALERTS: Final = Listing(
    title="alerts",
    keys=("alert",),
    there=o.ALERTS,
    order=("for",),
    columns=(
        TopColumn(title="severity", is_text=True),
        TopColumn(title="state", rank=1, is_text=True),
        TopColumn(title="for", unit="seconds"),
        TopColumn(title="about", rank=4, is_text=True),
        TopColumn(title="summary", rank=2, is_text=True, least=30),
    ),
)
INCIDENTS: Final = Listing(
    title="incidents",
    keys=("cause",),
    there=o.ALERTS,
    order=("for",),
    columns=(
        TopColumn(title="state", rank=2, is_text=True),
        TopColumn(title="for", unit="seconds", rank=1),
        TopColumn(title="alerts", rank=1),
        TopColumn(title="what is the matter", is_text=True, least=60),
        TopColumn(title="since", rank=5, is_text=True),
    ),
)


def alert_rows(alerts: Sequence[Mapping[str, Any]], now: float) -> list[TopRow]:
    """Return the alerts that are pending or firing."""
    return [_alert(alert, now) for alert in alerts if alert["labels"].get("severity") != WATCHDOG_SEVERITY]


def incident_rows(incidents: Sequence[Mapping[str, Any]], now: float) -> list[TopRow]:
    """Return the incidents."""
    return [_incident(incident, now) for incident in incidents]


def over_last(incidents: Iterable[TopRow]) -> list[TopRow]:
    """Return rows of incidents with those that are over behind all that goes on, else in their order."""
    return sorted(incidents, key=lambda row: row.cells["state"].text == _OVER)


def for_headline(rows: Sequence[TopRow]) -> list[TopRow]:
    """Return the rows of what fires; where nothing does but what is over, of that."""
    by_state = {state: [row for row in rows if row.cells["state"].text == state] for state in ("firing", _OVER)}
    return by_state["firing"] or by_state[_OVER]


def health_of(severity: str, state: str) -> Health:
    """Return how bad an alert is; one that is pending may be over in a moment."""
    if state != "firing":
        return "good" if severity not in _BAD | _WARN else "warn"
    return "bad" if severity in _BAD else "warn" if severity in _WARN else "good"


def _alert(alert: Mapping[str, Any], now: float) -> TopRow:
    labels = {name: plain(value) for name, value in alert["labels"].items()}
    notes = {name: plain(value) for name, value in alert["annotations"].items()}
    severity, name = labels.get("severity", ""), labels.get("alertname", "")
    seconds = max(0.0, now - _at(alert["activeAt"]))
    about = " ".join(f"{label}={value}" for label, value in labels.items() if label not in _HIDDEN)
    health = health_of(severity, alert["state"])
    cells = {
        "severity": Cell(severity or "none", None, health),
        "state": Cell(plain(alert["state"])),
        "for": Cell(written(seconds, "seconds"), seconds),
        "about": Cell(about),
        "summary": Cell(notes.get("summary", "")),  # its state stands beside it, and there is little room
    }
    text = [
        text_in_state(notes.get("summary", ""), alert["state"]) or name,
        *([notes["description"]] if notes.get("description") else []),
        "",
        *(f"{label}: {value}" for label, value in labels.items()),
        f"value: {plain(alert['value'])}",
        f"active since: {plain(alert['activeAt'])}",
        *(f"{note}: {value}" for note, value in notes.items() if note not in {"summary", "description"}),
    ]
    return TopRow((about, name), cells, health, TEXT, labels, text)


def _incident(incident: Mapping[str, Any], now: float) -> TopRow:
    seconds = max(0.0, now - _at(holds_since(incident)))
    severities = {alert["severity"] for alert in incident["alerts"] if alert["state"] == "firing"}
    health: Health = "bad" if severities & _BAD else "warn"
    count = len(incident["alerts"]) + incident["alertsLeftOut"]
    cells = {
        "state": Cell(_OVER if incident.get("isOver") else plain(incident["state"])),
        "for": Cell(written(seconds, "seconds"), seconds),
        "alerts": Cell(written(float(count), "count"), float(count)),
        "what is the matter": Cell(plain(incident["sentence"]), None, health),
        "since": Cell(plain(holds_since(incident))),
    }
    cause = plain(incident["cause"] or "not known")
    return TopRow((plain(incident["id"]), cause), cells, health, TEXT, {}, list(_story(incident)))


def _story(incident: Mapping[str, Any]) -> Iterator[str]:
    yield plain(incident["sentence"])
    yield ""
    yield from (f"- {plain(each)}" for each in incident["evidence"])
    if incident["remedy"]:
        yield from ("", f"first: {plain(incident['remedy'])} ({plain(incident['runbook'])})")
    if incident["changes"]:
        yield from ("", "what changed before")
        yield from (f"{plain(change['at'])}  {plain(change['sentence'])}" for change in incident["changes"])
    if incident["timeline"]:
        yield from ("", "what happened")
        yield from (f"{plain(moment['at'])}  {plain(moment['what'])}" for moment in incident["timeline"])
    yield from ("", "alerts")
    for alert in incident["alerts"]:
        yield f"{plain(alert['state']):8} {plain(alert['severity']):9} {plain(alert['alertname'])}"
    if incident["alertsLeftOut"]:
        yield f"and {incident['alertsLeftOut']} more"


def _at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
