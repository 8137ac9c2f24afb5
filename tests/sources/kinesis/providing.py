"""A metadata service (IMDSv2, and a container's), that fails and comes back when it is told to."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

LATER: Final = "2099-01-01T00:00:00Z"
EARLIER: Final = "2020-01-01T00:00:00Z"


class Metadata:
    """What the service answers; everything may be changed as it runs."""

    def __init__(self) -> None:
        self.status = 200
        self.body = b""
        """Instead of credentials, where it is not empty; with another status, too."""
        self.key = ("AKIDEXAMPLE", "s3cret")
        self.token = ""
        self.until = LATER
        self.asked: list[str] = []
        """Requests, as in ``PUT /latest/api/token``."""
        self.url = ""

    def answer(self, path: str) -> bytes:
        """Return a body."""
        if self.body:
            return self.body
        if path.endswith("/token"):
            return b"token"
        if path.endswith("/security-credentials/"):
            return b"watcher"
        told: dict[str, Any] = {"Code": "Success", "AccessKeyId": self.key[0], "SecretAccessKey": self.key[1]}
        return json.dumps({**told, "Token": self.token, "Expiration": self.until}).encode()


@contextmanager
def metadata() -> Iterator[Metadata]:
    """A service on loopback."""
    found = Metadata()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            found.asked.append(f"{self.command} {self.path}")
            body = found.answer(self.path) if found.status == 200 else found.body
            self.send_response(found.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PUT = _answer  # noqa: N815 - as the library calls them

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the library calls it
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
