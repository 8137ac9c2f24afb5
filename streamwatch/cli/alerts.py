"""``streamwatch alerts``: what the page says of alerts, for a terminal."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import click

from streamwatch.cli.agent_client import AgentClient, options
from streamwatch.cli.incident_tree import echo_tree
from streamwatch.core.clock import SystemClock
from streamwatch.core.words import printable
from streamwatch.export.web_page.alerts import AlertView
from streamwatch.export.web_page.alerts import alerts as seen
from streamwatch.model.alert import Alert
from streamwatch.model.labels import Labels
from streamwatch.notify.silence import number_of

_COLOURS: Final = {"bad": "red", "warn": "yellow"}
_INDENT: Final = " " * 9


@click.command()
@options
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of lines.")
def alerts(url: str, username: str | None, password_file: Path | None, as_json: bool) -> None:  # noqa: FBT001 - a flag
    """List what fires and what is pending on a running agent, by cause: how bad, what, since when, who knows."""
    agent = AgentClient(url, username, password_file)
    some: list[dict[str, Any]] = agent.ask("GET", "/api/v1/alerts")["data"]["alerts"]
    notes: list[dict[str, Any]] = agent.ask("GET", "/api/v1/notifications")["data"]["notifications"]
    incidents: list[dict[str, Any]] = agent.ask("GET", "/api/v1/incidents")["data"]["incidents"]
    standing = {one["fingerprint"]: one for one in agent.ask("GET", "/api/v2/alerts")}
    channels = {one["name"] for one in agent.ask("GET", "/api/v2/receivers")} - {"null"}
    known = [_alert(one, standing) for one in some]
    reasons = {fingerprint: _why(fires["status"]) for fingerprint, fires in standing.items()}
    now = SystemClock().now()
    found = seen(known, notes, len(channels), now, reasons=reasons, most=len(known))
    shown = {one.id: one for one in (*found.firing, *found.pending)}
    if as_json:
        listed = [
            {**one, **_facts(alert, shown.get(alert.fingerprint), standing)}
            for one, alert in zip(some, known, strict=True)
        ]
        click.echo(json.dumps({"alerts": listed, "incidents": incidents, "notifications": notes}, indent=2))
        return
    states = [*(("firing", one) for one in found.firing), *(("pending", one) for one in found.pending)]
    echo_tree(incidents, {one.id: partial(_echo, state, one) for state, one in states}, now)
    here = {fingerprint for fingerprint, one in shown.items() if one}
    _echo_rest([note for note in notes if not here & set(note["alerts"])])
    quiet = len(known) - len(shown)
    if not shown:
        click.echo("nothing is pending or fires" + (f", but {quiet} of severity none" if quiet else ""), err=True)


def _alert(one: Mapping[str, Any], standing: Mapping[str, Any]) -> Alert:
    labels = Labels(one["labels"])
    alert = Alert(labels, one["state"], float(one["value"]), _at(one["activeAt"]), tuple(one["annotations"].items()))
    fires = standing.get(alert.fingerprint)
    return alert if fires is None else alert.but(fired_at=_at(fires["startsAt"]))


def _facts(alert: Alert, shown: AlertView | None, standing: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a line says, for machines."""
    status = standing.get(alert.fingerprint, {}).get("status", {})
    return {
        "fingerprint": alert.fingerprint,
        "severity": alert.labels.get("severity", ""),
        "summary": dict(alert.annotations).get("summary", alert.name),
        "firingSince": standing[alert.fingerprint]["startsAt"] if alert.fingerprint in standing else None,
        "notified": list(shown.sent) if shown is not None else [],
        "silencedBy": status.get("silencedBy", []),
        "inhibitedBy": status.get("inhibitedBy", []),
        "mutedBy": status.get("mutedBy", []),
    }


def _echo(state: str, alert_view: AlertView, margin: str) -> None:
    severity = click.style(printable(alert_view.severity), fg=_COLOURS.get(alert_view.health), bold=True)
    click.echo(f"{margin}{state:8} {severity}  {printable(alert_view.summary)}")
    since = f"{alert_view.name} · {'fires' if state == 'firing' else 'holds'} for {alert_view.since}"
    click.echo(margin + _INDENT + printable(" · ".join([since, *alert_view.sent, *alert_view.muted])))
    if alert_view.labels:
        click.echo(margin + _INDENT + printable(alert_view.labels))


def _why(status: Mapping[str, Any]) -> list[str]:
    """Return why nobody is notified of an alert now."""
    found = [f"muted by silence {number_of(one)}" for one in status.get("silencedBy", ())]
    found += [f"muted by {one}" for one in status.get("mutedBy", ())]
    causes = len(status.get("inhibitedBy", ()))
    return [*found, f"its cause fires too ({causes})"] if causes else found


def _echo_rest(notes: Sequence[Mapping[str, Any]]) -> None:
    """Say which notifications of resolved alerts still wait."""
    for note in notes:
        if note["wanted"] or note["parked"]:
            labels = " ".join(f"{name}={value}" for name, value in note["labels"].items())
            why = (
                f"refuses it: {note['parked']}" if note["parked"] else f"is being notified that it is {note['wanted']}"
            )
            click.echo(printable(f"over     {note['channel']} {why}: {labels}"))


def _at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
