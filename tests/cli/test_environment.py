"""Commands without a file: what the environment says, in processes of their own."""

import json
import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Final

import pytest

from streamwatch.agent import environment
from tests.agent_process import COMMAND, agent
from tests.conftest import closed_port
from tests.notify.receiver import receiver
from tests.waiting import wait_for

ROOT: Final = Path(__file__).parents[2]
SECRET: Final = "s3cr3t-in-the-address"


def streamwatch(*args: str, **variables: str) -> subprocess.CompletedProcess[str]:
    env = os.environ | {f"STREAMWATCH_{name}": value for name, value in variables.items()}
    return subprocess.run([*COMMAND, *args], capture_output=True, text=True, timeout=180, check=False, env=env)


def test_an_agent_without_a_file_watches_and_reads_its_secrets_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "url"
    secret.write_text(f"http://127.0.0.1:{closed_port()}/{SECRET}\n")
    monkeypatch.setenv("STREAMWATCH_KAFKA_BOOTSTRAP", f"127.0.0.1:{closed_port()}")
    monkeypatch.setenv("STREAMWATCH_KAFKA_NAME", "orders")
    monkeypatch.setenv("STREAMWATCH_LISTEN", "127.0.0.1:0")
    monkeypatch.setenv("STREAMWATCH_STATE", str(tmp_path / "state.db"))
    monkeypatch.setenv("STREAMWATCH_WEBHOOK_URL_FILE", str(secret))
    with agent() as running:
        wait_for(lambda: 'source_up{source="orders"}' in running.page(), 180, "the cluster is watched")
        assert (tmp_path / "state.db").exists()
        running.process.send_signal(signal.SIGHUP)
        wait_for(lambda: 'reloads_total{outcome="taken"} 1' in running.page(), 180, "all is read again")
        secret.write_text("")
        running.process.send_signal(signal.SIGHUP)
        wait_for(lambda: 'reloads_total{outcome="refused"} 1' in running.page(), 180, "the empty file is refused")


def test_a_test_notification_goes_to_the_channel_of_the_environment() -> None:
    with receiver() as service:
        sent = streamwatch("notify", "test", KAFKA_BOOTSTRAP="127.0.0.1:1", WEBHOOK_URL=f"{service.url}/{SECRET}")
        statuses = [json.loads(one.body)["status"] for one in service.requests]

    assert (sent.returncode, sent.stdout, statuses) == (0, "webhook: taken\n", ["firing", "resolved"])


def test_what_came_out_is_shown_as_a_file_without_its_secrets(tmp_path: Path) -> None:
    variables = {"KAFKA_BOOTSTRAP": "b1:9092,b2:9092", "SLACK_URL": f"https://slack.example/{SECRET}"}
    shown = streamwatch("check-config", **variables)
    *text, last = shown.stdout.splitlines(keepends=True)

    assert (shown.returncode, shown.stderr) == (0, "")
    assert last.startswith("environment: fine: 1 Kafka cluster: 'kafka'; ")
    assert SECRET not in shown.stdout
    file = tmp_path / "as-shown.yaml"
    file.write_text("".join(text))
    assert streamwatch("check-config", str(file), **variables).returncode == 0
    assert streamwatch("check-config", str(file)).returncode == 2, "the secret is not in it"


def test_every_mistake_names_its_variable_and_the_exit_code_is_2() -> None:
    wrong = {"KAFKA_BOOTSTRAP": "b1", "KAFKA_TLS": "1", "LISTN": "h:1", "SLACK_URL": SECRET}
    for command in (("run",), ("check-config",), ("doctor",), ("snapshot",)):
        refused = streamwatch(*command, **wrong)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert [line.partition(": ")[0] for line in refused.stderr.splitlines()] == [
            "STREAMWATCH_LISTN",
            "STREAMWATCH_KAFKA_BOOTSTRAP",
            "STREAMWATCH_KAFKA_TLS",
            "STREAMWATCH_SLACK_URL",
        ]
        assert SECRET not in refused.stderr


def test_run_refuses_settings_that_it_would_not_read(tmp_path: Path) -> None:
    file = tmp_path / "agent.yaml"
    file.write_text(
        "kafka: [{name: a, bootstrap: ['h:1']}]\nnotify: {webhook: [{name: w, url: '${STREAMWATCH_WEBHOOK_URL}'}]}\n"
    )
    url = f"https://hook.example/{SECRET}"
    for flag, value in {"--config": str(file), "--kafka": "h:1"}.items():
        refused = streamwatch("run", flag, value, WEBHOOK_URL=url, SLACK_URL=url)
        assert refused.returncode == 2
        assert "STREAMWATCH_SLACK_URL: it is not read beside --config, --kafka or --kinesis: unset it" in refused.stderr
        assert ("STREAMWATCH_WEBHOOK_URL" in refused.stderr) == (flag == "--kafka")
        assert SECRET not in refused.stderr


def test_without_anything_it_is_told_what_there_is() -> None:
    for args in ((), ("--listen", "127.0.0.1:0")):
        refused = streamwatch("run", *args)
        assert refused.returncode == 2
        assert "STREAMWATCH_" in refused.stderr


@pytest.mark.parametrize("command", [("compare",), ("notify", "test")])
def test_a_command_without_flags_names_none(command: tuple[str, ...]) -> None:
    answer = streamwatch(*command)
    assert answer.returncode == 2
    assert "give --config FILE, or set STREAMWATCH_KAFKA_BOOTSTRAP" in answer.stderr


def test_the_documented_container_is_a_configuration(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("https://slack.example/x")
    text = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    variables = dict(re.findall(r"--env (STREAMWATCH_\w+)=(\S+)", text))
    assert variables["STREAMWATCH_SLACK_URL_FILE"] == "/run/secrets/slack-url"
    config = environment.load(variables | {"STREAMWATCH_SLACK_URL_FILE": str(tmp_path / "url")})

    assert [cluster.name for cluster in config.kafka] == ["orders"]
    assert [channel.name for channel in config.notify.channels] == ["slack"]
