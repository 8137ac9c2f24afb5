"""Killed at random moments, again and again: what was said to fire is known to fire, and is not said twice."""

import os
import random
import subprocess
import sys
from pathlib import Path
from threading import Event

import pytest

from streamwatch.agent.state import open_state
from streamwatch.core.clock import ManualClock
from streamwatch.model.alert import Alert
from streamwatch.rules import persist

ROUNDS = int(os.environ.get("STREAMWATCH_KILLS", "10"))
"""STREAMWATCH_KILLS=300 for a long run."""


def killed(path: Path, tick: int, seconds: float) -> list[str]:
    """Let a victim decide for a while, kill it with -9, and return what it said."""
    command = [sys.executable, "-m", "tests.rules.victim", str(path), str(tick)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as victim:
        assert victim.stdout is not None
        first = victim.stdout.readline()
        Event().wait(seconds)  # a random moment: not a wait for anything
        victim.kill()
        return [first, *victim.stdout.read().splitlines()]


def known(path: Path) -> dict[str, Alert]:
    state = open_state(path, pytest.fail, ManualClock())
    found = {str(labels): alert for alerts in state.read(persist.load).values() for labels, alert in alerts.items()}
    state.close()
    return found


def test_no_firing_alert_is_lost_and_none_is_another_after_a_kill(tmp_path: Path) -> None:
    dice = random.Random(5)
    path, tick = tmp_path / "state.db", 0
    firing: dict[str, str] = {}
    """Alerts that were said to fire, and since when."""
    ticks = 0
    for _ in range(ROUNDS):
        said = killed(path, tick, dice.random() * 0.1)
        for line in said:
            words = line.rsplit(" ", 4)
            if len(words) < 5 or not line.startswith("{"):
                continue
            labels, state, _, fired_at, _ = words
            if state == "firing":
                assert firing.setdefault(labels, fired_at) == fired_at, "it fires a second time"
            elif state == "inactive":
                firing.pop(labels, None)
        done = [int(line.split()[1]) for line in said if line.startswith("tick ")]
        ticks += len(done)
        tick = max(done, default=tick) + 1
        now = known(path)
        for labels, fired_at in list(firing.items()):
            alert = now.get(labels)
            assert alert is not None, f"{labels} is forgotten"
            if alert.state == "firing":
                assert str(alert.fired_at) == fired_at
            else:  # resolved in the moment before it could be said
                assert alert.resolved_at is not None
                assert alert.resolved_at >= tick - 1
                del firing[labels]
        for labels, alert in now.items():  # decided in the moment before it could be said
            if alert.state == "firing":
                firing.setdefault(labels, str(alert.fired_at))
    assert ticks > ROUNDS
    assert firing
