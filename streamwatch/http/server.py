"""The HTTP server: which route answers a request, for whom, over TLS where it is configured.

It knows nothing of what is served: that is in its routes.
"""

import base64
import hmac
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from streamwatch.core.clock import Clock, SystemClock
from streamwatch.core.errors import ExportError
from streamwatch.http.connection import HttpConnection, StatusCounts
from streamwatch.http.guard import WRITES, is_loopback, write_refusal
from streamwatch.http.guesses import Guesses
from streamwatch.http.listener import ADDRESS_CONNECTIONS, CONNECTIONS, HttpListener, Slot
from streamwatch.http.message import Request, Response, text_response
from streamwatch.settings.types import FilePath, HostPort, Secret, setting

READS = ("GET", "HEAD")
_EVERY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104 - compared, not bound


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerTls:
    """TLS 1.2 or newer; with `client_ca_file`, only for clients that show a certificate of it (probes as well)."""

    cert_file: FilePath = setting("PEM file of the server's certificate chain")
    key_file: FilePath = setting("PEM file of its private key, not encrypted")
    client_ca_file: FilePath | None = setting("PEM file of the authorities of client certificates", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class BasicAuth:
    """Who may read; request for everywhere but where health and readiness are asked for."""

    username: str = setting("user name")
    password: Secret = setting("its password")


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Where the metrics page, the health probes and the status are served."""

    address: HostPort = setting("where to listen; `0.0.0.0:9308` is every address", default=HostPort("127.0.0.1", 9308))
    tls: ServerTls | None = setting("serve HTTPS; without it, HTTP", default=None)
    basic_auth: BasicAuth | None = setting("ask for a user name and a password", default=None)
    reload: bool = setting("allow `POST /-/reload`, which reads the configuration again", default=False)

    @property
    def knows_clients(self) -> bool:
        """Whether every client shows who it is, by a password or a certificate."""
        return self.basic_auth is not None or (self.tls is not None and self.tls.client_ca_file is not None)

    @property
    def is_open(self) -> bool:
        """Whether everybody who reaches the address may read, from other machines, too."""
        return not self.knows_clients and self.address.host != "localhost" and not is_loopback(self.address.host)


@dataclass(frozen=True, slots=True)
class PathHandler:
    """What answers a path, or every path below a prefix. ``answer`` is called by many threads at once."""

    path: str
    """It is a prefix where it ends with ``/`` and is more than that."""
    answer: Callable[[Request], Response]
    methods: tuple[str, ...] = READS
    below: tuple[str, ...] = ()
    """What there is below a prefix, for who asks for what there is not; words in capitals stand for names."""
    is_probe: bool = False
    """Whether it is answered to anybody, at any time."""
    is_guarded: bool = False
    """Whether it writes what only known clients may write."""
    token: Callable[[], Secret | None] = lambda: None
    """Gives what opens this path to whoever shows it; where there is one, nobody unknown is answered."""

    @property
    def is_prefix(self) -> bool:
        """Whether it answers every path below its own."""
        return len(self.path) > 1 and self.path.endswith("/")

    @property
    def shown(self) -> tuple[str, ...]:
        """All that it answers, for who asks for what there is not."""
        return tuple(f"{self.path}{name}" for name in self.below) or (self.path,)


class Server:
    """Serves routes, from ``start()`` to ``stop()``."""

    def __init__(self, config: Config, routes: Sequence[PathHandler], clock: Clock | None = None) -> None:
        """Prepare; nothing is bound before ``start``.

        Args:
            config: where to listen, and for whom.
            routes: what there is; of prefixes, the first that fits counts.
            clock: what time it is; the machine's by default.

        """
        self._config = config
        self._clock = clock or SystemClock()
        self._counts = StatusCounts()
        self._guesses = Guesses(self._clock)
        self._context: ssl.SSLContext | None = None
        self._routes = {route.path: route for route in routes if not route.is_prefix}
        self._prefixes = [route for route in routes if route.is_prefix]
        self._there = ", ".join(dict.fromkeys(name for route in routes for name in route.shown))
        self._listens = False
        self._listener = HttpListener(config.address, self._serve, lambda: self._context, self._clock)

    def start(self) -> None:
        """Listen.

        Raises:
            ExportError: the address cannot be had, or the certificate cannot be used.

        """
        self.reload_tls()
        self._listener.start()
        self._listens = True

    def stop(self, timeout_seconds: float = 5.0) -> None:
        """Stop listening; responses under way get this long to finish."""
        self._listener.stop(timeout_seconds)

    def reload_tls(self) -> None:
        """Read the certificates again, for the connections to come.

        Raises:
            ExportError: they cannot be used; the present ones stay.

        """
        if self._config.tls is not None:
            self._context = _context(self._config.tls)

    @property
    def port(self) -> int:
        """The port that is listened on, also when the configured one is 0."""
        return self._listener.bound[1]

    @property
    def address(self) -> str:
        """The host and port that are listened on."""
        return str(HostPort(*self._listener.bound))

    @property
    def url(self) -> str:
        """Where it can be reached: by the host's name, where it listens on every address."""
        at = HostPort(*self._listener.bound) if self._listens else self._config.address
        if at.host in _EVERY_ADDRESS:
            at = HostPort(socket.gethostname(), at.port)
        return f"{'http' if self._config.tls is None else 'https'}://{at}"

    def counts(self) -> dict[int, int]:
        """Return how many responses were sent so far, by status code."""
        return self._counts.read()

    def _serve(self, slot: Slot) -> None:
        connection = HttpConnection(
            slot.client,
            self._answer,
            self._counts,
            self._clock,
            spare=slot.spare,
            timeout_seconds=slot.timeout_seconds,
            address=slot.address,
            on_wait=slot.on_wait,
        )
        connection.serve()

    def _answer(self, request: Request) -> Response:
        route = self._route(request.path)
        token = None if route is None else route.token()
        if (route is None or not route.is_probe) and (refusal := self._stranger_refusal(request, token)) is not None:
            return refusal
        if route is None:
            line = f"{request.path}: no such page: there are {self._there}"
            return text_response(HTTPStatus.NOT_FOUND, line)
        if request.method not in route.methods:
            allowed = ", ".join(route.methods)
            line = f"{request.path}: {request.method} is not possible: use {allowed}"
            return text_response(HTTPStatus.METHOD_NOT_ALLOWED, line, headers=(("Allow", allowed),))
        if route.is_guarded and request.method in WRITES:
            is_known = self._config.knows_clients or token is not None
            refusal = write_refusal(request, self._listener.bound[0], is_known=is_known)
            if refusal is not None:
                return refusal
        return route.answer(request)

    def _stranger_refusal(self, request: Request, token: Secret | None) -> Response | None:
        """Return the response to whom nothing but probes is answered now; None where anything is."""
        if request.spare:
            line = (
                f"busy: {CONNECTIONS} connections are open, or {ADDRESS_CONNECTIONS} from this address: scrape less"
                " often, or find who keeps them open"
            )
            return text_response(HTTPStatus.SERVICE_UNAVAILABLE, line, headers=(("Retry-After", "1"),))
        tries = "Authorization" in request.headers
        if tries and self._guesses.must_wait(request.address):
            line = "too many wrong passwords came from this address: try again in a second"
            return text_response(HTTPStatus.TOO_MANY_REQUESTS, line, headers=(("Retry-After", "1"),))
        if self._admits(request, token):
            return None
        if tries:
            self._guesses.wrong(request.address)
        line = "who are you: the user name or the password is missing or wrong: use those of `basic_auth`"
        challenge = ("WWW-Authenticate", 'Basic realm="StreamWatch", charset="UTF-8"')
        if token is not None:
            line = "who are you: the token is missing or wrong: all agents have the same `ha.token`"
            challenge = ("WWW-Authenticate", 'Bearer realm="StreamWatch"')
        return text_response(HTTPStatus.UNAUTHORIZED, line, headers=(challenge,))

    def _route(self, path: str) -> PathHandler | None:
        below = (route for route in self._prefixes if path.startswith(route.path))
        return self._routes.get(path) or next(below, None)

    def _admits(self, request: Request, token: Secret | None) -> bool:
        auth = self._config.basic_auth
        scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
        if token is not None and scheme.lower() == "bearer":
            return hmac.compare_digest(credentials.strip().encode("utf-8", "replace"), token.reveal().encode())
        if auth is None:
            return token is None or self._config.knows_clients
        try:
            decoded = base64.b64decode(credentials.strip(), validate=True)
        except ValueError:
            return False
        wanted = f"{auth.username}:{auth.password.reveal()}".encode()
        return hmac.compare_digest(decoded, wanted) and scheme.lower() == "basic"


def _context(tls: ServerTls) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # Without a password OpenSSL would ask for one on the terminal, and wait.
        context.load_cert_chain(tls.cert_file, tls.key_file, password="")
    except OSError as error:
        files = f"{tls.cert_file!r} with {tls.key_file!r}"
        raise ExportError(f"http server: tls: {files}: {error}: give a PEM certificate and its plain key") from error
    if tls.client_ca_file is not None:
        try:
            context.load_verify_locations(tls.client_ca_file)
        except OSError as error:
            where = f"http server: tls: client_ca_file: {tls.client_ca_file!r}"
            raise ExportError(f"{where}: {error}: give a PEM file of certificates") from error
        context.verify_mode = ssl.CERT_REQUIRED
    return context
