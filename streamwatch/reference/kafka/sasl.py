"""The brokers' side of SASL: PLAIN, SCRAM (RFC 5802, 7677), OAUTHBEARER (RFC 7628), AWS_MSK_IAM."""

import base64
import binascii
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Final

from streamwatch.reference.kafka.iam import check_iam

_ITERATIONS: Final = 4096
_HASHES: Final = {"SCRAM-SHA-256": "sha256", "SCRAM-SHA-512": "sha512"}
_BEARER: Final = re.compile(r"n,(?:a=(?P<asked>[^,\x01]+))?,\x01(?P<pairs>(?:[A-Za-z]+=[^\x01]+\x01)*)\x01")
"""A client's first message of OAUTHBEARER (RFC 7628, 3.1)."""
_LAST_EXPIRY: Final = 253_402_300_800
"""Unix seconds of the year 10000: a later expiry, or an infinite one, does not fit into a session's milliseconds."""
_NOT_THAT_USER: Final = "Authentication failed: Client requested an authorization id that is different from username"


class SaslError(Exception):
    """A login that fails; the message is what the client gets, and holds no secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerUsers:
    """Whom the brokers know. Nothing of it is shown by its repr."""

    users: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Passwords by user name, for PLAIN and SCRAM."""
    tokens: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Principals by bearer token."""
    unsecured_tokens: bool = False
    """Whether JSON web tokens without a signature are believed, as Kafka's default OAUTHBEARER does."""
    aws_keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Secret access keys by their ids."""
    aws_region: str = "us-east-1"


@dataclass(frozen=True, slots=True)
class _Done:
    """A login that succeeded."""

    reply: bytes
    principal: str
    lifetime_seconds: float | None = None


Steps = Generator[bytes, bytes, _Done]
"""What a mechanism does: it takes the client's messages and yields the broker's."""


class Conversation:
    """One login, step by step."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        next(self._steps)
        self.principal: str | None = None
        self.lifetime_seconds: float | None = None

    def step(self, payload: bytes) -> bytes:
        """Take a message of the client's, and return the answer; raises Refused."""
        try:
            return self._steps.send(payload)
        except StopIteration as end:
            if end.value is None:
                raise SaslError("Authentication failed: this login is over") from None
            done: _Done = end.value
            self.principal, self.lifetime_seconds = done.principal, done.lifetime_seconds
            return done.reply
        except (ValueError, LookupError, TypeError, UnicodeError, binascii.Error, RecursionError):
            raise SaslError("Authentication failed: the message makes no sense") from None


def begin(mechanism: str, credentials: BrokerUsers, now: float) -> Conversation:
    """Begin a login by a mechanism; ``now`` is in Unix seconds."""
    if mechanism == "PLAIN":
        return Conversation(_plain(credentials))
    if mechanism == "OAUTHBEARER":
        return Conversation(_oauthbearer(credentials, now))
    if mechanism == "AWS_MSK_IAM":
        return Conversation(_iam(credentials, now))
    return Conversation(_scram(_HASHES[mechanism], credentials))


def _plain(credentials: BrokerUsers) -> Steps:
    message = yield b""
    # kafka-python sends the user as authorization id too, librdkafka does not: both are right.
    asked, user, password = message.decode().split("\0")
    known = credentials.users.get(user)
    if known is None or not hmac.compare_digest(known.encode(), password.encode()):
        raise SaslError("Authentication failed: Invalid username or password")
    if asked not in {"", user}:
        raise SaslError(_NOT_THAT_USER)
    return _Done(b"", f"User:{user}")


def _scram_first(message: str) -> tuple[str, str, str, str]:
    """Return (GS2 header, bare message, user, client's nonce) of a client's first message (RFC 5802, 7)."""
    flag, asked, bare = message.split(",", 2)
    if flag not in {"n", "y"}:
        raise SaslError("Authentication failed: channel binding is not supported")
    fields = dict(one.split("=", 1) for one in bare.split(","))
    if not fields["r"]:
        raise SaslError("Authentication failed: the nonce is missing")
    if asked not in {"", f"a={fields['n']}"}:
        raise SaslError(_NOT_THAT_USER)
    return f"{flag},{asked},", bare, fields["n"].replace("=2C", ",").replace("=3D", "="), fields["r"]


def _scram(name: str, credentials: BrokerUsers) -> Steps:
    header, bare, user, own_nonce = _scram_first((yield b"").decode())
    if user not in credentials.users:
        raise SaslError(
            "Authentication failed during authentication due to invalid credentials with SASL mechanism SCRAM"
        )
    salt, nonce = secrets.token_bytes(16), own_nonce + secrets.token_urlsafe(18)
    server_first = f"r={nonce},s={base64.b64encode(salt).decode()},i={_ITERATIONS}"
    final = (yield server_first.encode()).decode()
    without_proof, _, proof = final.rpartition(",p=")
    own = dict(one.split("=", 1) for one in without_proof.split(","))
    if own["r"] != nonce or base64.b64decode(own["c"]) != header.encode():
        raise SaslError("Authentication failed: the nonce or the channel binding does not fit")
    salted = hashlib.pbkdf2_hmac(name, credentials.users[user].encode(), salt, _ITERATIONS)
    signed = f"{bare},{server_first},{without_proof}".encode()
    key = hmac.digest(salted, b"Client Key", name)
    stored = hashlib.new(name, key).digest()
    signature = hmac.digest(stored, signed, name)
    given = bytes(a ^ b for a, b in zip(base64.b64decode(proof), signature, strict=True))
    if not hmac.compare_digest(hashlib.new(name, given).digest(), stored):
        raise SaslError(
            "Authentication failed during authentication due to invalid credentials with SASL mechanism SCRAM"
        )
    verifier = hmac.digest(hmac.digest(salted, b"Server Key", name), signed, name)
    return _Done(b"v=" + base64.b64encode(verifier), f"User:{user}")


def _oauthbearer(credentials: BrokerUsers, now: float) -> Steps:
    message = _BEARER.fullmatch((yield b"").decode())
    if message is None:
        raise SaslError("Authentication failed: Invalid OAUTHBEARER client first message")
    pairs = dict(one.split("=", 1) for one in message["pairs"].split("\x01")[:-1])
    scheme, token = pairs["auth"].split()
    if scheme.lower() != "bearer":
        raise SaslError("Authentication failed: Invalid scheme in OAUTHBEARER client first message")
    user, left = _holder(token, credentials, now)
    if user is None:
        yield json.dumps({"status": "invalid_token"}).encode()  # the client answers with one byte, and is refused then
        raise SaslError('{"status":"invalid_token"}')
    if message["asked"] not in {None, user}:
        raise SaslError(_NOT_THAT_USER)
    return _Done(b"", f"User:{user}", left)


def _holder(token: str, credentials: BrokerUsers, now: float) -> tuple[str | None, float | None]:
    """Return (user, seconds for which the token is good, None without an end); no user for a token that is not."""
    if token in credentials.tokens:
        return credentials.tokens[token], None
    claims = (_claims(token) if credentials.unsecured_tokens else None) or {}
    user, end = claims.get("sub"), claims.get("exp")
    if isinstance(user, str) and user and isinstance(end, int | float) and now < end < _LAST_EXPIRY:
        return user, end - now
    return None, None


def _claims(token: str) -> dict[str, object] | None:
    """Return what an unsecured JSON web token says; None for anything else."""
    try:
        head, body, signature = token.split(".")
        algorithm = json.loads(base64.urlsafe_b64decode(head + "=="))["alg"]
        claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    except (ValueError, KeyError, TypeError):
        return None
    return claims if algorithm == "none" and not signature and isinstance(claims, dict) else None


def _iam(credentials: BrokerUsers, now: float) -> Steps:
    message = yield b""
    fields = json.loads(message)
    if not isinstance(fields, dict) or not all(isinstance(one, str) for one in fields.values()):
        raise SaslError("Authentication failed: a JSON object of texts is wanted")
    key, left = check_iam(fields, credentials.aws_keys, credentials.aws_region, now)
    if left is None:
        raise SaslError(f"[{secrets.token_hex(8)}]: Access denied")
    reply = json.dumps({"version": "2020_10_22", "request-id": secrets.token_hex(16)}).encode()
    return _Done(reply, f"User:arn:aws:iam::000000000000:user/{key}", left)
