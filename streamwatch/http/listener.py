"""A listening socket for a bounded number of connections, with a thread each, which makes the TLS handshake, too."""

import errno
import selectors
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

from streamwatch.core.clock import Clock
from streamwatch.core.errors import ExportError
from streamwatch.settings.types import HostPort

CONNECTIONS = 64
ADDRESS_CONNECTIONS = 56
"""So many of them one address may hold."""
SPARE_CONNECTIONS = 16
"""So many more get one response, if they are quick: a probe must be answered while scrapers crowd the door."""
TIMEOUT_SECONDS = 10.0
SPARE_TIMEOUT_SECONDS = 2.0
_BACKLOG = 512
_SLOT_WAIT_SECONDS = 0.1
"""So long may it take to get a slot for one more client."""

_HINTS = {
    errno.EADDRINUSE: "stop what listens there, or choose another `address`",
    errno.EACCES: "choose a port above 1023, or give the process the right to bind low ports",
    errno.EADDRNOTAVAIL: "choose an address of this machine; '0.0.0.0' means all of them",
}


class Slot:
    """One open connection: whose it is, and whether its client is waited for."""

    def __init__(
        self, client: socket.socket, address: str, *, spare: bool, clock: Clock, changed: threading.Condition
    ) -> None:
        self.client = client
        self.address = address
        self.spare = spare
        """Whether this connection is one too many, and gets one response only."""
        self._clock, self._changed = clock, changed
        self._waits, self._since, self._heads = False, clock.monotonic(), 0

    @property
    def waits(self) -> bool:
        """Whether the client is waited for: a handshake, the rest of a head, the end."""
        return self._waits

    @property
    def timeout_seconds(self) -> float:
        """How long the client may take for each step."""
        return SPARE_TIMEOUT_SECONDS if self.spare else TIMEOUT_SECONDS

    @property
    def close_order(self) -> tuple[bool, float]:
        """Which waiting client is closed first: the lowest; one that was served may be between two scrapes."""
        return self._heads > 0, self._since

    def on_wait(self, waits: bool) -> None:  # noqa: FBT001 - as the connection calls it
        """Note whether the client is waited for from now on."""
        with self._changed:
            self._waits, self._since = waits, self._clock.monotonic()
            self._heads += not waits
            self._changed.notify()


Serve = Callable[[Slot], None]
"""Serves the connection of a slot until it ends."""


class HttpListener:
    """Accepts connections on ``address`` and serves each in a thread, from ``start()`` to ``stop()``.

    Where all slots are taken, the next client gets the slot of the one that has been waited for longest, of the address
    that holds most of them: slow clients push out each other, and neither a probe nor another address.

    ``tls`` is asked at each connection, so that a new certificate needs no restart; ``None`` means plain text.
    """

    def __init__(self, address: HostPort, serve: Serve, tls: Callable[[], ssl.SSLContext | None], clock: Clock) -> None:
        self._wanted = address
        self._serve = serve
        self._tls = tls
        self._clock = clock
        self._changed = threading.Condition()
        """Guards the slots; notified where one is free, or may be taken from its client."""
        self._connections: dict[threading.Thread, Slot] = {}
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
        deadline = self._clock.monotonic() + timeout_seconds
        self._stopping.set()
        self._wake_write.send(b"x")
        self._thread.join()
        for end in (self._socket, self._wake_read, self._wake_write):
            end.close()
        with self._changed:
            threads = list(self._connections)
            for slot in self._connections.values():
                _shut(slot.client, socket.SHUT_RD)
        for thread in threads:
            thread.join(max(0.0, deadline - self._clock.monotonic()))

    def _accept_all(self) -> None:
        with selectors.DefaultSelector() as ready:
            ready.register(self._socket, selectors.EVENT_READ)
            ready.register(self._wake_read, selectors.EVENT_READ)
            while not self._stopping.is_set():
                ready.select()
                self._accept()

    def _accept(self) -> None:
        try:
            client, peer = self._socket.accept()
        except (BlockingIOError, ConnectionError):
            return
        except OSError:
            # No file descriptors are left. Connections end and free some; until then, do not spin.
            self._stopping.wait(0.1)
            return
        if not self._has_room():
            client.close()
            return
        thread = threading.Thread(target=self._run, name="http", daemon=True)
        with self._changed:
            self._connections[thread] = self._slot(client, str(peer[0]))
        try:
            thread.start()
        except RuntimeError:  # no more threads
            self._forget(thread)

    def _slot(self, client: socket.socket, address: str) -> Slot:
        full = [slot for slot in self._connections.values() if not slot.spare]
        own = sum(slot.address == address for slot in full)
        spare = len(full) >= CONNECTIONS or own >= ADDRESS_CONNECTIONS
        return Slot(client, address, spare=spare, clock=self._clock, changed=self._changed)

    def _has_room(self) -> bool:
        """Say whether there is a slot for one more; take one from a client that is waited for, if need be."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_free() or self._waiting(), _SLOT_WAIT_SECONDS)
            if self._is_free():
                return True
            crowds = Counter(slot.address for slot in self._connections.values())
            if not (waiting := self._waiting()):
                return False
            thread, slot = min(waiting, key=lambda each: (-crowds[each[1].address], each[1].close_order))
            _shut(slot.client, socket.SHUT_RDWR)
        thread.join(_SLOT_WAIT_SECONDS)
        return not thread.is_alive()

    def _is_free(self) -> bool:
        return len(self._connections) < CONNECTIONS + SPARE_CONNECTIONS

    def _waiting(self) -> list[tuple[threading.Thread, Slot]]:
        return [(thread, slot) for thread, slot in self._connections.items() if slot.waits]

    def _run(self) -> None:
        thread = threading.current_thread()
        slot = self._connections[thread]
        try:
            slot.client.settimeout(slot.timeout_seconds)
            slot.on_wait(True)  # noqa: FBT003 - not before: what came at once is read before the slot may be taken
            if self._is_secured(slot) and not self._stopping.is_set():
                self._serve(slot)
        finally:
            self._forget(thread)

    def _is_secured(self, slot: Slot) -> bool:
        """Make the TLS handshake, where there is one to make.

        It fails where the client went away, spoke no TLS or was too slow: its business, and it knows.
        """
        try:
            slot.client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            context = self._tls()
            if context is None:
                return True
            with self._changed:
                slot.client = encrypted = context.wrap_socket(
                    slot.client, server_side=True, do_handshake_on_connect=False
                )
            if self._stopping.is_set():
                return False
            encrypted.do_handshake()
        except OSError:
            return False
        return True

    def _forget(self, thread: threading.Thread) -> None:
        with self._changed:
            self._connections.pop(thread).client.close()
            self._changed.notify()


def _shut(client: socket.socket, how: int) -> None:
    # SSLSocket.shutdown would drop the encryption and let the rest of a response go out in the clear.
    with suppress(OSError):
        socket.socket.shutdown(client, how)


def _bind(address: HostPort) -> socket.socket:
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            address.host or None, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ExportError(_cannot(address, error)) from error
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(where)
        listening.listen(_BACKLOG)
        listening.settimeout(0)
    except OSError as error:
        listening.close()
        raise ExportError(_cannot(address, error)) from error
    return listening


def _cannot(address: HostPort, error: OSError) -> str:
    hint = _HINTS.get(error.errno or 0, "write `address` as 'host:port', with a host that this machine can resolve")
    why = (error.strerror or str(error)).lower()
    return f"http server: cannot listen on '{address}': {why}: {hint}"
