"""A pager on loopback: takes the agent's webhook, and remembers what it was told."""

import json
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self

_MOST_BYTES: Final = 2**20


class Pager:
    """Rings, as a context manager."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._told: list[tuple[bool, str]] = []
        pager = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(min(_MOST_BYTES, int(self.headers.get("Content-Length", "0"))))
                pager.ring(json.loads(body))
                self.send_response(HTTPStatus.NO_CONTENT)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="pager")

    @property
    def url(self) -> str:
        """Where it takes what is told."""
        return f"http://127.0.0.1:{self._server.server_port}/"

    def ring(self, told: dict[str, Any]) -> None:
        """Take a notification, in the shape of Alertmanager's webhook."""
        alerts = told["alerts"]
        first = alerts[0] if alerts else {"labels": told["groupLabels"], "annotations": {}}
        severity, is_over = first["labels"].get("severity", ""), told["status"] == "resolved"
        what = first["annotations"].get("summary") or first["labels"].get("alertname", "")
        more = f" (and {len(alerts) - 1} more)" if len(alerts) > 1 else ""
        line = f"{'over' if is_over else severity}: {what}{more}"
        with self._lock:
            self._told.append((severity == "critical" and not is_over, line))

    def heard(self) -> list[tuple[bool, str]]:
        """Return what was told since the last time: whether somebody is woken, and why."""
        with self._lock:
            found, self._told = self._told, []
        return found

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
