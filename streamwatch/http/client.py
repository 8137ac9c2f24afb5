"""One request with a deadline, through a proxy where there is one; no error that comes of it holds a secret.

Nothing is kept open between requests: pages are rare.
"""

import base64
import html
import re
import ssl
import threading
import urllib.request
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from socket import SHUT_RDWR
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from streamwatch.core.clock import Clock
from streamwatch.core.errors import NotifyError, NotifyRefused, NotifyUnavailable
from streamwatch.settings.types import Duration, FilePath, Secret, refuse, setting, tried

_MOST_TOLD: Final = 200
"""Characters of an answer that a message quotes."""
_MOST_READ: Final = 2048
_MOST_HALF: Final = 512
_LONGER_CODED: Final = 3
"""So many times as long a secret may be, percent-encoded."""
_LONGEST_WAIT: Final = 3600.0
_SECRET_LENGTH: Final = 8
"""Parts of an address that are as long may be secrets; shorter ones are words."""
_OK: Final = range(200, 300)
_WAITS: Final = frozenset({408, 425, 429})
_SERVER: Final = 500
_MASK: Final = "********"
_SPELLED: Final[Mapping[str, tuple[str, ...]]] = {" ": ("+",), '"': ('\\"',), "\\": ("\\\\",), "/": ("\\/",)}
"""Other ways to write a sign, in forms and in JSON."""
_LEAST_CODED: Final = 6
"""Signs of Base64 that may be a secret's; fewer are in any word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Http:
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


def basic(username: str, password: str) -> str:
    """Return the value of a header that logs in by name and password."""
    return f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"


def trusting(ca_file: str | None) -> ssl.SSLContext:
    """Return what checks certificates: by the system's authorities, and by those of a PEM file."""
    context = ssl.create_default_context()
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return context


class Web:
    """Sends requests; may be used from any thread."""

    def __init__(self, config: Http, clock: Clock) -> None:
        """Prepare; the authorities are read when the first request needs them."""
        self._config = config
        self._clock = clock
        self._context: ssl.SSLContext | None = None

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
        connection = self._connection(parts)
        done = threading.Event()
        ends = self._clock.monotonic() + self._config.timeout
        guard = threading.Thread(target=self._cut, args=(connection, done), name=f"deadline {where}", daemon=True)
        sent = False
        try:
            guard.start()
            connection.connect()
            sent = True
            connection.request(method, self._target(parts), body or None, {**_login(parts), **(headers or {})})
            with closing(connection.getresponse()) as answer:
                if answer.status not in _OK:
                    sent_by = [*_login(parts).items(), *(headers or {}).items()]
                    logins = [value.rpartition(" ")[2] for name, value in sent_by if name == "Authorization"]
                    hidden = [*(one.reveal() for one in secrets), *_secret_parts(url), *logins]
                    if self._config.proxy is not None:
                        hidden += _secret_parts(self._config.proxy.reveal())
                    raise _refusal(where, answer, self._clock.now(), hidden)
                return dict(answer.headers.items())
        except ssl.SSLCertVerificationError as error:
            raise NotifyUnavailable(f"{where}: its certificate is not trusted: {error.verify_message}") from error
        except (OSError, HTTPException, ValueError) as error:
            late = isinstance(error, TimeoutError) or self._clock.monotonic() >= ends
            what = f"no answer within {self._config.timeout:g}s" if late else _said(error)
            raise NotifyUnavailable(f"{where}: {what}", reached=sent) from error
        finally:
            done.set()
            connection.close()

    def _cut(self, connection: HTTPConnection, done: threading.Event) -> None:
        """Break the connection where the request is not done in time: a timeout of the socket is one of each byte."""
        if not done.wait(self._config.timeout) and connection.sock is not None:
            with suppress(OSError):
                connection.sock.shutdown(SHUT_RDWR)

    def _connection(self, parts: SplitResult) -> HTTPConnection:
        proxy = self._proxy(parts)
        host, port = (proxy or parts).hostname or "", (proxy or parts).port
        timeout = self._config.timeout
        if parts.scheme != "https":
            return HTTPConnection(host, port, timeout=timeout)
        connection = HTTPSConnection(host, port, timeout=timeout, context=self._trusting())
        if proxy is not None:
            connection.set_tunnel(parts.hostname or "", parts.port or 443, _authorization(proxy))
        return connection

    def _target(self, parts: SplitResult) -> str:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        through = parts.scheme == "http" and self._proxy(parts) is not None
        return f"http://{parts.netloc.rpartition('@')[2]}{path}" if through else path

    def _proxy(self, parts: SplitResult) -> SplitResult | None:
        if self._config.proxy is not None:
            return urlsplit(self._config.proxy.reveal())
        found = urllib.request.getproxies().get(parts.scheme)
        if not found or urllib.request.proxy_bypass(parts.hostname or ""):
            return None
        return urlsplit(found)

    def _trusting(self) -> ssl.SSLContext:
        if self._context is None:
            self._context = trusting(self._config.ca_file)
        return self._context


def _login(parts: SplitResult) -> dict[str, str]:
    """Return the header that an address with a name and a password asks for."""
    if parts.username is None:
        return {}
    return {"Authorization": basic(unquote(parts.username), unquote(parts.password or ""))}


def _secret_parts(url: str) -> list[str]:
    """Return what must not be seen of an address: it as a whole, each part of its path and query, and its password."""
    parts = urlsplit(url)
    found = [url, parts.path, *re.split(r"[/&=:@]", f"{parts.path}&{parts.query}&{parts.username or ''}")]
    return [*(one for one in found if len(one) >= _SECRET_LENGTH), *([parts.password] if parts.password else [])]


def _masked(text: str, secrets: Collection[str]) -> str:
    """Return a text without secrets, however they are written: each sign as it is, percent-encoded or escaped.

    Whatever the case, too, and in Base64.
    """
    plain = {unquote(one) for one in secrets} | set(secrets)
    coded = {part for one in plain for part in _in_base64(one.encode("utf-8", "replace"))}
    for one in sorted((plain | coded) - {""}, key=len, reverse=True):
        ending = "[a-z0-9+/_-]?(?:=|%3d)*" if one in coded else ""
        text = re.sub(f"(?i:{''.join(map(_ways, one))}{ending})", _MASK, text)
    return text


def _in_base64(secret: bytes) -> Iterator[str]:
    """Yield what is to be seen of a secret in Base64, by itself or anywhere within something longer."""
    for before in range(3):
        told = base64.b64encode(bytes(before) + secret).decode().rstrip("=")
        # The signs at its edges say of what stands beside it, too.
        found = told[-(-before * 4 // 3) : len(told) - ((before + len(secret)) % 3 != 0)]
        if len(found) >= _LEAST_CODED:
            yield from {found, found.replace("+", "-").replace("/", "_")}


def _ways(sign: str) -> str:
    """Return a pattern of all ways to write a sign in an address, in JSON and in HTML."""
    number = ord(sign)
    encoded = "".join(f"%(?:25)*{byte:02x}" for byte in sign.encode("utf-8", "replace"))
    units = sign.encode("utf-16-be", "replace").hex()
    in_json = "".join(rf"\\+u{units[at : at + 4]}" for at in range(0, len(units), 4))
    escaped = rf"{in_json}|\\+x{number:02x}|&#0*{number};|&#x0*{number:x};"
    named = "".join(f"|{re.escape(way)}" for way in (html.escape(sign), *_SPELLED.get(sign, ())) if way != sign)
    return f"(?:{re.escape(sign)}|{encoded}|{escaped}{named})"


def _authorization(proxy: SplitResult) -> dict[str, str]:
    if proxy.username is None:
        return {}
    return {"Proxy-Authorization": basic(unquote(proxy.username), unquote(proxy.password or ""))}


def _refusal(where: str, answer: HTTPResponse, now: float, secrets: Collection[str]) -> NotifyError:
    """Return what an answer means that is no success."""
    code = answer.status
    raw, is_whole = _read(answer)
    told = _masked(raw.decode("utf-8", "replace"), secrets)
    if not is_whole:  # where it was cut off, half a secret may stand
        told = told[: -max(_MOST_HALF, _LONGER_CODED * max(map(len, secrets), default=0))]
    told = " ".join(told.split())[:_MOST_TOLD]
    where = f"{where}: HTTP status {code}{': ' if told else ''}{told}"
    wait = _seconds(answer.headers.get("Retry-After"), now)
    if code in _WAITS or code >= _SERVER:
        # A server that fails may have done what it was asked to; one that asks to wait has not.
        return NotifyUnavailable(where, reached=code >= _SERVER, retry_after=wait)
    return NotifyRefused(where, status=code)


def _read(answer: HTTPResponse) -> tuple[bytes, bool]:
    """Return the beginning of an answer's body, and whether that is all of it."""
    raw = b""
    try:
        while len(raw) < _MOST_READ and (part := answer.read1(_MOST_READ - len(raw))):
            raw += part
    except (OSError, HTTPException, ValueError):
        return raw, False
    return raw, len(raw) < _MOST_READ and not answer.length


def _seconds(text: str | None, now: float) -> float | None:
    """Return how long to wait by a header ``Retry-After``: seconds, or a date."""
    if text is None:
        return None
    try:
        found = float(text) if text.strip().isdigit() else parsedate_to_datetime(text).timestamp() - now
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(found, 0.0), _LONGEST_WAIT)


def _said(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error) or type(error).__name__
    return f"the answer is no HTTP: {type(error).__name__}"
