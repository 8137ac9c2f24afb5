"""How many heaps the C library keeps for threads: counted by itself, in a process of its own."""

import ctypes
import subprocess
import sys

import pytest

_THREADS = 6

_HEAPS = f"""
import ctypes, sys, threading
from streamwatch.core.memory import share_arena

if sys.argv[1] == "shared":
    share_arena()
all_hold = threading.Barrier({_THREADS})

def hold():
    block = bytearray(100_000)  # more than Python keeps in pools of its own
    all_hold.wait(180)

threads = [threading.Thread(target=hold) for _ in range({_THREADS})]
for one in threads:
    one.start()
for one in threads:
    one.join()
libc = ctypes.CDLL(None)
libc.fdopen.restype = ctypes.c_void_p
out = ctypes.c_void_p(libc.fdopen(1, b"w"))
libc.malloc_info(0, out)
libc.fflush(out)
"""


def _heaps(how: str) -> int:
    """Return how many heaps a process has after threads held memory at once."""
    asked = subprocess.run([sys.executable, "-c", _HEAPS, how], check=True, capture_output=True, text=True, timeout=180)
    return asked.stdout.count("<heap nr=")


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_info"), reason="this C library is not glibc")
def test_what_a_thread_drops_is_in_the_one_heap_of_all() -> None:
    assert _heaps("shared") == 1
    assert _heaps("as it is") > 1, "the test proves nothing where threads share a heap anyway"
