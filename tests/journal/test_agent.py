"""The journal in the agent as a whole: asked over HTTP and by the command, and on the page."""

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from streamwatch.agent.app import App
from streamwatch.cli.main import main
from tests.agent.test_alerting import RULES, settings
from tests.conftest import Start, get
from tests.waiting import wait_for


def events(app: App, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(get(app, f"/api/v1/events{query}")[1])["data"]["events"]
    return found


def with_rules(folder: Path) -> Path:
    (folder / "rules").mkdir()
    (folder / "rules" / "mine.yml").write_text(RULES)
    return folder


def test_starts_and_silences_are_asked_for_and_seen(tmp_path: Path, start: Start) -> None:
    app = start(settings(with_rules(tmp_path)))
    wait_for(lambda: [each["kind"] for each in events(app)] == ["agent.started"], 20, "it has started")
    wait_for(lambda: app._schedule.counts()["journal"].runs, 20, "the silences that are there are known")
    url = f"--url=http://{app.address}"
    made = CliRunner().invoke(main, ["silence", "add", url, "--by", "ann", "alertname=Here"])
    assert made.exit_code == 0, made.output
    app._journal.run()

    wait_for(lambda: [each["subject"] for each in events(app, "?kind=silence")] == ["1"], 20, "a silence")
    wait_for(lambda: b"silence 1 was made" in app._home().body, 20, "it is on the page")
    listed = CliRunner().invoke(main, ["events", url])
    assert [line.partition("  ")[2].partition(":")[0] for line in listed.output.splitlines()] == [
        "streamwatch  StreamWatch 0.1.0 started; it has no earlier state",
        "streamwatch  silence 1 was made",
    ]
    nothing = CliRunner().invoke(main, ["events", url, "--kind", "topic", "--json"])
    assert json.loads(nothing.stdout) == {"events": []}
    assert json.loads(get(app, "/api/v1/events?limit=0")[1])["errorType"] == "bad_data"


def test_a_restart_and_another_configuration(tmp_path: Path, start: Start) -> None:
    start(settings(with_rules(tmp_path))).stop()
    app = start(settings(tmp_path, job="other"))

    found = wait_for(lambda: events(app, "?kind=agent.configuration"), 20, "another configuration")
    assert [each["text"] for each in found] == [
        "StreamWatch has another configuration: rules is another, source shop is another"
    ]
