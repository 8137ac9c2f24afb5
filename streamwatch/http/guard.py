"""Who may write: no stranger, and no page of another site that somebody here has open in a browser."""

import ipaddress
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from streamwatch.http.message import Request, Response, text_response

WRITES: Final = ("POST", "DELETE")
_OWN: Final = frozenset({"same-origin", "none"})
"""What a browser says of a request that no other site made."""


def write_refusal(request: Request, listen_host: str, *, is_known: bool) -> Response | None:
    """Return the response that refuses a request that writes; None where it may.

    Args:
        request: the request.
        listen_host: the address that is listened on.
        is_known: whether every client has shown who it is, by a password or a certificate.

    """
    if not is_known and not is_loopback(listen_host):
        remedy = "set `listen.basic_auth` or `listen.tls.client_ca_file`, or listen on 127.0.0.1"
        return text_response(HTTPStatus.FORBIDDEN, f"only who is known may write here: {remedy}")
    host = request.headers.get("Host", "")
    if not is_known and not _is_local(host):
        # The name of another site that was made to point here, so that its page may ask.
        return text_response(
            HTTPStatus.FORBIDDEN, f"{host[:80]!r} is not this host: ask for localhost, or by the address"
        )
    refusal = _cross_site_refusal(request)
    if refusal is not None:
        return refusal
    kind = request.headers.get_content_type() if "Content-Type" in request.headers else ""
    has_body = request.headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in request.headers
    if has_body and request.method == "POST" and kind != "application/json":
        return text_response(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send JSON, with the header `Content-Type: application/json`"
        )
    return None


def _cross_site_refusal(request: Request) -> Response | None:
    """Return the response that refuses what a browser sends for a page of another site; None for any other request."""
    origin = request.headers.get("Origin")
    if origin is not None and origin.lower().partition("://")[2] != request.headers.get("Host", "").lower():
        return text_response(HTTPStatus.FORBIDDEN, f"a page of {origin[:80]!r} may not write here")
    if request.headers.get("Sec-Fetch-Site", "none").lower() not in _OWN:
        return text_response(HTTPStatus.FORBIDDEN, "a page of another site may not write here")
    return None


def is_loopback(address: str) -> bool:
    """Say whether an address is this machine's, for itself alone."""
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
    return name == "localhost" or is_loopback(name)
