"""One HTTP connection: requests read within bounds of time and size, answers written at once."""

import logging
import re
import select
import socket
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from email.message import Message
from email.utils import formatdate
from http import HTTPStatus
from http.client import HTTPException, parse_headers
from io import BytesIO

from streamwatch.core.clock import Clock

log = logging.getLogger(__name__)

HEAD_BYTES = 16 * 1024
"""A request with a longer head is refused."""
BODY_BYTES = 64 * 1024
"""A longer body is refused."""
_LINGER_SECONDS = 1.0
_PIECE_BYTES = 64 * 1024
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_WORDS = 3
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client asks for: the path has no query; headers are looked up in any case."""

    method: str
    path: str
    headers: Message
    keep_alive: bool = False
    spare: bool = False
    """Whether this connection is one too many, and only heard because it may be a probe."""
    query: str = ""
    """What stands behind the path's question mark."""
    is_gone: Callable[[], bool] = lambda: False
    """Says whether the client has left, so that nobody reads the answer."""
    body: Callable[[], bytes] = bytes
    """Reads the request's body, once; raises ``Unreadable`` where it cannot."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What it gets."""

    status: HTTPStatus
    body: bytes
    content_type: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()


class Unreadable(Exception):
    """A request's body cannot be read; with the answer that says so."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


class Counts:
    """Answers given, by status code."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[int] = Counter()

    def add(self, status: int) -> None:
        """Count one more."""
        with self._lock:
            self._counts[status] += 1

    def read(self) -> dict[int, int]:
        """Return the counts so far."""
        with self._lock:
            return dict(self._counts)


def plain(status: HTTPStatus, *lines: str, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    """Return an answer of a few lines of text."""
    return Answer(status, "".join(f"{line}\n" for line in lines).encode("utf-8", "replace"), headers=headers)


def parse(head: bytes, *, spare: bool = False) -> Asked | Answer:
    """Read a request's head (up to its empty line); an answer at once when it cannot be read."""
    if len(head) > HEAD_BYTES:
        return plain(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"the request's head is over {HEAD_BYTES} bytes")
    first, _, rest = head.partition(b"\n")
    words = first.decode("latin-1").split()
    if len(words) != _WORDS or not words[2].startswith("HTTP/"):
        return plain(HTTPStatus.BAD_REQUEST, "this is not an HTTP request: write 'GET /metrics HTTP/1.1'")
    method, target, version = words
    if version not in {"HTTP/1.0", "HTTP/1.1"}:
        return plain(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, f"{version!r} is not spoken here: use HTTP/1.1")
    try:
        headers = parse_headers(BytesIO(rest))
    except HTTPException as error:
        return plain(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, str(error))
    # A body is seldom read, so what follows it on the connection could not be told from it.
    has_body = headers.get("Transfer-Encoding") is not None or headers.get("Content-Length", "0").strip() != "0"
    wish = headers.get("Connection", "").lower()
    keep_alive = not has_body and (wish != "close" if version == "HTTP/1.1" else wish == "keep-alive")
    path, _, query = target.partition("?")
    return Asked(method, path, headers, keep_alive, spare, query)


class Connection:
    """Serves one client until it leaves, is too slow, or says something that cannot be read."""

    def __init__(  # noqa: PLR0913 - built in one place
        self,
        client: socket.socket,
        answer: Callable[[Asked], Answer],
        counts: Counts,
        clock: Clock,
        *,
        spare: bool,
        timeout_seconds: float,
    ) -> None:
        self._client = client
        self._answer = answer
        self._counts = counts
        self._clock = clock
        self._spare = spare
        self._timeout_seconds = timeout_seconds
        self._received = b""

    def serve(self) -> None:
        """Answer request after request."""
        while self._serve_one():
            pass

    def _serve_one(self) -> bool:
        head = self._read_head()
        if not head:
            return False
        asked = parse(head, spare=self._spare)
        if isinstance(asked, Answer):
            answer, method, keep_alive = asked, "", False
        else:
            answer, method = self._answered(asked), asked.method
            keep_alive = asked.keep_alive and not self._spare
        self._counts.add(answer.status)
        sent = self._send(answer, without_body=method == "HEAD", keep_alive=keep_alive)
        if sent and not keep_alive:
            self._linger()
        return sent and keep_alive

    def _is_gone(self) -> bool:
        """Say whether the client has closed its side: below TLS, if there is any, and without taking what it sent."""
        try:
            ready = select.poll()
            ready.register(self._client, select.POLLIN)
            return bool(ready.poll(0)) and not socket.socket.recv(self._client, 1, socket.MSG_PEEK)
        except (OSError, ValueError):
            return True

    def _answered(self, asked: Asked) -> Answer:
        try:
            return self._answer(replace(asked, body=lambda: self._read_body(asked), is_gone=self._is_gone))
        except Unreadable as error:
            return error.answer
        except Exception:  # whoever asks gets an answer
            log.exception("http: %s: no answer could be made: please report this", asked.path[:_SHOWN])
            return plain(HTTPStatus.INTERNAL_SERVER_ERROR, "no answer could be made: the agent's log says why")

    def _read_body(self, asked: Asked) -> bytes:
        """Return the request's body."""
        given = asked.headers.get("Content-Length", "")
        if not given.isdecimal() or asked.headers.get("Transfer-Encoding") is not None:
            raise Unreadable(plain(HTTPStatus.LENGTH_REQUIRED, "say how long the body is, by Content-Length"))
        if len(given) > len(str(BODY_BYTES)) or int(given) > BODY_BYTES:
            raise Unreadable(plain(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is over {BODY_BYTES} bytes"))
        length, deadline = int(given), self._clock.monotonic() + self._timeout_seconds
        while len(self._received) < length:
            try:
                self._client.settimeout(max(0.0, deadline - self._clock.monotonic()))
                piece = self._client.recv(_PIECE_BYTES)
            except OSError:
                piece = b""
            if not piece:
                raise Unreadable(plain(HTTPStatus.REQUEST_TIMEOUT, "the body did not come"))
            self._received += piece
        body, self._received = self._received[:length], self._received[length:]
        return body

    def _read_head(self) -> bytes:
        """Return the next request's head; nothing when the client left or took too long for all of it."""
        deadline = self._clock.monotonic() + self._timeout_seconds
        while True:
            self._received = self._received.lstrip(b"\r\n")
            end = _HEAD_END.search(self._received)
            if end is not None or len(self._received) > HEAD_BYTES:
                break
            try:
                self._client.settimeout(max(0.0, deadline - self._clock.monotonic()))
                piece = self._client.recv(_PIECE_BYTES)
            except OSError:
                return b""
            if not piece:
                return b""
            self._received += piece
        cut = end.end() if end is not None else len(self._received)
        head, self._received = self._received[:cut], self._received[cut:]
        return head

    def _send(self, answer: Answer, *, without_body: bool, keep_alive: bool) -> bool:
        lines = [
            f"HTTP/1.1 {answer.status.value} {answer.status.phrase}",
            f"Date: {formatdate(self._clock.now(), usegmt=True)}",
            f"Content-Type: {answer.content_type}",
            f"Content-Length: {len(answer.body)}",
            f"Connection: {'keep-alive' if keep_alive else 'close'}",
            "X-Content-Type-Options: nosniff",
            *(f"{name}: {value}" for name, value in answer.headers),
        ]
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        body = memoryview(b"" if without_body else answer.body)
        try:
            self._client.settimeout(self._timeout_seconds)
            # Head and body in one packet: two small writes would wait for the client's delayed ACK, 44 ms.
            self._client.sendall(head + body[:_PIECE_BYTES])
            if len(body) > _PIECE_BYTES:
                self._client.sendall(body[_PIECE_BYTES:])
        except OSError:
            return False
        return True

    def _linger(self) -> None:
        """Take what the client still sends: closing on unread bytes resets the connection, and the answer is lost.

        Below TLS, if there is any: the bytes are thrown away.
        """
        deadline = self._clock.monotonic() + _LINGER_SECONDS
        with suppress(OSError):
            socket.socket.shutdown(self._client, socket.SHUT_WR)
            while (left := deadline - self._clock.monotonic()) > 0:
                self._client.settimeout(left)
                if not socket.socket.recv(self._client, _PIECE_BYTES):
                    return
