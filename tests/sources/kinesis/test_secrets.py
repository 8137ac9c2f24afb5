"""What a provider of credentials writes itself may be a secret, and is shown nowhere."""

import logging
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from streamwatch.cli import main as cli
from streamwatch.sources.aws.config import AwsAccess
from streamwatch.sources.aws.sign import Signer
from streamwatch.sources.kinesis.doctor import examine
from tests.reference.kinesis.acting import Time
from tests.sources.kinesis.providing import Metadata
from tests.sources.kinesis.test_credentials import (  # noqa: F401 - fixtures
    CHAIN,
    KEY,
    NEW,
    is_denied,
    nothing,
    reads,
    service,
    watching,
    write,
)
from tests.sources.kinesis.watching import config

SECRET = "wJalrXUtnFEMI-K7MDENG"
DOCUMENT = f'{{"AccessKeyId": "AKID", "SecretAccessKey": "{SECRET}"'


def program(tmp_path: Path, text: str) -> None:
    """Let a program give the credentials, or fail to."""
    path = tmp_path / "program"
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o700)
    (tmp_path / "config").write_text(f"[default]\ncredential_process = {path}\n", encoding="utf-8")


def on_stderr(tmp_path: Path) -> None:
    program(tmp_path, f"echo the token {SECRET} is no longer good >&2; exit 3")


def on_stderr_in_many_lines(tmp_path: Path) -> None:
    program(tmp_path, f"printf 'one\\n%s\\nthree\\n' {SECRET} >&2; exit 1")


def of_other_bytes(tmp_path: Path) -> None:
    program(tmp_path, f"printf '\\377{SECRET}' >&2; exit 1")


def cut_off(tmp_path: Path) -> None:
    program(tmp_path, f"echo '{DOCUMENT}'")


def of_another_version(tmp_path: Path) -> None:
    program(tmp_path, f'echo \'{DOCUMENT}, "Version": "{SECRET}"}}\'')


def without_a_key(tmp_path: Path) -> None:
    program(tmp_path, f'echo \'{{"SecretAccessKey": "{SECRET}", "Version": 1}}\'')


def in_a_broken_file(tmp_path: Path) -> None:
    (tmp_path / "config").write_text(f"aws_secret_access_key = {SECRET}\n", encoding="utf-8")


def in_a_broken_line(tmp_path: Path) -> None:
    (tmp_path / "config").write_text(f"[default]\n{SECRET}\n", encoding="utf-8")


def in_half_a_key(tmp_path: Path) -> None:
    (tmp_path / "credentials").write_text(f"[default]\naws_access_key_id = {SECRET}\n", encoding="utf-8")


@pytest.mark.parametrize(
    "spoilt",
    [
        on_stderr, on_stderr_in_many_lines, of_other_bytes, cut_off, of_another_version, without_a_key,
        in_a_broken_file, in_a_broken_line, in_half_a_key,
    ],
)  # fmt: skip
def test_no_error_log_or_check_up_shows_a_secret_of_a_provider(
    spoilt: Callable[[Path], None], tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoilt(tmp_path)
    monkeypatch.chdir(tmp_path)
    with watching() as (aws, eyes), caplog.at_level(logging.DEBUG, "streamwatch"):
        why = is_denied(eyes)
        assert "no credentials: " in why
        shown = [why, *map(repr, examine(config(aws.url, access=CHAIN), Time(aws.clock())))]
        with pytest.raises(Exception, match="AWS: no credentials") as raised:
            Signer(AwsAccess(), "aps", "us-east-1", eyes.time).sign("http://127.0.0.1:1/", b"", {})
        shown += traceback.format_exception(raised.value)
        (tmp_path / "c.yml").write_text(
            f"kinesis: [{{name: mine, regions: [us-east-1], access: {{endpoint_url: '{aws.url}'}}}}]\n", "utf-8"
        )
        for command in ("doctor", "snapshot"):
            told = CliRunner().invoke(cli.main, [command, "--config", "c.yml"])
            assert (told.exit_code, "no credentials: " in " ".join(told.output.split())) == (1, True), told.output
            shown.append(told.output)
        assert SECRET not in "\n".join([*shown, caplog.text])
        for name in ("config", "credentials"):
            (tmp_path / name).unlink(missing_ok=True)
        write(tmp_path / "credentials", KEY)
        assert reads(eyes)


@pytest.mark.parametrize(("status", "body"), [(200, DOCUMENT), (500, DOCUMENT), (403, SECRET)])
def test_what_the_service_of_a_container_answers_is_not_shown(
    service: Metadata,  # noqa: F811 - the fixture
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    body: str,
) -> None:
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", service.url)
    service.status, service.body = status, body.encode()
    with watching() as (_, eyes):
        why = is_denied(eyes)
        assert "container-role: Error when retrieving credentials from container-role" in why
        assert str(status) in why or status == 200
        assert SECRET not in why
        service.status, service.body = 200, b""
        assert reads(eyes)


def test_a_program_is_run_again_when_it_has_failed(tmp_path: Path) -> None:
    program(tmp_path, "exit 1")
    with watching(keys=(KEY, NEW)) as (_, eyes):
        assert "custom-process: the program of credential_process failed" in is_denied(eyes)
        told = f'{{"Version": 1, "AccessKeyId": "{KEY[0]}", "SecretAccessKey": "{KEY[1]}"}}'
        (tmp_path / "program").write_text(f"#!/bin/sh\necho '{told}'\n", encoding="utf-8")  # its settings stay
        assert reads(eyes)
