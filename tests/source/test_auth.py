"""AWS_MSK_IAM: signed so that AWS would accept it, with credentials that are looked up once."""

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as AwsCredentials

from streamwatch.errors import SourceDenied
from streamwatch.sources.kafka import auth
from streamwatch.sources.kafka.auth import Credentials
from streamwatch.sources.kafka.config import Sasl

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


def test_the_message_carries_the_signature_that_botocore_makes(aws: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    message = first_message(Credentials(IAM, over_tls=True), "b-1.example")
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
    looked_up, resolve = Counter[str](), auth._resolve_aws

    def counted(sasl: Sasl) -> Any:
        looked_up["times"] += 1
        return resolve(sasl)

    aws.setattr(auth, "_resolve_aws", counted)
    credentials = Credentials(IAM, over_tls=True)

    hosts = [first_message(credentials, f"b-{i}.example")["host"] for i in range(3)]

    assert hosts == ["b-0.example", "b-1.example", "b-2.example"]
    assert looked_up["times"] == 1


def test_missing_credentials_are_told_with_what_to_do(aws: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        aws.delenv(name)
    aws.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))

    with pytest.raises(SourceDenied, match="no AWS credentials found: give the process a role"):
        first_message(Credentials(IAM, over_tls=True), "b-1.example")


def test_a_token_is_read_again_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    credentials = Credentials(Sasl(mechanism="OAUTHBEARER", token_file=str(file)), over_tls=True)
    for token in ("first", "second"):
        file.write_text(token + "\n")
        assert asyncio.run(credentials.exchange("h")).auth_bytes() == f"n,,\1auth=Bearer {token}\1\1".encode()
    file.unlink()
    with pytest.raises(SourceDenied, match="token_file"):
        asyncio.run(credentials.exchange("h"))
