"""Configurations that lead astray: to devices, to times that no clock can wait for, to secrets that all may read."""

import os
import tracemalloc
from pathlib import Path

import pytest
from click.testing import CliRunner

from streamwatch.agent.config import load, parse
from streamwatch.agent.exposure import exposures
from streamwatch.cli.main import main
from streamwatch.core.errors import ConfigError

PASSWORD = "kafka: [{{name: a, bootstrap: ['h:1'], sasl: {{mechanism: PLAIN, username: u, password_file: {}}}}}]\n"
TOKEN = "kafka: [{{name: a, bootstrap: ['h:1'], sasl: {{mechanism: OAUTHBEARER, token_file: {}}}}}]\n"


def mistakes(text: str, folder: Path) -> str:
    with pytest.raises(ConfigError) as found:
        parse(text, "agent.yaml", folder)
    return "\n".join(found.value.mistakes)


@pytest.mark.parametrize("text", [PASSWORD, TOKEN])
@pytest.mark.parametrize("device", ["/dev/zero", "/dev/tty", "fifo"])
def test_a_device_or_a_pipe_is_no_file_of_a_secret(tmp_path: Path, text: str, device: str) -> None:
    os.mkfifo(tmp_path / "fifo")
    if device.startswith("/") and not Path(device).exists():
        pytest.skip(f"no {device} here")
    tracemalloc.start()
    try:
        said = mistakes(text.format(device), tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 4 * 2**20
    finally:
        tracemalloc.stop()
    assert f"{device!r} is a device, a pipe or a socket: give the path of a file" in said


def test_a_secret_of_a_gigabyte_is_none(tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(2**30)
    assert "'large' cannot be read: it is larger than 65536 bytes" in mistakes(PASSWORD.format("large"), tmp_path)


@pytest.mark.parametrize("interval", ["999999999999999d", "999999999999999ms", "36501d"])
def test_what_no_clock_can_wait_for_is_refused(tmp_path: Path, interval: str) -> None:
    text = f"kafka: [{{name: a, bootstrap: ['h:1'], interval: {interval}}}]\n"
    assert f"{interval!r} is longer than a hundred years" in mistakes(text, tmp_path)


def checked(folder: Path, listen: str, mode: int, own_mode: int = 0o600) -> list[str]:
    """Return what is doubtful of a configuration with a password in it, and one in a file."""
    secret, config = folder / "password", folder / "agent.yaml"
    secret.write_text("hunter2")
    secret.chmod(mode)
    config.write_text(PASSWORD.format(secret) + f"listen: {listen}\n")
    config.chmod(own_mode)
    done = CliRunner().invoke(main, ["check-config", str(config)])
    assert done.exit_code == 0, done.output
    assert "hunter2" not in done.output
    assert [f"doubtful: {what}: {remedy}" for what, remedy in exposures(load(config))] == [
        line for line in done.output.splitlines() if "is open" in line or "holds a secret" in line
    ]
    return [what.replace(str(folder), "") for what, _ in exposures(load(config))]


OPEN = "{address: '0.0.0.0:9308', reload: true}"
WELL = "{address: '0.0.0.0:9308', basic_auth: {username: u, password: p}}"


def test_what_is_open_to_more_people_than_it_need_be_is_said(tmp_path: Path) -> None:
    assert checked(tmp_path, "{}", 0o600) == []
    assert checked(tmp_path, "{}", 0o640) == [], "a group is somebody's choice"
    assert checked(tmp_path, "{}", 0o644) == [
        "/password: it holds a secret and may be read by everybody on this machine"
    ]
    assert checked(tmp_path, "{}", 0o602) == [
        "/password: it holds a secret and may be written by everybody on this machine"
    ]
    assert checked(tmp_path, "{}", 0o600, 0o666) == [], "no secret stands in the configuration itself"
    assert checked(tmp_path, WELL, 0o600, 0o666) == [
        "/agent.yaml: it holds a secret and may be written by everybody on this machine"
    ]
    (listens,) = checked(tmp_path, OPEN, 0o600)
    assert listens.startswith("listen.address: 0.0.0.0:9308 is open: whoever reaches it may read what the agent knows")
