"""The samples of every source, now and over time. Sources append; everybody else reads.

A part of the configuration has one source or several (a cluster's protocol, its exporters, CloudWatch). Which of
their samples count is chosen once for each change of that part, whatever the number of the other parts.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from streamwatch.core.clock import Clock
from streamwatch.model.metric import Metric, Samples
from streamwatch.samples.history import History
from streamwatch.samples.latest import LatestSamples
from streamwatch.samples.precedence import SourcePrecedence


@dataclass(frozen=True, slots=True, eq=False)
class PartSamples:
    """What is known now of a part of the configuration."""

    sources: frozenset[str] = frozenset()
    """Those of its sources whose last samples are still valid."""
    samples: tuple[Samples, ...] = ()
    """Of each series the samples of the first source, in the order of precedence, that knows it."""


@dataclass(frozen=True, slots=True)
class _Source:
    part: str
    kind: str


class Component(Protocol):
    """A part of the agent that has figures. It may be asked from any thread, and asks neither disk nor network."""

    def collect(self) -> list[Samples]:
        """Return what there is to say now."""


class HubListener(Protocol):
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
        self._latest = LatestSamples(clock)
        self._history = History()
        self._recording = threading.Lock()
        """Held while the history is appended to."""
        self._own_at: float | None = None
        """When the agent's own samples were, by the monotonic clock."""
        self._recorded: dict[str, frozenset[str]] = {}
        """The sources of each part when it was appended to the history."""
        self._listeners: tuple[HubListener, ...] = ()
        self._lock = threading.Lock()
        self._sources: dict[str, _Source] = {}
        self._precedence: dict[str, SourcePrecedence] = {}
        self._silent: set[str] = set()
        """Sources that have appended nothing yet."""
        self._chosen: dict[str, tuple[tuple[tuple[str, tuple[Samples, ...]], ...], PartSamples]] = {}
        """The samples of each part's sources when it was chosen from, and the choice."""

    def add(self, source: str, kind: str, part: str, precedence: SourcePrecedence) -> None:
        """Expect samples of a source.

        Args:
            source: its name.
            kind: as in ``Metric.precedence``.
            part: what it is a source of.
            precedence: chooses between the sources of that part.

        """
        with self._lock:
            self._sources[source] = _Source(part, kind)
            self._precedence[part] = precedence
            self._silent.add(source)

    def remove(self, source: str) -> None:
        """Forget a source, and its samples."""
        with self._lock:
            known = self._sources.pop(source, None)
            if known is not None and all(other.part != known.part for other in self._sources.values()):
                self._precedence.pop(known.part, None)
            self._silent.discard(source)
        self._latest.forget(source)

    def keep_in(self, history: History) -> None:
        """Append to this history from now on."""
        with self._recording:
            self._history, self._recorded, self._own_at = history, {}, None

    def subscribe(self, listener: HubListener, instead_of: HubListener | None = None) -> None:
        """Let a listener know of all that is appended, and another no more."""
        self._listeners = (*(each for each in self._listeners if each is not instead_of), listener)

    def append(self, source: str, samples: Sequence[Samples], *, at: float, valid_seconds: float) -> PartSamples | None:
        """Replace all samples of a source, append them to the history, and return what is known of its part now.

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
            self._latest.append(source, samples, at=at, valid_seconds=valid_seconds)
            names = [name for name, each in self._sources.items() if each.part == known.part]
            part = self._choose(known.part, self._latest.by_source(names))
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

    def refresh(self, oldest_seconds: float = 0.0) -> None:
        """Append to the history what no source appends: that another's time ran out, and the agent's own samples.

        Args:
            oldest_seconds: how old the agent's own samples there may be.

        """
        now, moment = self._clock.now(), self._clock.monotonic()
        with self._recording:
            for name, part in self.current().items():
                if name in self._recorded and self._recorded[name] != part.sources:
                    self._recorded[name] = part.sources
                    self._history.append(name, part.samples, now)
            if self._own_at is None or moment - self._own_at >= oldest_seconds:
                self._history.append("", self._own_samples(), now)
                self._own_at = moment

    def past(self, metric: Metric) -> Mapping[tuple[str, ...], list[tuple[float, float]]]:
        """Return what is kept of a metric, by its labels: times in seconds since 1970, ascending, and values."""
        return self._history.past(metric)

    def chosen(self) -> list[Samples]:
        """Return what is known now of all parts."""
        return [samples for part in self.current().values() for samples in part.samples]

    def all_samples(self) -> list[Samples]:
        """Return all samples that are true now, the agent's own among them."""
        return [*self.chosen(), *self._own_samples()]

    def current(self) -> Mapping[str, PartSamples]:
        """Return what is known now, by part, in the order in which parts were first known."""
        with self._lock:
            by_part: dict[str, list[tuple[str, tuple[Samples, ...]]]] = {}
            for source, samples in self._latest.by_source():
                known = self._sources.get(source)
                if known is not None:  # else it has just been removed
                    by_part.setdefault(known.part, []).append((source, samples))
            self._chosen = {part: choice for part, choice in self._chosen.items() if part in by_part}
            return {part: self._choose(part, by_source) for part, by_source in by_part.items()}

    def is_stale(self, until: float) -> bool:
        """Say whether something that ``current()`` gave has run out, where ``valid_until()`` was this before."""
        return self._latest.now() >= until

    def valid_until(self) -> float:
        """Return when ``current()`` next changes by itself; infinity when it never does."""
        return self._latest.valid_until()

    @property
    def is_warm(self) -> bool:
        """Whether every source has appended something once."""
        return not self._silent

    def forget_reads(self) -> None:
        """Take it that no source has appended anything yet."""
        with self._lock:
            self._silent = set(self._sources)

    def _own_samples(self) -> list[Samples]:
        return [] if self._own is None else self._own.collect()

    def _choose(self, part: str, by_source: Sequence[tuple[str, tuple[Samples, ...]]]) -> PartSamples:
        """Return which samples of the sources of a part count; the lock is held."""
        before = self._chosen.get(part)
        if before is not None and _same(before[0], by_source):
            return before[1]
        kinds = [(self._sources[source].kind, samples) for source, of_source in by_source for samples in of_source]
        chosen = tuple(samples for _, samples in self._precedence[part].choose(kinds))
        choice = PartSamples(frozenset(source for source, _ in by_source), chosen)
        self._chosen[part] = tuple(by_source), choice
        return choice


def _same(before: Sequence[tuple[str, tuple[Samples, ...]]], now: Sequence[tuple[str, tuple[Samples, ...]]]) -> bool:
    """Say whether these are the same sources, with the very same samples."""
    return len(before) == len(now) and all(a[0] == b[0] and a[1] is b[1] for a, b in zip(before, now, strict=True))
