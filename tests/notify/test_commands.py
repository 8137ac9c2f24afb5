"""The commands, against an agent in a process of its own and a service on loopback."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent_process import COMMAND, agent
from tests.notify.receiver import Receiver, receiver
from tests.waiting import wait_for

SECRET = "s3cr3t-in-the-address"
RULES = """
groups:
  - name: mine
    rules:
      - {alert: Always, expr: vector(1), labels: {severity: critical, team: data}, annotations: {summary: "it is so"}}
      - {alert: Later, expr: vector(1), for: 1h}
"""


def streamwatch(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *args], capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def service() -> Iterator[Receiver]:
    with receiver() as found:
        yield found


@pytest.fixture
def file(tmp_path: Path, service: Receiver) -> str:
    (tmp_path / "rules.yml").write_text(RULES)
    path = tmp_path / "streamwatch.yaml"
    path.write_text(f"""
kafka: [{{name: shop, bootstrap: ['127.0.0.1:1'], interval: 1s}}]
listen: {{address: '127.0.0.1:0'}}
rules: {{pack: false, files: [rules.yml], evaluation_interval: 500ms, state: state.db}}
notify:
  webhook: [{{name: hook, url: '{service.url}/{SECRET}'}}]
  heartbeat: {{url: '{service.url}/beat/{SECRET}', interval: 1s}}
""")
    return str(path)


def statuses(service: Receiver) -> list[str]:
    return [json.loads(one.body)["status"] for one in service.requests if one.line.startswith("POST")]


def test_a_test_is_sent_and_what_goes_wrong_is_told(file: str, service: Receiver) -> None:
    told = streamwatch("notify", "test", "--config", file, "--channel", "hook")
    assert (told.returncode, told.stdout) == (0, "hook: taken\n")
    assert statuses(service) == ["firing", "resolved"]
    assert all(json.loads(one.body)["test"] for one in service.requests)
    service.status, service.body = 403, f"no \x1b[2Jright to /{SECRET}".encode()
    told = streamwatch("notify", "test", "--config", file)
    assert told.returncode == 1
    assert "hook: failed: 127.0.0.1: HTTP status 403: no \N{REPLACEMENT CHARACTER}[2Jright" in told.stdout
    assert SECRET not in told.stdout + told.stderr
    told = streamwatch("notify", "test", "--config", file, "--channel", "none")
    assert "no channel is called none: there are hook" in told.stderr


def test_alerts_are_told_listed_and_survive_the_agent(file: str, service: Receiver) -> None:
    service.status = 500
    with agent("--config", file) as one:
        wait_for(lambda: statuses(service), 20, "an attempt")
        listed = streamwatch("alerts", "--url", f"http://{one.address}").stdout.splitlines()
        assert listed[0] == "firing   critical  it is so"
        assert re.fullmatch(
            r" {9}Always · fires for \d+ m?s · hook is being notified, after \d+ attempts that failed", listed[1]
        )
        assert listed[2] == "         team=data"
        assert listed[3] == "pending  no severity  Later"
        assert re.fullmatch(r" {9}Later · holds for \d+ m?s", listed[4])
        assert len(listed) == 5
    service.status = 200
    service.requests.clear()
    with agent("--config", file) as one:
        wait_for(lambda: statuses(service) == ["firing"], 40, "what the agent before it could not deliver")
        wait_for(lambda: any("/beat/" in one.line for one in service.requests), 20, "a sign of life")
        wait_for(lambda: one.value("streamwatch_heartbeat_up") == 1, 20, "it was taken")
        delivered = {"channel": "hook", "outcome": "delivered"}
        wait_for(lambda: one.value("streamwatch_notifications_total", **delivered) == 1, 20, "it is counted")
        told = json.loads(streamwatch("alerts", "--json", "--url", f"http://{one.address}").stdout)
        assert told["notifications"][0]["notified"] == "firing"
        (always,) = [each for each in told["alerts"] if each["labels"]["alertname"] == "Always"]
        assert (always["severity"], always["summary"], always["silencedBy"]) == ("critical", "it is so", [])
        assert always["notified"][0].startswith("hook was notified")
        assert SECRET not in one.page() + json.dumps(told)


def test_a_silence_by_hand_holds_in_the_running_agent(file: str, service: Receiver) -> None:
    made = streamwatch(
        "silence", "add", "--config", file, "team=data", "--for", "1h30m", "--by", "me", "--comment", "x"
    )
    assert made.stdout.startswith("silence 1: until ")
    assert "1: team=data until" in streamwatch("silence", "list", "--config", file).stdout
    with agent("--config", file) as one:
        wait_for(lambda: "Always" in one.get("/api/v1/alerts")[1], 20, "it fires")
        wait_for(lambda: (one.value("streamwatch_rule_evaluations_total", rule_group="mine") or 0) > 3, 20, "time")
        assert statuses(service) == []
        assert streamwatch("silence", "end", "--config", file, "1").returncode == 0
        wait_for(lambda: statuses(service) == ["firing"], 20, "it is told")
    assert streamwatch("silence", "end", "--config", file, "1").returncode == 1


def test_a_silence_needs_no_state_file_and_no_shell_beside_the_agent(file: str, service: Receiver) -> None:
    text = Path(file).read_text().replace(", state: state.db", "")
    Path(file).write_text(text.replace("'127.0.0.1:0'", "'127.0.0.1:0', basic_auth: {username: me, password: secret}"))
    password = Path(file).with_name("password")
    password.write_text("secret\n")
    service.status = 503
    with agent("--config", file) as one:
        known = ("--url", f"http://{one.address}", "--username", "me", "--password-file", str(password))
        refused = streamwatch("silence", "list", "--url", f"http://{one.address}")
        assert (refused.returncode, "status 401" in refused.stderr) == (1, True)
        wait_for(lambda: "Always" in streamwatch("alerts", *known).stdout, 20, "it fires")
        made = streamwatch("silence", "add", "team=data", "--for", "2h", "--by", "me", "--comment", "work", *known)
        assert (made.stdout.startswith("silence 1: until "), made.stderr) == (True, "")
        misspelt = streamwatch("silence", "add", "team=dta", *known)
        assert misspelt.stdout.startswith("silence 2: until ")
        assert misspelt.stderr == "warning: nothing has team=\"dta\": is 'data' meant?\n"
        assert 'team="data" until' in streamwatch("silence", "list", *known).stdout.splitlines()[0]
        assert "muted by silence 1" in streamwatch("alerts", *known).stdout
        assert streamwatch("silence", "end", "1", *known).returncode == 0
        listed = streamwatch("silence", "list", *known).stdout.splitlines()
        assert [line.split(":")[0] for line in listed] == ["2"]
        service.status = 200
        wait_for(lambda: "firing" in statuses(service), 40, "it is told")
        gone = streamwatch("silence", "end", "77", *known)
        assert (gone.returncode, "there is no silence of this id" in gone.stderr) == (1, True)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("silence", "add", "--config", "FILE", "team"), "no condition on a label"),
        (("silence", "add", "--config", "FILE", "a=b", "--for", "soon"), "no duration"),
        (("alerts", "--url", "http://127.0.0.1:1"), "is the agent running there?"),
        (("alerts", "--url", "nowhere"), "is no address"),
        (("alerts", "--username", "me"), "belong together"),
        (("silence", "add", "a=b", "--url", "http://127.0.0.1:1"), "is the agent running there?"),
        (("silence", "add", "a=b", "--for", "99999999999999d"), "up to a year"),
        (("silence", "end", "first"), "is no silence"),
        (("notify", "test", "--config", "none.yaml"), "cannot be read"),
    ],
)
def test_mistakes_say_what_to_do(args: tuple[str, ...], said: str, file: str) -> None:
    told = streamwatch(*(file if one == "FILE" else one for one in args))
    assert told.returncode != 0
    assert said in told.stderr
