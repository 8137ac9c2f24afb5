"""Credentials that come late, go stale and come back: read again by the next read, without a restart."""

import math
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.session import Session

from streamwatch.catalogue import kinesis as k
from streamwatch.reference.aws.cloud import AccessKey, Cloud, Role
from streamwatch.reference.aws.server import ReferenceAws
from streamwatch.sources.aws.credentials import LoginKeeper
from streamwatch.sources.aws.errors import NoCredentials
from streamwatch.sources.kinesis.doctor import examine
from tests.reference.kinesis.acting import Time, cloud
from tests.sources.kinesis.providing import EARLIER, LATER, Metadata, metadata
from tests.sources.kinesis.test_source import broken, make
from tests.sources.kinesis.watching import Eyes, config

KEY = ("AKIDEXAMPLE", "s3cret")
NEW = ("AKIDANOTHER", "0ther")
USER = "arn:aws:iam::123456789012:user/u"
ROLE = "arn:aws:iam::123456789012:role/watcher"
INTERVAL = 5.0
CHAIN = "profile: null"


@pytest.fixture(autouse=True)
def nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No credentials anywhere."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Metadata]:
    with metadata() as found:
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", found.url)
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "false")
        yield found


def write(path: Path, key: tuple[str, str]) -> None:
    path.write_text(f"[default]\naws_access_key_id = {key[0]}\naws_secret_access_key = {key[1]}\n", encoding="utf-8")


def let_in(aws: ReferenceAws, *keys: tuple[str, str]) -> None:
    """Let these keys be the only ones that AWS takes."""
    found = {name: AccessKey(secret, "123456789012", USER) for name, secret in keys}

    def change(cloud: Cloud, _: float) -> None:
        cloud.logins.clear()
        cloud.logins.update(found)

    aws.do(change)


@contextmanager
def watching(
    access: str = CHAIN, keys: tuple[tuple[str, str], ...] = (KEY,), **options: str
) -> Iterator[tuple[ReferenceAws, Eyes]]:
    """A stream, and who is to read it."""
    with cloud(
        logins={KEY[0]: AccessKey(KEY[1], "123456789012", USER)}
    ) as aws:  # signatures are of botocore's own time
        let_in(aws, *keys)
        make(aws, "s")
        eyes = Eyes(aws, Time(aws.clock()), access=access, **options)
        yield aws, eyes
        eyes.close()


def reads(eyes: Eyes) -> bool:
    """Whether one interval later the stream is read."""
    eyes.time.advance(INTERVAL)
    eyes.read()
    return eyes.snapshot.is_up and eyes.value(k.OPEN_SHARDS) == 1


def is_denied(eyes: Eyes) -> str:
    """Read, and return why nothing could be read."""
    eyes.time.advance(400)  # what was known is shown for a while
    eyes.read()
    assert not eyes.snapshot.is_up
    assert eyes.problems() == {("region", "denied")}
    return eyes.snapshot.problems[0].detail


def test_a_metadata_service_that_comes_late_is_asked_until_it_answers(service: Metadata) -> None:
    service.status = 503
    with watching() as (_, eyes):
        for _ in range(6):
            assert not reads(eyes)
        why = is_denied(eyes)
        assert f"iam-role: PUT {service.url}/latest/api/token: status 503" in why
        assert "env, assume-role" in why
        service.status = 200
        assert reads(eyes)


def test_a_metadata_service_that_fails_is_not_hammered(service: Metadata) -> None:
    service.status = 503
    with watching() as (_, eyes):
        eyes.read()
        once = len(service.asked)
        for _ in range(100):  # as many threads and sources may; STS is not paced
            with pytest.raises(NoCredentials, match="status 503"):
                eyes.source._caller.call("sts", "us-east-1", "GetCallerIdentity", {}, deadline=math.inf)
        assert len(service.asked) == once
        for _ in range(120):
            eyes.time.advance(0.5)
            eyes.read()
        assert len(service.asked) <= once * (2 + 60 / 4)
        service.status = 200
        assert reads(eyes)


@pytest.mark.parametrize("body", [b"{}", b"not json", b'{"Code": "Failed", "Message": "no trust"}'])
def test_a_metadata_service_that_answers_garbage_is_asked_again(service: Metadata, body: bytes) -> None:
    service.body = body
    with watching() as (_, eyes):
        assert "iam-role" in is_denied(eyes)
        service.body = b""
        assert reads(eyes)


def test_keys_of_a_machine_that_are_rotated_are_taken(service: Metadata) -> None:
    with watching() as (aws, eyes):
        assert reads(eyes)
        service.key = NEW
        let_in(aws, NEW)
        assert reads(eyes)
        assert eyes.problems() == set()


def test_a_file_that_is_rotated_is_read_again(tmp_path: Path) -> None:
    write(tmp_path / "credentials", KEY)
    with watching() as (aws, eyes):
        assert reads(eyes)
        write(tmp_path / "credentials", NEW)
        let_in(aws, NEW)
        assert reads(eyes)
        assert eyes.problems() == set()


def test_a_file_that_is_rotated_after_the_keys_were_revoked_is_read_again(tmp_path: Path) -> None:
    write(tmp_path / "credentials", KEY)
    with watching() as (aws, eyes):
        assert reads(eyes)
        let_in(aws, NEW)
        is_denied(eyes)
        write(tmp_path / "credentials", NEW)
        assert reads(eyes)


def test_a_file_that_comes_late_or_goes_for_a_while_is_read_when_it_is_there(tmp_path: Path) -> None:
    path = tmp_path / "credentials"
    with watching() as (_, eyes):
        assert "shared-credentials-file" in is_denied(eyes)
        write(path, KEY)
        assert reads(eyes)
        path.unlink()
        is_denied(eyes)
        path.write_text("[default]\naws_access_key_id = half\n", encoding="utf-8")
        assert "aws_secret_access_key" in is_denied(eyes)
        path.write_text("garbage", encoding="utf-8")
        is_denied(eyes)
        write(path, KEY)
        assert reads(eyes)


def test_a_profile_that_comes_late_is_found(tmp_path: Path) -> None:
    with watching("profile: watcher") as (_, eyes):
        assert "watcher" in is_denied(eyes)
        (tmp_path / "config").write_text(
            f"[profile watcher]\naws_access_key_id = {KEY[0]}\naws_secret_access_key = {KEY[1]}\n", encoding="utf-8"
        )
        assert reads(eyes)


def test_credentials_that_aws_calls_expired_are_taken_again_when_it_does_not(tmp_path: Path) -> None:
    write(tmp_path / "credentials", KEY)
    with watching() as (aws, eyes):
        assert reads(eyes)
        broken(aws, "expire_credentials")
        assert "ExpiredTokenException" in is_denied(eyes)
        broken(aws, "heal")
        assert reads(eyes)


def test_renewed_credentials_that_are_still_expired_are_a_denial(
    service: Metadata, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", service.url)
    service.until = EARLIER
    with watching() as (_, eyes):
        assert "container-role: Credentials were refreshed, but" in is_denied(eyes)
        service.until = LATER
        assert reads(eyes)


def test_a_container_whose_service_comes_late_is_asked_again(
    service: Metadata, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", service.url)
    service.body = b"not yet"
    with watching() as (_, eyes):
        assert "container-role" in is_denied(eyes)
        service.body = b""
        assert reads(eyes)


def test_a_role_without_credentials_to_assume_it_with_is_a_denial_that_names_providers(tmp_path: Path) -> None:
    with watching(f"role_arn: '{ROLE}'") as (aws, eyes):
        aws.do(lambda cloud, _: cloud.roles.update({ROLE: Role(ROLE)}))
        why = is_denied(eyes)
        assert f"the role {ROLE} needs others" in why
        assert "shared-credentials-file" in why
        write(tmp_path / "credentials", KEY)
        assert reads(eyes)


@pytest.mark.parametrize("fault", ["deny", "spoil"])
def test_a_role_is_assumed_as_soon_as_sts_lets(tmp_path: Path, fault: str) -> None:
    write(tmp_path / "credentials", KEY)
    with watching(f"role_arn: '{ROLE}'") as (aws, eyes):
        aws.do(lambda cloud, _: cloud.roles.update({ROLE: Role(ROLE)}))
        if fault == "deny":
            broken(aws, "deny", operation="AssumeRole")
        else:
            broken(aws, "spoil", answers="garbage")
        assert f"assume-role ({ROLE}): " in is_denied(eyes)
        broken(aws, "heal")
        assert reads(eyes)


def test_a_web_identity_whose_token_comes_late_is_no_crash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ROLE_ARN", ROLE)
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    with watching() as (_, eyes):
        assert "assume-role-with-web-identity" in is_denied(eyes)
        monkeypatch.delenv("AWS_WEB_IDENTITY_TOKEN_FILE")
        write(tmp_path / "credentials", KEY)
        assert reads(eyes)


def run_fails(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[default]\ncredential_process = false\n", encoding="utf-8")


def run_garbage(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[default]\ncredential_process = echo nothing\n", encoding="utf-8")


def run_nothing(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[default]\ncredential_process = /no/such/program\n", encoding="utf-8")


def expired_sso(tmp_path: Path) -> None:
    text = "sso_account_id = 1\nsso_role_name = r\nsso_region = us-east-1\nsso_start_url = https://127.0.0.1:1/\n"
    (tmp_path / "config").write_text(f"[default]\n{text}", encoding="utf-8")


def role_without_source(tmp_path: Path) -> None:
    (tmp_path / "config").write_text(f"[default]\nrole_arn = {ROLE}\nsource_profile = gone\n", encoding="utf-8")


def unknown_source(tmp_path: Path) -> None:
    (tmp_path / "config").write_text(f"[default]\nrole_arn = {ROLE}\ncredential_source = Moon\n", encoding="utf-8")


def not_text(tmp_path: Path) -> None:
    (tmp_path / "credentials").write_bytes(b"\xff\xfe[default")


@pytest.mark.parametrize(
    "spoilt", [run_fails, run_garbage, run_nothing, expired_sso, role_without_source, unknown_source, not_text]
)
def test_whatever_a_provider_does_is_a_denial_and_nothing_else(spoilt: Callable[[Path], None], tmp_path: Path) -> None:
    spoilt(tmp_path)
    with watching() as (aws, eyes):
        assert "no credentials: " in is_denied(eyes)
        found = list(examine(config(aws.url, access=CHAIN), Time(aws.clock())))
        assert [(one.step, one.verdict) for one in found] == [("credentials", "failed")]
        for name in ("config", "credentials"):
            (tmp_path / name).unlink(missing_ok=True)
        write(tmp_path / "credentials", KEY)
        assert reads(eyes)


def test_a_reload_asks_the_providers_anew_at_once(service: Metadata) -> None:
    with watching(keys=(KEY, NEW)) as (_, eyes):
        assert reads(eyes)
        service.key = NEW  # the old ones are good, too: nothing else says that there are others
        asked = len(service.asked)
        assert reads(eyes)
        assert len(service.asked) == asked
        eyes.wiring.renew()
        assert reads(eyes)
        assert len(service.asked) > asked


def test_who_is_refused_for_good_is_not_asking_for_ever_more(service: Metadata) -> None:
    with watching(keys=(NEW,)) as (_, eyes):
        for _ in range(40):
            eyes.time.advance(0.5)
            eyes.read()
        assert len(service.asked) <= 3 * (4 + 20 / 4)


def unreachable(region: str) -> dict[str, str]:
    """Renew nothing."""
    raise EndpointConnectionError(endpoint_url=f"https://sts.{region}")


def sts_is_down(monkeypatch: pytest.MonkeyPatch, regions: Collection[str]) -> None:
    """Let nobody reach STS in these regions, as long as they are in there."""
    make_client = Session.create_client

    def create(session: Session, service: str, **options: Any) -> Any:
        made = make_client(session, service, **options)
        if service == "sts":
            assume = made.assume_role

            def assume_role(**given: Any) -> Any:
                if options["region_name"] in regions:
                    unreachable(options["region_name"])
                return assume(**given)

            made.assume_role = assume_role
        return made

    monkeypatch.setattr(Session, "create_client", create)


@pytest.mark.parametrize("regions", ["eu-west-1, us-east-1", "us-east-1, eu-west-1"])
def test_a_role_is_assumed_in_another_region_where_sts_of_one_is_out_of_reach(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, regions: str
) -> None:
    write(tmp_path / "credentials", KEY)
    sts_is_down(monkeypatch, {"eu-west-1"})
    with watching(f"role_arn: '{ROLE}'", regions=regions) as (aws, eyes):
        aws.do(lambda cloud, _: cloud.roles.update({ROLE: Role(ROLE)}))
        for _ in range(2):
            assert reads(eyes)
        assert eyes.problems() == set()


def test_a_role_is_renewed_in_another_region_where_sts_of_the_first_goes_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "credentials", KEY)
    down: set[str] = set()
    sts_is_down(monkeypatch, down)
    with watching(f"role_arn: '{ROLE}'") as (aws, _):
        aws.do(lambda cloud, _: cloud.roles.update({ROLE: Role(ROLE)}))
        access = config(aws.url, access=f"role_arn: '{ROLE}'").access
        keeper = LoginKeeper(access, Time(aws.clock()))
        first = keeper.login("eu-west-1")
        down.add("eu-west-1")
        spent: Any = first.credentials
        spent._expiry_time, spent._refresh_using = datetime(2026, 1, 1, tzinfo=UTC), partial(unreachable, "eu-west-1")
        second = keeper.login("us-east-1")
        assert second is not first
        assert keeper.login("eu-west-1") is second
