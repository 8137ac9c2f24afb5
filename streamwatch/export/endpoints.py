"""What the agent serves: metrics, health, a status for people, and APIs below their prefixes."""

import gzip
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Final

from streamwatch.core.errors import StreamWatchError
from streamwatch.export.exposition import RenderedExposition
from streamwatch.http.message import Request, Response, text_response
from streamwatch.http.negotiate import wants_gzip, wants_html, wants_openmetrics
from streamwatch.http.server import PathHandler

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
TEXT = "text/plain; version=0.0.4; charset=utf-8"
HEALTHY: Final = ("/healthz", "/-/healthy")
"""Where it is asked whether the process should be restarted: as Kubernetes names it, and as Prometheus does."""
READY: Final = ("/readyz", "/-/ready")
"""Where it is asked whether there is something to show."""


@dataclass(frozen=True, slots=True)
class Health:
    """Whether all is well: when it is not, one line for each reason."""

    reasons: tuple[str, ...] = ()


def endpoints(  # noqa: PLR0913 - one argument for each thing that is served
    *,
    page: Callable[[], RenderedExposition],
    health: Callable[[], Health],
    ready: Callable[[], Health],
    status: Callable[[], str],
    home: Callable[[], Response] | None = None,
    reload: Callable[[], None] | None = None,
    prefixes: Sequence[PathHandler] = (),
) -> list[PathHandler]:
    """Return the routes of the agent. The callables are called by many threads at once.

    Args:
        page: returns the metrics as they are now.
        health: says whether the process should be restarted (``HEALTHY``).
        ready: says whether it has something to show (``READY``).
        status: returns a few lines for people with curl (``/``).
        home: returns the same for people with a browser.
        reload: reads the configuration again, or raises ConfigError; one call at a time. None: it is not allowed.
        prefixes: what answers everything below a path.

    """
    return [
        PathHandler("/", _Home(status, home).answer),
        PathHandler("/metrics", lambda request: _metrics(page(), request)),
        *(PathHandler(path, lambda _: _health(health()), is_probe=True) for path in HEALTHY),
        *(PathHandler(path, lambda _: _health(ready()), is_probe=True) for path in READY),
        PathHandler("/-/reload", _Reload(reload).answer, ("POST",), is_guarded=True),
        *prefixes,
    ]


class _Home:
    def __init__(self, status: Callable[[], str], home: Callable[[], Response] | None) -> None:
        self._status, self._home = status, home

    def answer(self, request: Request) -> Response:
        if self._home is not None and wants_html(request.headers.get("Accept", "")):
            return compressed(self._home(), request)
        return text_response(HTTPStatus.OK, self._status().rstrip("\n"), headers=(("Vary", "Accept"),))


class _Reload:
    def __init__(self, reload: Callable[[], None] | None) -> None:
        self._reload = reload
        self._lock = threading.Lock()

    def answer(self, _: Request) -> Response:
        if self._reload is None:
            return text_response(HTTPStatus.FORBIDDEN, "reload is not enabled: set `reload: true` and restart")
        try:
            with self._lock:
                self._reload()
        except StreamWatchError as error:
            return text_response(HTTPStatus.BAD_REQUEST, str(error))
        return text_response(HTTPStatus.OK, "reloaded")


def _metrics(page: RenderedExposition, request: Request) -> Response:
    openmetrics = wants_openmetrics(request.headers.get("Accept", ""))
    headers: tuple[tuple[str, str], ...] = (("Vary", "Accept, Accept-Encoding"),)
    if wants_gzip(request.headers.get("Accept-Encoding", "")):
        body = page.openmetrics_gzip if openmetrics else page.text_gzip
        headers = (*headers, ("Content-Encoding", "gzip"))
    else:
        body = page.openmetrics if openmetrics else page.text
    return Response(HTTPStatus.OK, body, OPENMETRICS if openmetrics else TEXT, headers)


def compressed(response: Response, request: Request) -> Response:
    """Return a response in as few bytes as the client takes."""
    if not wants_gzip(request.headers.get("Accept-Encoding", "")):
        return response
    body = gzip.compress(response.body, 1)
    return replace(response, body=body, headers=(*response.headers, ("Content-Encoding", "gzip")))


def _health(health: Health) -> Response:
    if health.reasons:
        return text_response(HTTPStatus.SERVICE_UNAVAILABLE, *health.reasons)
    return text_response(HTTPStatus.OK, "ok")
