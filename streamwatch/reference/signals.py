"""SIGINT and SIGTERM, that end what runs instead of breaking it."""

import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_ENDING: Final = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def set_by_signals(ended: threading.Event) -> Iterator[None]:
    """Let the signals set an event, from a thread of its own; only the main thread may enter.

    A handler interrupts the main thread wherever it is: also within the event's own ``wait``, which holds the lock that
    ``set`` wants. Then both would wait for ever.
    """
    reads, writes = socket.socketpair()
    writes.settimeout(0.0)
    thread = threading.Thread(target=_wait_for_one, args=(reads, ended), name="signals", daemon=True)
    thread.start()
    wakeup = signal.set_wakeup_fd(writes.fileno(), warn_on_full_buffer=False)
    before = [signal.signal(number, lambda *_: None) for number in _ENDING]
    try:
        yield
    finally:
        for number, handler in zip(_ENDING, before, strict=True):
            signal.signal(number, handler)
        signal.set_wakeup_fd(wakeup)
        writes.close()
        thread.join()
        reads.close()


def _wait_for_one(reads: socket.socket, ended: threading.Event) -> None:
    """Set the event at the first of the signals; end when the other end is closed."""
    while numbers := reads.recv(64):
        if set(numbers) & set(_ENDING):
            ended.set()
