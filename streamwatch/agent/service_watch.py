"""What the service manager is told, and when: ready, at work, about to end."""

import signal
from collections.abc import Callable, Collection
from typing import Final

from streamwatch.core.supervisor import Supervisor
from streamwatch.export.endpoints import Health

_WAITING_SECONDS: Final = 1.0
"""So often it is looked whether the agent is ready."""
_PATIENCE_USEC: Final = 30_000_000
"""So much longer may it take to be ready than was said the last time, while its jobs run."""
_BEATS: Final = 3
"""So many times within its time the watchdog is told, so that one that is lost ends nothing."""


class ServiceWatch:
    """Waits for signals, and between them tells the service manager how things are. Belongs to one thread.

    It is the thread that also reloads: a reload that hangs is noticed, too.
    """

    def __init__(self, supervisor: Supervisor, ready: Callable[[], Health], working: Callable[[], Health]) -> None:
        """Begin; nothing is told yet.

        Args:
            supervisor: who is told.
            ready: says whether all has been read once.
            working: says whether what must run does run.

        """
        self._supervisor, self._ready, self._working = supervisor, ready, working
        self._is_ready = False
        self._stuck: tuple[str, ...] = ()

    def wait(self, signals: Collection[signal.Signals]) -> int:
        """Return the signal that came, of these, which are blocked."""
        while True:
            pause = self.step()
            if pause is None:
                return signal.sigwait(signals)
            if caught := signal.sigtimedwait(signals, pause):
                return caught.si_signo

    def step(self) -> float | None:
        """Tell what is to be told now; return in how many seconds there is more, None where nobody wants to hear."""
        if not self._supervisor.is_there:
            return None
        stuck = self._working().reasons
        if not self._is_ready:
            self._tell_of_start(is_working=not stuck)
        if stuck != self._stuck:
            self._supervisor.notify(STATUS=stuck[0] if stuck else "works again")
            self._stuck = stuck
        if not stuck:
            self._supervisor.notify(WATCHDOG=1)
        limit = self._supervisor.watchdog_seconds
        beat = None if limit is None else limit / _BEATS
        return beat if self._is_ready else min(beat or _WAITING_SECONDS, _WAITING_SECONDS)

    def leave(self) -> None:
        """Tell that the agent is about to end."""
        self._supervisor.notify(STOPPING=1)

    def _tell_of_start(self, *, is_working: bool) -> None:
        waiting = self._ready().reasons
        if not waiting:
            self._is_ready = True
            self._supervisor.notify(READY=1, STATUS="every source was read")
        elif is_working:
            self._supervisor.notify(STATUS=waiting[0], EXTEND_TIMEOUT_USEC=_PATIENCE_USEC)
