"""Incidents as ``streamwatch alerts`` prints them."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import click
import pytest

from streamwatch.cli.incident_tree import echo_tree


def incident(cause: str | None, *alerts: str, **more: Any) -> Mapping[str, Any]:
    facts = {
        "cause": cause, "sentence": f"{cause} is so.", "since": "1970-01-01T00:00:01Z",
        "holdsSince": "1970-01-01T00:00:10Z", "evidence": ["it is seen"],
        "changes": [], "remedy": "", "runbook": "", "alerts": [{"fingerprint": each} for each in alerts],
    }  # fmt: skip
    return facts | more


def lines(capsys: pytest.CaptureFixture[str], *incidents: Mapping[str, Any], alerts: str = "abc") -> list[str]:
    def echo(name: str, margin: str) -> None:
        click.echo(f"{margin}alert {name}")

    echo_tree(incidents, {name: partial(echo, name) for name in alerts}, 70.0)
    return capsys.readouterr().out.splitlines()


def test_alerts_stand_below_their_cause_with_what_shows_it_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    change = {"at": "1970-01-01T00:00:01Z", "sentence": "Somebody moved orders."}
    broker = incident("broker", "a", "b", remedy="Start it.", runbook="/runbooks/X", changes=[change])
    assert lines(capsys, broker) == [
        "cause    broker is so.",
        "         for 60 s · it is seen",
        "         before it, 1970-01-01T00:00:01Z: Somebody moved orders.",
        "         first: Start it. (/runbooks/X)",
        "  alert a",
        "  alert b",
        "alert c",
    ]


def test_an_alert_whose_cause_is_not_known_stands_by_itself_and_several_together(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert lines(capsys, incident(None, "a"), incident(None, "b", "c")) == [
        "alert a",
        "unknown  None is so.",
        "         for 60 s · it is seen",
        "  alert b",
        "  alert c",
    ]


def test_an_incident_whose_alerts_have_resolved_meanwhile_is_not_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert lines(capsys, incident("broker", "gone"), alerts="a") == ["alert a"]
