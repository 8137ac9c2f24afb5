"""The samples of now: what each source said last, for as long as that is valid."""

import math
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from streamwatch.core.clock import Clock, SteadyClock
from streamwatch.model.metric import Samples


@dataclass(frozen=True, slots=True)
class _Said:
    """What one source said last, and when that stops being true."""

    samples: tuple[Samples, ...]
    until: float


class Store:
    """Holds what every source said last; may be used from any thread.

    The arrays belong to the store once they are appended: nobody changes them in place afterwards.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = SteadyClock(clock)
        """Follows nothing: a jump of the wall clock makes nothing older, or younger."""
        self._lock = threading.Lock()
        self._said: dict[str, _Said] = {}
        self._version = 0

    def append(self, source: str, samples: Sequence[Samples], *, at: float, valid_seconds: float) -> None:
        """Replace all that this source said before: a series that is not among the samples is gone.

        Args:
            source: who says it; one source's samples never touch another's.
            samples: everything that the source knows now.
            at: when it was true, in seconds since 1970.
            valid_seconds: for how long after ``at`` it may be shown when nothing newer arrives.

        """
        said = _Said(tuple(samples), self._clock.without_jumps(at) + valid_seconds)
        with self._lock:
            self._said[source] = said
            self._version += 1

    def forget(self, source: str) -> None:
        """Drop what this source said; nothing happens when it said nothing."""
        with self._lock:
            if self._said.pop(source, None) is not None:
                self._version += 1

    def current(self) -> tuple[Samples, ...]:
        """Return the samples that are valid now, in the order in which the sources first spoke."""
        return tuple(samples for _, said in self.said() for samples in said)

    def said(self, sources: Iterable[str] | None = None) -> tuple[tuple[str, tuple[Samples, ...]], ...]:
        """Return the samples that are valid now, by who said them: of all sources, or of these."""
        with self._lock:
            self._expire()
            if sources is not None:
                return tuple((one, self._said[one].samples) for one in sources if one in self._said)
            return tuple((source, said.samples) for source, said in self._said.items())

    def now(self) -> float:
        """Return the time by which validity goes: the wall clock, as if it had not been set since the start."""
        return self._clock.now()

    def valid_until(self) -> float:
        """Return when, by ``now()``, ``current()`` next changes by itself; infinity when it never does."""
        with self._lock:
            self._expire()
            return min((said.until for said in self._said.values()), default=math.inf)

    @property
    def version(self) -> int:
        """A number that differs whenever ``current()`` does, be it that a source spoke or that its time ran out."""
        with self._lock:
            self._expire()
            return self._version

    def _expire(self) -> None:
        now = self._clock.now()
        expired = [source for source, said in self._said.items() if said.until <= now]
        for source in expired:
            del self._said[source]
        self._version += len(expired)
