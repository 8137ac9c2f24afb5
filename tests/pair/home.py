"""The lease's home, which dies and lies, and the service that is paged, which remembers dedup keys."""

import copy
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Literal

from streamwatch.pair.lease.kubernetes import ANNOTATION
from tests.pair.lease.kube import Kube

Lie = Literal["", "grants both", "the other holds it", "refuses", "frozen", "nonsense", "fails"]
LIES: Final[tuple[Lie, ...]] = ("grants both", "the other holds it", "refuses", "frozen", "nonsense", "fails")
_CONFLICT: Final = (409, {"code": 409, "message": "conflict"})


class LyingHome:
    """The API server for each of two agents, `a` and `b`; it says the truth while ``lie`` is empty."""

    def __init__(self) -> None:
        self.truth = Kube()
        self._apart: dict[str, Kube] = {}
        self._frozen: dict[str, Any] = {}
        self._lie: Lie = ""
        self._count = 0

    @property
    def lie(self) -> Lie:
        return self._lie

    @lie.setter
    def lie(self, lie: Lie) -> None:
        self._apart = {}
        for who in "ab":
            self._apart[who] = Kube()
            self._apart[who].leases = copy.deepcopy(self.truth.leases)
        self._frozen = copy.deepcopy(self.truth.leases)
        self._lie = lie

    def answer(self, who: str, method: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:  # noqa: PLR0911 - a lie each
        match self._lie:
            case "grants both":
                return self._apart[who].answer(method, path, body)
            case "fails":
                return 500, {"message": "etcdserver: leader changed"}
            case "nonsense":
                return 200, {"metadata": {}}
            case "refuses" if method != "GET":
                return _CONFLICT
            case "frozen" if method != "GET":
                return _CONFLICT
            case "frozen":
                found = self._frozen.get("streamwatch")
                return (200, found) if found is not None else (404, {})
            case "the other holds it" if method != "GET":
                return _CONFLICT
            case "the other holds it":
                return self._others(who)
        return self.truth.answer(method, path, body)

    def _others(self, who: str) -> tuple[int, Any]:
        found = copy.deepcopy(self.truth.leases.get("streamwatch"))
        if found is None:
            return 404, {}
        self._count += 1
        record = json.loads(found["metadata"]["annotations"][ANNOTATION])
        record.update(holder="b" if who == "a" else "a", process="another", beat=10**6 + self._count)
        found["metadata"]["annotations"][ANNOTATION] = json.dumps(record)
        found["metadata"]["resourceVersion"] = str(10**6 + self._count)
        return 200, found


@dataclass(frozen=True, slots=True)
class Event:
    """What the service took."""

    at: float
    """Monotonic."""
    sender: str
    key: str
    action: str
    name: str
    """Of the alert."""


class Pager:
    """PagerDuty, as far as incidents go: what is triggered is open until it is resolved."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.events: list[Event] = []

    def take(self, sender: str, body: dict[str, Any]) -> None:
        with self._lock:
            action = body["event_action"]
            text = json.dumps(body)
            start = text.find("inc-")
            name = text[start : start + 9] if start >= 0 else ""
            self.events.append(Event(time.monotonic(), sender, body["dedup_key"], action, name))

    def of(self, name: str) -> list[Event]:
        """Events of an alert: resolved ones, of which the text may lack its name, by their key."""
        with self._lock:
            keys = {event.key for event in self.events if event.name == name}
            return [event for event in self.events if event.key in keys]


@contextmanager
def serving(home: LyingHome, pager: Pager) -> Iterator[int]:
    """Serve both on a port: ``/home/WHO/…`` and ``/page/WHO``."""

    class Handler(BaseHTTPRequestHandler):
        def _do(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            sent = self.rfile.read(length)
            if len(sent) < length:
                return  # the link was cut within it
            body = json.loads(sent or b"{}")
            _, what, who, *rest = self.path.split("/")
            if what == "home":
                status, answer = home.answer(who, self.command, "/" + "/".join(rest), body)
            else:
                pager.take(who, body)
                status, answer = 202, {"status": "success"}
            text = json.dumps(answer).encode()
            try:
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)
            except OSError:
                return

        do_GET = do_POST = do_PUT = _do  # noqa: N815 - as http.server calls them

        def log_message(self, *_: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()
