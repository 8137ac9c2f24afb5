"""What an agent answered in three stories, served again: `python -m tests.cli.top.record` makes it, by real ones."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).parent / "stories"
STORIES: Final = ("healthy", "broker_down", "stuck_group")
VIEWS: Final = {
    "healthy": ("overview", "streams", "readers"),
    "broker_down": ("overview", "brokers", "topics", "incidents"),
    "stuck_group": ("overview", "groups", "alerts"),
}
"""Of which there are pictures."""
DRIVEN: Final = {
    "broker_down": (
        ("enter", "enter", "escape", "escape"),  # the cluster's brokers, and the numbers of one
        ("8", "enter", "escape"),  # what an incident says
        ("3", "enter", "escape", "slash", "p", "a", "y", "enter", "escape"),  # who reads a topic; those of a name
    ),
    "stuck_group": (("4", "greater_than_sign", "greater_than_sign", "greater_than_sign", "r", "w", "enter"),),
}
"""Keys, by Textual's names, that are pressed one after the other in a window of 80x24."""


def path_of(story: str) -> Path:
    """Return where the answers of a story are."""
    return FOLDER / f"{story}.json"


class Replay:
    """Answers as the agent did in the story that is being played."""

    def __init__(self) -> None:
        self.story = STORIES[0]
        self.is_down = False
        self.asked: list[str] = []
        """Every path that was asked for."""
        self._answers: dict[str, dict[str, Any]] = {
            story: json.loads(path_of(story).read_text(encoding="utf-8")) for story in STORIES
        }
        self.url = ""

    def answer(self, path: str) -> Any:
        """Return what there is at a path."""
        self.asked.append(path)
        return self._answers[self.story].get(path)


@contextmanager
def replay() -> Iterator[Replay]:
    """Serve it on loopback."""
    known = Replay()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = None if known.is_down else known.answer(self.path)
            body = json.dumps(answer).encode() if answer is not None else f"not recorded: {self.path}".encode()
            self.send_response(503 if known.is_down else 404 if answer is None else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    known.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield known
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
