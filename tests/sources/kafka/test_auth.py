"""AWS_MSK_IAM: signed so that AWS would accept it, with credentials that are looked up once, and when refused again."""

import asyncio
import json
from pathlib import Path
from urllib.parse import quote

import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as AwsCredentials

from streamwatch.core.clock import ManualClock
from streamwatch.core.errors import SourceDenied
from streamwatch.sources.aws.config import AwsAccess
from streamwatch.sources.aws.session import Account
from streamwatch.sources.kafka.auth import Credentials, NoRole
from streamwatch.sources.kafka.config import Sasl
from tests.sources.kinesis.providing import Metadata, metadata

IAM = Sasl(mechanism="AWS_MSK_IAM", aws_region="eu-west-1")


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example-secret-key")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "example/token+==")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    return monkeypatch


def first_message(credentials: Credentials, host: str) -> dict[str, str]:
    exchange = asyncio.run(credentials.exchange(host))
    found: dict[str, str] = json.loads(exchange.auth_bytes())
    return found


def key(message: dict[str, str]) -> str:
    """Return the access key that signed."""
    return message["x-amz-credential"].partition("/")[0]


def without(aws: pytest.MonkeyPatch) -> None:
    """Take the environment's keys away."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        aws.delenv(name)


def ask(aws: pytest.MonkeyPatch, service: Metadata) -> None:
    """Let a container's service be all there is."""
    without(aws)
    aws.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    aws.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", service.url)


def test_the_message_carries_the_signature_that_botocore_makes(aws: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    message = first_message(Credentials(IAM), "b-1.example")
    request = AWSRequest(method="GET", url="https://b-1.example/", params={"Action": "kafka-cluster:Connect"})
    request.context["timestamp"] = message["x-amz-date"]
    signer = SigV4QueryAuth(
        AwsCredentials("AKIDEXAMPLE", "example-secret-key", "example/token+=="), "kafka-cluster", "eu-west-1", 900
    )
    ours = {
        "Action": "kafka-cluster:Connect",
        "X-Amz-Algorithm": message["x-amz-algorithm"],
        "X-Amz-Credential": message["x-amz-credential"],
        "X-Amz-Date": message["x-amz-date"],
        "X-Amz-Expires": message["x-amz-expires"],
        "X-Amz-Security-Token": message["x-amz-security-token"],
        "X-Amz-SignedHeaders": message["x-amz-signedheaders"],
    }
    query = "&".join(f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in sorted(ours.items()))
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    canonical = f"GET\n/\n{query}\nhost:b-1.example\n\nhost\n{empty}"

    assert signer.signature(signer.string_to_sign(request, canonical), request) == message["x-amz-signature"]


def test_credentials_are_looked_up_once_for_many_connections(aws: pytest.MonkeyPatch) -> None:
    with metadata() as service:
        ask(aws, service)
        credentials = Credentials(IAM)
        hosts = [first_message(credentials, f"b-{i}.example")["host"] for i in range(3)]

    assert hosts == ["b-0.example", "b-1.example", "b-2.example"]
    assert len(service.asked) == 1


def test_what_a_broker_refuses_is_looked_up_anew_once(aws: pytest.MonkeyPatch) -> None:
    with metadata() as service:
        ask(aws, service)
        time = ManualClock()
        credentials = Credentials(IAM, Account(AwsAccess(), time))
        assert key(first_message(credentials, "h")) == "AKIDEXAMPLE"
        service.key = ("AKIDANOTHER", "0ther")
        assert key(first_message(credentials, "h")) == "AKIDEXAMPLE", "they are good as far as anybody knows"
        for _ in range(3):  # each broker of a cluster refuses them
            assert isinstance(credentials.refused(SourceDenied("no")), NoRole)
        assert key(first_message(credentials, "h")) == "AKIDEXAMPLE", "another broker may take them"
        time.advance(5)
        assert key(first_message(credentials, "h")) == "AKIDANOTHER"
        assert len(service.asked) == 2


def test_a_file_that_is_rotated_is_read_again(aws: pytest.MonkeyPatch, tmp_path: Path) -> None:
    without(aws)
    file = tmp_path / "credentials"
    aws.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    credentials = Credentials(IAM)
    for name in ("AKIDEXAMPLE", "AKIDNEW"):
        file.write_text(f"[default]\naws_access_key_id = {name}\naws_secret_access_key = s3cret\n", encoding="utf-8")
        assert key(first_message(credentials, "h")) == name


def test_missing_credentials_are_told_with_what_to_do(aws: pytest.MonkeyPatch, tmp_path: Path) -> None:
    without(aws)
    aws.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))

    with pytest.raises(SourceDenied, match=r"no credentials: env, .*: nothing: give the agent a role"):
        first_message(Credentials(IAM), "b-1.example")


def test_a_region_that_nobody_names_is_told(aws: pytest.MonkeyPatch) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION"):
        aws.delenv(name, raising=False)
    with pytest.raises(SourceDenied, match=r"sasl\.aws_region"):
        first_message(Credentials(Sasl(mechanism="AWS_MSK_IAM")), "b-1.example")


def test_a_token_is_read_again_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    credentials = Credentials(Sasl(mechanism="OAUTHBEARER", token_file=str(file)))
    for token in ("first", "second"):
        file.write_text(token + "\n")
        assert asyncio.run(credentials.exchange("h")).auth_bytes() == f"n,,\1auth=Bearer {token}\1\1".encode()
    file.unlink()
    with pytest.raises(SourceDenied, match="token_file"):
        asyncio.run(credentials.exchange("h"))
