"""Time, as an argument: the only module that asks the system what time it is."""

import time
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

STEP_SECONDS: Final = 0.02
"""A difference between the clocks that is smaller is no jump."""
_TRIES: Final = 5
_CLOSE_SECONDS: Final = 0.002
_LATE_SECONDS: Final = 60.0
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


class Clock(Protocol):
    """The time. Both answers are in seconds."""

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
    """A clock that stands still until ``advance`` is called: for tests and rehearsals."""

    def __init__(self, now: float = 0.0) -> None:
        self._now = now
        self._jumped = 0.0

    def now(self) -> float:
        """Return the time that was set."""
        return self._now + self._jumped

    def monotonic(self) -> float:
        """Return the time that has passed: jumps are not in it."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move time forward."""
        if seconds < 0:
            msg = f"a clock cannot go back: advance({seconds!r}); to set the wall clock: jump({seconds!r})"
            raise ValueError(msg)
        self._now += seconds

    def jump(self, seconds: float) -> None:
        """Set the wall clock, forward or back, while no time passes."""
        self._jumped += seconds


class SteadyClock:
    """A clock that follows a jump of the wall clock only when its owner says so.

    The owner holds instants, and moves them when it follows: what lay two minutes back lies two minutes back, whatever
    was done to the wall clock meanwhile. Between a jump and ``follow``, time goes on by the monotonic clock. The owner
    follows in one thread; everything else may be called from any.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._followed = self._started = clock.now() - clock.monotonic()
        self._known = (self._started, self._started)
        """How far the wall clock is ahead of the monotonic one: of late, and before its last jump."""

    def now(self) -> float:
        """Return the wall clock, without the jumps that were not followed."""
        wall, steady = self._clock.now(), self._clock.monotonic() + self._followed
        return wall if abs(wall - steady) < STEP_SECONDS else steady

    def monotonic(self) -> float:
        """Return the monotonic clock."""
        return self._clock.monotonic()

    @property
    def moved(self) -> float:
        """How far this clock has followed the wall clock's jumps since its start, in seconds."""
        return self._followed - self._started

    def ahead(self) -> float:
        """Return how far the wall clock has jumped since this clock followed it; 0 where it has not."""
        return self._offset() - self._followed

    def follow(self, seconds: float) -> None:
        """Take a jump, as ``ahead`` gave it, into account: the owner moves its instants by so much."""
        self._followed += seconds

    def without_jumps(self, at: float) -> float:
        """Return an instant of the wall clock as it would be, had nobody set the wall clock since the start.

        An instant that was read just before a jump comes just after it: of the two readings, the one that lies in the
        last minute is right.
        """
        late, before = self._offset(), self._known[1]
        now = self._clock.monotonic() + self._started
        found, other = at - (late - self._started), at - (before - self._started)
        return other if not _is_late(found, now) and _is_late(other, now) else found

    def _offset(self) -> float:
        """Return how far the wall clock is ahead of the monotonic one; as it was where that has hardly changed."""
        late, measured = self._known[0], self._measured()
        if measured is not None and abs(measured - late) >= STEP_SECONDS:
            self._known = (measured, late)
            late = measured
        return self._followed if abs(late - self._followed) < STEP_SECONDS else late

    def _measured(self) -> float | None:
        """Return the difference; None where this thread was put to sleep between the two readings, each time."""
        for _ in range(_TRIES):
            before, wall, after = self._clock.monotonic(), self._clock.now(), self._clock.monotonic()
            if after - before < _CLOSE_SECONDS:
                return wall - before
        return None


def steady(clock: Clock) -> SteadyClock:
    """Return a clock that follows jumps when ``follow`` is called: this one, where it is such a clock."""
    return clock if isinstance(clock, SteadyClock) else SteadyClock(clock)


def boot(clock: Clock) -> str:
    """Return the identity of this start of the machine: its monotonic clock goes on; empty: not known."""
    own = clock
    while isinstance(own, SteadyClock):
        own = own._clock  # noqa: SLF001 - of this module
    if isinstance(own, SystemClock):
        with suppress(OSError):
            return _BOOT_ID.read_text(encoding="ascii").strip()
    return ""


def _is_late(at: float, now: float) -> bool:
    return now - _LATE_SECONDS < at <= now + STEP_SECONDS
