"""How a request travels: who asks is said, and what is signed for AWS is what AWS would check."""

from urllib.parse import urlsplit

import pytest

from streamwatch.core.clock import ManualClock, SystemClock
from streamwatch.core.errors import NotifyRefused, NotifyUnavailable
from streamwatch.export.remote_write.config import Config, SigV4
from streamwatch.export.remote_write.service import _Receiver
from streamwatch.reference.aws import sigv4
from streamwatch.reference.http import Asked
from streamwatch.settings.types import Secret
from streamwatch.sources.aws.config import AwsAccess
from tests.notify.receiver import Request, receiver
from tests.sources.kinesis.providing import metadata

HEADERS = {"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy"}
SECRET = "a-secret-of-aws"


def config(url: str, **others: object) -> Config:
    return Config(name="amp", url=Secret(url), **others)  # type: ignore[arg-type]


def asked(one: Request) -> Asked:
    """What came, as the reference's verifier takes it."""
    method, target, _ = one.line.split()
    parts = urlsplit(target)
    return Asked(method, parts.path, parts.query, one.body, one.headers)


def test_a_request_is_signed_as_aws_wants_it() -> None:
    access = AwsAccess(access_key_id="AKID", secret_access_key=Secret(SECRET))
    with receiver() as service:
        signed = config(
            f"{service.url}/workspaces/ws-1/api/v1/remote_write", sigv4=SigV4(region="eu-west-1", access=access)
        )
        _Receiver(signed, SystemClock()).post(b"samples", HEADERS)
        (one,) = service.requests

    found = asked(one)
    given = sigv4.parse(found)
    assert given is not None
    assert (given.key, given.region, given.service) == ("AKID", "eu-west-1", "aps")
    assert sigv4.is_right(found, given, SECRET)
    assert not sigv4.is_right(found, given, "another")
    assert one.body == b"samples"
    assert SECRET not in str(one)


def test_a_role_without_credentials_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    post = _Receiver(config("http://127.0.0.1:1/", sigv4=SigV4(region="eu-west-1")), SystemClock()).post
    with pytest.raises(NotifyUnavailable, match="AWS: no credentials"):
        post(b"", HEADERS)


def test_a_signature_that_aws_refuses_costs_no_samples_and_others_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    clock = ManualClock()
    with metadata() as role, receiver() as service:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", role.url)
        post = _Receiver(config(service.url, sigv4=SigV4(region="eu-west-1")), clock).post
        service.status, service.body = 403, b'{"message": "The security token included in the request is expired"}'
        for _ in range(3):
            with pytest.raises(NotifyUnavailable, match="expired"):
                post(b"samples", HEADERS)
        assert len(role.asked) == 1, "a backoff spaces what follows"
        role.key = ("AKIDNEW", "0ther")
        service.status = 200
        clock.advance(15)
        post(b"samples", HEADERS)
        service.status = 400
        with pytest.raises(NotifyRefused):  # a request that is wrong stays wrong
            post(b"samples", HEADERS)
        found = asked(service.requests[3])
    given = sigv4.parse(found)
    assert given is not None
    assert given.key == "AKIDNEW"
    assert sigv4.is_right(found, given, "0ther")
    assert len(role.asked) == 2


def test_who_asks_is_said_and_never_told() -> None:
    with receiver() as service:
        mimir = config(service.url, token=Secret("t0ken-t0ken"), headers={"X-Scope-OrgID": "shop"})
        _Receiver(mimir, SystemClock()).post(b"", HEADERS)
        _Receiver(config(service.url, username="u", password=Secret("p4ssword")), SystemClock()).post(b"", HEADERS)
        service.status, service.body = 400, b"no such token: t0ken-t0ken"
        with pytest.raises(NotifyRefused) as refused:
            _Receiver(mimir, SystemClock()).post(b"", HEADERS)

    first, second, _ = service.requests
    assert (first.headers["authorization"], first.headers["x-scope-orgid"]) == ("Bearer t0ken-t0ken", "shop")
    assert second.headers["authorization"] == "Basic dTpwNHNzd29yZA=="
    assert refused.value.status == 400
    assert "t0ken" not in str(refused.value)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"username": "u"}, "a name and a password belong together"),
        ({"token": Secret("t"), "sigv4": SigV4(region="eu-west-1")}, "one way to say who asks"),
        ({"external_labels": {"e-nv": "x"}}, "'e-nv' is no name of a label"),
        ({"headers": {"no thing": "x"}}, "a name has other characters"),
    ],
)
def test_what_does_not_go_together_is_refused(settings: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        config("http://127.0.0.1/", **settings)
