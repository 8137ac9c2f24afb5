"""Waiting for a condition, with a deadline."""

import time
from collections.abc import Callable
from threading import Event
from typing import TypeVar

T = TypeVar("T")


def wait_for(condition: Callable[[], T], seconds: float, what: str) -> T:
    """Poll until the condition holds, and return what it returned."""
    deadline = time.monotonic() + seconds
    nap = Event()
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not so after {seconds:g} s")
        nap.wait(0.05)
    return answer
