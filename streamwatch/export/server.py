"""The HTTP server: the page for Prometheus, health for whoever restarts us, a status for people.

It is made of callables and knows nothing else: what a page or a health is, others decide.
"""

import base64
import gzip
import hmac
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus

import numpy as np

from streamwatch.catalogue import agent as c
from streamwatch.core.clock import SystemClock
from streamwatch.core.errors import ExportError, StreamWatchError
from streamwatch.export.connection import Answer, Asked, Connection, Counts, plain
from streamwatch.export.exposition import Page
from streamwatch.export.guard import WRITES, from_elsewhere, refused
from streamwatch.export.listener import CONNECTIONS, SPARE_TIMEOUT_SECONDS, TIMEOUT_SECONDS, Listener
from streamwatch.export.negotiate import wants_gzip, wants_html, wants_openmetrics
from streamwatch.model.metric import Keys, Samples
from streamwatch.settings.types import FilePath, HostPort, Secret, setting

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
TEXT = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """TLS 1.2 or newer; with `client_ca_file`, only for clients that show a certificate of it (probes as well)."""

    cert_file: FilePath = setting("PEM file of the server's certificate chain")
    key_file: FilePath = setting("PEM file of its private key, not encrypted")
    client_ca_file: FilePath | None = setting("PEM file of the authorities of client certificates", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class BasicAuth:
    """Who may read; asked for everywhere but on `/healthz` and `/readyz`."""

    username: str = setting("user name")
    password: Secret = setting("its password")


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Where the metrics page, the health probes and the status are served."""

    address: HostPort = setting("where to listen; `0.0.0.0:9308` is every address", default=HostPort("127.0.0.1", 9308))
    tls: Tls | None = setting("serve HTTPS; without it, HTTP", default=None)
    basic_auth: BasicAuth | None = setting("ask for a user name and a password", default=None)
    reload: bool = setting("allow `POST /-/reload`, which reads the configuration again", default=False)


@dataclass(frozen=True, slots=True)
class Health:
    """Whether all is well: when it is not, one line for each reason."""

    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Route:
    methods: tuple[str, ...]
    answer: Callable[[Asked], Answer]
    is_open: bool = False
    """Whether anybody may ask, at any time."""


_READ = ("GET", "HEAD")
_EVERY = ("0.0.0.0", "::")  # noqa: S104 - compared, not bound


class Server:
    """Serves pages, from ``start()`` to ``stop()``. The callables are called by many threads at once.

    Args:
        config: where, and for whom.
        page: gives the page as it is now.
        health: says whether the process should be restarted (``/healthz``).
        ready: says whether it has something to show (``/readyz``).
        status: gives a few lines for people with curl (``/``).
        home: gives the same page for people with a browser.
        reload: reads the configuration again, or raises ConfigError; one call at a time.
        api: answers everything below a path.
        runbooks: answers everything below another.
        alertmanager: the same below another, where clients may write, too.

    """

    def __init__(  # noqa: PLR0913 - one argument for each thing it serves
        self,
        config: Config,
        *,
        page: Callable[[], Page],
        health: Callable[[], Health],
        ready: Callable[[], Health],
        status: Callable[[], str],
        home: Callable[[], Answer] | None = None,
        reload: Callable[[], None] | None = None,
        api: tuple[str, Callable[[Asked], Answer]] | None = None,
        runbooks: tuple[str, Callable[[Asked], Answer]] | None = None,
        alertmanager: tuple[str, Callable[[Asked], Answer]] | None = None,
    ) -> None:
        self._config = config
        self._page = page
        self._status, self._home = status, home
        self._reload = reload if config.reload else None
        self._reloading = threading.Lock()
        self._counts = Counts()
        self._clock = SystemClock()
        self._context: ssl.SSLContext | None = None
        self._routes = {
            "/": _Route(_READ, self._answer_home),
            "/metrics": _Route(_READ, self._answer_metrics),
            "/healthz": _Route(_READ, lambda _: _answer_health(health()), is_open=True),
            "/readyz": _Route(_READ, lambda _: _answer_health(ready()), is_open=True),
            "/-/reload": _Route(("POST",), self._answer_reload),
        }
        self._api, self._runbooks, self._alertmanager = api, runbooks, alertmanager
        self._listens = False
        self._listener = Listener(str(config.address), self._serve, lambda: self._context)

    def start(self) -> None:
        """Listen.

        Raises:
            ExportError: the address cannot be had, or the certificate cannot be used.

        """
        self.reload_tls()
        self._listener.start()
        self._listens = True

    def stop(self, timeout_seconds: float = 5.0) -> None:
        """Stop listening; answers under way get this long to finish."""
        self._listener.stop(timeout_seconds)

    def reload_tls(self) -> None:
        """Read the certificates again, for the connections to come.

        Raises:
            ExportError: they cannot be used; those of before stay.

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
        """Where it can be asked: by the host's name, where it listens on every address."""
        at = HostPort(*self._listener.bound) if self._listens else self._config.address
        if at.host in _EVERY:
            at = HostPort(socket.gethostname(), at.port)
        return f"{'http' if self._config.tls is None else 'https'}://{at}"

    def counts(self) -> dict[int, int]:
        """Return the answers given so far, by status code."""
        return self._counts.read()

    def collect(self) -> list[Samples]:
        """Return the figures of the server."""
        counts = self.counts()
        codes = Keys(c.SCRAPES.labels, [(str(code),) for code in counts])
        return [c.SCRAPES.samples(codes, np.array(list(counts.values()), dtype=np.float64))]

    def _serve(self, client: socket.socket, spare: bool) -> None:  # noqa: FBT001 - as the listener calls it
        timeout_seconds = SPARE_TIMEOUT_SECONDS if spare else TIMEOUT_SECONDS
        connection = Connection(
            client, self._answer, self._counts, self._clock, spare=spare, timeout_seconds=timeout_seconds
        )
        connection.serve()

    def _answer(self, asked: Asked) -> Answer:
        route = self._routes.get(asked.path)
        if route is None and self._api is not None and asked.path.startswith(self._api[0]):
            route = _Route(_READ, self._api[1])
        if route is None and self._runbooks is not None and asked.path.startswith(self._runbooks[0]):
            route = _Route(_READ, self._runbooks[1])
        if route is None and self._alertmanager is not None and asked.path.startswith(self._alertmanager[0]):
            route = _Route((*_READ, *WRITES), self._answer_alertmanager)
        if route is None or not route.is_open:
            if asked.spare:
                line = f"busy: {CONNECTIONS} connections are open: scrape less often, or find who keeps them open"
                return plain(HTTPStatus.SERVICE_UNAVAILABLE, line, headers=(("Retry-After", "1"),))
            if not self._admits(asked):
                line = "who are you: the user name or the password is missing or wrong: use those of `basic_auth`"
                challenge = ("WWW-Authenticate", 'Basic realm="StreamWatch", charset="UTF-8"')
                return plain(HTTPStatus.UNAUTHORIZED, line, headers=(challenge,))
        if route is None:
            return plain(HTTPStatus.NOT_FOUND, f"{asked.path}: no such page: there are {', '.join(self._routes)}")
        if asked.method not in route.methods:
            allowed = ", ".join(route.methods)
            line = f"{asked.path}: {asked.method} is not possible: use {allowed}"
            return plain(HTTPStatus.METHOD_NOT_ALLOWED, line, headers=(("Allow", allowed),))
        return route.answer(asked)

    def _admits(self, asked: Asked) -> bool:
        auth = self._config.basic_auth
        if auth is None:
            return True
        scheme, _, given = asked.headers.get("Authorization", "").partition(" ")
        try:
            decoded = base64.b64decode(given.strip(), validate=True)
        except ValueError:
            return False
        wanted = f"{auth.username}:{auth.password.reveal()}".encode()
        return hmac.compare_digest(decoded, wanted) and scheme.lower() == "basic"

    def _answer_home(self, asked: Asked) -> Answer:
        if self._home is not None and wants_html(asked.headers.get("Accept", "")):
            return _compressed(self._home(), asked)
        return plain(HTTPStatus.OK, self._status().rstrip("\n"), headers=(("Vary", "Accept"),))

    def _answer_metrics(self, asked: Asked) -> Answer:
        page = self._page()
        openmetrics = wants_openmetrics(asked.headers.get("Accept", ""))
        headers: tuple[tuple[str, str], ...] = (("Vary", "Accept, Accept-Encoding"),)
        if wants_gzip(asked.headers.get("Accept-Encoding", "")):
            body = page.openmetrics_gzip if openmetrics else page.text_gzip
            headers = (*headers, ("Content-Encoding", "gzip"))
        else:
            body = page.openmetrics if openmetrics else page.text
        return Answer(HTTPStatus.OK, body, OPENMETRICS if openmetrics else TEXT, headers)

    def _answer_alertmanager(self, asked: Asked) -> Answer:
        assert self._alertmanager is not None, "the route is there only with it"  # noqa: S101 - for the type
        if asked.method in WRITES:
            host, _ = self._listener.bound
            is_known = self._config.basic_auth is not None or (
                self._config.tls is not None and self._config.tls.client_ca_file is not None
            )
            refusal = refused(asked, host, is_known=is_known)
            if refusal is not None:
                return refusal
        return self._alertmanager[1](asked)

    def _answer_reload(self, asked: Asked) -> Answer:
        if self._reload is None:
            return plain(HTTPStatus.FORBIDDEN, "reload is not enabled: set `reload: true` and restart")
        if (foreign := from_elsewhere(asked)) is not None:
            return foreign
        try:
            with self._reloading:
                self._reload()
        except StreamWatchError as error:
            return plain(HTTPStatus.BAD_REQUEST, str(error))
        return plain(HTTPStatus.OK, "reloaded")


def _compressed(answer: Answer, asked: Asked) -> Answer:
    """Return an answer in as few bytes as the client takes."""
    if not wants_gzip(asked.headers.get("Accept-Encoding", "")):
        return answer
    body = gzip.compress(answer.body, 1)
    return replace(answer, body=body, headers=(*answer.headers, ("Content-Encoding", "gzip")))


def _answer_health(health: Health) -> Answer:
    if health.reasons:
        return plain(HTTPStatus.SERVICE_UNAVAILABLE, *health.reasons)
    return plain(HTTPStatus.OK, "ok")


def _context(tls: Tls) -> ssl.SSLContext:
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
