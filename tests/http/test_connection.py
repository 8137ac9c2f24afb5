import contextlib
import socket
import threading
from collections.abc import Iterator
from http import HTTPStatus

import pytest

from streamwatch.core.clock import SystemClock
from streamwatch.http.connection import HEAD_BYTES, HttpConnection, StatusCounts, parse_request
from streamwatch.http.message import Request, Response, text_response

PATIENCE = 60.0


class Served:
    """A connection that is served in a thread, seen from its client."""

    def __init__(self, *, body: bytes = b"hello\n", spare: bool = False, timeout_seconds: float = PATIENCE) -> None:
        self.client, self._server = socket.socketpair()
        self.client.settimeout(PATIENCE)
        self.asked: list[Request] = []
        self.counts = StatusCounts()
        self._body = body
        connection = HttpConnection(
            self._server, self._answer, self.counts, SystemClock(), spare=spare, timeout_seconds=timeout_seconds
        )
        self._thread = threading.Thread(target=self._serve, args=(connection,))
        self._thread.start()

    def _answer(self, asked: Request) -> Response:
        self.asked.append(asked)
        if asked.path == "/raises":
            raise KeyError("secret")
        if asked.path == "/body":
            asked.body()
        return Response(HTTPStatus.OK, self._body)

    def _serve(self, connection: HttpConnection) -> None:
        connection.serve()
        self._server.close()

    def ended(self) -> bool:
        self._thread.join(PATIENCE)
        return not self._thread.is_alive()

    def read_all(self) -> bytes:
        return b"".join(iter(lambda: self.client.recv(65536), b""))

    def close(self) -> None:
        self.client.close()
        self._thread.join(PATIENCE)


@pytest.fixture
def served() -> Iterator[Served]:
    served = Served()
    yield served
    served.close()


def test_who_asks_for_what_cannot_be_made_gets_an_answer_and_another_question(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    served.client.sendall(b"GET /raises HTTP/1.1\r\n\r\n")
    told = served.client.recv(65536)
    assert told.startswith(b"HTTP/1.1 500 ")
    assert b"secret" not in told
    assert caplog.messages == ["http: /raises: no answer could be made: please report this"]
    served.client.sendall(b"GET / HTTP/1.1\r\n\r\n")
    assert served.client.recv(65536).endswith(b"hello\n")
    assert served.counts.read() == {500: 1, 200: 1}


def test_whoever_answers_can_see_whether_the_client_is_gone(served: Served) -> None:
    served.client.sendall(b"GET / HTTP/1.1\r\n\r\n")
    served.client.recv(65536)
    (asked,) = served.asked
    assert not asked.is_gone()
    served.client.sendall(b"GET")  # what comes next is not taken
    assert not asked.is_gone()
    served.client.sendall(b" /2 HTTP/1.1\r\n\r\n")
    served.client.recv(65536)
    assert [one.path for one in served.asked] == ["/", "/2"]
    served.client.close()
    assert served.ended()
    assert asked.is_gone()


def test_an_answer_is_one_packet_of_head_and_body(served: Served) -> None:
    served.client.sendall(b"GET /metrics?x=1 HTTP/1.1\r\nHost: x\r\n\r\n")
    head, _, body = served.client.recv(65536).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nContent-Length: 6\r\n" in head
    assert b"\r\nConnection: keep-alive\r\n" in head
    assert body == b"hello\n"
    assert (served.asked[0].method, served.asked[0].path) == ("GET", "/metrics")


def test_requests_that_come_together_are_answered_one_after_another(served: Served) -> None:
    served.client.sendall(
        b"GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n\r\nGET /c HTTP/1.1\r\nConnection: close\r\n\r\n"
    )
    assert served.read_all().count(b"HTTP/1.1 200") == 3
    assert [asked.path for asked in served.asked] == ["/a", "/b", "/c"]
    assert served.counts.read() == {200: 3}


def test_a_request_that_comes_in_pieces_is_put_together(served: Served) -> None:
    for piece in (b"GE", b"T / HTTP/1.0\r", b"\n\r", b"\n"):
        served.client.sendall(piece)
    assert served.read_all().endswith(b"hello\n")


def test_bare_newlines_end_lines_too(served: Served) -> None:
    served.client.sendall(b"GET / HTTP/1.0\n\n")
    assert served.read_all().endswith(b"hello\n")


def test_head_gets_the_length_and_no_body(served: Served) -> None:
    served.client.sendall(b"HEAD / HTTP/1.1\r\nConnection: close\r\n\r\n")
    answer = served.read_all()
    assert b"\r\nContent-Length: 6\r\n" in answer
    assert answer.endswith(b"\r\n\r\n")


def test_what_follows_a_body_is_never_taken_for_a_request(served: Served) -> None:
    served.client.sendall(b"POST / HTTP/1.1\r\nContent-Length: 23\r\n\r\nGET /evil HTTP/1.1\r\n\r\n")
    served.client.shutdown(socket.SHUT_WR)
    assert served.read_all().count(b"HTTP/1.1 ") == 1
    assert [asked.path for asked in served.asked] == ["/"]


def test_a_head_that_is_too_long_is_refused_and_the_client_learns_it(served: Served) -> None:
    served.client.sendall(b"GET / HTTP/1.1\r\nCookie: " + b"x" * 4 * HEAD_BYTES)
    served.client.shutdown(socket.SHUT_WR)
    assert served.read_all().startswith(b"HTTP/1.1 431 ")
    assert served.counts.read() == {431: 1}
    assert served.asked == []


def test_a_client_that_drips_its_request_is_cut_off_in_time() -> None:
    clock, pause = SystemClock(), threading.Event()
    begun = clock.monotonic()
    with contextlib.closing(Served(timeout_seconds=0.2)) as served:
        with contextlib.suppress(ConnectionError):
            while clock.monotonic() - begun < PATIENCE:
                served.client.sendall(b"x")
                pause.wait(0.01)
        assert 0.2 <= clock.monotonic() - begun < PATIENCE / 2
        assert served.ended()


def test_a_client_that_drips_a_body_is_cut_off_in_time() -> None:
    clock, pause = SystemClock(), threading.Event()
    started = clock.monotonic()
    with contextlib.closing(Served(timeout_seconds=0.2)) as served:
        served.client.sendall(b"POST /body HTTP/1.1\r\nContent-Length: 60000\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            while not served.counts.read() and clock.monotonic() - started < PATIENCE:
                served.client.sendall(b"x")
                pause.wait(0.01)
        assert 0.2 <= clock.monotonic() - started < PATIENCE / 2
        assert served.counts.read() == {408: 1}
        served.client.close()
        assert served.ended()


def test_a_client_that_does_not_read_its_answer_is_cut_off_in_time() -> None:
    served = Served(body=b"x" * 50_000_000, timeout_seconds=0.2)
    served.client.sendall(b"GET / HTTP/1.1\r\n\r\n")
    assert served.ended()
    served.close()


def test_a_large_answer_arrives_whole() -> None:
    body = bytes(range(256)) * 20_000
    served = Served(body=body)
    served.client.sendall(b"GET / HTTP/1.0\r\n\r\n")
    assert served.read_all().partition(b"\r\n\r\n")[2] == body
    served.close()


def test_a_spare_connection_is_for_one_request() -> None:
    served = Served(spare=True)
    served.client.sendall(b"GET / HTTP/1.1\r\n\r\n")
    assert b"\r\nConnection: close\r\n" in served.read_all()
    assert served.asked[0].spare
    served.close()


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET /\r\n\r\n", 400),
        (b"GET / FTP/1.1\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\n\r\n", 505),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 101 + b"\r\n", 431),
        (b"x" * (HEAD_BYTES + 1), 431),
        (b"POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\n", 400),
    ],
)
def test_what_cannot_be_read_is_answered_with_why(head: bytes, status: int) -> None:
    answer = parse_request(head)
    assert isinstance(answer, Response)
    assert answer.status == status
    assert answer.body


@pytest.mark.parametrize(
    ("head", "keep_alive"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", True),
        (b"GET / HTTP/1.1\r\nConnection: Close\r\n\r\n", False),
        (b"GET / HTTP/1.0\r\n\r\n", False),
        (b"GET / HTTP/1.0\r\nconnection: Keep-Alive\r\n\r\n", True),
        (b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", True),
        (b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n", False),
        (b"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", False),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", False),
    ],
)
def test_a_connection_is_kept_where_both_agree(head: bytes, keep_alive: bool) -> None:  # noqa: FBT001 - a table
    asked = parse_request(head)
    assert isinstance(asked, Request)
    assert asked.keep_alive is keep_alive


def test_headers_are_found_in_any_case() -> None:
    asked = parse_request(b"GET / HTTP/1.1\r\naccept-ENCODING: gzip\r\n\r\n")
    assert isinstance(asked, Request)
    assert asked.headers.get("Accept-Encoding") == "gzip"


def test_plain_answers_are_lines() -> None:
    assert text_response(HTTPStatus.OK, "one", "two").body == b"one\ntwo\n"
