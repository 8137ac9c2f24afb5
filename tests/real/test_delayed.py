"""Links that delay: what goes through is late, whole, and in its order."""

import socket
import time
from threading import Thread
from typing import Final

from tests.real.delayed import delayed

_SECONDS: Final = 0.05
_DEADLINE: Final = 180.0
_LINES: Final = [b"%d\n" % number for number in range(2000)]


def echo(server: socket.socket) -> None:
    """Send back to one client what it sends, until it ends."""
    peer, _ = server.accept()
    with peer:
        while data := peer.recv(65536):
            peer.sendall(data)


def test_all_comes_back_in_its_order_and_not_before_its_time_each_way() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, delayed([server.getsockname()[1]], _SECONDS) as (port,):
        answering = Thread(target=echo, args=(server,), daemon=True)
        answering.start()
        with socket.create_connection(("127.0.0.1", port), timeout=_DEADLINE) as client, client.makefile("rb") as come:
            began = time.monotonic()
            client.sendall(_LINES[0])
            assert come.readline() == _LINES[0]
            assert time.monotonic() - began >= 2 * _SECONDS
            for line in _LINES[1:]:
                client.sendall(line)
            sent = b"".join(_LINES[1:])
            assert come.read(len(sent)) == sent
        answering.join(_DEADLINE)
        assert not answering.is_alive()
