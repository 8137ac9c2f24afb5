"""What every source says, now and over time. Sources append; everybody else reads.

A part of the configuration has one source or several (a cluster's protocol, its exporters, CloudWatch). What they say
of it together is chosen once for each change of that part, whatever the number of the other parts.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from streamwatch.core.clock import Clock
from streamwatch.model.metric import Samples
from streamwatch.samples.history import History
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


class Component(Protocol):
    """A part of the agent that has figures. It may be asked from any thread, and asks neither disk nor network."""

    def collect(self) -> list[Samples]:
        """Return what there is to say now."""


class Listener(Protocol):
    """Who needs to know at once that there is something new."""

    def appended(self, part: str, samples: Sequence[Samples], at_ms: int) -> None:
        """Note that these samples are what is known of a part now; in milliseconds, when they were true."""


class Hub:
    """The samples of all sources, by part of the configuration. May be used from any thread."""

    def __init__(self, clock: Clock, own: Component | None = None) -> None:
        """Begin without sources, and with a history that nobody reads.

        Args:
            clock: what time it is.
            own: has the agent's own samples; none by default.

        """
        self._clock, self._own = clock, own
        self._store = Store(clock)
        self._history = History()
        self._recording = threading.Lock()
        """Held while the history is appended to."""
        self._recorded: dict[str, frozenset[str]] = {}
        """The sources of each part when it was appended to the history."""
        self._listeners: tuple[Listener, ...] = ()
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
            known = self._sources.pop(source, None)
            if known is not None and all(one.part != known.part for one in self._sources.values()):
                self._trust.pop(known.part, None)
            self._silent.discard(source)
        self._store.forget(source)

    def keep_in(self, history: History) -> None:
        """Append to this history from now on."""
        with self._recording:
            self._history, self._recorded = history, {}

    def subscribe(self, listener: Listener, instead_of: Listener | None = None) -> None:
        """Tell somebody of all that is appended, one who was told so far no more."""
        self._listeners = (*(one for one in self._listeners if one is not instead_of), listener)

    def append(self, source: str, samples: Sequence[Samples], *, at: float, valid_seconds: float) -> Part | None:
        """Replace all that a source said before, append it to the history, and return what is known of its part now.

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
            part = self._choose(known.part, self._store.said(names))
        with self._recording:
            self._recorded[known.part] = part.sources
            at_ms = self._history.append(known.part, part.samples, at)
        for listener in self._listeners:
            listener.appended(known.part, part.samples, at_ms)
        return part

    def end(self, part: str) -> None:
        """Note that a part of the configuration is no more."""
        with self._recording:
            self._recorded.pop(part, None)
            self._history.end(part, self._clock.now())

    def refresh(self) -> None:
        """Append to the history what no source appends: that another's time ran out, and the agent's own samples."""
        now = self._clock.now()
        with self._recording:
            for name, part in self.current().items():
                if name in self._recorded and self._recorded[name] != part.sources:
                    self._recorded[name] = part.sources
                    self._history.append(name, part.samples, now)
            self._history.append("", self._own_samples(), now)

    def chosen(self) -> list[Samples]:
        """Return what is known now of all parts."""
        return [one for part in self.current().values() for one in part.samples]

    def everything(self) -> list[Samples]:
        """Return all samples that are true now, the agent's own among them."""
        return [*self.chosen(), *self._own_samples()]

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

    def _own_samples(self) -> list[Samples]:
        return [] if self._own is None else self._own.collect()

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
