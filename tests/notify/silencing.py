"""An agent with a few alerts, and a client that speaks Alertmanager's API with it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from streamwatch.agent.app import App
from streamwatch.agent.config import parse
from streamwatch.core.clock import SystemClock
from tests.notify.receiver import Receiver
from tests.waiting import wait_for

RULES = """
groups:
  - name: mine
    rules:
      - {alert: Down, expr: vector(1), labels: {severity: critical, team: data}, annotations: {summary: "it is down"}}
      - {alert: Slow, expr: vector(1), labels: {severity: warning, team: web}}
      - {alert: Effect, expr: vector(1), labels: {severity: warning, team: data, of: down}}
      - {alert: Later, expr: vector(1), for: 1h, labels: {team: late}}
      - {alert: Alive, expr: vector(1), labels: {severity: none}}
"""
CONFIG = """
kafka: [{{name: shop, bootstrap: ['127.0.0.1:1'], interval: 1s}}]
listen: {{address: '{address}'{auth}}}
rules: {{pack: false, files: ['{folder}/rules.yml'], evaluation_interval: 200ms}}
notify:
  inhibit_pack: false
  inhibit_rules: [{{source_matchers: ['alertname=Down'], target_matchers: ['of=down'], equal: [team]}}]
  webhook: [{{name: hook, url: '{url}'}}, {{name: quiet, url: '{url}/quiet'}}]
  routes: [{{matchers: ['team=data'], channels: [hook, quiet]}}, {{matchers: ['team=web'], channels: [quiet]{muted}}}]
  time_intervals: [{{name: always, time_intervals: [{{}}]}}]
"""
JSON = {"Content-Type": "application/json"}


class Client:
    """Speaks HTTP with an agent."""

    def __init__(self, app: App) -> None:
        self.address = f"127.0.0.1:{app.address.rpartition(':')[2]}"

    def ask(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        connection = HTTPConnection(self.address, timeout=30)
        try:
            raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
            given = {**(JSON if raw is not None else {}), **(headers or {})}
            connection.request(method, path, raw, {name: text for name, text in given.items() if text})
            answer = connection.getresponse()
            text = answer.read().decode()
            is_json = answer.headers.get_content_type() == "application/json"
            return answer.status, json.loads(text) if is_json and text else text
        finally:
            connection.close()

    def get(self, path: str, **given: object) -> Any:
        status, found = self.ask("GET", f"/api/v2/{path}?{urlencode(given, doseq=True)}")
        assert status == 200, found
        return found

    def names(self, **given: object) -> list[str]:
        return sorted(one["labels"]["alertname"] for one in self.get("alerts", **given))


def silence(*conditions: tuple[str, str], starts: float = 0.0, lasts: float = 3600.0, **more: Any) -> dict[str, Any]:
    now = datetime.fromtimestamp(SystemClock().now(), UTC)
    return {
        "matchers": [{"name": name, "value": value, "isRegex": False, "isEqual": True} for name, value in conditions],
        "startsAt": (now + timedelta(seconds=starts)).isoformat(),
        "endsAt": (now + timedelta(seconds=starts + lasts)).isoformat(),
        "createdBy": "me",
        "comment": "work",
        **more,
    }


def started(folder: Path, service: Receiver, address: str = "127.0.0.1:0", auth: str = "", muted: str = "") -> App:
    (folder / "rules.yml").write_text(RULES)
    text = CONFIG.format(folder=folder, url=service.url, address=address, auth=auth, muted=muted)
    app = App(parse(text, "test", folder), SystemClock())
    app.start()
    return app


@contextmanager
def running(folder: Path, service: Receiver, muted: str = "") -> Iterator[Client]:
    app = started(folder, service, muted=muted)
    try:
        client = Client(app)
        wait_for(lambda: len(client.get("alerts")) == 4, 20, "all fire")
        yield client
    finally:
        app.stop()
