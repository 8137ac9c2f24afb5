"""Alertmanager's own tool, against the agent."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from streamwatch.core.errors import ConfigError
from streamwatch.notify.time_intervals import TimeInterval
from streamwatch.settings.reader import read_settings
from tests.notify.alertmanager_cases import ANSWERS
from tests.notify.receiver import receiver
from tests.notify.silencing import running
from tests.real import artefacts
from tests.real.conftest import had

Amtool = Callable[..., str]


@pytest.fixture
def amtool(tmp_path: Path) -> Iterator[Amtool]:
    """Runs amtool with these arguments, and returns what it prints."""
    tool = had(artefacts.alertmanager) / "usr/bin/amtool"
    with receiver() as service, running(tmp_path, service) as agent:

        def run(*args: str) -> str:
            command = [str(tool), f"--alertmanager.url=http://{agent.address}", "--no-version-check", *args]
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
            assert done.returncode == 0, done.stderr
            return done.stdout

        yield run


def listed(amtool: Amtool, *args: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(amtool(*args, "--output=json"))
    return found


def names(amtool: Amtool, *args: str) -> list[str]:
    return sorted(one["labels"]["alertname"] for one in listed(amtool, "alert", "query", *args))


def test_amtool_lists_alerts(amtool: Amtool) -> None:
    assert names(amtool) == ["Alive", "Down", "Slow"]
    assert names(amtool, "--inhibited") == ["Effect"]
    assert names(amtool, "Down") == ["Down"]
    assert names(amtool, "team=~d.*", "--receiver=hook") == ["Down"]
    assert "it is down" in amtool("alert", "query", "--output=simple")
    assert "it is down" in amtool("alert", "query", "--output=extended")


def test_amtool_makes_changes_lists_and_ends_silences(amtool: Amtool) -> None:
    made = amtool("silence", "add", "Down", "team=~d.*", "--author=me", "--comment=work", "--duration=2h").strip()
    (one,) = listed(amtool, "silence", "query")
    assert (one["id"], one["createdBy"], one["comment"], one["status"]["state"]) == (made, "me", "work", "active")
    assert [(each["name"], each["value"], each["isRegex"]) for each in one["matchers"]] == [
        ("alertname", "Down", False),
        ("team", "d.*", True),
    ]
    assert names(amtool, "--silenced") == ["Down"]
    assert names(amtool) == ["Alive", "Slow"]
    assert listed(amtool, "silence", "query", "team=~d.*") == [one]
    assert listed(amtool, "silence", "query", "team=x") == []
    amtool("silence", "update", "--duration=3h", "--comment=more", made)
    (changed,) = listed(amtool, "silence", "query")
    assert (changed["id"], changed["comment"], changed["endsAt"] > one["endsAt"]) == (made, "more", True)
    amtool("silence", "expire", made)
    assert listed(amtool, "silence", "query") == []
    assert [each["id"] for each in listed(amtool, "silence", "query", "--expired")] == [made]
    assert names(amtool) == ["Alive", "Down", "Slow"]


def test_amtool_shows_the_rest(amtool: Amtool) -> None:
    assert "hook" in amtool("config", "show")
    assert "disabled" in amtool("cluster", "show")


def test_amtool_takes_the_intervals_that_we_take_and_refuses_the_others(tmp_path: Path) -> None:
    tool = had(artefacts.alertmanager) / "usr/bin/amtool"
    texts = [case["interval"] for case in json.loads(ANSWERS.read_text())]
    route = "route: {receiver: r, routes: [{mute_time_intervals: [n]}]}\nreceivers: [{name: r}]\n"
    files = [tmp_path / f"{at}.yml" for at in range(len(texts))]
    for file, text in zip(files, texts, strict=True):
        interval = text if text.startswith("{") else f"{{{text}}}"
        file.write_text(f"{route}time_intervals: [{{name: n, time_intervals: [{interval}]}}]\n")
    done = subprocess.run([tool, "check-config", *files], capture_output=True, text=True, check=False, timeout=60)
    theirs = ["SUCCESS" in line for line in done.stdout.splitlines() if "Checking" in line]
    assert len(theirs) == len(texts)
    assert {text: is_taken(text) for text in texts} == dict(zip(texts, theirs, strict=True))


def is_taken(interval: str) -> bool:
    try:
        read_settings(TimeInterval, interval, "x.yml", Path())
    except ConfigError:
        return False
    return True
