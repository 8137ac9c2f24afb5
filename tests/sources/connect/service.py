"""A Kafka Connect of our own on loopback: it answers as real workers do, and can be broken in every way."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

CLUSTER_ID: Final = "5L6g3nShT-eMCtK--X86sw"
SINK: Final = "org.apache.kafka.connect.file.FileStreamSinkConnector"
TRACE: Final = (
    "org.apache.kafka.connect.errors.ConnectException: Couldn't find or create file '/none/x' for FileStreamSinkTask\n"
    "\tat org.apache.kafka.connect.file.FileStreamSinkTask.start(FileStreamSinkTask.java:75)\n"
    "Caused by: java.nio.file.NoSuchFileException: /none/x\n"
    "\t... 10 more\n"
)

Reply = tuple[int, bytes]


def running(*states: str, worker: str = "10.0.0.1:8083", trace: str = TRACE, **config: str) -> dict[str, Any]:
    """What is known of a sink whose tasks are in these states."""
    tasks = [
        {"id": number, "state": state, "worker_id": worker, **({"trace": trace} if state == "FAILED" else {})}
        for number, state in enumerate(states)
    ]
    settings = {"connector.class": SINK, "tasks.max": "2", "topics": "orders", **config}
    return {
        "status": {"connector": {"state": "RUNNING", "worker_id": worker}, "tasks": tasks, "type": "sink"},
        "info": {"config": settings, "tasks": [{"task": number} for number in range(len(states))], "type": "sink"},
    }


@dataclass(slots=True)
class Service:
    """Some connectors, as workers list them; ``answers`` says otherwise for a path."""

    connectors: dict[str, Any] = field(default_factory=dict)
    version: str = "4.3.0"
    cluster_id: str = CLUSTER_ID
    answers: dict[str, Callable[[], Reply]] = field(default_factory=dict)
    login: str | None = None
    """What ``Authorization`` must be."""
    hangs: threading.Event | None = None
    """Where it is there nothing is answered before it is set."""
    asked: list[str] = field(default_factory=list)

    def reply(self, path: str, authorization: str | None) -> Reply:
        """Answer a request."""
        self.asked.append(path)
        if self.hangs is not None:
            self.hangs.wait(30)
        if self.login is not None and authorization != self.login:
            return 401, b""
        short = path.partition("?")[0]
        if short in self.answers:
            return self.answers[short]()
        if short == "/":
            return _json({"version": self.version, "commit": "c", "kafka_cluster_id": self.cluster_id})
        if path == "/connectors?expand=status&expand=info":
            return _json({name: self._named(name, one) for name, one in self.connectors.items()})
        return 404, json.dumps({"error_code": 404, "message": "HTTP 404 Not Found"}).encode()

    @staticmethod
    def _named(name: str, one: Any) -> Any:
        """Give each part the connector's name, as workers do."""
        if not isinstance(one, dict):
            return one
        return {part: {"name": name, **what} if isinstance(what, dict) else what for part, what in one.items()}


def _json(what: Mapping[str, Any]) -> Reply:
    return 200, json.dumps(what).encode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    service: Service

    def do_GET(self) -> None:  # the name is http.server's
        status, body = self.service.reply(self.path, self.headers.get("Authorization"))
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that goes away is none."""


@contextmanager
def served(service: Service, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """The address at which it answers."""
    handler = type("Handler", (_Handler,), {"service": service})
    with _Server(("127.0.0.1", 0), handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}"
        finally:
            if service.hangs is not None:
                service.hangs.set()
            server.shutdown()
            thread.join()
