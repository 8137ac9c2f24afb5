"""A thread that does its work step by step, and rests in between."""

import enum
import logging
import math
import threading
from collections.abc import Callable
from typing import Final

from streamwatch.core.clock import Clock

log = logging.getLogger(__name__)

_AFTER_FAILURE_SECONDS: Final = 1.0


class AtEnd(enum.Enum):
    """What a worker does that is asked to end."""

    LEAVE = enum.auto()
    """It ends after the step under way."""
    FINISH = enum.auto()
    """It does what is due now."""
    WAIT = enum.auto()
    """It does what is due now, and what becomes due within the timeout."""


class Worker:
    """Calls ``step`` again and again, from ``start`` until it has ended. May be used from any thread."""

    def __init__(self, name: str, step: Callable[[], float], clock: Clock, at_end: AtEnd = AtEnd.LEAVE) -> None:
        """Begin; nothing runs before ``start``.

        Args:
            name: of the thread, and for the log.
            step: does a piece of work, and returns for how many seconds there is none: 0 where there is more,
                infinity where only ``wake`` brings more. One that raises is called again after a second.
            clock: what time it is.
            at_end: what is still done when it is asked to end.

        """
        self.name = name
        self._step, self._clock, self._at_end = step, clock, at_end
        self._changed = threading.Condition()
        self._wakes = 0
        self._is_ending = False
        self._deadline = math.inf
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)

    @property
    def is_alive(self) -> bool:
        """Whether it was started, and has not ended."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def wake(self) -> None:
        """Take the next step now: there may be work."""
        with self._changed:
            self._wakes += 1
            self._changed.notify_all()

    def end(self, timeout_seconds: float) -> None:
        """Ask it to end within this time, and return at once."""
        with self._changed:
            self._is_ending, self._deadline = True, self._clock.monotonic() + timeout_seconds
            self._wakes += 1
            self._changed.notify_all()

    def stop(self, timeout_seconds: float) -> bool:
        """Ask it to end, and wait for that no longer than this; return whether it has ended."""
        self.end(timeout_seconds)
        return self.ended()

    def ended(self) -> bool:
        """Wait until it has ended, or the timeout of ``end`` is over; return whether it has."""
        if not self.is_alive or self._thread is threading.current_thread():
            return True
        self._thread.join(min(max(0.0, self._deadline - self._clock.monotonic()), threading.TIMEOUT_MAX))
        return not self.is_alive

    def _work(self) -> None:
        while not self._is_over():
            wakes = self._wakes
            try:
                pause = self._step()
            except Exception:  # a bug in one step must not end the work
                log.exception("%s: failed: it is tried again; please report this", self.name)
                pause = _AFTER_FAILURE_SECONDS
            if pause > 0 and not self._rest(pause, wakes):
                return

    def _is_over(self) -> bool:
        return self._is_ending and (self._at_end is AtEnd.LEAVE or self._clock.monotonic() >= self._deadline)

    def _rest(self, pause: float, wakes: int) -> bool:
        """Wait until the pause is over or somebody wakes this worker; return whether to go on."""
        with self._changed:
            until = self._clock.monotonic() + pause
            while self._wakes == wakes:
                if self._is_ending and (self._at_end is not AtEnd.WAIT or math.isinf(pause)):
                    return False
                left = min(until, self._deadline) - self._clock.monotonic()
                if left <= 0:
                    break
                self._changed.wait(min(left, threading.TIMEOUT_MAX))
            return True
