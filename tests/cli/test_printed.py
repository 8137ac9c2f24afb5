"""Names that somebody else chose are printed, and a terminal obeys nothing in them."""

import json
from typing import Any

import pytest
from click.testing import CliRunner

from streamwatch.cli.advise import advise
from streamwatch.cli.agent_client import AgentClient
from streamwatch.cli.may_restart import may_restart

NAME = "or\x1b[31mders\x07"
ADVICE = {
    "about": "group", "labels": {"group": NAME}, "question": "members", "state": "do", "action": NAME, "sum": NAME,
    "sure": NAME, "data": [NAME], "commands": [NAME],
}  # fmt: skip
OBJECTION = {"kind": "members", "topic": NAME, "partition": 1, "text": NAME, "unknown": False}
ANSWERS: dict[str, Any] = {
    "advise": {"advice": [ADVICE], "adviceLeftOut": 0},
    "may-restart": {"may": False, "subject": NAME, "askedAt": 1.0, "count": 1, "objections": [OBJECTION]},
}


@pytest.mark.parametrize(("command", "arguments"), [(advise, []), (may_restart, ["reader", "billing"])])
def test_nothing_in_a_name_is_obeyed(command: Any, arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(_: AgentClient, __: str, path: str, ___: object = None) -> object:
        return json.loads(json.dumps({"data": ANSWERS[path.removeprefix("/api/v1/").partition("?")[0]]}))

    monkeypatch.setattr(AgentClient, "ask", ask)
    text = CliRunner().invoke(command, arguments).output
    assert text.count("or\N{REPLACEMENT CHARACTER}[31mders\N{REPLACEMENT CHARACTER}") >= 2
    assert "\x1b" not in text
    assert "\x07" not in text
