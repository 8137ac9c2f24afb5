"""The pulses of all brokers on an event loop: one timer for those with the same interval and deadline.

A timer and a task for each connection would have the loop wake up several times for each pulse: of a hundred clusters,
that costs more than all their reads.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context, copy_context
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from streamwatch.sources.kafka.config import Pulse

if TYPE_CHECKING:
    from streamwatch.sources.kafka.wire import InFlightRequest


class Watched(Protocol):
    """A connection whose broker is asked for signs of life."""

    def ping(self) -> "InFlightRequest | None":
        """Ask for a sign of life, and return the request; None where there is no need to, or it is too early."""

    def missed(self, request: "InFlightRequest") -> None:
        """Note that this request has not been answered within the deadline."""


@dataclass(frozen=True, slots=True, eq=False)
class _Watched:
    connection: Watched
    context: Context
    """Of whoever watches: log lines name its cluster, and tasks belong to its share of the loop."""


class Pulses:
    """Lives on one event loop."""

    def __init__(self) -> None:
        self._timers: dict[tuple[float, float], _Timer] = {}

    @contextmanager
    def watch(self, connection: Watched, pulse: Pulse) -> Iterator[None]:
        """Ping a connection at its interval, on behalf of whoever calls this."""
        if not pulse.enabled:
            yield
            return
        timing = (pulse.interval, pulse.deadline)
        timer = self._timers.get(timing)
        if timer is None:
            timer = self._timers[timing] = _Timer(*timing)
        watched = _Watched(connection, copy_context())
        timer.watched.add(watched)
        try:
            yield
        finally:
            timer.watched.discard(watched)
            if not timer.watched and self._timers.get(timing) is timer:
                timer.stop()
                del self._timers[timing]


class _Timer:
    """Pings all that have the same interval, and looks for all answers at once when the deadline is over."""

    def __init__(self, interval: float, deadline: float) -> None:
        self.watched: set[_Watched] = set()
        self._interval, self._deadline = interval, deadline
        self._loop: Final = asyncio.get_running_loop()
        self._next = self._call_later(interval)

    def stop(self) -> None:
        self._next.cancel()

    def _call_later(self, seconds: float) -> asyncio.TimerHandle:
        return self._loop.call_later(seconds, self._ping, context=Context())  # of nobody: it outlives who began it

    def _ping(self) -> None:
        self._next = self._call_later(self._interval)
        pinged = []
        for one in tuple(self.watched):
            request = one.context.run(one.connection.ping)
            if request is not None:
                pinged.append((one, request))
        if pinged:
            self._loop.call_later(self._deadline, _look, pinged)


def _look(pinged: "list[tuple[_Watched, InFlightRequest]]") -> None:
    for one, request in pinged:
        if not request.answer.done():
            one.context.run(one.connection.missed, request)
