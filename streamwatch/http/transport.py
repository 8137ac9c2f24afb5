"""One HTTP exchange, within one deadline as a whole. Nothing is kept open, and nothing is tried again.

A timeout of a socket is one of each byte: a server that sends a byte a second would keep its client for ever. So each
step on the socket gets the time that is left.
"""

import base64
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTP_PORT, HTTPS_PORT, HTTPConnection, HTTPException, HTTPResponse
from socket import SOCK_STREAM, getaddrinfo, socket
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from streamwatch.core.clock import Clock


class TransportError(Exception):
    """No whole response came. The message holds no address: parts of one may be secret."""

    def __init__(self, message: str, *, reached: bool, is_late: bool = False, is_http: bool = True) -> None:
        super().__init__(message)
        self.reached = reached
        """Whether the request may have been read."""
        self.is_late = is_late
        """Whether the time was up."""
        self.is_http = is_http
        """Whether what came, if anything, was HTTP."""


class Deadline:
    """An instant at which an exchange ends."""

    def __init__(self, seconds: float, clock: Clock) -> None:
        """Begin to run."""
        self.seconds = seconds
        self._clock = clock
        self._end = clock.monotonic() + seconds

    def left(self) -> float:
        """Return how many seconds are left.

        Raises:
            TimeoutError: none.

        """
        left = self._end - self._clock.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    @property
    def is_over(self) -> bool:
        """Whether the time is up."""
        return self._clock.monotonic() >= self._end


@dataclass(frozen=True, slots=True)
class Transport:
    """How servers are reached: what checks their certificates, and a proxy."""

    context: ssl.SSLContext | None = None
    """Made by ``tls_context``; needed for HTTPS."""
    proxy: SplitResult | None = None


class _Socket(socket):
    """Each step gets the time that is left."""

    deadline: Deadline | None = None

    def _hurry(self) -> None:
        if self.deadline is not None:
            self.settimeout(self.deadline.left())

    def connect(self, *args: Any) -> None:  # noqa: ANN401 - as the socket's own
        self._hurry()
        super().connect(*args)

    def recv(self, *args: Any) -> bytes:  # noqa: ANN401 - the same
        self._hurry()
        return super().recv(*args)

    def recv_into(self, *args: Any) -> int:  # noqa: ANN401 - the same
        self._hurry()
        return super().recv_into(*args)

    def send(self, *args: Any) -> int:  # noqa: ANN401 - the same
        self._hurry()
        return super().send(*args)

    def sendall(self, *args: Any) -> None:  # noqa: ANN401 - the same
        self._hurry()
        super().sendall(*args)


class _TlsSocket(_Socket, ssl.SSLSocket):
    """The same, over TLS."""


class _Connection(HTTPConnection):
    """Connects, through a tunnel and by TLS where they are wanted, within a deadline."""

    def __init__(self, host: str, port: int, deadline: Deadline, context: ssl.SSLContext | None) -> None:
        self.default_port = HTTP_PORT if context is None else HTTPS_PORT
        super().__init__(host, port)
        self._deadline, self._context = deadline, context
        # The only way to hand a socket to http.client.
        self._create_connection = lambda address, *_: _connected(address, deadline)

    def connect(self) -> None:
        super().connect()
        if self._context is not None:
            self.sock.settimeout(self._deadline.left())
            name = getattr(self, "_tunnel_host", None) or self.host
            self.sock = encrypted = self._context.wrap_socket(self.sock, server_hostname=name)
            assert isinstance(encrypted, _TlsSocket), "the context is made by `tls_context`"  # noqa: S101 - for the type
            encrypted.deadline = self._deadline


def basic(username: str, password: str) -> str:
    """Return the value of a header that logs in by name and password."""
    return f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"


def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """Return what checks certificates: by the system's authorities, and by those of a PEM file."""
    context = ssl.create_default_context()
    context.sslsocket_class = _TlsSocket
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return context


@contextmanager
def exchange(  # noqa: PLR0913 - what a request is made of
    method: str, url: str, *, deadline: Deadline, transport: Transport, headers: Mapping[str, str], body: bytes = b""
) -> Iterator[HTTPResponse]:
    """Send a request, and yield its response, of which the body has not been read yet.

    Raises:
        TransportError: nothing whole came; in the ``with`` block, too, where the body is read.

    """
    parts = urlsplit(url)
    reached, connection = False, None
    try:
        connection = _connection(parts, deadline, transport)
        connection.connect()
        reached = True
        connection.request(method, _target(parts, transport), body or None, dict(headers))
        response = connection.getresponse()
    except (OSError, HTTPException, ValueError) as error:
        if connection is not None:
            connection.close()
        raise _failure(error, deadline, reached=reached) from error
    try:
        yield response
    except (OSError, HTTPException) as error:
        raise _failure(error, deadline, reached=True) from error
    finally:
        response.close()
        connection.close()


def _connection(parts: SplitResult, deadline: Deadline, transport: Transport) -> HTTPConnection:
    proxy, context = transport.proxy, transport.context if parts.scheme == "https" else None
    first = proxy or parts
    default = HTTPS_PORT if first is parts and context is not None else HTTP_PORT
    connection = _Connection(first.hostname or "", first.port or default, deadline, context)
    if proxy is not None and context is not None:
        connection.set_tunnel(parts.hostname or "", parts.port or HTTPS_PORT, _proxy_login(proxy))
    return connection


def _connected(address: tuple[str, int], deadline: Deadline) -> socket:
    """Return a socket to the first address of a name that answers."""
    problem: OSError | None = None
    for family, kind, protocol, _, where in getaddrinfo(*address, type=SOCK_STREAM):
        client = _Socket(family, kind, protocol)
        client.deadline = deadline
        try:
            client.connect(where)
            client.settimeout(deadline.left())
        except OSError as error:
            client.close()
            problem = error
        else:
            return client
    raise problem or OSError("the name has no address")


def _target(parts: SplitResult, transport: Transport) -> str:
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    through = parts.scheme == "http" and transport.proxy is not None
    return f"http://{parts.netloc.rpartition('@')[2]}{path}" if through else path


def _proxy_login(proxy: SplitResult) -> dict[str, str]:
    if proxy.username is None:
        return {}
    return {"Proxy-Authorization": basic(unquote(proxy.username), unquote(proxy.password or ""))}


def _failure(error: Exception, deadline: Deadline, *, reached: bool) -> TransportError:
    if isinstance(error, ssl.SSLCertVerificationError):
        return TransportError(f"its certificate is not trusted: {error.verify_message}", reached=reached)
    if isinstance(error, TimeoutError) or deadline.is_over:
        return TransportError(f"no answer within {deadline.seconds:g}s", reached=reached, is_late=True)
    if isinstance(error, OSError):
        return TransportError(error.strerror or str(error) or type(error).__name__, reached=reached)
    return TransportError(f"the answer is no HTTP: {type(error).__name__}", reached=reached, is_http=False)
