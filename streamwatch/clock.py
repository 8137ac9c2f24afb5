"""Time, as an argument: the only module that asks the system what time it is."""

import time
from typing import Protocol


class Clock(Protocol):
    """What tells the time. Both answers are in seconds."""

    def now(self) -> float:
        """Return the wall clock, in seconds since 1970 (UTC); it may jump."""

    def monotonic(self) -> float:
        """Return a clock that never goes back, from an arbitrary start."""


class SystemClock:
    """The machine's clocks."""

    def now(self) -> float:
        """Return the wall clock, in seconds since 1970 (UTC)."""
        return time.time()  # noqa: TID251 - here and nowhere else

    def monotonic(self) -> float:
        """Return the machine's monotonic clock."""
        return time.monotonic()


class ManualClock:
    """A clock that stands still until it is told to advance: for tests and rehearsals."""

    def __init__(self, now: float = 0.0) -> None:
        self._now = now

    def now(self) -> float:
        """Return the time that was set."""
        return self._now

    def monotonic(self) -> float:
        """Return the same time: this clock never jumps."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move time forward."""
        if seconds < 0:
            msg = f"a clock cannot go back: advance({seconds!r})"
            raise ValueError(msg)
        self._now += seconds
