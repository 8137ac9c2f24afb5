"""What the C library keeps of what was dropped: heaps of threads, and pages; counted in a process of its own."""

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


_PAGES = """
import re
from pathlib import Path
from streamwatch.core.memory import give_back, share_arena

def held():
    return int(re.search(r"RssAnon:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

share_arena()
blocks = [bytearray(b"x" * 100_000) for _ in range(600)]
stays = bytearray(b"x" * 100_000)
before = held()
del blocks
dropped = held()
give_back()
print(before, dropped, held())
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="this C library is not glibc")
def test_pages_that_nothing_is_in_any_more_are_given_back_though_something_stays_behind_them() -> None:
    asked = subprocess.run([sys.executable, "-c", _PAGES], check=True, capture_output=True, text=True, timeout=180)
    before, dropped, given = map(int, asked.stdout.split())
    assert before - given > 50_000, "kB, of 60,000"
    assert before - dropped < 10_000, "the test proves nothing where they are given back anyway"


_LARGE = """
import re
import sys
from pathlib import Path
from streamwatch.core.memory import give_back, keep_large_blocks_apart, share_arena

def held():
    return int(re.search(r"RssAnon:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

share_arena()
if sys.argv[1] != "as it is":
    keep_large_blocks_apart()
if sys.argv[1] == "much":
    much = bytearray(b"x" * 300_000_000)
    give_back()
bytearray(b"x" * 1_000_000)  # for glibc a reason to keep all up to this size in its heap
before, stays = held(), []
passing = []
for _ in range(600):
    passing.append(bytearray(b"x" * 100_000))
    stays.append(bytearray(1_000))
del passing
print(held() - before)
"""


def _kept_kb(how: str) -> int:
    """Return what a process keeps of 60 MB that it dropped, in blocks with something small behind each."""
    asked = subprocess.run([sys.executable, "-c", _LARGE, how], check=True, capture_output=True, text=True, timeout=180)
    return int(asked.stdout)


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="this C library is not glibc")
def test_what_is_large_goes_back_to_the_machine_as_soon_as_it_is_dropped() -> None:
    assert _kept_kb("apart") < 5_000
    assert _kept_kb("as it is") > 40_000, "the test proves nothing where it goes back anyway"
    assert _kept_kb("much") > 40_000, "the agent is no small one any more"


_CYCLES = """
import gc
import sys
import weakref
from streamwatch.core.memory import look_for_cycles_seldom

class Node:
    pass

gc.collect()
if sys.argv[1] == "seldom":
    look_for_cycles_seldom()
before = gc.get_stats()[2]["collections"]
young = Node()
young.itself = young
gone = weakref.ref(young)
del young
lists = []
for _ in range(20):
    lists = [[] for _ in range(100_000)]
print(gc.get_stats()[2]["collections"] - before, gone() is None)
"""


def _cycles(how: str) -> tuple[int, bool]:
    """Return how often all objects were looked through, and whether a young cycle was found."""
    command = [sys.executable, "-c", _CYCLES, how]
    asked = subprocess.run(command, check=True, capture_output=True, text=True, timeout=180)
    times, found = asked.stdout.split()
    return int(times), found == "True"


def test_what_each_read_replaces_has_nobody_look_through_all_objects() -> None:
    seldom, found = _cycles("seldom")
    assert found, "young objects are looked through"
    assert 2 * seldom < _cycles("as it is")[0]
