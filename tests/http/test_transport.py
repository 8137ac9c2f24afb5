"""One exchange: each step has the time that is left, whichever of them the other side drips."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from streamwatch.core.clock import SystemClock
from streamwatch.http.transport import Deadline, Transport, TransportError, exchange, tls_context
from tests.real.certificates import Authority

PATIENCE = 60.0
SECONDS = 0.3
DRIP = b"X: " + b"y" * 10_000
RECORD = b"\x16\x03\x03\x20\x00"
"""The beginning of a TLS record, of 8 KiB of a handshake."""
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"

Peer = Callable[[socket.socket], None]


class Exchange:
    """What became of one exchange with a peer."""

    def __init__(self) -> None:
        self.dripped = 0
        self.left = threading.Event()
        self.done = threading.Event()

    def drip(self, peer: socket.socket) -> None:
        """Send a byte now and then, until the client has left."""
        for byte in DRIP:
            try:
                peer.sendall(bytes([byte]))
            except OSError:
                self.left.set()
                return
            self.dripped += 1
            if self.done.wait(0.02):
                return


@contextmanager
def listening(serve: Callable[[socket.socket, Exchange], None]) -> Iterator[tuple[int, Exchange]]:
    """Serve one connection in a thread."""
    became = Exchange()

    def run() -> None:
        peer, _ = server.accept()
        with suppress(OSError), peer:
            peer.settimeout(PATIENCE)
            serve(peer, became)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield server.getsockname()[1], became
        finally:
            became.done.set()
            thread.join(PATIENCE)


def asked(url: str, transport: Transport = Transport(), seconds: float = SECONDS) -> bytes:  # noqa: B008 - it is frozen
    deadline = Deadline(seconds, SystemClock())
    with exchange("GET", url, deadline=deadline, transport=transport, headers={}) as response:
        return response.read()


def drips_head(peer: socket.socket, became: Exchange) -> None:
    peer.recv(65536)
    peer.sendall(OK[:17])
    became.drip(peer)


def drips_body(peer: socket.socket, became: Exchange) -> None:
    peer.recv(65536)
    peer.sendall(OK.replace(b"2\r", b"99999\r"))
    became.drip(peer)


def drips_at_once(peer: socket.socket, became: Exchange) -> None:
    became.drip(peer)


@pytest.mark.parametrize("serve", [drips_head, drips_body])
def test_a_server_that_drips_does_not_get_more_than_the_time_of_one_request(
    serve: Callable[[socket.socket, Exchange], None],
) -> None:
    with listening(serve) as (port, became):
        with pytest.raises(TransportError, match=r"no answer within 0\.3s") as caught:
            asked(f"http://127.0.0.1:{port}/")
        assert (caught.value.reached, caught.value.is_late, caught.value.is_http) == (True, True, True)
        assert became.left.wait(PATIENCE)
    assert 1 < became.dripped < len(DRIP)


@pytest.mark.parametrize("serve", [drips_head, drips_body])
def test_over_tls_it_does_not_either(serve: Callable[[socket.socket, Exchange], None], tmp_path: Path) -> None:
    authority = Authority(tmp_path, "ca")
    own = authority.issue("server")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own.certificate, own.key)

    def encrypted(peer: socket.socket, became: Exchange) -> None:
        with context.wrap_socket(peer, server_side=True) as inner:
            serve(inner, became)

    with listening(encrypted) as (port, became):
        with pytest.raises(TransportError, match=r"no answer within 0\.3s") as caught:
            asked(f"https://127.0.0.1:{port}/", Transport(tls_context(str(authority.file))))
        assert caught.value.reached
        assert became.left.wait(PATIENCE)
    assert 1 < became.dripped < len(DRIP)


@pytest.mark.parametrize("steps", [(), (b"HTTP/1.1 200 OK\r\n",), (b"HTTP/1.1 200 OK\r\n\r\n", RECORD)])
def test_a_proxy_or_a_handshake_that_drips_is_left_in_time_and_nothing_was_reached(steps: tuple[bytes, ...]) -> None:
    def proxy(peer: socket.socket, became: Exchange) -> None:
        assert peer.recv(65536).startswith(b"CONNECT hooks.example.com:443 HTTP/1.")
        for step in steps:
            peer.sendall(step)
            if step is not steps[-1]:
                peer.recv(65536)
        became.drip(peer)

    with listening(proxy) as (port, became):
        through = Transport(tls_context(None), urlsplit(f"http://127.0.0.1:{port}"))
        # Long enough for a busy machine to come as far as the drip.
        with pytest.raises(TransportError, match="no answer within 3s") as caught:
            asked("https://hooks.example.com/", through, 3.0)
        assert not caught.value.reached
        assert became.left.wait(PATIENCE)


def test_every_address_of_a_name_is_tried_within_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first refuses; the second answers."""

    def answers(peer: socket.socket, _: Exchange) -> None:
        peer.recv(65536)
        peer.sendall(OK + b"ok")

    def addresses(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        assert host == "two.example"
        both = (("127.0.0.1", 1), ("127.0.0.1", port))
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", where) for where in both]

    monkeypatch.setattr("streamwatch.http.transport.getaddrinfo", addresses)
    with listening(answers) as (port, _):
        assert asked(f"http://two.example:{port}/", seconds=PATIENCE) == b"ok"


def test_a_request_needs_no_thread_of_its_own() -> None:
    threads: set[threading.Thread] = set()

    def looks(peer: socket.socket, _: Exchange) -> None:
        peer.recv(65536)
        threads.update(threading.enumerate())
        threads.discard(threading.current_thread())
        peer.sendall(OK + b"ok")

    before = set(threading.enumerate())
    with listening(looks) as (port, _):
        assert asked(f"http://127.0.0.1:{port}/", seconds=PATIENCE) == b"ok"
    assert threads == before


def test_an_address_of_ipv6_needs_no_port() -> None:
    with pytest.raises(TransportError) as caught:
        asked("http://[::1]/")
    assert not caught.value.reached
    assert "refused" in str(caught.value).lower() or "address" in str(caught.value).lower()
