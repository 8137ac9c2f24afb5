"""The broker's side of SASL: who may come in, found out as Kafka finds it out and not with the agent's own classes."""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import urlencode

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from streamwatch.core.clock import SystemClock

Step = tuple[bytes, bool]
"""What is said to the client, and whether it is in now."""


class Refused(Exception):
    """The client may not come in; the message is what the broker tells it."""


class Exchange(Protocol):
    """One client's attempt."""

    def step(self, said: bytes) -> Step: ...


@dataclass
class Lock:
    """What opens the doors of a cluster."""

    passwords: dict[str, str] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)
    aws: Credentials | None = None
    region: str = "eu-west-1"
    session_ms: int = 0
    """How long a session lasts, where it does not last for ever."""
    mechanisms: tuple[str, ...] = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER", "AWS_MSK_IAM")

    def begin(self, mechanism: str) -> Exchange:
        kinds: dict[str, Callable[[], Exchange]] = {
            "PLAIN": lambda: Plain(self),
            "OAUTHBEARER": lambda: Bearer(self),
            "AWS_MSK_IAM": lambda: Iam(self),
            "SCRAM-SHA-256": lambda: Scram(self, "sha256"),
            "SCRAM-SHA-512": lambda: Scram(self, "sha512"),
        }
        return kinds[mechanism]()


class Plain:
    def __init__(self, lock: Lock) -> None:
        self._lock = lock

    def step(self, said: bytes) -> Step:
        _, user, password = said.decode().split("\0")
        if self._lock.passwords.get(user) != password:
            raise Refused("Authentication failed: Invalid username or password")
        return b"", True


class Scram:
    """RFC 5802, without channel binding."""

    def __init__(self, lock: Lock, algorithm: str) -> None:
        self._lock, self._algorithm = lock, algorithm
        self._first = ""
        self._challenge = ""
        self._salted = b""

    def step(self, said: bytes) -> Step:
        return self._ask(said.decode()) if not self._first else self._check(said.decode())

    def _ask(self, said: str) -> Step:
        assert said.startswith("n,,")
        self._first = said[3:]
        asked = dict(part.split("=", 1) for part in self._first.split(","))
        salt, rounds = b"salt of the test", 4096
        password = self._lock.passwords.get(asked["n"], secrets.token_hex())
        self._salted = hashlib.pbkdf2_hmac(self._algorithm, password.encode(), salt, rounds)
        nonce = asked["r"] + secrets.token_hex(8)
        self._challenge = f"r={nonce},s={base64.b64encode(salt).decode()},i={rounds}"
        return self._challenge.encode(), False

    def _check(self, said: str) -> Step:
        without_proof, _, proof = said.rpartition(",p=")
        told = f"{self._first},{self._challenge},{without_proof}".encode()
        key = self._mac(self._salted, b"Client Key")
        signature = self._mac(hashlib.new(self._algorithm, key).digest(), told)
        if base64.b64decode(proof) != bytes(a ^ b for a, b in zip(key, signature, strict=True)):
            raise Refused("Authentication failed during authentication due to invalid credentials with SASL mechanism")
        return b"v=" + base64.b64encode(self._mac(self._mac(self._salted, b"Server Key"), told)), True

    def _mac(self, key: bytes, text: bytes) -> bytes:
        return hmac.new(key, text, self._algorithm).digest()


class Bearer:
    """RFC 7628: a wrong token is answered by a document, and refused when the client has acknowledged it."""

    def __init__(self, lock: Lock) -> None:
        self._lock = lock

    def step(self, said: bytes) -> Step:
        if said == b"\1":
            raise Refused("Authentication failed: the token is not valid")
        token = said.decode().split("auth=Bearer ")[1].split("\1")[0]
        return (b"", True) if token in self._lock.tokens else (b'{"status":"invalid_token"}', False)


class Iam:
    """As AWS checks it: the presigned request is signed again by botocore, with the secret that the key stands for."""

    def __init__(self, lock: Lock) -> None:
        self._lock = lock

    def step(self, said: bytes) -> Step:
        message = json.loads(said)
        if message["host"] != "127.0.0.1" or not _fresh(message["x-amz-date"]):
            raise Refused("Access denied")
        if not hmac.compare_digest(self._signature(message), message["x-amz-signature"]):
            raise Refused("Access denied")
        return b'{"version":"2020_10_22","request-id":"00000000"}', True

    def _signature(self, message: dict[str, Any]) -> str:
        signer = SigV4QueryAuth(self._lock.aws, "kafka-cluster", self._lock.region, int(message["x-amz-expires"]))
        query = urlencode({"Action": message["action"]})
        request = AWSRequest(method="GET", url=f"https://{message['host']}/?{query}")
        request.context["timestamp"] = message["x-amz-date"]
        signer._modify_request_before_signing(request)
        canonical = signer.canonical_request(request)
        return str(signer.signature(signer.string_to_sign(request, canonical), request))


def _fresh(date: str) -> bool:
    signed = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    return abs(SystemClock().now() - signed) < 300
