"""A listening socket that cannot be worn out: bounded connections, a thread each, TLS done in that thread."""

import errno
import selectors
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress

from streamwatch.core.clock import SystemClock
from streamwatch.core.errors import ExportError

CONNECTIONS = 64
SPARE_CONNECTIONS = 16
"""More than ``CONNECTIONS`` are still heard, briefly: a probe must be answered when scrapers crowd the door."""
TIMEOUT_SECONDS = 10.0
SPARE_TIMEOUT_SECONDS = 2.0

_HINTS = {
    errno.EADDRINUSE: "stop what listens there, or choose another `address`",
    errno.EACCES: "choose a port above 1023, or give the process the right to bind low ports",
    errno.EADDRNOTAVAIL: "choose an address of this machine; '0.0.0.0' means all of them",
}

Serve = Callable[[socket.socket, bool], None]
"""Serves one connection until it ends; the flag says that it is one of the spare ones."""


class Listener:
    """Accepts connections on ``address`` and serves each in a thread, from ``start()`` to ``stop()``.

    ``tls`` is asked at each connection, so that a new certificate needs no restart; ``None`` means plain text.
    """

    def __init__(self, address: str, serve: Serve, tls: Callable[[], ssl.SSLContext | None]) -> None:
        self._wanted = address
        self._serve = serve
        self._tls = tls
        self._lock = threading.Lock()
        self._connections: dict[threading.Thread, socket.socket] = {}
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Bind, and begin to accept.

        Raises:
            ExportError: nobody can listen there.

        """
        self._socket = _bind(self._wanted)
        self._wake_read, self._wake_write = socket.socketpair()
        self._thread = threading.Thread(target=self._accept_all, name="http-accept", daemon=True)
        self._thread.start()

    @property
    def bound(self) -> tuple[str, int]:
        """The host and the port that were bound."""
        host, port, *_ = self._socket.getsockname()
        return str(host), int(port)

    def stop(self, timeout_seconds: float) -> None:
        """Accept no more, end what is idle, and give answers under way this long to finish."""
        if self._thread is None or self._stopping.is_set():
            return
        clock = SystemClock()
        deadline = clock.monotonic() + timeout_seconds
        self._stopping.set()
        self._wake_write.send(b"x")
        self._thread.join()
        for end in (self._socket, self._wake_read, self._wake_write):
            end.close()
        with self._lock:
            threads = list(self._connections)
            for connection in self._connections.values():
                # SSLSocket.shutdown would drop the encryption and let the rest of an answer go out in the clear.
                with suppress(OSError):
                    socket.socket.shutdown(connection, socket.SHUT_RD)
        for thread in threads:
            thread.join(max(0.0, deadline - clock.monotonic()))

    def _accept_all(self) -> None:
        with selectors.DefaultSelector() as ready:
            ready.register(self._socket, selectors.EVENT_READ)
            ready.register(self._wake_read, selectors.EVENT_READ)
            while not self._stopping.is_set():
                ready.select()
                self._accept()

    def _accept(self) -> None:
        try:
            connection, _ = self._socket.accept()
        except (BlockingIOError, ConnectionError):
            return
        except OSError:
            # No file descriptors are left. Connections end and free some; until then, do not spin.
            self._stopping.wait(0.1)
            return
        with self._lock:
            crowd = len(self._connections)
            if crowd >= CONNECTIONS + SPARE_CONNECTIONS:
                connection.close()
                return
            spare = crowd >= CONNECTIONS
            thread = threading.Thread(target=self._run, args=(connection, spare), name="http", daemon=True)
            self._connections[thread] = connection
        try:
            thread.start()
        except RuntimeError:  # no more threads
            self._forget(thread)

    def _run(self, connection: socket.socket, spare: bool) -> None:  # noqa: FBT001 - a thread's arguments
        try:
            connection.settimeout(SPARE_TIMEOUT_SECONDS if spare else TIMEOUT_SECONDS)
            ready = self._shaken(connection)
            if ready is not None and not self._stopping.is_set():
                self._serve(ready, spare)
        finally:
            self._forget(threading.current_thread())

    def _shaken(self, connection: socket.socket) -> socket.socket | None:
        """Return the connection after the TLS handshake, if there is one to make.

        ``None`` when the client went away, spoke no TLS or was too slow: its business, and it knows.
        """
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            context = self._tls()
            if context is None:
                return connection
            encrypted = context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
            with self._lock:
                self._connections[threading.current_thread()] = encrypted
            if self._stopping.is_set():
                return None
            encrypted.do_handshake()
        except OSError:
            return None
        return encrypted

    def _forget(self, thread: threading.Thread) -> None:
        with self._lock:
            self._connections.pop(thread).close()


def _bind(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            host.strip("[]") or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ExportError(_cannot(address, error)) from error
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(where)
        listening.listen(128)
        listening.settimeout(0)
    except OSError as error:
        listening.close()
        raise ExportError(_cannot(address, error)) from error
    return listening


def _cannot(address: str, error: OSError) -> str:
    hint = _HINTS.get(error.errno or 0, "write `address` as 'host:port', with a host that this machine can resolve")
    why = (error.strerror or str(error)).lower()
    return f"http server: cannot listen on {address!r}: {why}: {hint}"
