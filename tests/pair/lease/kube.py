"""A stand-in for Kubernetes' API server: Leases of one namespace, with resourceVersion's conflicts."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

TOKEN: Final = "the account's"
_QUALIFIED: Final = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
"""What an annotation may be called: a name, and a DNS subdomain before one slash."""
_PREFIX: Final = "/apis/coordination.k8s.io/v1/namespaces/shop/leases"


class Kube:
    """What it has."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.leases: dict[str, dict[str, Any]] = {}
        self.version = 100
        self.url = ""

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:  # noqa: PLR0911 - a case each
        with self.lock:
            if not path.startswith(_PREFIX):
                return 404, _status(404, "the server could not find the requested resource")
            name = path.removeprefix(_PREFIX).lstrip("/")
            for key in body.get("metadata", {}).get("annotations", {}):
                if not _QUALIFIED.fullmatch(key):
                    return 422, _status(422, f'metadata.annotations: Invalid value: "{key}": not a qualified name')
            if method == "POST":
                name = body["metadata"]["name"]
                if name in self.leases:
                    return 409, _status(409, f'leases "{name}" already exists')
                return 201, self._put(name, {**body, "metadata": {**body["metadata"], "uid": f"uid-{self.version}"}})
            found = self.leases.get(name)
            if found is None:
                return 404, _status(404, f'leases "{name}" not found')
            if method == "GET":
                return 200, found
            if body["metadata"].get("resourceVersion") != found["metadata"]["resourceVersion"]:
                return 409, _status(
                    409, "the object has been modified; please apply your changes to the latest version"
                )
            assert body["metadata"]["uid"] == found["metadata"]["uid"]
            return 200, self._put(name, body)

    def _put(self, name: str, lease: dict[str, Any]) -> dict[str, Any]:
        self.version += 1
        lease["metadata"]["resourceVersion"] = str(self.version)
        self.leases[name] = json.loads(json.dumps(lease))
        return self.leases[name]


def _status(code: int, message: str) -> dict[str, Any]:
    return {"kind": "Status", "status": "Failure", "message": message, "code": code}


@contextmanager
def kube() -> Iterator[Kube]:
    found = Kube()

    class Handler(BaseHTTPRequestHandler):
        def _do(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                status, answer = 401, _status(401, "Unauthorized")
            else:
                status, answer = found.answer(self.command, self.path, body)
            text = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PUT = _do  # noqa: N815 - as http.server calls them

        def log_message(self, *_: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()
