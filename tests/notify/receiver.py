"""A service on loopback that answers as it is told, or fails in every way that services do."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Literal

Manner = Literal["answer", "hang", "close", "break off", "slow body", "slow head", "no http"]
_LIMIT = 2**20


@dataclass
class Request:
    """What came."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """Answers every request with this status; ``manner`` says how, or how not."""

    port: int = 0
    status: int = 200
    manner: Manner = "answer"
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    scheme: str = "http"
    requests: list[Request] = field(default_factory=list)
    at: list[float] = field(default_factory=list)
    """When each came (monotonic)."""
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def answer(self, connection: socket.socket) -> None:
        with suppress(OSError), connection, connection.makefile("rb") as file:
            connection.settimeout(10)
            request = _read(file)
            if request is None:
                return
            self.at.append(time.monotonic())
            self.requests.append(request)
            head = f"HTTP/1.1 {self.status} Whatever\r\nContent-Length: {len(self.body)}\r\nConnection: close\r\n"
            head += "".join(f"{name}: {value}\r\n" for name, value in self.headers.items()) + "\r\n"
            if self.manner == "answer":
                connection.sendall(head.encode() + self.body)
            elif self.manner == "break off":
                connection.sendall(head.encode()[:10])
            elif self.manner == "no http":
                connection.sendall(b"220 mail.example.com ESMTP\r\n")
            elif self.manner == "hang":
                self.ended.wait(10)
            elif self.manner in {"slow body", "slow head"}:
                if self.manner == "slow body":
                    connection.sendall(head.encode())
                for one in self.body * 50 if self.manner == "slow body" else head.encode():
                    connection.sendall(bytes([one]))
                    if self.ended.wait(0.05):
                        return


def _read(file: BinaryIO) -> Request | None:
    line = file.readline(_LIMIT).decode().strip()
    if not line:
        return None
    headers: dict[str, str] = {}
    while text := file.readline(_LIMIT).decode().strip():
        name, _, value = text.partition(":")
        headers[name.lower()] = value.strip()
    body = file.read(min(_LIMIT, int(headers.get("content-length", "0"))))
    return Request(line, headers, body)


@contextmanager
def receiver(certificate: tuple[Path, Path] | None = None) -> Iterator[Receiver]:
    """Receive on a port that the system chose; with TLS, where there is a certificate and its key."""
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        found = Receiver(listening.getsockname()[1], scheme="https" if context else "http")
        threads: list[threading.Thread] = []

        def serve() -> None:
            while not found.ended.is_set():
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                if found.manner == "close":
                    connection.close()
                    continue
                thread = threading.Thread(target=handle, args=(connection,))
                threads.append(thread)
                thread.start()

        def handle(connection: socket.socket) -> None:
            if context is not None:
                try:
                    connection = context.wrap_socket(connection, server_side=True)
                except OSError:
                    connection.close()
                    return
            found.answer(connection)

        acceptor = threading.Thread(target=serve)
        acceptor.start()
        try:
            yield found
        finally:
            found.ended.set()
            listening.shutdown(socket.SHUT_RDWR)
            for one in (acceptor, *threads):
                one.join(15)
