"""A terminal of a size, with a command in it: what it writes through a real pty is drawn by pyte."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Mapping
from typing import Final, Self

import pyte

from tests.waiting import wait_for

KEYS: Final = {
    "up": "\x1b[A", "down": "\x1b[B", "right": "\x1b[C", "left": "\x1b[D", "enter": "\r", "escape": "\x1b",
    "tab": "\t", "backspace": "\x7f", "home": "\x1b[H", "end": "\x1b[F", "pagedown": "\x1b[6~",
}  # fmt: skip
_UNKNOWN_TO_PYTE: Final = re.compile(rb"\x1b\[[<>=?][0-9;]*[a-zA-Z$]?[a-zA-Z]|\x1bP[^\x1b]*\x1b\\")
"""Private requests, which change no cell; pyte would write a part of them."""


def _plain_environment() -> dict[str, str]:
    """Return the environment without what changes the picture."""
    return {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "COLUMNS", "LINES"}}


class Terminal:
    """A command on a pty, from entering to leaving."""

    def __init__(self, args: list[str], width: int, height: int, env: Mapping[str, str]) -> None:
        self._args, self._size, self._env = args, (width, height), env
        self._lock = threading.Lock()
        self._screen = pyte.Screen(width, height)
        self._stream = pyte.ByteStream(self._screen)
        self.received = b""

    def __enter__(self) -> Self:
        self._own, child = pty.openpty()
        self._set_size()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "streamwatch", *self._args],
            stdin=child, stdout=child, stderr=child, start_new_session=True,
            env={**_plain_environment(), "TERM": "xterm-256color", **self._env},
        )  # fmt: skip
        os.close(child)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        os.close(self._own)

    def press(self, *keys: str) -> None:
        """Press keys by their names, or type texts."""
        for key in keys:
            os.write(self._own, KEYS.get(key, key).encode())

    def resize(self, width: int, height: int) -> None:
        """Become another size, as a window does."""
        with self._lock:
            self._size = (width, height)
            self._screen.resize(height, width)
        self._set_size()
        os.killpg(self._process.pid, signal.SIGWINCH)

    def text(self) -> str:
        """Return what is on the screen, without blanks at the ends of lines."""
        with self._lock:
            return "\n".join(line.rstrip() for line in self._screen.display)

    def shows(self, what: str | Callable[[str], bool]) -> str:
        """Wait until a text is on the screen; return the screen."""

        def holds() -> str:
            text = self.text()
            return text if (what in text if isinstance(what, str) else what(text)) else ""

        try:
            return wait_for(holds, 30, f"{what!r} is on the screen")
        except TimeoutError:
            raise AssertionError(f"{what!r} is not on the screen:\n{self.text()}") from None

    def stands(self, seconds: float) -> str:
        """Return the screen once it has not changed for so long: for pictures that are looked at."""
        before, nap = "", threading.Event()
        while (text := self.text()) != before:
            before = text
            nap.wait(seconds)
        return text

    def ends(self) -> int:
        """Wait until the command has ended; return its code."""
        wait_for(lambda: self._process.poll() is not None, 30, "it ends")
        return self._process.returncode

    def colours(self) -> set[str]:
        """Return the colours on the screen."""
        with self._lock:
            cells = [cell for line in self._screen.buffer.values() for cell in line.values()]
        return {cell.fg for cell in cells} | {cell.bg for cell in cells}

    def _set_size(self) -> None:
        width, height = self._size
        fcntl.ioctl(self._own, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def _read(self) -> None:
        while True:
            try:
                piece = os.read(self._own, 65536)
            except OSError:  # the other side is closed
                return
            if not piece:
                return
            with self._lock:
                self.received += piece
                self._stream.feed(_UNKNOWN_TO_PYTE.sub(b"", piece))
