"""Requests to services: one request within a deadline, through a proxy where there is one; no error holds a secret.

Nothing is kept open between requests: pages are rare.
"""

import urllib.request
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http.client import HTTPException, HTTPResponse
from ssl import SSLContext
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from streamwatch.core.clock import Clock
from streamwatch.core.errors import NotifyError, NotifyRefused, NotifyUnavailable
from streamwatch.http.masking import masked, masked_beginning, secret_parts
from streamwatch.http.transport import Deadline, Transport, TransportError, basic, exchange, tls_context
from streamwatch.settings.types import Duration, FilePath, Secret, refuse, setting, tried

_MOST_QUOTED: Final = 200
"""Characters of a response that a message quotes."""
_MOST_READ: Final = 2048
_LONGEST_WAIT: Final = 3600.0
_OK: Final = range(200, 300)
_WAITS: Final = frozenset({408, 425, 429})
_SERVER: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpConfig:
    """How services are reached by HTTP. Certificates are always checked."""

    timeout: Duration = setting("how long one request may take as a whole", default=10.0, minimum=0.1, maximum=60.0)
    ca_file: FilePath | None = setting("PEM file of authorities to trust besides the system's", default=None)
    proxy: Secret | None = setting(
        "`http://[user:password@]host:port`; by default HTTPS_PROXY, HTTP_PROXY and NO_PROXY count", default=None
    )

    def __post_init__(self) -> None:
        refuse(self.problems())

    def problems(self) -> Iterator[str]:
        """Yield every mistake."""
        yield from tried(check_url, "proxy", self.proxy)


def check_url(field: str, url: Secret | None) -> None:
    """Check that a setting is an address of the web.

    Raises:
        ValueError: it is none; its text is not quoted.

    """
    if url is None:
        return
    try:
        parts = urlsplit(url.reveal())
        named = bool((parts.hostname or "").encode("idna"))
        fine = parts.scheme in {"http", "https"} and named and parts.port != 0
    except ValueError:
        fine = False
    if not fine or any(sign.isspace() or not sign.isprintable() for sign in url.reveal()):
        raise ValueError(f"{field}: this is no address: write 'https://host/path'")


def has_login(url: Secret) -> bool:
    """Say whether an address has a name and a password, which are sent with each request."""
    try:
        return urlsplit(url.reveal()).username is not None
    except ValueError:
        return False  # it is no address at all


class HttpClient:
    """Sends requests; may be used from any thread."""

    def __init__(self, config: HttpConfig, clock: Clock) -> None:
        """Prepare; the authorities are read when the first request needs them."""
        self._config = config
        self._clock = clock
        self._context: SSLContext | None = None

    @property
    def timeout(self) -> float:
        """How many seconds a request may take."""
        return self._config.timeout

    def post(
        self, url: str, body: bytes, headers: Mapping[str, str] | None = None, secrets: Iterable[Secret] = ()
    ) -> None:
        """Post JSON, as ``request`` sends it."""
        self.request("POST", url, body, {"Content-Type": "application/json", **(headers or {})}, secrets)

    def request(
        self, method: str, url: str, body: bytes = b"", headers: Mapping[str, str] | None = None,
        secrets: Iterable[Secret] = (),
    ) -> dict[str, str]:  # fmt: skip
        """Send a request, and return the headers of the answer to what the service took.

        Args:
            method: as in ``POST``.
            url: where; it may be a secret as a whole.
            body: what is sent.
            headers: besides those that every request has.
            secrets: must not be in what an error says.

        Raises:
            NotifyError: it was not taken, and whether it may be later.

        """
        parts = urlsplit(url)
        where = parts.hostname or "?"
        sent = {**_login(parts), **(headers or {})}
        deadline = Deadline(self._config.timeout, self._clock)
        transport = Transport(self._trusting() if parts.scheme == "https" else None, self._proxy(parts))
        try:
            with exchange(method, url, deadline=deadline, transport=transport, headers=sent, body=body) as response:
                if response.status not in _OK:
                    logins = [value.rpartition(" ")[2] for name, value in sent.items() if name == "Authorization"]
                    hidden = [*(secret.reveal() for secret in secrets), *secret_parts(url), *logins]
                    if self._config.proxy is not None:
                        hidden += secret_parts(self._config.proxy.reveal())
                    raise _refusal(where, response, self._clock.now(), hidden)
                return dict(response.headers.items())
        except TransportError as error:
            raise NotifyUnavailable(f"{where}: {error}", reached=error.reached) from error.__cause__

    def _proxy(self, parts: SplitResult) -> SplitResult | None:
        if self._config.proxy is not None:
            return urlsplit(self._config.proxy.reveal())
        proxy = urllib.request.getproxies().get(parts.scheme)
        if not proxy or urllib.request.proxy_bypass(parts.hostname or ""):
            return None
        return urlsplit(proxy)

    def _trusting(self) -> SSLContext:
        if self._context is None:
            self._context = tls_context(self._config.ca_file)
        return self._context


def _login(parts: SplitResult) -> dict[str, str]:
    """Return the header that an address with a name and a password asks for."""
    if parts.username is None:
        return {}
    return {"Authorization": basic(unquote(parts.username), unquote(parts.password or ""))}


def _refusal(where: str, response: HTTPResponse, now: float, secrets: Collection[str]) -> NotifyError:
    """Return the error that a response is which is no success."""
    code = response.status
    body, is_whole = _read(response)
    text = (masked if is_whole else masked_beginning)(body.decode("utf-8", "replace"), secrets)
    text = " ".join(text.split())[:_MOST_QUOTED]
    where = f"{where}: HTTP status {code}{': ' if text else ''}{text}"
    wait = _retry_after(response.headers.get("Retry-After"), now)
    if code in _WAITS or code >= _SERVER:
        # A server that fails may have done what it was asked to; one that asks to wait has not.
        return NotifyUnavailable(where, reached=code >= _SERVER, retry_after=wait)
    return NotifyRefused(where, status=code)


def _read(response: HTTPResponse) -> tuple[bytes, bool]:
    """Return the beginning of a response's body, and whether that is all of it."""
    body = b""
    try:
        while len(body) < _MOST_READ and (chunk := response.read1(_MOST_READ - len(body))):
            body += chunk
    except (OSError, HTTPException, ValueError):
        return body, False
    return body, len(body) < _MOST_READ and not response.length


def _retry_after(text: str | None, now: float) -> float | None:
    """Return how many seconds to wait by a header ``Retry-After``: a number of them, or a date."""
    if text is None:
        return None
    try:
        seconds = float(text) if text.strip().isdigit() else parsedate_to_datetime(text).timestamp() - now
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(seconds, 0.0), _LONGEST_WAIT)
