"""What ZooKeeper says of itself, by its four-letter words."""

import socket
from typing import Final

_SECONDS: Final = 2.0


def zookeeper_answers(port: int) -> bool:
    """Whether it serves."""
    return _said(port, b"ruok") == "imok"


def zookeeper_knows(port: int, broker: int) -> bool:
    """Whether the session of a broker, dead or alive, is still open."""
    return f"/brokers/ids/{broker}" in _said(port, b"dump").split()


def _said(port: int, word: bytes) -> str:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=_SECONDS) as connection:
            connection.sendall(word)
            with connection.makefile("rb") as answer:
                return answer.read().decode()
    except OSError:
        return ""
