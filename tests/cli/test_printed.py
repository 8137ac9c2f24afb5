"""Names that somebody else chose are printed, and a terminal obeys nothing in them."""

import json
from typing import Any

import pytest
from click.testing import CliRunner
from rich.table import Table
from rich.text import Text

from streamwatch.cli.advise import advise
from streamwatch.cli.agent_client import AgentClient
from streamwatch.cli.alerts import alerts
from streamwatch.cli.audit import audit
from streamwatch.cli.doctor_report import DoctorReport
from streamwatch.cli.events import events
from streamwatch.cli.may_restart import may_restart
from streamwatch.cli.silences import silence
from streamwatch.cli.tables import show
from streamwatch.model.alert import Alert
from streamwatch.model.finding import Finding
from streamwatch.model.labels import Labels

NAME = "or\x1b[31mders\x07"
ADVICE = {
    "about": "group", "labels": {"group": NAME}, "question": "members", "state": "do", "action": NAME, "sum": NAME,
    "sure": NAME, "data": [NAME], "commands": [NAME],
}  # fmt: skip
OBJECTION = {"kind": "members", "topic": NAME, "partition": 1, "text": NAME, "unknown": False}
AT = "2027-01-31T12:00:00Z"
FIRES: dict[str, Any] = {
    "labels": {"alertname": "A", "severity": "warning", "group": NAME}, "annotations": {"summary": NAME}, "value": "1",
    "state": "firing", "activeAt": AT,
}  # fmt: skip
INCIDENT = {
    "cause": "x", "sentence": NAME, "evidence": [NAME], "remedy": NAME, "runbook": "/runbooks/A", "since": AT,
    "holdsSince": AT,
    "changes": [{"at": AT, "sentence": NAME}],
    "alerts": [{"fingerprint": Alert(Labels(FIRES["labels"]), "firing", 1.0, 0.0).fingerprint}],
}  # fmt: skip
EVENT = {"time": AT, "since": AT, "source": NAME, "text": NAME}
SILENCE = {
    "id": "1", "matchers": [{"name": "group", "value": NAME, "isRegex": False, "isEqual": True}], "startsAt": AT,
    "endsAt": AT, "createdBy": NAME, "comment": NAME,
}  # fmt: skip
FINDING: dict[str, Any] = {
    "finding": "min-isr-one", "severity": "warning", "title": "It is 1", "kind": "topic", "target": NAME,
    "remedy": f"kafka-configs.sh --alter --entity-type topics --entity-name {NAME} --add-config min.insync.replicas=2",
    "evidence": [NAME],
    "ignoreEnded": {"until": "2027-01-31", "reason": NAME}, "ignored": None,
}  # fmt: skip
AUDIT = {
    "findings": [FINDING, {**FINDING, "ignored": {"until": "2027-01-31", "reason": NAME}}],
    "notChecked": [{"finding": "one-rack", "targets": [NAME] * 3, "count": 5, "why": NAME}],
    "unread": [NAME], "counts": {"critical": 0, "warning": 1, "info": 0}, "findingsLeftOut": 0,
}  # fmt: skip
ANSWERS: dict[str, Any] = {
    "/api/v1/audit": {"data": AUDIT},
    "/api/v1/advise": {"data": {"advice": [ADVICE], "adviceLeftOut": 0}},
    "/api/v1/may-restart": {
        "data": {"may": False, "subject": NAME, "askedAt": 1.0, "count": 1, "objections": [OBJECTION]}
    },
    "/api/v1/events": {"data": {"events": [EVENT, EVENT]}},
    "/api/v1/alerts": {"data": {"alerts": [FIRES]}},
    "/api/v1/notifications": {"data": {"notifications": []}},
    "/api/v1/incidents": {"data": {"incidents": [INCIDENT]}},
    "/api/v2/alerts": [],
    "/api/v2/receivers": [],
    "/api/v2/silences": [SILENCE],
}
SAFE = "or\N{REPLACEMENT CHARACTER}[31mders\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(
    ("command", "arguments"),
    [(advise, []), (alerts, []), (audit, []), (events, []), (may_restart, ["reader", "billing"]), (silence, ["list"])],
)
def test_nothing_in_a_name_is_obeyed(command: Any, arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(_: AgentClient, __: str, path: str, ___: object = None) -> object:
        return json.loads(json.dumps(ANSWERS[path.partition("?")[0]]))

    monkeypatch.setattr(AgentClient, "ask", ask)
    text = CliRunner().invoke(command, arguments).output
    assert text.count(SAFE) >= 2
    assert "\x1b" not in text
    assert "\x07" not in text


def test_a_command_that_mends_is_whole_however_narrow_the_terminal_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AgentClient, "ask", lambda *_: json.loads(json.dumps({"data": AUDIT})))
    lines = CliRunner().invoke(audit, env={"COLUMNS": "40"}).output.splitlines()
    wanted = FINDING["remedy"].replace(NAME, SAFE)
    assert [line.strip() for line in lines[: lines.index(f"          {wanted}") + 1]] == [
        f"warning   min-isr-one, topic {SAFE}: It is 1", SAFE, f"it was ignored until 2027-01-31: {SAFE}", wanted,
    ]  # fmt: skip


@pytest.mark.parametrize("action", ["not known yet: 0 h of history, needs 24 h", "not known: no sizes"])
def test_what_is_not_known_is_said_once(action: str, monkeypatch: pytest.MonkeyPatch) -> None:
    advice = {**ADVICE, "labels": {"group": "a"}, "state": "unknown", "action": action}
    monkeypatch.setattr(AgentClient, "ask", lambda *_: {"data": {"advice": [advice], "adviceLeftOut": 0}})
    assert f"group a, members: {action}\n" in CliRunner().invoke(advise).output


def test_neither_the_terminal_nor_rich_obeys_what_a_table_holds(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table("group", "words")
    table.add_row(f"[link=http://elsewhere]{NAME}[/link]", Text(NAME, style="red"))
    table.add_row("several\nlines", ":fire:")
    show(table, Text(NAME))
    text = capsys.readouterr().out
    assert f"[link=http://elsewhere]{SAFE}[/link]" in text
    assert text.count("or\N{REPLACEMENT CHARACTER}[31mders") == 3, "rich itself takes out the bell"
    assert "several" in text.splitlines()[-4]
    assert ":fire:" in text
    assert "\x1b" not in text


def test_what_a_broker_says_to_the_doctor_is_text() -> None:
    lines: list[str] = []
    report = DoctorReport(lines.append, is_verbose=True)
    report.add(Finding(NAME, "login", "failed", f"{NAME}\nagain", NAME))
    assert [line.count(SAFE) for line in lines] == [2, 1]
    assert "\nagain" in lines[0]
