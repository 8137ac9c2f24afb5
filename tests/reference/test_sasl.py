"""Logins, against the client side of an independent library, and against AWS's own signer."""

import base64
import json
from contextlib import suppress
from typing import Any

import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as AwsCredentials
from hypothesis import given
from hypothesis import strategies as st
from kafka.net.sasl import SASL_MECHANISMS
from kafka.net.sasl.oauth import AbstractTokenProvider

from streamwatch.reference.kafka.sasl import BrokerUsers, Conversation, SaslError, begin

NOW = 1_800_000_000.0
KNOWN = BrokerUsers(
    users={"me": "pä,=ss", "you": "word", "a,b=c": "x"},
    tokens={"good-token": "bob"},
    unsecured_tokens=True,
    aws_keys={"AKIDEXAMPLE": "example-secret"},
    aws_region="eu-west-1",
)
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER", "AWS_MSK_IAM")


class Token(AbstractTokenProvider):  # type: ignore[misc]
    def __init__(self, token: str) -> None:
        self._token = token

    def token(self) -> str:
        return self._token


def talk(mechanism: str, **settings: Any) -> Conversation:
    """Let kafka-python's client log in."""
    settings = {"sasl_mechanism": mechanism, "security_protocol": "SASL_SSL", **settings}
    client = SASL_MECHANISMS[mechanism](**settings)
    server = begin(mechanism, KNOWN, NOW)
    while not client.is_done():
        client.receive(server.step(client.auth_bytes()))
    assert client.is_authenticated()
    return server


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
@pytest.mark.parametrize(("user", "password"), [("me", "pä,=ss"), ("you", "word")])
def test_a_known_user_comes_in(mechanism: str, user: str, password: str) -> None:
    assert talk(mechanism, sasl_plain_username=user, sasl_plain_password=password).principal == f"User:{user}"


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
@pytest.mark.parametrize(("user", "password"), [("me", "wrong"), ("nobody", "pä,=ss"), ("me", "")])
def test_a_wrong_password_is_refused_and_not_repeated(mechanism: str, user: str, password: str) -> None:
    with pytest.raises(SaslError) as caught:
        talk(mechanism, sasl_plain_username=user, sasl_plain_password=password)
    assert "pä" not in str(caught.value)


def test_scram_reads_escaped_names() -> None:
    assert begin("SCRAM-SHA-256", KNOWN, NOW).step(b"n,,n=a=2Cb=3Dc,r=nonce").startswith(b"r=nonce")


def test_plain_takes_an_authorization_id_or_none() -> None:
    for message in ("me\0me\0pä,=ss", "\0me\0pä,=ss"):
        server = begin("PLAIN", KNOWN, NOW)
        server.step(message.encode())
        assert server.principal == "User:me"


def test_a_known_token_comes_in() -> None:
    assert talk("OAUTHBEARER", sasl_oauth_token_provider=Token("good-token")).principal == "User:bob"


def unsecured(**claims: Any) -> str:
    parts = ({"alg": "none"}, claims)
    return ".".join(base64.urlsafe_b64encode(json.dumps(one).encode()).decode().rstrip("=") for one in parts) + "."


def test_an_unsecured_token_is_good_until_it_expires() -> None:
    server = talk("OAUTHBEARER", sasl_oauth_token_provider=Token(unsecured(sub="alice", exp=NOW + 60)))

    assert (server.principal, server.lifetime_seconds) == ("User:alice", 60)


@pytest.mark.parametrize("token", ["bad", unsecured(sub="alice", exp=NOW - 1), unsecured(exp=NOW + 1), "a.b.c"])
def test_a_bad_token_is_told_and_refused_in_the_next_step(token: str) -> None:
    server = begin("OAUTHBEARER", KNOWN, NOW)
    told = server.step(f"n,,\x01auth=Bearer {token}\x01\x01".encode())

    assert json.loads(told) == {"status": "invalid_token"}
    with pytest.raises(SaslError):
        server.step(b"\x01")


SECRET = KNOWN.aws_keys["AKIDEXAMPLE"]


def signed(secret: str = SECRET, host: str = "b-1.example", **changes: str) -> bytes:
    """Return the message that Amazon's login module sends, signed by botocore."""
    request = AWSRequest(method="GET", url=f"https://{host}/", params={"Action": "kafka-cluster:Connect"})
    signer = SigV4QueryAuth(AwsCredentials("AKIDEXAMPLE", secret, "a/token+=="), "kafka-cluster", "eu-west-1", 900)
    at = "20270115T080000Z"
    request.context["timestamp"] = at
    fields = {
        "Action": "kafka-cluster:Connect",
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": "AKIDEXAMPLE/20270115/eu-west-1/kafka-cluster/aws4_request",
        "X-Amz-Date": at,
        "X-Amz-Expires": "900",
        "X-Amz-Security-Token": "a/token+==",
        "X-Amz-SignedHeaders": "host",
    }
    request.params = dict(sorted(fields.items()))
    request.headers["host"] = host
    canonical = signer.canonical_request(request)
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    canonical = canonical.rpartition("\n")[0] + "\n" + empty
    signature = signer.signature(signer.string_to_sign(request, canonical), request)
    message = {name.lower(): value for name, value in fields.items()}
    message |= {"version": "2020_10_22", "host": host, "user-agent": "test", "x-amz-signature": signature}
    return json.dumps(message | changes).encode()


SIGNED_AT = 1_800_000_000.0
"""2027-01-15 08:00:00 UTC."""


def test_what_aws_signs_comes_in() -> None:
    server = begin("AWS_MSK_IAM", KNOWN, SIGNED_AT + 10)
    answer = json.loads(server.step(signed()))

    assert answer["version"] == "2020_10_22"
    assert server.principal == "User:arn:aws:iam::000000000000:user/AKIDEXAMPLE"
    assert server.lifetime_seconds == 890


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(signed(secret="another"), id="wrong_secret"),
        pytest.param(signed(host="b-1.example") .replace(b"b-1.example", b"b-2.example"), id="host_changed"),
        pytest.param(signed(action="kafka-cluster:AlterCluster"), id="another_action"),
        pytest.param(signed(version="2019"), id="another_version"),
        pytest.param(signed().replace(b"AKIDEXAMPLE", b"AKIDUNKNOWN"), id="unknown_key"),
        pytest.param(signed().replace(b"eu-west-1", b"us-east-1"), id="another_region"),
        pytest.param(b"[]", id="a_list"),
        pytest.param(b"{}", id="nothing"),
    ],
)  # fmt: skip
def test_what_aws_did_not_sign_is_refused(message: bytes) -> None:
    with pytest.raises(SaslError):
        begin("AWS_MSK_IAM", KNOWN, SIGNED_AT + 10).step(message)


@pytest.mark.parametrize("late", [-1000, 901])
def test_a_signature_that_is_too_old_or_not_yet_good_is_refused(late: float) -> None:
    with pytest.raises(SaslError):
        begin("AWS_MSK_IAM", KNOWN, SIGNED_AT + late).step(signed())


@pytest.mark.parametrize("mechanism", MECHANISMS)
@given(payload=st.binary(max_size=100) | st.text(alphabet='n,=ra\0.p\x01{}":', max_size=30).map(str.encode))
def test_no_bytes_do_anything_but_be_refused(mechanism: str, payload: bytes) -> None:
    server = begin(mechanism, KNOWN, NOW)
    with suppress(SaslError):
        server.step(payload)
    assert server.principal is None


def test_credentials_are_not_shown() -> None:
    assert "pä" not in repr(KNOWN)
    assert "example-secret" not in repr(KNOWN)


def test_scram_gives_the_numbers_of_rfc_7677(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secrets.token_bytes", lambda _: base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="))
    monkeypatch.setattr("secrets.token_urlsafe", lambda _: "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0")
    server = begin("SCRAM-SHA-256", BrokerUsers(users={"user": "pencil"}), NOW)
    nonce = b"rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"

    assert server.step(b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO") == b"r=" + nonce + b",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    proof = b"c=biws,r=" + nonce + b",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    assert server.step(proof) == b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


@pytest.mark.parametrize(
    ("mechanism", "message"),
    [
        ("PLAIN", b"you\0me\0p\xc3\xa4,=ss"),
        ("SCRAM-SHA-256", b"n,a=you,n=me,r=abc"),
        ("SCRAM-SHA-256", b"n,,n=me,r="),
        ("SCRAM-SHA-256", b"p=tls-unique,,n=me,r=abc"),
        ("OAUTHBEARER", b"n,a=me,\x01auth=Bearer good-token\x01\x01"),
        ("OAUTHBEARER", b"n,,\x01auth=good-token\x01\x01"),
        ("OAUTHBEARER", b"n,,\x01auth=Basic good-token\x01\x01"),
        ("OAUTHBEARER", b"\x01auth=Bearer good-token\x01\x01"),
        ("AWS_MSK_IAM", signed(**{"x-amz-signature": "\u00e9"})),
    ],
)
def test_what_kafka_refuses_is_refused_and_the_login_is_over(mechanism: str, message: bytes) -> None:
    server = begin(mechanism, KNOWN, NOW)
    for _ in range(2):
        with pytest.raises(SaslError):
            server.step(message)
    assert server.principal is None


@pytest.mark.parametrize("claims", [[], {"sub": "", "exp": NOW + 1}, {"sub": ["a"], "exp": NOW + 1}])
def test_claims_of_another_shape_are_an_invalid_token(claims: Any) -> None:
    parts = [base64.urlsafe_b64encode(json.dumps(one).encode()) for one in ({"alg": "none"}, claims)]

    told = begin("OAUTHBEARER", KNOWN, NOW).step(b"n,,\x01auth=Bearer " + b".".join(parts) + b".\x01\x01")
    assert json.loads(told) == {"status": "invalid_token"}


@pytest.mark.parametrize("end", [float("inf"), float("nan"), 1e300, 10**400, "1900000000"])
def test_an_expiry_without_measure_is_an_invalid_token(end: Any) -> None:
    message = f"n,,\x01auth=Bearer {unsecured(sub='alice', exp=end)}\x01\x01"

    assert json.loads(begin("OAUTHBEARER", KNOWN, NOW).step(message.encode())) == {"status": "invalid_token"}
