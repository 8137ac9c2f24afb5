"""Signature Version 4 of a request's headers, computed again; see AWS's guide "Authenticating requests"."""

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qsl, quote, unquote

from streamwatch.reference.http import Asked

_FORM: Final = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/,\s]+)/(\d{8})/([^/,]+)/([^/,]+)/aws4_request, ?SignedHeaders=([^,\s]+), ?"
    r"Signature=([0-9a-f]{64})"
)
MOST_SKEW_SECONDS: Final = 300.0


@dataclass(frozen=True, slots=True)
class Signature:
    """What an Authorization header says."""

    key: str
    day: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str


def parse(asked: Asked) -> Signature | None:
    """Return what the request is signed with; None where it is not signed, or not so."""
    found = _FORM.match(asked.headers.get("authorization", ""))
    if found is None:
        return None
    key, day, region, service, names, signature = found.groups()
    return Signature(key, day, region, service, tuple(names.split(";")), signature)


def signed_at(asked: Asked) -> float | None:
    """Return when the request was signed; None where it does not say."""
    try:
        when = datetime.strptime(asked.headers.get("x-amz-date", ""), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
    return when.timestamp()


def is_right(asked: Asked, given: Signature, secret: str) -> bool:
    """Whether the signature is the one that this secret makes."""
    date = asked.headers.get("x-amz-date", "")
    scope = f"{given.day}/{given.region}/{given.service}/aws4_request"
    digest = hashlib.sha256(_canonical(asked, given.signed_headers).encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{date}\n{scope}\n{digest}"
    key = f"AWS4{secret}".encode()
    for part in (given.day, given.region, given.service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    expected = hmac.digest(key, text.encode(), "sha256").hex()
    return "host" in given.signed_headers and hmac.compare_digest(expected, given.signature)


def _canonical(asked: Asked, names: tuple[str, ...]) -> str:
    pairs = sorted(
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in parse_qsl(asked.query, keep_blank_values=True)
    )
    query = "&".join(f"{name}={value}" for name, value in pairs)
    headers = "".join(f"{name}:{' '.join(asked.headers.get(name, '').split())}\n" for name in names)
    body = asked.headers.get("x-amz-content-sha256") or hashlib.sha256(asked.body).hexdigest()
    path = quote(quote(unquote(asked.path), safe="/-_.~"), safe="/-_.~") or "/"
    return f"{asked.method}\n{path}\n{query}\n{headers}\n{';'.join(names)}\n{body}"
