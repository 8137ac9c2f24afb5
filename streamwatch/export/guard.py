"""Who may write: nobody from elsewhere, and no page of another site that somebody here has open in a browser."""

import ipaddress
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from streamwatch.export.connection import Answer, Asked, plain

WRITES: Final = ("POST", "DELETE")
_OWN: Final = frozenset({"same-origin", "none"})
"""What a browser says of a request that no other site made."""


def refused(asked: Asked, bound: str, *, is_known: bool) -> Answer | None:
    """Return why a request that writes is refused; None where it is not.

    Args:
        asked: the request.
        bound: the address that is listened on.
        is_known: whether every client has shown who it is, by a password or a certificate.

    """
    if not is_known and not _is_loopback(bound):
        remedy = "set `listen.basic_auth` or `listen.tls.client_ca_file`, or listen on 127.0.0.1"
        return plain(HTTPStatus.FORBIDDEN, f"only who is known may write here: {remedy}")
    host = asked.headers.get("Host", "")
    if not is_known and not _is_local(host):
        # The name of another site that was made to point here, so that its page may ask.
        return plain(HTTPStatus.FORBIDDEN, f"{host[:80]!r} is not this host: ask for localhost, or by the address")
    foreign = from_elsewhere(asked)
    if foreign is not None:
        return foreign
    kind = asked.headers.get_content_type() if "Content-Type" in asked.headers else ""
    if asked.method == "POST" and kind != "application/json":
        return plain(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send JSON, with the header `Content-Type: application/json`")
    return None


def from_elsewhere(asked: Asked) -> Answer | None:
    """Return why a request is refused that a browser makes for a page of another site; None where it is not."""
    origin = asked.headers.get("Origin")
    if origin is not None and origin.lower().partition("://")[2] != asked.headers.get("Host", "").lower():
        return plain(HTTPStatus.FORBIDDEN, f"a page of {origin[:80]!r} may not write here")
    if asked.headers.get("Sec-Fetch-Site", "none").lower() not in _OWN:
        return plain(HTTPStatus.FORBIDDEN, "a page of another site may not write here")
    return None


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _is_local(host: str) -> bool:
    """Say whether a header ``Host`` names this machine by what no other site can be called."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return name == "localhost" or _is_loopback(name)
