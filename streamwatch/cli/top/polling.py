"""Looks again and again, in a thread: a picture is drawn whether the agent answers or not."""

import threading
from collections.abc import Callable
from typing import Final

import click

from streamwatch.cli.top.poll import Agent, Wanted, poll
from streamwatch.cli.top.rows import Frame
from streamwatch.core.clock import Clock

_SHARE: Final = 10.0
"""A look that took long is made after so many times as long: it takes a tenth of a processor at most."""


class Polling:
    """The thread, from ``start`` to ``stop``. ``want`` may be called from any thread."""

    def __init__(
        self, agent: Agent, interval: float, clock: Clock, seen: Callable[[Wanted, Frame | None, str], None]
    ) -> None:
        """Begin nothing yet.

        Args:
            agent: whom to ask.
            interval: seconds between two looks.
            clock: what time it is.
            seen: is called with what was wanted, what was seen of it, and why nothing was.

        """
        self._agent, self._interval, self._clock, self._seen = agent, interval, clock, seen
        self._lock = threading.Lock()
        self._wanted: Wanted | None = None
        self._is_frozen = self._is_over = False
        self._woken = threading.Event()
        self._thread = threading.Thread(target=self._run, name="top", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; a look that is under way is not waited for."""
        self._is_over = True
        self._woken.set()

    def join(self) -> None:
        """Wait until it has ended."""
        self._thread.join()

    def want(self, wanted: Wanted, *, is_frozen: bool = False) -> None:
        """Look now, and from now on at this; only this once where the picture is frozen."""
        with self._lock:
            self._wanted, self._is_frozen = wanted, is_frozen
        self._woken.set()

    def freeze(self) -> None:
        """Look no more until something else is wanted."""
        with self._lock:
            self._is_frozen = True

    def _run(self) -> None:
        pause: float | None = None
        while not self._is_over:
            is_woken = self._woken.wait(pause)
            self._woken.clear()
            with self._lock:
                wanted, is_frozen = self._wanted, self._is_frozen
            if self._is_over or wanted is None or (is_frozen and not is_woken):
                pause = None
                continue
            started = self._clock.monotonic()
            try:
                frame, why = poll(self._agent, wanted), ""
            except click.ClickException as error:
                frame, why = None, error.message
            except (KeyError, TypeError, ValueError) as error:
                what = f"its answer is not understood: {error!r}"
                frame, why = None, f"{self._agent.name}: {what}: is it an agent of this version?"
            if not self._is_over:
                self._seen(wanted, frame, why)
            pause = max(self._interval, _SHARE * (self._clock.monotonic() - started))
