"""AWS_MSK_IAM: the client sends a presigned request (SigV4) for kafka-cluster:Connect, which is computed again here."""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

_SERVICE: Final = "kafka-cluster"
_ACTION: Final = "kafka-cluster:Connect"
_VERSION: Final = "2020_10_22"
_MOST_SECONDS: Final = 900
_NAMES: Final = {
    "action": "Action",
    "x-amz-algorithm": "X-Amz-Algorithm",
    "x-amz-credential": "X-Amz-Credential",
    "x-amz-date": "X-Amz-Date",
    "x-amz-expires": "X-Amz-Expires",
    "x-amz-security-token": "X-Amz-Security-Token",
    "x-amz-signedheaders": "X-Amz-SignedHeaders",
}


def check_iam(fields: Mapping[str, str], keys: Mapping[str, str], region: str, now: float) -> tuple[str, float | None]:
    """Return (access key id, seconds for which the login is good); None for the seconds where it is refused."""
    given = {name.lower(): value for name, value in fields.items()}
    key, date, scope_region, service, _ = given["x-amz-credential"].split("/")
    signed_at = datetime.strptime(given["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    left = signed_at + int(given["x-amz-expires"]) - now
    is_fit = (
        given.get("version") == _VERSION
        and given.get("action") == _ACTION
        and given.get("x-amz-algorithm") == "AWS4-HMAC-SHA256"
        and given.get("x-amz-signedheaders") == "host"
        and (scope_region, service) == (region, _SERVICE)
        and given["x-amz-date"].startswith(date)
        and int(given["x-amz-expires"]) <= _MOST_SECONDS
        and abs(now - signed_at) <= _MOST_SECONDS
        and left > 0
        and key in keys
    )
    if not is_fit:
        return key, None
    expected = _signature(given, keys[key], (date, region, _SERVICE))
    return key, left if hmac.compare_digest(expected, given["x-amz-signature"]) else None


def _signature(given: Mapping[str, str], secret: str, scope: tuple[str, str, str]) -> str:
    """Sign the request again; see AWS's guide on Signature Version 4, query string form."""
    names = sorted(one for one in _NAMES if one in given)
    query = "&".join(f"{_NAMES[name]}={quote(given[name], safe='-_.~')}" for name in names)
    canonical = f"GET\n/\n{query}\nhost:{given['host']}\n\nhost\n{hashlib.sha256(b'').hexdigest()}"
    place = "/".join((*scope, "aws4_request"))
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{given['x-amz-date']}\n{place}\n{hashed}"
    key = f"AWS4{secret}".encode()
    for part in (*scope, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex()
