"""A real agent on a machine whose wall clock is set while an alert is pending."""

import json
from datetime import datetime
from pathlib import Path

import pytest

from streamwatch.core.clock import SystemClock
from tests.agent_process import Agent, agent
from tests.notify.receiver import Receiver, receiver
from tests.real import artefacts
from tests.real.conftest import had
from tests.waiting import wait_for

RULES = """
groups:
  - name: mine
    interval: 500ms
    rules:
      - {alert: Blind, expr: 'streamwatch_source_up == 0', for: 6s, labels: {severity: critical}}
"""
CONFIG = """
kafka: [{{name: shop, bootstrap: ['127.0.0.1:1'], interval: 1s}}]
listen: {{address: '127.0.0.1:0'}}
rules: {{pack: false, files: [rules.yml], state: state.db}}
notify: {{webhook: [{{name: hook, url: '{url}'}}]}}
"""
HOUR = 3600.0


def told(service: Receiver) -> list[str]:
    return [json.loads(one.body)["status"] for one in service.requests]


def pending_since(one: Agent) -> float | None:
    """Return how long ago the alert began, by the machine's own clock; None where it is not known."""
    alerts = json.loads(one.get("/api/v1/alerts")[1])["data"]["alerts"]
    return SystemClock().now() - datetime.fromisoformat(alerts[0]["activeAt"]).timestamp() if alerts else None


def evaluations(one: Agent) -> float:
    return one.value("streamwatch_rule_evaluations_total", rule_group="mine") or 0.0


@pytest.mark.parametrize("jump", [-HOUR, 24 * HOUR])
def test_an_alert_fires_when_its_time_has_passed_whatever_the_wall_clock_says(
    jump: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library, offset = had(artefacts.libfaketime), tmp_path / "offset"
    offset.write_text("+0")
    (tmp_path / "rules.yml").write_text(RULES)
    with receiver() as service:
        (tmp_path / "agent.yaml").write_text(CONFIG.format(url=service.url))
        for name, value in {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(offset),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }.items():
            monkeypatch.setenv(name, value)
        with agent("--config", str(tmp_path / "agent.yaml")) as one:
            wait_for(lambda: pending_since(one) is not None, 20, "it is pending")
            offset.write_text(f"{jump:+.0f}")
            wait_for(lambda: abs((pending_since(one) or 0.0) + jump) < HOUR / 2, 20, "its times follow the clock")
            assert told(service) == [], "`for` was not skipped"
            wait_for(lambda: told(service) == ["firing"], 20, "it fires")
            offset.write_text("+0")
            wait_for(lambda: abs(pending_since(one) or HOUR) < HOUR / 2, 20, "its times follow again")
            before = evaluations(one)
            wait_for(lambda: evaluations(one) > before + 3, 20, "time passes")
            assert told(service) == ["firing"], "neither resolved nor told again"
