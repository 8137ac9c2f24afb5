"""The commands, as a user types them: in processes of their own."""

import json
import os
import signal
import socket
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamwatch.catalogue import METRICS
from streamwatch.catalogue.cloudwatch_mappings import MAPPINGS
from tests.agent_process import COMMAND, agent
from tests.conftest import closed_port
from tests.real.source_table import THIRTEEN
from tests.waiting import wait_for


def streamwatch(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *args], capture_output=True, text=True, timeout=60, check=False)


def test_help_lists_the_commands() -> None:
    told = streamwatch("--help").stdout

    assert all(name in told for name in ("run", "check-config", "metrics", "snapshot", "doctor"))


@pytest.mark.parametrize("command", ["run", "check-config", "metrics", "snapshot", "doctor"])
def test_each_command_has_help(command: str) -> None:
    answer = streamwatch(command, "--help")

    assert answer.returncode == 0
    assert len(answer.stdout) > 100


def test_metrics_as_json_is_the_catalogue() -> None:
    rows = json.loads(streamwatch("metrics", "--json").stdout)

    assert [row["name"] for row in rows] == [metric.name for metric in METRICS]
    assert all(set(row) == {"name", "kind", "unit", "labels", "help", "cloudwatch"} for row in rows)


def test_metrics_as_json_names_everything_that_cloudwatch_has() -> None:
    rows = json.loads(streamwatch("metrics", "--json").stdout)
    names = {name for row in rows for name in row["cloudwatch"]}

    assert names >= {line.name for line in THIRTEEN}
    assert names == {one.name for one in MAPPINGS} | {one.cloudwatch.name for one in METRICS if one.cloudwatch}
    by_label = next(row for row in rows if row["name"] == "kafka_broker_request_mean_seconds")["cloudwatch"]
    assert by_label["FetchConsumerTotalTimeMsMean"] == {
        "namespace": "AWS/Kafka",
        "level": "PER_BROKER",
        "statistic": "Average",
        "labels": {"request": "FetchConsumer", "phase": "total"},
    }


def test_metrics_as_a_table_names_them() -> None:
    assert "kafka_broker_up" in streamwatch("metrics").stdout


def test_a_wrong_configuration_ends_with_2_and_every_mistake(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("kafka:\n  - name: a\n    bootstrap: [here]\n    interval: 15\n")
    answer = streamwatch("check-config", str(file))

    assert answer.returncode == 2
    assert answer.stderr.splitlines() == [
        f"{file}:3: kafka[0].bootstrap[0]: 'here' is not an address: write 'host:port', the port up to 65535",
        f"{file}:4: kafka[0].interval: '15' has no unit: write '15s'",
    ]
    assert streamwatch("run", "--config", str(file)).returncode == 2


def test_a_right_configuration_ends_with_0(tmp_path: Path) -> None:
    file = tmp_path / "good.yaml"
    file.write_text("kafka: [{name: a, bootstrap: ['h:1']}]\n")

    assert streamwatch("check-config", str(file)).returncode == 0


@pytest.mark.parametrize("args", [(), ("--kafka", "h:1", "--config", "x"), ("--config", "x", "--listen", "h:1")])
def test_flags_that_do_not_go_together_are_told(args: tuple[str, ...]) -> None:
    answer = streamwatch("run", *args)

    assert answer.returncode == 2
    assert "--" in answer.stderr


def test_a_snapshot_of_what_is_not_there_ends_with_1() -> None:
    answer = streamwatch("snapshot", "--kafka", f"127.0.0.1:{closed_port()}")

    assert answer.returncode == 1
    assert "cannot be read" in answer.stdout


def test_the_doctor_says_what_to_do_and_ends_with_1() -> None:
    answer = streamwatch("doctor", "--verbose", "--kafka", f"127.0.0.1:{closed_port()}")

    assert answer.returncode == 1
    assert "is a broker running there" in answer.stdout
    checks = answer.stdout.splitlines()
    counts = Counter(line.split()[0] for line in checks[:-1] if not line.startswith(" "))
    assert checks[-1].startswith(f"{counts.total()} checks: {counts['ok']} ok, 0 warnings, {counts['failed']} failed")


def test_an_address_in_use_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        answer = streamwatch("run", "--kafka", "127.0.0.1:1", "--listen", address)

    assert answer.returncode == 1
    assert address in answer.stderr


def test_the_agent_ends_cleanly_when_told_to() -> None:
    with agent("--kafka", f"127.0.0.1:{closed_port()}", "--listen", "127.0.0.1:0") as running:
        assert running.get("/healthz")[0] == 200
        running.process.send_signal(signal.SIGTERM)

        assert running.process.wait(60) == 0


def test_sighup_takes_a_new_configuration_and_refuses_a_wrong_one(tmp_path: Path) -> None:
    file = tmp_path / "agent.yaml"
    text = "kafka: [{{name: {name}, bootstrap: ['127.0.0.1:1']}}]\nlisten: {{address: '127.0.0.1:0'}}\n"
    file.write_text(text.format(name="first"))
    with agent("--config", str(file)) as running:
        wait_for(lambda: 'source_up{source="first"}' in running.page(), 20, "the first is watched")
        file.write_text("kafka: oops")
        running.process.send_signal(signal.SIGHUP)
        wait_for(lambda: 'reloads_total{outcome="refused"} 1' in running.page(), 20, "the wrong one is refused")
        file.write_text(text.format(name="second"))
        running.process.send_signal(signal.SIGHUP)
        wait_for(lambda: 'source_up{source="second"}' in running.page(), 20, "the second is watched")
        wait_for(lambda: 'source="first"' not in running.page(), 20, "alerts of the first are over, too")


KINESIS = ("reference", "kinesis", "--shards", "3", "--stream", "orders", "--control", "127.0.0.1:0")


@pytest.fixture
def endpoint() -> Iterator[dict[str, str]]:
    """The environment of a user who works on a reference Kinesis that wants the right key."""
    process = subprocess.Popen(
        [*COMMAND, *KINESIS, "--access-key", "KEY:secret"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    yield os.environ | {"AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": "KEY", "AWS_SECRET_ACCESS_KEY": "secret"}
    process.terminate()
    process.communicate(timeout=60)


def asked(environment: dict[str, str], *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *args], capture_output=True, text=True, timeout=60, check=False, env=environment)


def test_streams_are_seen_once_and_checked_with_the_usual_credentials(endpoint: dict[str, str]) -> None:
    shown = asked(endpoint, "snapshot", "--kinesis", "us-east-1")
    assert (shown.returncode, "orders" in shown.stdout) == (0, True)

    (told,) = json.loads(asked(endpoint, "snapshot", "--kinesis", "us-east-1", "--json").stdout)
    values = {one["name"]: one["value"] for one in told["samples"] if one["labels"].get("stream") == "orders"}
    assert (values["kinesis_stream_open_shards"], "kinesis_stream_being_read" in values) == (3, False)

    checked = asked(endpoint, "doctor", "--kinesis", "us-east-1")
    assert (checked.returncode, checked.stdout.count("\nok ") + 1 < 8) == (0, True)
    assert checked.stdout.endswith("\n8 checks: 8 ok, 0 warnings, 0 failed\n")
    each = asked(endpoint, "doctor", "--verbose", "--kinesis", "us-east-1")
    assert (each.returncode, each.stdout.count("\nok ") + 1) == (0, 8)
    assert "user/reference in account 123456789012" in each.stdout


def test_the_doctor_of_streams_says_which_key_or_right_is_missing(endpoint: dict[str, str]) -> None:
    wrong = asked(endpoint | {"AWS_SECRET_ACCESS_KEY": "other"}, "doctor", "--kinesis", "us-east-1")
    assert wrong.returncode == 1
    assert "check the access key, its secret" in wrong.stdout
    assert "other" not in wrong.stdout
    nothing = asked(endpoint, "doctor", "--kinesis", "eu-west-1")
    assert (nothing.returncode, "no streams in eu-west-1; wrong region?" in nothing.stdout) == (0, True)
    blind = asked(endpoint | {"AWS_SECRET_ACCESS_KEY": "other"}, "snapshot", "--kinesis", "us-east-1")
    assert (blind.returncode, "denied" in blind.stdout) == (1, True)
