"""What the process takes of the machine's memory."""

import ctypes
import gc
import mmap
from contextlib import suppress
from pathlib import Path
from typing import Final

_ARENA_MAX: Final = -8
"""glibc's ``M_ARENA_MAX``."""
_MMAP_THRESHOLD: Final = -3
"""glibc's ``M_MMAP_THRESHOLD``."""
_TRIM_THRESHOLD: Final = -1
"""glibc's ``M_TRIM_THRESHOLD``: so much stays free at the heap's end."""
_LARGE_BYTES: Final = 16_384
"""Four pages: at most a fifth of a block is rounding."""
_TRIM_BYTES: Final = 131_072
_HEAP_BYTES: Final = 32 * 2**20
"""What glibc goes up to by itself; for the heap's end it doubles that."""
_SMALL_BYTES: Final = 256 * 2**20
"""An agent that has more reads columns that are large by themselves: each in pages of its own, a read of 200,000
partitions took 0.15 s more of a processor."""
_SELDOMER: Final = 10
"""So many times more seldom than by itself Python looks through all objects."""
GIVE_BACK_SECONDS: Final = 10.0
"""So often ``give_back`` is worth its milliseconds: 10 for 120 MB. Once a minute left 40 MB of what reads dropped."""


def share_arena() -> None:
    """Let what one thread has dropped be taken by any other.

    By default glibc gives each of the first threads memory of its own: what a read has dropped in one was not there for
    the collectors in another. Where the C library is another, nothing happens.
    """
    _set(_ARENA_MAX, 1)


def keep_large_blocks_apart(*, apart: bool = True) -> None:
    """Let each block of 16 kB or more have pages of its own, which go back to the machine with it.

    By itself glibc moves the limit up to 32 MB as blocks are dropped. Then what a read needs for a moment lies in the
    heap between what stays for an hour: 40 MB of heap became 60 to 100 within the hour, a third of it holes. Where the
    C library is another, nothing happens.

    Args:
        apart: False for blocks in the heap, up to 32 MB, as by itself.

    """
    threshold, trim = (_LARGE_BYTES, _TRIM_BYTES) if apart else (_HEAP_BYTES, 2 * _HEAP_BYTES)
    _set(_MMAP_THRESHOLD, threshold)
    _set(_TRIM_THRESHOLD, trim)


def _set(option: int, value: int) -> None:
    """Set an option of glibc's ``mallopt``."""
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).mallopt(option, value)


def look_for_cycles_seldom() -> None:
    """Let Python look through all objects for cycles that nobody holds a tenth as often as by itself.

    What a read makes lives until the next one: by its own thresholds Python takes that for growth, and looks through
    all that there is, in which it finds nothing. Nothing else runs meanwhile: 0.3 s, five times a minute with 200
    clusters. Not much less often, since each reload leaves a megabyte that only this finds. Young objects are looked
    through as before.
    """
    young, middle, old = gc.get_threshold()  # the first is 700, and 2,000 since Python 3.13
    gc.set_threshold(young, middle, _SELDOMER * old)


def give_back() -> None:
    """Give whole pages that nothing is in back to the machine, wherever in the heap they are.

    By itself glibc gives back only what is free at the heap's end: where little stays behind much that was dropped, all
    of it is held. A small agent's large blocks are apart; one that has grown has them in the heap. Where the C library
    is another, nothing happens.
    """
    keep_large_blocks_apart(apart=_resident_bytes() < _SMALL_BYTES)
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


def _resident_bytes() -> int:
    """Return how much memory this process has; 0 where the system does not say."""
    with suppress(OSError, ValueError, IndexError):
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * mmap.PAGESIZE
    return 0


def untouched(size: int) -> mmap.mmap:
    """Return so many bytes that are 0, of which no page takes memory before it is written.

    numpy's own arrays of that size ask for huge pages: where the machine gives them, the first byte takes 2 MB.
    """
    memory = mmap.mmap(-1, max(size, 1), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with suppress(AttributeError, OSError):  # another system, or one that has none
        memory.madvise(mmap.MADV_NOHUGEPAGE)
    return memory
