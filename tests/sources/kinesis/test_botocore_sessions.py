"""What AWS's services are like is read once, whoever asks them."""

from pathlib import Path

import pytest

from streamwatch.core.clock import SystemClock
from streamwatch.settings.types import Secret
from streamwatch.sources.aws.botocore_sessions import new_session
from streamwatch.sources.aws.config import AwsAccess
from streamwatch.sources.aws.session import Account


def account(key: str) -> Account:
    return Account(AwsAccess(access_key_id=key, secret_access_key=Secret("s")), SystemClock())


def test_accounts_have_credentials_of_their_own_and_descriptions_in_common() -> None:
    one, other = (account(key).login("us-east-1").session for key in ("AKIDONE", "AKIDOTHER"))

    assert [each.get_credentials().access_key for each in (one, other)] == ["AKIDONE", "AKIDOTHER"]
    assert one.get_component("data_loader") is other.get_component("data_loader")


def test_descriptions_are_looked_for_where_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    usual = new_session().get_available_services()
    (tmp_path / "mine" / "2026-01-01").mkdir(parents=True)
    (tmp_path / "mine" / "2026-01-01" / "service-2.json").write_text("{}")
    monkeypatch.setenv("AWS_DATA_PATH", str(tmp_path))

    assert set(new_session().get_available_services()) == {*usual, "mine"}
