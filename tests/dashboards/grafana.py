"""A stand-in for Grafana on loopback, as its HTTP API is documented: folders, data sources, dashboards.

Grafana itself cannot be had from the package indexes. What it refuses, this refuses: a wrong token (401), a
version that is not the last one (412), a folder twice (409).
"""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "glsa_s3cr3t"
LOGIN = ("admin", "s3cr3t")


@dataclass
class Grafana:
    """What it holds, and how it is broken."""

    url: str = ""
    prefix: str = "/grafana"
    sources: list[dict[str, str]] = field(default_factory=lambda: [source("prom", "Prometheus")])
    folders: list[dict[str, str]] = field(default_factory=list)
    boards: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By uid: the dashboard, with ``folder``."""
    broken: tuple[int, str] | None = None
    """Status and body of every answer instead."""
    changed_by_others: bool = False
    """Whether somebody writes just before we do."""

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        match method, path.split("/")[1:]:
            case "GET", ["api", "datasources"]:
                return 200, self.sources
            case "GET", ["api", "folders"]:
                return 200, self.folders
            case "POST", ["api", "folders"]:
                return self._make_folder(body["title"])
            case "GET", ["api", "dashboards", "uid", uid]:
                return self._board(uid)
            case "POST", ["api", "dashboards", "db"]:
                return self._save(body)
        raise AssertionError(f"{method} {path}: who asks for this?")

    def _make_folder(self, title: str) -> tuple[int, Any]:
        if any(one["title"] == title for one in self.folders):
            return 409, {"message": "a folder with the same name already exists"}
        self.folders.append({"uid": f"f{len(self.folders)}", "title": title})
        return 200, self.folders[-1]

    def _board(self, uid: str) -> tuple[int, Any]:
        if uid not in self.boards:
            return 404, {"message": "Dashboard not found"}
        board = {name: value for name, value in self.boards[uid].items() if name != "folder"}
        return 200, {"dashboard": board, "meta": {"version": board["version"]}}

    def _save(self, body: Any) -> tuple[int, Any]:
        board, uid = body["dashboard"], body["dashboard"]["uid"]
        if self.changed_by_others and uid in self.boards:
            self.boards[uid]["version"] += 1
        there = self.boards.get(uid)
        if there is not None and there["version"] != board["version"] and not body["overwrite"]:
            return 412, {"status": "version-mismatch", "message": "The dashboard has been changed by someone else"}
        version = 1 if there is None else there["version"] + 1
        self.boards[uid] = {**board, "id": 7, "version": version, "folder": body["folderUid"]}
        return 200, {"uid": uid, "url": f"/grafana/d/{uid}", "version": version, "status": "success"}


def source(uid: str, name: str, kind: str = "prometheus") -> dict[str, str]:
    return {"uid": uid, "name": name, "type": kind}


@contextmanager
def grafana() -> Iterator[Grafana]:
    """One that listens as long as this lasts."""
    house = Grafana()
    logins = {f"Bearer {TOKEN}", "Basic " + base64.b64encode(":".join(LOGIN).encode()).decode()}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(size)) if size else None
            if house.broken is not None:
                status, text = house.broken
            elif self.headers["Authorization"] not in logins:
                status, text = 401, json.dumps({"message": "Invalid API key"})
            else:
                assert self.path.startswith(house.prefix)
                status, told = house.answer(self.command, self.path.removeprefix(house.prefix), body)
                text = json.dumps(told)
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        do_POST = do_GET  # noqa: N815 - its name

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    house.url = f"http://127.0.0.1:{server.server_port}{house.prefix}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield house
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
