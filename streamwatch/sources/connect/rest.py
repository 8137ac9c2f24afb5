"""One request to a worker's REST API, within a deadline and a size, whatever the other side does."""

import base64
import json
import ssl
import threading
from contextlib import closing, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from socket import SHUT_RDWR, socket
from typing import Any, Final
from urllib.parse import urlsplit

from streamwatch.core.clock import Clock
from streamwatch.core.errors import SourceDenied, SourceError, SourceMisread, SourceThrottled, SourceUnavailable
from streamwatch.sources.connect.config import Config, Tls

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
        self._host, self._port = parts.hostname or "", parts.port or (443 if self._is_tls else 80)
        self._prefix = parts.path.rstrip("/")
        self._config, self._clock = config, clock
        name = f"[{self._host}]" if ":" in self._host else self._host
        self.address = f"{name}:{self._port}"
        self._where = f"{parts.scheme}://{self.address}{self._prefix}"

    def get(self, path: str) -> Answer:
        """Ask for a path that begins with ``/``; statuses 404 and 409 are answers, too.

        Raises:
            SourceError: where, what happened.

        """
        where = f"{self._where}{path.partition('?')[0]}"
        timeout = self._config.timeout
        ends = self._clock.monotonic() + timeout
        done = threading.Event()
        with closing(self._connection()) as connection:
            held: list[socket] = []
            given = (connection, held, done, timeout)
            threading.Thread(target=_cut, args=given, name=f"deadline {self.address}", daemon=True).start()
            try:
                connection.connect()
                held.append(connection.sock)  # which the connection itself forgets, where the answer has no length
                connection.request("GET", self._prefix + path, headers=self._headers())
                with closing(connection.getresponse()) as answer:
                    if answer.status in {NOT_FOUND, CONFLICT}:
                        return Answer(answer.status)
                    if answer.status != OK:
                        raise _refusal(where, answer.status)
                    return Answer(OK, _parsed(where, self._body(answer, where)))
            except ssl.SSLCertVerificationError as error:
                what = f"{where}: its certificate is not trusted: {error.verify_message}"
                raise SourceDenied(f"{what}: check `tls.ca_file` and the host name") from error
            except (OSError, HTTPException, ValueError) as error:
                if isinstance(error, TimeoutError) or self._clock.monotonic() >= ends:
                    raise SourceUnavailable(f"{where}: no answer within {timeout:g}s") from error
                raise _broken(where, error) from None
            finally:
                done.set()

    def _connection(self) -> HTTPConnection:
        timeout = self._config.timeout
        if not self._is_tls:
            return HTTPConnection(self._host, self._port, timeout=timeout)
        return HTTPSConnection(self._host, self._port, timeout=timeout, context=_context(self._config.tls))

    def _headers(self) -> dict[str, str]:
        config, found = self._config, {"Accept": "application/json"}
        if config.token is not None:
            found["Authorization"] = f"Bearer {config.token.reveal()}"
        elif config.username is not None and config.password is not None:
            login = f"{config.username}:{config.password.reveal()}".encode()
            found["Authorization"] = f"Basic {base64.b64encode(login).decode()}"
        return found

    def _body(self, answer: HTTPResponse, where: str) -> bytes:
        most, found = self._config.max_answer, bytearray()
        while chunk := answer.read1(_CHUNK):
            found += chunk
            if len(found) > most:
                raise SourceMisread(f"{where}: the answer is larger than {most} bytes: raise `max_answer`?")
        if answer.length:
            raise SourceMisread(f"{where}: the answer broke off after {len(found)} bytes")
        return bytes(found)


def _cut(connection: HTTPConnection, held: list[socket], done: threading.Event, timeout: float) -> None:
    """Break the connection where the answer is not whole in time: a socket's timeout is one of each byte."""
    if not done.wait(timeout):
        for one in held or [connection.sock]:
            with suppress(OSError, AttributeError):  # it may not be connected yet
                one.shutdown(SHUT_RDWR)


def _refusal(where: str, status: int) -> SourceError:
    what = f"{where}: HTTP status {status}"
    if status in _DENIED:
        return SourceDenied(f"{what}: check `username` and `password`, or `token`, and what it may read")
    if status == _TOO_MANY:
        return SourceThrottled(f"{what}: it asks to wait")
    if status >= _SERVER:
        return SourceError(f"{what}: the worker's log says why")
    return SourceMisread(f"{what}: is this the REST address of a Kafka Connect worker?")


def _broken(where: str, error: Exception) -> SourceError:
    if isinstance(error, ssl.SSLError):
        why = f"{where}: no TLS handshake: {error.reason}"
        return SourceDenied(f"{why}: is this a port of TLS, and our certificate taken?")
    if isinstance(error, OSError):
        return SourceUnavailable(f"{where}: {error.strerror or type(error).__name__}: does the worker run there?")
    return SourceMisread(f"{where}: the answer is no HTTP: {type(error).__name__}")


def _parsed(where: str, body: bytes) -> Any:  # noqa: ANN401 - whatever JSON is
    """Return what a JSON text holds; nothing of the text is in an error: it may hold secrets."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        what = "empty" if not body.strip() else "no JSON"
        raise SourceMisread(f"{where}: the answer is {what}: is this a Kafka Connect worker?") from None


def _context(tls: Tls) -> ssl.SSLContext:
    """Return what checks a worker's certificate, and shows ours.

    Raises:
        SourceDenied: a file cannot be used.

    """
    try:
        context = ssl.create_default_context(cafile=tls.ca_file)
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
