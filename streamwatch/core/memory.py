"""What the process takes of the machine's memory."""

import ctypes
from contextlib import suppress
from typing import Final

_ARENA_MAX: Final = -8
"""glibc's ``M_ARENA_MAX``."""


def share_arena() -> None:
    """Let what one thread has dropped be taken by any other.

    By default glibc gives each of the first threads memory of its own: what a read has dropped in one was not there for
    the collectors in another. Where the C library is another, nothing happens.
    """
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)
