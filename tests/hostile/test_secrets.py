"""An agent that is full of secrets, and in trouble with all that it uses them for: nothing that it shows has one."""

import html
import json
import re
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import quote, quote_plus

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
    sasl: {{mechanism: PLAIN, username: me, password: '{kafka}'}}
connect: [{{name: c, urls: ["http://127.0.0.1:{closed}"], kafka_cluster: a, username: me, password: '{connect}'}}]
listen: {{address: "127.0.0.1:0", basic_auth: {{username: me, password: '{listen}'}}}}
log: {{level: debug}}
rules: {{state: state.db, files: [rules.yml]}}
ha:
  name: one
  token: '{peer}'
  peers: [{{url: "http://127.0.0.1:{closed}"}}]
  lease: {{kafka_group: {{kafka_cluster: a}}}}
remote_write:
  - {{name: rw, url: "http://127.0.0.1:{closed}/{path}?t={query}", username: me, password: '{remote}'}}
notify:
  heartbeat: {{url: "http://127.0.0.1:{closed}/{heart}", interval: 1s}}
  pagerduty: [{{name: pd, routing_key: '{routing}', url: "http://127.0.0.1:{closed}/{pd}"}}]
  alertmanager: [{{name: am, urls: ["http://127.0.0.1:{closed}/{am}"], token: '{token}'}}]
  slack: [{{name: chat, url: "http://127.0.0.1:{closed}/services/{slack}"}}]
  teams: [{{name: teams, url: "http://127.0.0.1:{closed}/?sig={teams}"}}]
  mail: [{{name: mail, smarthost: "127.0.0.1:{closed}", from: a@b.c, to: [d@e.f], username: me, password: '{mail}'}}]
  webhook: [{{name: hook, url: "http://me:{hook}@127.0.0.1:{closed}/?a={hook}", hmac_key: '{hmac}'}}]
  apprise: [{{name: other, url: "json://me:{apprise}@127.0.0.1:{closed}/{apprise}"}}]
  command: [{{name: cmd, run: ["/bin/false"]}}]
"""
PASSWORDS = ("kafka", "connect", "listen", "remote", "mail", "hmac", "routing")
OTHERS = ("token", "peer", "path", "query", "heart", "pd", "am", "slack", "teams", "hook", "apprise")
SECRETS = {
    name: sha256(name.encode()).hexdigest()[:20] + ('"<&+/ =\u00e4' if name in PASSWORDS else "")
    for name in (*PASSWORDS, *OTHERS)
}
"""None looks like a secret, and a password has what is written otherwise in addresses, markup and JSON."""
RULES = "groups: [{name: g, interval: 1s, rules: [{alert: Now, expr: vector(1), labels: {severity: critical}}]}]\n"


def forms(secret: str) -> Iterator[str]:
    """Yield how a secret may be written."""
    yield from (secret, quote(secret, safe=""), quote_plus(secret), html.escape(secret), repr(secret)[1:-1])
    yield json.dumps(secret)[1:-1]
    for whole in (secret, f"me:{secret}"):
        yield b64encode(whole.encode()).decode().rstrip("=")[:-1]  # of the last sign some bits are what follows


def shown_in(text: str) -> list[str]:
    """Return the names of those that a text has."""
    return [name for name, secret in SECRETS.items() if any(form in text for form in forms(secret))]


def asked(port: int, path: str, accept: str) -> str:
    """Ask with the password; return the whole answer."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        known = f"Basic {b64encode(('me:' + SECRETS['listen']).encode()).decode()}"
        connection.request("GET", path, headers={"Authorization": known, "Accept": accept})
        answer = connection.getresponse()
        return f"{answer.status} {answer.getheaders()} {answer.read().decode()}"


def test_no_secret_is_shown_however_much_fails(tmp_path: Path) -> None:
    (tmp_path / "agent.yaml").write_text(CONFIG.format(closed=closed_port(), **SECRETS))
    (tmp_path / "rules.yml").write_text(RULES)
    log = tmp_path / "log"
    with log.open("wb") as out:
        command = [*COMMAND, "run", "--config", "agent.yaml"]
        process = subprocess.Popen(command, cwd=tmp_path, stdout=out, stderr=out)
    try:

        def port() -> int:
            assert process.poll() is None, log.read_text()
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
    assert {path: found for path, text in shown.items() if (found := shown_in(text))} == {}
    assert shown_in(arguments) == []
    told = log.read_text()
    assert all(name in told for name in CHANNELS), "it says what fails"
    assert shown_in(told) == []
    written = [file for file in tmp_path.iterdir() if file.name.startswith("state.db")]
    assert written
    assert [found for file in written if (found := shown_in(file.read_bytes().decode(errors="replace")))] == []


def test_a_secret_is_found_however_it_is_written() -> None:
    for name, secret in SECRETS.items():
        written = (
            f"a{secret}b", f"?k={quote_plus(secret)}&", f"<a href='{quote(secret, safe='')}'>", html.escape(secret),
            json.dumps({"k": secret}), f"Basic {b64encode(f'me:{secret}'.encode()).decode()}",
        )  # fmt: skip
        assert [shown_in(text) for text in written] == [[name]] * len(written)
