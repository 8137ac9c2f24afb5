"""Exporters that misbehave: each answers one connection as it is told to."""

import gzip
import socket
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
GOOD = (
    b"# TYPE kafka_network_RequestChannel_Value untyped\n"
    b'kafka_network_RequestChannel_Value{name="RequestQueueSize",} 3.0\n'
)

Answer = Callable[[socket.socket, threading.Event], None]


def good(peer: socket.socket, _: threading.Event) -> None:
    peer.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(GOOD) + GOOD)


def zipped(peer: socket.socket, _: threading.Event) -> None:
    data = gzip.compress(GOOD)
    peer.sendall(HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(data) + data)


def hangs(_: socket.socket, ended: threading.Event) -> None:
    ended.wait(30)


def garbage(peer: socket.socket, _: threading.Event) -> None:
    peer.sendall(b"\x00\x01\x02 nonsense\r\n\r\n" * 10)


def no_metrics(peer: socket.socket, _: threading.Event) -> None:
    peer.sendall(HEAD + b"Content-Length: 6\r\n\r\n<html>")


def refuses(peer: socket.socket, _: threading.Event) -> None:
    peer.sendall(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")


def endless(peer: socket.socket, ended: threading.Event) -> None:
    peer.sendall(HEAD + b"\r\n" + GOOD)
    while not ended.is_set():
        peer.sendall(b'other_metric{x="y"} 1.0\n' * 1000)


def drips(peer: socket.socket, ended: threading.Event) -> None:
    peer.sendall(HEAD + b"\r\n")
    while not ended.wait(0.05):
        peer.sendall(b"#")


def bomb(peer: socket.socket, _: threading.Event) -> None:
    packing = zlib.compressobj(1, wbits=31)
    piece = b"# x\n" * 250_000
    data = b"".join(packing.compress(piece) for _ in range(80)) + packing.flush()
    peer.sendall(HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(data) + data)


def breaks_off(peer: socket.socket, _: threading.Event) -> None:
    peer.sendall(HEAD + b"Content-Length: 5000\r\n\r\n" + GOOD)


@contextmanager
def serving(answer: Answer) -> Iterator[str]:
    """An exporter on loopback that answers so; its address."""
    ended = threading.Event()

    def run() -> None:
        while not ended.is_set():
            try:
                peer, _ = server.accept()
            except OSError:
                return
            with peer:
                try:
                    peer.recv(65536)
                    answer(peer, ended)
                except OSError:
                    continue

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield f"127.0.0.1:{server.getsockname()[1]}"
        finally:
            ended.set()
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
