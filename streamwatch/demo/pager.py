"""A pager on loopback: it receives the agent's webhooks and remembers them."""

import json
import threading
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self

_MOST_BYTES: Final = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """A notification as it came."""

    wakes: bool
    """Whether somebody is woken."""
    is_over: bool
    what: str
    """What a person reads: the text of an alert, whose numbers are others when it is over."""
    alerts: frozenset[str]
    """Which alerts it is about: their fingerprints; the group's key where no alert fitted in."""


class Pager:
    """Rings, as a context manager."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._received: list[Rung] = []
        pager = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(min(_MOST_BYTES, int(self.headers.get("Content-Length", "0"))))
                pager.receive(json.loads(body))
                self.send_response(HTTPStatus.NO_CONTENT)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="pager")

    @property
    def url(self) -> str:
        """Where it receives notifications."""
        return f"http://127.0.0.1:{self._server.server_port}/"

    def receive(self, notification: dict[str, Any]) -> None:
        """Receive a notification, in the shape of Alertmanager's webhook."""
        alerts = notification["alerts"]
        first = alerts[0] if alerts else {"labels": notification["groupLabels"], "annotations": {}}
        severity, is_over = first["labels"].get("severity", ""), notification["status"] == "resolved"
        what = first["annotations"].get("summary") or first["labels"].get("alertname", "")
        more = f" (and {len(alerts) - 1} more)" if len(alerts) > 1 else ""
        line = f"{'over' if is_over else severity}: {what}{more}"
        about = frozenset(alert["fingerprint"] for alert in alerts) or frozenset({notification["groupKey"]})
        wakes = severity == "critical" and not is_over
        with self._lock:
            self._received.append(Rung(wakes=wakes, is_over=is_over, what=line, alerts=about))

    def take(self) -> list[Rung]:
        """Return what was received since the last call."""
        with self._lock:
            received, self._received = self._received, []
        return received

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
