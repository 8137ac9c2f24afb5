"""What every source says now. Sources append; everybody else reads. Nobody is called back.

A part of the configuration has one source or several (a cluster's protocol, its exporters, CloudWatch). What they say
of it together is chosen once for each change of that part, whatever the number of the other parts.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from streamwatch.core.clock import Clock
from streamwatch.model.metric import Samples
from streamwatch.samples.latest import Store
from streamwatch.samples.precedence import Trust


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """What is known now of a part of the configuration."""

    sources: frozenset[str] = frozenset()
    """Those of its sources whose last samples are still valid."""
    samples: tuple[Samples, ...] = ()
    """Of each series the samples of the most trusted source that knows it."""


@dataclass(frozen=True, slots=True)
class _Source:
    part: str
    kind: str


class Hub:
    """The samples of now, by part of the configuration. May be used from any thread."""

    def __init__(self, clock: Clock) -> None:
        self._store = Store(clock)
        self._lock = threading.Lock()
        self._sources: dict[str, _Source] = {}
        self._trust: dict[str, Trust] = {}
        self._silent: set[str] = set()
        """Sources that have appended nothing yet."""
        self._chosen: dict[str, tuple[tuple[tuple[str, tuple[Samples, ...]], ...], Part]] = {}
        """What each part's sources said when it was chosen from, and the choice."""

    def add(self, source: str, kind: str, part: str, trust: Trust) -> None:
        """Expect samples of a source.

        Args:
            source: its name.
            kind: as in ``Metric.precedence``.
            part: what it is a source of.
            trust: chooses between the sources of that part.

        """
        with self._lock:
            self._sources[source] = _Source(part, kind)
            self._trust[part] = trust
            self._silent.add(source)

    def remove(self, source: str) -> None:
        """Forget a source, and what it said."""
        with self._lock:
            self._sources.pop(source, None)
            self._silent.discard(source)
        self._store.forget(source)

    def append(self, source: str, samples: Sequence[Samples], *, at: float, valid_seconds: float) -> Part | None:
        """Replace all that a source said before; return what is known of its part now.

        Args:
            source: one that was added; None is returned for another, such as one that was removed a moment ago.
            samples: everything that the source knows now.
            at: when it was true, in seconds since 1970.
            valid_seconds: for how long after ``at`` it may be shown when nothing newer arrives.

        """
        with self._lock:
            known = self._sources.get(source)
            if known is None:
                return None
            self._silent.discard(source)
            self._store.append(source, samples, at=at, valid_seconds=valid_seconds)
            names = [name for name, one in self._sources.items() if one.part == known.part]
            return self._choose(known.part, self._store.said(names))

    def current(self) -> Mapping[str, Part]:
        """Return what is known now, by part, in the order in which parts were first known."""
        with self._lock:
            said: dict[str, list[tuple[str, tuple[Samples, ...]]]] = {}
            for source, samples in self._store.said():
                known = self._sources.get(source)
                if known is not None:  # else it has just been removed
                    said.setdefault(known.part, []).append((source, samples))
            self._chosen = {part: one for part, one in self._chosen.items() if part in said}
            return {part: self._choose(part, some) for part, some in said.items()}

    def is_stale(self, until: float) -> bool:
        """Say whether something that ``current()`` gave has run out, where ``valid_until()`` was this before."""
        return self._store.now() >= until

    def valid_until(self) -> float:
        """Return when ``current()`` next changes by itself; infinity when it never does."""
        return self._store.valid_until()

    @property
    def is_warm(self) -> bool:
        """Whether every source has appended something once."""
        return not self._silent

    def _choose(self, part: str, said: Sequence[tuple[str, tuple[Samples, ...]]]) -> Part:
        """Return what counts of what the sources of a part say; the lock is held."""
        before = self._chosen.get(part)
        if before is not None and _same(before[0], said):
            return before[1]
        kinds = [(self._sources[source].kind, one) for source, samples in said for one in samples]
        chosen = tuple(one for _, one in self._trust[part].choose(kinds))
        found = Part(frozenset(source for source, _ in said), chosen)
        self._chosen[part] = tuple(said), found
        return found


def _same(one: Sequence[tuple[str, tuple[Samples, ...]]], other: Sequence[tuple[str, tuple[Samples, ...]]]) -> bool:
    """Say whether these are the same sources, with the very same samples."""
    return len(one) == len(other) and all(a[0] == b[0] and a[1] is b[1] for a, b in zip(one, other, strict=True))
