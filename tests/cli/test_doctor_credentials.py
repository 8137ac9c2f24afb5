"""A check-up without credentials of AWS: it says so once, and what was not tried in one line."""

from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from streamwatch.cli.main import main
from streamwatch.reference.aws.cloud import AccessKey
from streamwatch.reference.aws.server import ReferenceAws
from tests.reference.kinesis.acting import cloud

KINDS: Final = ("kcl", "functions", "firehose", "msk_connect", "dms", "pipes", "flink", "msk_replicator")


def checked(folder: Path, more: str = "", regions: str = "eu-west-1, us-east-1") -> list[str]:
    readers = ", ".join(f"{kind}: {{enabled: true}}" for kind in KINDS)
    return doctored(folder, f"kinesis:\n  - name: prod\n    regions: [{regions}]\n    readers: {{{readers}}}\n{more}")


def doctored(folder: Path, config: str) -> list[str]:
    file = folder / "streamwatch.yaml"
    file.write_text(config)
    file.chmod(0o600)
    result = CliRunner().invoke(main, ["doctor", "--config", str(file)])
    assert result.exit_code == 1, result.output
    return [" ".join(line.split()) for line in result.output.splitlines()]


@pytest.fixture
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without credentials of AWS."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))


@pytest.mark.usefixtures("nobody")
def test_no_credentials_are_one_failure(tmp_path: Path) -> None:
    failed, remedy, left, total = checked(tmp_path)
    assert failed.startswith("failed eu-west-1 credentials sts GetCallerIdentity in eu-west-1: no credentials: env, ")
    assert remedy == "-> give the agent a role, a profile, or an access key (`access` in the configuration)"
    assert left == (
        "skipped eu-west-1, us-east-1 credentials 18 checks not tried, there are no credentials to try them with:"
        " streams, kcl, lambda, firehose, msk_connect, dms, pipes, flink, msk_replicator"
    )
    assert total == "2 checks: 0 ok, 0 warnings, 1 failed, 1 skipped"


def refused(aws: ReferenceAws, folder: Path) -> list[str]:
    access = f"{{endpoint_url: '{aws.url}', access_key_id: NOBODY, secret_access_key: other}}"
    return checked(folder, f"    access: {access}\n", "eu-west-1")


def test_a_key_that_aws_does_not_take_is_one_failure_with_its_own_remedy(tmp_path: Path) -> None:
    with cloud(logins={"KEY": AccessKey("secret", "1", "arn:aws:iam::1:user/u")}) as aws:
        lines = refused(aws, tmp_path)
    assert sum(line.startswith("failed") for line in lines) == 1
    assert lines[1].startswith("-> check the access key, its secret")
    assert "9 checks not tried" in lines[2]


@pytest.mark.usefixtures("nobody")
def test_where_msk_cannot_be_asked_for_brokers_that_is_not_a_second_failure(tmp_path: Path) -> None:
    lines = doctored(tmp_path, "kafka: [{name: shop, msk: {cluster: shop, region: eu-west-1}}]\n")
    assert lines[1] == "-> give the agent a role, a profile, or an access key (`access` in the configuration)"
    assert lines[2].startswith("skipped cluster shop bootstrap its brokers' addresses are asked of MSK")
    assert lines[3] == "2 checks: 0 ok, 0 warnings, 1 failed, 1 skipped"
