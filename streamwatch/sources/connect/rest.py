"""One request to a worker's REST API, within a deadline and a size, whatever the other side does."""

import json
import ssl
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import Any, Final
from urllib.parse import urlsplit

from streamwatch.core.clock import Clock
from streamwatch.core.errors import SourceDenied, SourceError, SourceMisread, SourceThrottled, SourceUnavailable
from streamwatch.http.transport import Deadline, Transport, TransportError, basic, exchange, tls_context
from streamwatch.sources.connect.config import Config, ConnectTls

OK: Final = 200
NOT_FOUND: Final = 404
CONFLICT: Final = 409
"""What a worker answers while the workers rebalance."""
_DENIED: Final = frozenset({401, 403})
_TOO_MANY: Final = 429
_SERVER: Final = 500
_CHUNK: Final = 65536


@dataclass(frozen=True, slots=True)
class Answer:
    """What a worker answered; of any status but 200 the body is not read."""

    status: int
    body: Any = None


class Rest:
    """Asks one worker; nothing stays open between requests."""

    def __init__(self, url: str, config: Config, clock: Clock) -> None:
        """Prepare; files of certificates are read when they are needed."""
        parts = urlsplit(url)
        self._is_tls = parts.scheme == "https"
        host, port = parts.hostname or "", parts.port or (443 if self._is_tls else 80)
        self.address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._url = f"{parts.scheme}://{self.address}{parts.path.rstrip('/')}"
        self._config, self._clock = config, clock

    def get(self, path: str, seconds: float | None = None) -> Answer:
        """Ask for a path that begins with ``/``, in less time if that is wanted; statuses 404 and 409 are answers, too.

        Raises:
            SourceError: where, what happened.

        """
        where = f"{self._url}{path.partition('?')[0]}"
        transport = Transport(_context(self._config.tls) if self._is_tls else None)
        most = self._config.timeout
        deadline = Deadline(most if seconds is None else min(most, seconds), self._clock)
        try:
            with exchange(
                "GET", f"{self._url}{path}", deadline=deadline, transport=transport, headers=self._headers()
            ) as response:
                if response.status in {NOT_FOUND, CONFLICT}:
                    return Answer(response.status)
                if response.status != OK:
                    raise _refusal(where, response.status)
                return Answer(OK, _parsed(where, self._body(response, where)))
        except TransportError as error:
            raise _broken(where, error) from error.__cause__

    def _headers(self) -> dict[str, str]:
        config, headers = self._config, {"Accept": "application/json"}
        if config.token is not None:
            headers["Authorization"] = f"Bearer {config.token.reveal()}"
        elif config.username is not None and config.password is not None:
            headers["Authorization"] = basic(config.username, config.password.reveal())
        return headers

    def _body(self, response: HTTPResponse, where: str) -> bytes:
        most, body = self._config.max_answer, bytearray()
        while chunk := response.read1(_CHUNK):
            body += chunk
            if len(body) > most:
                raise SourceMisread(f"{where}: the answer is larger than {most} bytes: raise `max_answer`?")
        if response.length:
            raise SourceMisread(f"{where}: the answer broke off after {len(body)} bytes")
        return bytes(body)


def _refusal(where: str, status: int) -> SourceError:
    what = f"{where}: HTTP status {status}"
    if status in _DENIED:
        return SourceDenied(f"{what}: check `username` and `password`, or `token`, and what it may read")
    if status == _TOO_MANY:
        return SourceThrottled(f"{what}: it asks to wait")
    if status >= _SERVER:
        return SourceError(f"{what}: the worker's log says why")
    return SourceMisread(f"{what}: is this the REST address of a Kafka Connect worker?")


def _broken(where: str, error: TransportError) -> SourceError:
    cause = error.__cause__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return SourceDenied(f"{where}: {error}: check `tls.ca_file` and the host name")
    if isinstance(cause, ssl.SSLError):
        why = f"{where}: no TLS handshake: {cause.reason}"
        return SourceDenied(f"{why}: is this a port of TLS, and our certificate taken?")
    if not error.is_http:
        return SourceMisread(f"{where}: {error}")
    return SourceUnavailable(f"{where}: {error}{'' if error.is_late else ': does the worker run there?'}")


def _parsed(where: str, body: bytes) -> Any:  # noqa: ANN401 - whatever JSON is
    """Return what a JSON text holds; nothing of the text is in an error: it may hold secrets."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        what = "empty" if not body.strip() else "no JSON"
        raise SourceMisread(f"{where}: the answer is {what}: is this a Kafka Connect worker?") from None


def _context(tls: ConnectTls) -> ssl.SSLContext:
    """Return what checks a worker's certificate, and shows ours.

    Raises:
        SourceDenied: a file cannot be used.

    """
    try:
        context = tls_context(tls.ca_file)
        if tls.cert_file is not None:
            password = tls.key_password.reveal() if tls.key_password is not None else ""
            context.load_cert_chain(tls.cert_file, tls.key_file, password)
    except (OSError, ssl.SSLError) as error:
        what = error.strerror or "they are no PEM files that fit each other"
        raise SourceDenied(f"tls: its files cannot be used: {what}: check their paths") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = tls.check_hostname
    # Python 3.13 refuses certificates without an authority key identifier; many a house's own authority leaves it out.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context
