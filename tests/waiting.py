"""Waiting for a condition, with a deadline."""

import time
from collections.abc import Callable
from threading import Event
from typing import Final, TypeVar

T = TypeVar("T")

# A machine that is loaded is slow, not wrong: nothing that is waited for is given up sooner.
_LEAST_SECONDS: Final = 180.0


def wait_for(condition: Callable[[], T], seconds: float, what: str) -> T:
    """Poll until the condition holds, for three minutes at least, and return what it returned."""
    seconds = max(seconds, _LEAST_SECONDS)
    deadline = time.monotonic() + seconds
    nap = Event()
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not so after {seconds:g} s")
        nap.wait(0.05)
    return answer
