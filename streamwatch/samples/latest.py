"""The last samples of each source, for as long as they are valid."""

import math
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from streamwatch.core.clock import Clock, SteadyClock
from streamwatch.model.metric import Samples


@dataclass(frozen=True, slots=True)
class _SourceSamples:
    """The last samples of one source, and until when they are valid."""

    samples: tuple[Samples, ...]
    until: float


class LatestSamples:
    """Holds the last samples of every source; may be used from any thread.

    The arrays belong to it once they are appended: nobody changes them in place afterwards.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = SteadyClock(clock)
        """Follows nothing: a jump of the wall clock makes nothing older, or younger."""
        self._lock = threading.Lock()
        self._by_source: dict[str, _SourceSamples] = {}
        self._version = 0

    def append(self, source: str, samples: Sequence[Samples], *, at: float, valid_seconds: float) -> None:
        """Replace all samples of this source: a series that is not among the samples is gone.

        Args:
            source: whose they are; one source's samples never touch another's.
            samples: everything that the source knows now.
            at: when it was true, in seconds since 1970.
            valid_seconds: for how long after ``at`` it may be shown when nothing newer arrives.

        """
        latest = _SourceSamples(tuple(samples), self._clock.without_jumps(at) + valid_seconds)
        with self._lock:
            self._by_source[source] = latest
            self._version += 1

    def forget(self, source: str) -> None:
        """Drop the samples of this source; nothing happens where it has none."""
        with self._lock:
            if self._by_source.pop(source, None) is not None:
                self._version += 1

    def current(self) -> tuple[Samples, ...]:
        """Return the samples that are valid now, in the order in which the sources first appended."""
        return tuple(each for _, samples in self.by_source() for each in samples)

    def by_source(self, names: Iterable[str] | None = None) -> tuple[tuple[str, tuple[Samples, ...]], ...]:
        """Return the samples that are valid now, by source: of all sources, or of these."""
        with self._lock:
            self._expire()
            if names is not None:
                return tuple((name, self._by_source[name].samples) for name in names if name in self._by_source)
            return tuple((source, latest.samples) for source, latest in self._by_source.items())

    def now(self) -> float:
        """Return the time by which validity goes: the wall clock, as if it had not been set since the start."""
        return self._clock.now()

    def valid_until(self) -> float:
        """Return when, by ``now()``, ``current()`` next changes by itself; infinity when it never does."""
        with self._lock:
            self._expire()
            return min((latest.until for latest in self._by_source.values()), default=math.inf)

    @property
    def version(self) -> int:
        """A number that differs whenever ``current()`` does, be it that a source appended or that its time ran out."""
        with self._lock:
            self._expire()
            return self._version

    def _expire(self) -> None:
        now = self._clock.now()
        expired = [source for source, latest in self._by_source.items() if latest.until <= now]
        for source in expired:
            del self._by_source[source]
        self._version += len(expired)
