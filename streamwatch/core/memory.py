"""What the process takes of the machine's memory."""

import ctypes
from contextlib import suppress
from typing import Final

_ARENA_MAX: Final = -8
"""glibc's ``M_ARENA_MAX``."""
GIVE_BACK_SECONDS: Final = 60.0
"""So often ``give_back`` is worth its milliseconds."""


def share_arena() -> None:
    """Let what one thread has dropped be taken by any other.

    By default glibc gives each of the first threads memory of its own: what a read has dropped in one was not there for
    the collectors in another. Where the C library is another, nothing happens.
    """
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)


def give_back() -> None:
    """Give whole pages that nothing is in back to the machine, wherever in the heap they are.

    By itself glibc gives back only what is free at the heap's end: where little stays behind much that was dropped, all
    of it is held. Where the C library is another, nothing happens.
    """
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
