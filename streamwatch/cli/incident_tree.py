"""Incidents for a terminal: the cause, what shows it, what to do first, and its alerts below it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import click

from streamwatch.core.words import printable
from streamwatch.export.web_page.words import span

Alerts = Mapping[str, Callable[[str], None]]
"""By fingerprint: what prints an alert, each of its lines after a margin."""
_INDENT: Final = " " * 9


def echo_tree(incidents: Sequence[Mapping[str, Any]], alerts: Alerts, now: float) -> None:
    """Print incidents with their alerts, and then the alerts that are in none.

    An alert whose cause is not known, and that is alone, is printed as it is.

    Args:
        incidents: as ``/api/v1/incidents`` has them.
        alerts: those that are shown.
        now: seconds since 1970.

    """
    left = dict(alerts)
    for incident in incidents:
        below = [left.pop(each["fingerprint"]) for each in incident["alerts"] if each["fingerprint"] in left]
        has_head = bool(below) and (incident["cause"] is not None or len(below) > 1)
        for line in _head(incident, now) if has_head else ():
            click.echo(line)
        for echo in below:
            echo("  " if has_head else "")
    for echo in left.values():
        echo("")


def holds_since(incident: Mapping[str, Any]) -> str:
    """Return since when an incident is as its sentence says; an older agent gives only since when it is there."""
    since: str = incident.get("holdsSince", incident["since"])
    return since


def _head(incident: Mapping[str, Any], now: float) -> Iterator[str]:
    since = span(max(0.0, now - datetime.fromisoformat(holds_since(incident)).timestamp()))
    is_known = incident["cause"] is not None
    yield f"{'cause' if is_known else 'unknown':8} {click.style(printable(incident['sentence']), bold=True)}"
    yield _INDENT + printable(" · ".join([f"for {since}", *incident["evidence"]]))
    for change in incident["changes"]:
        yield f"{_INDENT}before it, {change['at']}: {printable(change['sentence'])}"
    if incident["remedy"]:
        yield _INDENT + printable(f"first: {incident['remedy']} ({incident['runbook']})")
