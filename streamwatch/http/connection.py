"""One HTTP connection: requests are read within bounds of time and size, a response is written at once."""

import logging
import re
import select
import socket
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from email.message import Message
from email.utils import formatdate
from functools import partial
from http import HTTPStatus
from http.client import HTTPException, parse_headers
from io import BytesIO

from streamwatch.core.clock import Clock
from streamwatch.http.message import BodyError, Request, Response, text_response

log = logging.getLogger(__name__)

HEAD_BYTES = 16 * 1024
"""A request with a longer head is refused."""
BODY_BYTES = 64 * 1024
"""A request with a longer body is refused."""
_LINGER_SECONDS = 1.0
_CHUNK_BYTES = 64 * 1024
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_WORDS = 3
_SHOWN = 80


class StatusCounts:
    """How many responses were sent, by status code. It may be used from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[int] = Counter()

    def add(self, status: int) -> None:
        """Count one more response."""
        with self._lock:
            self._counts[status] += 1

    def read(self) -> dict[int, int]:
        """Return the counts so far."""
        with self._lock:
            return dict(self._counts)


def parse_request(head: bytes, *, spare: bool = False) -> Request | Response:
    """Parse the head of a request, with its empty line; return the response that refuses it where it is wrong."""
    if len(head) > HEAD_BYTES:
        line = f"the request's head is over {HEAD_BYTES} bytes"
        return text_response(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, line)
    first, _, rest = head.partition(b"\n")
    words = first.decode("latin-1").split()
    if len(words) != _WORDS or not words[2].startswith("HTTP/"):
        return text_response(HTTPStatus.BAD_REQUEST, "this is not an HTTP request: write 'GET /metrics HTTP/1.1'")
    method, target, version = words
    if version not in {"HTTP/1.0", "HTTP/1.1"}:
        return text_response(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, f"{version!r} is not spoken here: use HTTP/1.1")
    try:
        headers = parse_headers(BytesIO(rest))
    except HTTPException as error:
        return text_response(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, str(error))
    if (doubt := _doubt_of_length(headers)) is not None:
        return text_response(HTTPStatus.BAD_REQUEST, doubt)
    # A body is seldom read, so what follows it on the connection could not be distinguished from it.
    has_body = headers.get("Transfer-Encoding") is not None or headers.get("Content-Length", "0").strip() != "0"
    connection = headers.get("Connection", "").lower()
    keep_alive = not has_body and (connection != "close" if version == "HTTP/1.1" else connection == "keep-alive")
    path, _, query = target.partition("?")
    return Request(method, path, headers, keep_alive, spare, query)


def _doubt_of_length(headers: Message) -> str | None:
    """Say why it is in doubt where a request ends; None where it is not.

    Whoever stands between may have believed the other of two lengths, and take the rest of the body for a request.
    """
    lengths = {length.strip() for length in headers.get_all("Content-Length", [])}
    if len(lengths) > 1:
        return "the request has two different Content-Lengths: send one"
    if lengths and headers.get("Transfer-Encoding") is not None:
        return "the request has a Content-Length and a Transfer-Encoding: send the first"
    return None


class HttpConnection:
    """Serves one client until it leaves, is too slow, or sends what cannot be read."""

    def __init__(  # noqa: PLR0913 - built in one place
        self,
        client: socket.socket,
        answer: Callable[[Request], Response],
        counts: StatusCounts,
        clock: Clock,
        *,
        spare: bool,
        timeout_seconds: float,
        address: str = "",
        on_wait: Callable[[bool], None] = lambda _: None,
    ) -> None:
        """Prepare.

        Args:
            client: the client's socket.
            answer: makes the response to a request.
            counts: counts the responses.
            clock: what time it is.
            spare: whether this connection is one too many, and gets one response only.
            timeout_seconds: how long a head, a body or a response may take.
            address: where the client is.
            on_wait: is called with whether the client is waited for (its next head, its end), each time it changes.

        """
        self._client = client
        self._answer = answer
        self._counts = counts
        self._clock = clock
        self._spare = spare
        self._timeout_seconds = timeout_seconds
        self._address = address
        self._on_wait = on_wait
        self._received = b""

    def serve(self) -> None:
        """Answer request after request."""
        while self._serve_one():
            pass

    def _serve_one(self) -> bool:
        self._on_wait(True)  # noqa: FBT003 - the only thing that it says
        head = self._read_head()
        self._on_wait(False)  # noqa: FBT003 - the same
        if not head:
            return False
        request = parse_request(head, spare=self._spare)
        if isinstance(request, Response):
            response, method, keep_alive = request, "", False
        else:
            response, method = self._respond(request), request.method
            keep_alive = request.keep_alive and not self._spare
        self._counts.add(response.status)
        sent = self._send(response, without_body=method == "HEAD", keep_alive=keep_alive)
        if sent and not keep_alive:
            self._on_wait(True)  # noqa: FBT003 - the same
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

    def _respond(self, request: Request) -> Response:
        try:
            body = partial(self._read_body, request)
            return self._answer(replace(request, address=self._address, body=body, is_gone=self._is_gone))
        except BodyError as error:
            return error.response
        except Exception:  # every client gets a response
            log.exception("http: %s: no answer could be made: please report this", request.path[:_SHOWN])
            line = "no answer could be made: the agent's log says why"
            return text_response(HTTPStatus.INTERNAL_SERVER_ERROR, line)

    def _read_body(self, request: Request) -> bytes:
        """Return the body of a request."""
        text = request.headers.get("Content-Length", "")
        if not text.isdecimal() or request.headers.get("Transfer-Encoding") is not None:
            line = "say how long the body is, by Content-Length"
            raise BodyError(text_response(HTTPStatus.LENGTH_REQUIRED, line))
        if len(text) > len(str(BODY_BYTES)) or int(text) > BODY_BYTES:
            line = f"the body is over {BODY_BYTES} bytes"
            raise BodyError(text_response(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, line))
        length, deadline = int(text), self._clock.monotonic() + self._timeout_seconds
        while len(self._received) < length:
            if not (chunk := self._receive(deadline)):
                raise BodyError(text_response(HTTPStatus.REQUEST_TIMEOUT, "the body did not come"))
            self._received += chunk
        body, self._received = self._received[:length], self._received[length:]
        return body

    def _read_head(self) -> bytes:
        """Return the next request's head; nothing where the client left, or took too long for the whole head."""
        deadline = self._clock.monotonic() + self._timeout_seconds
        while True:
            self._received = self._received.lstrip(b"\r\n")
            end = _HEAD_END.search(self._received)
            if end is not None or len(self._received) > HEAD_BYTES:
                break
            if not (chunk := self._receive(deadline)):
                return b""
            self._received += chunk
        cut = end.end() if end is not None else len(self._received)
        head, self._received = self._received[:cut], self._received[cut:]
        return head

    def _receive(self, deadline: float) -> bytes:
        """Return what comes next; nothing where nothing comes until the deadline."""
        try:
            self._client.settimeout(max(0.0, deadline - self._clock.monotonic()))
            return self._client.recv(_CHUNK_BYTES)
        except OSError:
            return b""

    def _send(self, response: Response, *, without_body: bool, keep_alive: bool) -> bool:
        lines = [
            f"HTTP/1.1 {response.status.value} {response.status.phrase}",
            f"Date: {formatdate(self._clock.now(), usegmt=True)}",
            f"Content-Type: {response.content_type}",
            f"Content-Length: {len(response.body)}",
            f"Connection: {'keep-alive' if keep_alive else 'close'}",
            "X-Content-Type-Options: nosniff",
            *(f"{name}: {value}" for name, value in response.headers),
        ]
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        body = memoryview(b"" if without_body else response.body)
        try:
            self._client.settimeout(self._timeout_seconds)
            # Head and body in one packet: two small writes would wait for the client's delayed ACK, 44 ms.
            self._client.sendall(head + body[:_CHUNK_BYTES])
            if len(body) > _CHUNK_BYTES:
                self._client.sendall(body[_CHUNK_BYTES:])
        except OSError:
            return False
        return True

    def _linger(self) -> None:
        """Read what the client still sends: closing on unread bytes resets the connection, and the response is lost.

        This reads below TLS, if there is any: the bytes are thrown away.
        """
        deadline = self._clock.monotonic() + _LINGER_SECONDS
        with suppress(OSError):
            socket.socket.shutdown(self._client, socket.SHUT_WR)
            while (left := deadline - self._clock.monotonic()) > 0:
                self._client.settimeout(left)
                if not socket.socket.recv(self._client, _CHUNK_BYTES):
                    return
