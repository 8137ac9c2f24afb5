"""Signature Version 4, in a header or in the query: read as AWS reads it, and computed again where the secret is known.

See AWS's guide "Authenticating requests". What is no signature is refused in AWS's words, whoever is let in.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import parse_qsl, quote, unquote

from streamwatch.reference.http import Asked
from streamwatch.reference.kinesis.errors import ServiceError

MOST_SKEW_SECONDS: Final = 300.0
_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_DATE: Final = "%Y%m%dT%H%M%SZ"
_IN_HEADER: Final = ("Credential", "Signature", "SignedHeaders")
_IN_QUERY: Final = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date")
_ELEMENTS: Final = 5
"""Of a credential: the key, day, region and service, and a last word."""


@dataclass(frozen=True, slots=True)
class Signature:
    """What a request is signed with."""

    key: str
    day: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str
    date: str
    """When it was signed, as it stands in X-Amz-Date."""
    token: str | None
    """Of a session."""
    seconds: float = MOST_SKEW_SECONDS
    """For how long it is good."""


def parse(asked: Asked) -> Signature:
    """Return what the request is signed with.

    Raises:
        Refused: it is not signed, or not in one of the two forms.

    """
    header = asked.headers.get("authorization")
    query = dict(parse_qsl(asked.query, keep_blank_values=True))
    if "X-Amz-Algorithm" in query:
        if header is not None:
            why = "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header."
            raise ServiceError("InvalidSignatureException", why, 403)
        return _of_query(query)
    if not header:
        raise ServiceError("MissingAuthenticationTokenException", "Missing Authentication Token", 403)
    return _of_header(asked, header)


def _of_header(asked: Asked, header: str) -> Signature:
    algorithm, *rest = header.replace(",", " ").split()
    fields = dict(one.partition("=")[::2] for one in rest)
    wrong = [f"Authorization header requires '{name}' parameter." for name in _IN_HEADER if not fields.get(name)]
    date = asked.headers.get("x-amz-date") or _dated(asked.headers.get("date", ""))
    if not date:
        wrong.append("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    if wrong:
        raise _incomplete(f"{' '.join(wrong)} Authorization={header}")
    token = asked.headers.get("x-amz-security-token")
    credential, signature, names = (fields[name] for name in _IN_HEADER)
    return _made(algorithm, credential, signature, names, date, token)


def _of_query(query: Mapping[str, str]) -> Signature:
    wrong = [f"AWS query-string parameters must include '{name}'." for name in _IN_QUERY if not query.get(name)]
    if wrong:
        raise _incomplete(f"{' '.join(wrong)} Re-examine the query-string parameters.")
    algorithm, credential, signature, names, date = (query[name] for name in _IN_QUERY)
    lasts = query.get("X-Amz-Expires", "")
    seconds = float(lasts) if lasts.isascii() and lasts.isdigit() else MOST_SKEW_SECONDS
    return _made(algorithm, credential, signature, names, date, query.get("X-Amz-Security-Token"), seconds)


def _made(  # noqa: PLR0913, PLR0917 - the parts of a signature
    algorithm: str,
    credential: str,
    signature: str,
    names: str,
    date: str,
    token: str | None,
    seconds: float = MOST_SKEW_SECONDS,
) -> Signature:
    if algorithm != _ALGORITHM:
        raise _incomplete(f"Unsupported AWS 'algorithm': '{algorithm}'.")
    parts = credential.rsplit("/", _ELEMENTS - 1)
    if len(parts) != _ELEMENTS or parts[-1] != "aws4_request":
        why = "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got"
        raise _incomplete(f"{why} '{credential}'")
    key, day, region, service, _ = parts
    return Signature(key, day, region, service, tuple(names.split(";")), signature, date, token, seconds)


def _incomplete(why: str) -> ServiceError:
    return ServiceError("IncompleteSignatureException", why, 403)


def _dated(text: str) -> str:
    """Return a Date header in the form of X-Amz-Date; as it is where it is no date."""
    try:
        return parsedate_to_datetime(text).astimezone(UTC).strftime(_DATE)
    except ValueError:
        return text


def signed_at(parameters: Signature) -> float | None:
    """Return when the request was signed; None where it does not say."""
    try:
        return datetime.strptime(parameters.date, _DATE).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


def is_right(asked: Asked, parameters: Signature, secret: str) -> bool:
    """Whether the signature is the one that this secret makes."""
    scope = f"{parameters.day}/{parameters.region}/{parameters.service}/aws4_request"
    digest = hashlib.sha256(_canonical(asked, parameters.signed_headers).encode()).hexdigest()
    text = f"{_ALGORITHM}\n{parameters.date}\n{scope}\n{digest}"
    key = f"AWS4{secret}".encode()
    for part in (parameters.day, parameters.region, parameters.service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    expected = hmac.digest(key, text.encode(), "sha256").hex()
    return "host" in parameters.signed_headers and hmac.compare_digest(expected.encode(), parameters.signature.encode())


def _canonical(asked: Asked, names: tuple[str, ...]) -> str:
    pairs = sorted(
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in parse_qsl(asked.query, keep_blank_values=True)
        if name != "X-Amz-Signature"
    )
    query = "&".join(f"{name}={value}" for name, value in pairs)
    headers = "".join(f"{name}:{' '.join(asked.headers.get(name, '').split())}\n" for name in names)
    body = hashlib.sha256(asked.body).hexdigest()
    path = quote(quote(unquote(asked.path), safe="/-_.~"), safe="/-_.~") or "/"
    return f"{asked.method}\n{path}\n{query}\n{headers}\n{';'.join(names)}\n{body}"
