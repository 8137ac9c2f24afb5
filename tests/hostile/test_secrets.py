"""An agent that is full of secrets, and in trouble with all that it uses them for: nothing that it shows has one."""

import re
import subprocess
from base64 import b64encode
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

from tests.agent_process import COMMAND
from tests.conftest import closed_port
from tests.waiting import wait_for

PATHS = (
    "/", "/metrics", "/flow", "/cluster/a", "/connect/c", "/readyz", "/runbooks/", "/nowhere",
    *(f"/api/v1/{name}" for name in (
        "alerts", "rules", "notifications", "incidents", "status/buildinfo", "events", "flow", "audit", "advise",
        "query?query=%7B__name__%3D~%22.%2B%22%7D",
    )),
    *(f"/api/v2/{name}" for name in ("status", "receivers", "alerts", "alerts/groups", "silences")),
)  # fmt: skip
CHANNELS = frozenset({"am", "chat", "cmd", "hook", "mail", "other", "pd", "teams"})
CONFIG = """
kafka:
  - name: a
    bootstrap: ["127.0.0.1:{closed}"]
    interval: 1s
    sasl: {{mechanism: PLAIN, username: me, password: SECRET-kafka}}
connect: [{{name: c, urls: ["http://127.0.0.1:{closed}"], kafka_cluster: a, username: me, password: SECRET-connect}}]
listen: {{address: "127.0.0.1:0", basic_auth: {{username: me, password: SECRET-listen}}}}
log: {{level: debug}}
rules: {{state: state.db, files: [rules.yml]}}
ha:
  name: one
  token: SECRET-peer-0123456789
  peers: [{{url: "http://127.0.0.1:{closed}"}}]
  lease: {{kafka_group: {{kafka_cluster: a}}}}
remote_write:
  - {{name: rw, url: "http://127.0.0.1:{closed}/SECRET-path?t=SECRET-query", username: me, password: SECRET-remote}}
notify:
  heartbeat: {{url: "http://127.0.0.1:{closed}/SECRET-heart", interval: 1s}}
  pagerduty: [{{name: pd, routing_key: SECRET-routing, url: "http://127.0.0.1:{closed}/SECRET-pd"}}]
  alertmanager: [{{name: am, urls: ["http://127.0.0.1:{closed}/SECRET-am"], token: SECRET-token}}]
  slack: [{{name: chat, url: "http://127.0.0.1:{closed}/services/SECRET-slack"}}]
  teams: [{{name: teams, url: "http://127.0.0.1:{closed}/?sig=SECRET-teams"}}]
  mail: [{{name: mail, smarthost: "127.0.0.1:{closed}", from: a@b.c, to: [d@e.f], username: me, password: SECRET-mail}}]
  webhook: [{{name: hook, url: "http://me:SECRET-hook@127.0.0.1:{closed}/?a=SECRET-hook", hmac_key: SECRET-hmac}}]
  apprise: [{{name: other, url: "json://me:SECRET-apprise@127.0.0.1:{closed}/SECRET-apprise"}}]
  command: [{{name: cmd, run: ["/bin/false"]}}]
"""
RULES = "groups: [{name: g, interval: 1s, rules: [{alert: Now, expr: vector(1), labels: {severity: critical}}]}]\n"


def asked(port: int, path: str, accept: str) -> str:
    """Ask with the password; return the whole answer."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        known = f"Basic {b64encode(b'me:SECRET-listen').decode()}"
        connection.request("GET", path, headers={"Authorization": known, "Accept": accept})
        answer = connection.getresponse()
        return f"{answer.status} {answer.getheaders()} {answer.read().decode()}"


def test_no_secret_is_shown_however_much_fails(tmp_path: Path) -> None:
    (tmp_path / "agent.yaml").write_text(CONFIG.format(closed=closed_port()))
    (tmp_path / "rules.yml").write_text(RULES)
    log = tmp_path / "log"
    with log.open("wb") as out:
        command = [*COMMAND, "run", "--config", "agent.yaml"]
        process = subprocess.Popen(command, cwd=tmp_path, stdout=out, stderr=out)
    try:

        def port() -> int:
            found = re.search(r"serving http://127\.0\.0\.1:(\d+)/", log.read_text())
            return int(found[1]) if found else 0

        wait_for(port, 180, "it serves")
        here = port()

        def failed() -> frozenset[str]:
            failures = re.findall(
                r'^streamwatch_notifications_total\{channel="(\w+)",[^}]*failed[^}]*\} [1-9]',
                asked(here, "/metrics", "*/*"),
                re.MULTILINE,
            )
            return frozenset(failures)

        wait_for(lambda: failed() >= CHANNELS, 180, "every channel has failed once")
        shown = {path: asked(here, path, accept) for path in PATHS for accept in ("text/html", "*/*")}
        arguments = Path(f"/proc/{process.pid}/cmdline").read_text()
    finally:
        process.terminate()
        process.wait(180)
    assert "Now" in shown["/api/v1/alerts"]
    assert {path: text for path, text in shown.items() if "SECRET" in text} == {}
    assert "SECRET" not in arguments
    told = log.read_text()
    assert all(name in told for name in CHANNELS), "it says what fails"
    assert "SECRET" not in told
    written = [file for file in tmp_path.iterdir() if file.name.startswith("state.db")]
    assert [file.name for file in written if b"SECRET" in file.read_bytes()] == []
