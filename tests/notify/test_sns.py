"""Amazon SNS: what passes there, its credentials, and topics that keep the order."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from streamwatch.core.errors import NotifyRefused, NotifyUnavailable
from streamwatch.notify.channels import sns
from streamwatch.settings.types import Secret
from tests.notify.alerts import alert, notification, resolved
from tests.notify.receiver import Receiver, receiver
from tests.notify.test_channels import HTTP, PUBLISHED, SECRET, TOPIC, outcome, tools


@pytest.fixture
def service() -> Iterator[Receiver]:
    with receiver() as found:
        yield found


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "agent")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)


def test_sns_takes_the_keys_of_a_file_that_came_late_or_was_rotated(
    service: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    service.body = PUBLISHED
    notifier = HTTP["sns"](service.url, tools())
    found = outcome(notifier)
    assert isinstance(found, NotifyUnavailable)
    assert "shared-credentials-file" in str(found)
    for key in ("AKIDFIRST", "AKIDSECOND!"):
        text = f"[default]\naws_access_key_id = {key}\naws_secret_access_key = {SECRET}\n"
        (tmp_path / "credentials").write_text(text, "utf-8")
        assert outcome(notifier) is None
        assert key in str(service.requests[-1].headers)


@pytest.mark.parametrize(
    ("code", "status", "passes"),
    [
        *((code, 403, True) for code in ("ExpiredToken", "SignatureDoesNotMatch", "InvalidClientTokenId")),
        *((code, 400, True) for code in ("RequestExpired", "Throttling", "ThrottlingException", "Throttled")),
        *((code, 400, True) for code in ("KMSThrottling", "RequestTimeout", "TooManyRequestsException", "SlowDown")),
        ("Throttled", 429, True),
        ("InternalError", 500, True),
        *((code, 400, False) for code in ("InvalidParameter", "KMSDisabled", "EndpointDisabled")),
        *((code, 403, False) for code in ("AuthorizationError", "AccessDenied", "KMSAccessDenied")),
        ("NotFound", 404, False),
    ],
)
def test_sns_tells_what_passes_and_nothing_of_its_token(
    code: str, status: int, passes: bool, service: Receiver  # noqa: FBT001 - of a table
) -> None:  # fmt: skip
    service.status = status
    told = f"does not match.&#10;&#10;The Canonical String was&#10;x-amz-security-token:{SECRET}"
    service.body = (
        '<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type>'
        f"<Code>{code}</Code><Message>{told}</Message></Error></ErrorResponse>"
    ).encode()
    found = outcome(HTTP["sns"](service.url, tools()))
    assert isinstance(found, NotifyUnavailable if passes else NotifyRefused)
    assert str(found) == f"SNS: {code}: does not match."


def test_a_topic_that_keeps_the_order_has_what_it_wants(service: Receiver) -> None:
    service.body = PUBLISHED
    config = sns.Config(name="n", topic_arn=f"{TOPIC}.fifo", endpoint_url=Secret(service.url))
    channel = sns.Sns(config, tools())
    first = notification(alert(broker="1"))
    channel.send([first, first, replace(first, at=1020.0), resolved(alert(broker="1"))])
    sent = [parse_qs(one.body.decode()) for one in service.requests]
    assert len({one["MessageGroupId"][0] for one in sent}) == 1
    assert len({one["MessageDeduplicationId"][0] for one in sent}) == 3
    assert all(len(one["MessageDeduplicationId"][0]) <= 128 for one in sent)
    assert outcome(HTTP["sns"](service.url, tools())) is None
    assert "MessageGroupId" not in parse_qs(service.requests[-1].body.decode())
