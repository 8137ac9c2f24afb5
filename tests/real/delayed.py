"""Links that delay, as a network between machines does: a process of its own, so that no client that is timed waits.

    python -m tests.real.delayed SECONDS PORT...

Prints for each port another one that leads to it. What is sent arrives later by so many seconds, either way, in its
order; connections are made at once. Ends with its standard input.
"""

import asyncio
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from tests.pair.links import Link, Loop

_CHUNK: Final = 65536
"""Bytes."""
_MOST_CHUNKS: Final = 1024
"""On their way, of one connection and direction; beyond, its sender waits."""


class LateLink(Link):
    """From a port to another one, with a delay each way."""

    def __init__(self, loop: Loop, to: int, seconds: float) -> None:
        self._seconds = seconds
        super().__init__(loop, to)

    async def _copy(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        # asyncio does so for sockets of which it knows the protocol: those that it accepts are not always among them.
        sink.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        now = asyncio.get_running_loop().time
        chunks: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_MOST_CHUNKS)
        sending = asyncio.create_task(self._send(chunks, sink))
        try:
            while data := await source.read(_CHUNK):
                await chunks.put((now() + self._seconds, data))
        finally:
            await chunks.put((now() + self._seconds, b""))
            await sending

    async def _send(self, chunks: asyncio.Queue[tuple[float, bytes]], sink: asyncio.StreamWriter) -> None:
        now = asyncio.get_running_loop().time
        try:
            while True:
                due, data = await chunks.get()
                await asyncio.sleep(max(0.0, due - now()))
                if not data:
                    return
                sink.write(data)
                await sink.drain()
        finally:
            with suppress(OSError, RuntimeError):
                sink.close()


@contextmanager
def delayed(ports: Iterable[int], seconds: float) -> Iterator[list[int]]:
    """Yield for each port of this machine another one that leads to it, later by so many seconds each way."""
    command = [sys.executable, "-m", "tests.real.delayed", str(seconds), *map(str, ports)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield [int(port) for port in process.stdout.readline().split()]


def main() -> None:
    loop = Loop()
    links = [LateLink(loop, int(port), float(sys.argv[1])) for port in sys.argv[2:]]
    sys.stdout.write(" ".join(str(link.port) for link in links) + "\n")
    sys.stdout.flush()
    sys.stdin.read()
    loop.stop()


if __name__ == "__main__":
    main()
