"""Journal: what was last seen of each source, what the next read shows to have changed, and all of it on disk.

A change and what was seen with it are written in one transaction, so that each is there once, whenever the agent ends.
"""

import hashlib
import logging
import math
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from streamwatch.core.clock import Clock
from streamwatch.journal import kafka, own, readers, store, streams
from streamwatch.journal.config import Config
from streamwatch.journal.kinds import Difference, changes
from streamwatch.journal.question import Question
from streamwatch.journal.seen import POSITIONS, Part, Seen, packed
from streamwatch.model.journal_entry import JournalEntry
from streamwatch.model.kafka import ClusterSnapshot
from streamwatch.model.kinesis import StreamsSnapshot
from streamwatch.model.reader import ReadersSnapshot
from streamwatch.model.snapshot import Snapshot
from streamwatch.state.statefile import StateFile

log = logging.getLogger(__name__)

Stepped = tuple[Seen, list[Difference]]
"""What is known after a read, and what differs."""

OWN: Final = "streamwatch"
"""The source of what happens to the agent itself."""
_MARK_SECONDS: Final = 60.0
"""So often it is written when a source was last read, where nothing changes."""
_POSITIONS_SECONDS: Final = 300.0
"""Positions of groups always change: so often they are written."""


@dataclass(slots=True)
class _Source:
    """One source, and what of it is on disk."""

    seen: Seen
    at: float
    """When it was last read; 0 before."""
    scope: str
    written: Mapping[str, Part]
    written_at: float
    """When it was last written that it was read; minus infinity where that must be written with the next read."""
    positions_at: float
    is_left: bool = False
    """Whether it is watched no more, and its writing has begun."""


class Journal:
    """May be used from any thread; one read of a source at a time."""

    def __init__(self, config: Config, clock: Clock) -> None:
        """Begin, without a state file: nothing is compared before there is one."""
        self.config = config
        self._clock = clock
        self._lock = threading.RLock()
        """Who uses the state file holds it: one that is closed is not written to."""
        self._state: StateFile | None = None
        self._sources: dict[str, _Source] = {}
        self._failed: dict[str, str] = {}

    def take(self, state: StateFile) -> None:
        """Write to this state file from now on: all that is known, since nothing of it is there."""
        with self._lock:
            self._state = state
            for source in self._sources.values():
                source.written, source.written_at = {}, -math.inf

    def look(self, name: str, scope: str, slow_seconds: float, snapshot: Snapshot) -> None:
        """Compare a read with what is known of its source, and write down what changed; raises nothing.

        Args:
            name: the source's.
            scope: what it is configured to look at.
            slow_seconds: how old in it may be what is asked for less often.
            snapshot: what was read.

        """
        try:
            with self._lock:
                self._look(name, hashlib.sha256(scope.encode()).hexdigest(), slow_seconds, snapshot)
            self._failed.pop(name, None)
        except Exception as error:  # a bug here must not cost the read
            if self._failed.get(name) != str(error):
                log.exception("journal: a read cannot be compared: the next one is; please report this: %s", name)
            self._failed[name] = str(error)

    def start(self, version: str, configuration: own.Sections) -> None:
        """Write down that the agent starts, and what its configuration has that the last one had not."""

        def step(seen: Seen, since: float) -> Stepped:
            started = own.started(version, self._clock.now() - since if since else None)
            after, differences = own.step_configuration(seen, configuration, version, self._clock.now())
            return after, [started, *differences]

        self._own(step)

    def take_configuration(self, version: str, configuration: own.Sections) -> None:
        """Write down what is otherwise in a configuration that holds from now on."""
        self._own(lambda seen, _: own.step_configuration(seen, configuration, version, self._clock.now()))

    def look_at_silences(self, silences: Iterable[own.SilenceRow]) -> None:
        """Write down which silences people made, changed and ended."""
        rows = tuple(silences)
        self._own(lambda seen, _: own.step_silences(seen, rows, self._clock.now()))

    def maintain(self) -> None:
        """Forget what is too old. Called now and then."""
        most, before = self.config.max_changes, self._clock.now() - self.config.max_age
        with self._lock:
            if self._state is None:
                return
            self._state.write_later(lambda connection: store.prune(connection, most, before))
            for source in self._sources.values():
                if source.written_at < before:  # what was written of it is gone
                    source.written = {}

    def forget_others(self, watched: Collection[str]) -> None:
        """Forget the sources that are not among these: what was seen of them is in the state file, should they return.

        Called now and then: what has to be written first is written, and forgotten the next time.
        """
        with self._lock:
            if self._state is None:
                return
            for name in self._sources.keys() - {OWN, *watched}:
                source = self._sources[name]
                if source.is_left or not source.at:
                    del self._sources[name]
                    self._failed.pop(name, None)
                    continue
                source.is_left, source.positions_at, source.written_at = True, -math.inf, -math.inf
                self._write(name, source, source.seen, [], at=source.at)

    def close(self) -> None:
        """Write all that was seen, so that the next start compares with it; then leave the state file alone."""
        with self._lock:
            for name, source in self._sources.items():
                if source.at:
                    self._write(name, source, source.seen, [], at=self._last_at(name, source), is_all=True)
            self._state = None

    def changes(self, question: Question) -> list[JournalEntry]:
        """Return changes, the newest first; none while there is no state file."""
        state = self._state
        return [] if state is None else state.read(lambda connection: store.select(connection, question))

    def _last_at(self, name: str, source: _Source) -> float:
        """Return until when nothing can have changed unseen."""
        return self._clock.now() if name == OWN else source.at

    def _own(self, step: Callable[[Seen, float], Stepped]) -> None:
        with self._lock:
            if self._state is None:
                return
            now, source = self._clock.now(), self._source(self._state, OWN, "")
            seen, differences = step(source.seen, source.at)
            self._write(OWN, source, seen, changes(differences, OWN, now, source.at or now), at=now)

    def _look(self, name: str, scope: str, slow_seconds: float, snapshot: Snapshot) -> None:
        if self._state is None:
            return
        source, at = self._source(self._state, name, scope), snapshot.taken_at
        source.is_left = False
        is_scope_new = source.scope != scope
        seen, differences = _step(source.seen, snapshot, is_scope_new=is_scope_new)
        if seen is source.seen:
            return
        if is_scope_new and _is_whole(snapshot):
            source.scope, source.written_at = scope, -math.inf
        found = changes(differences, name, at, source.at or at, slow_seconds)
        self._write(name, source, seen, found, at=at)

    def _source(self, state: StateFile, name: str, scope: str) -> _Source:
        """Return what is known of a source, of the state file where this agent has not read it yet."""
        if name not in self._sources:
            known = state.read(lambda connection: store.seen_at(connection, name))
            seen = Seen() if known is None else state.read(lambda connection: store.read_seen(connection, name))
            was, at = (scope, 0.0) if known is None else known
            self._sources[name] = _Source(seen, at, was, seen.parts, at, at)
        return self._sources[name]

    def _write(  # noqa: PLR0913 - what was known, and what is now
        self, name: str, source: _Source, seen: Seen, found: list[JournalEntry], *, at: float, is_all: bool = False
    ) -> None:
        """Write what is new in one transaction, which no read waits for. Positions are written now and then."""
        if self._state is None:
            return
        new = {part: value for part, value in seen.parts.items() if source.written.get(part) is not value}
        is_due = bool(found) or is_all or abs(at - source.positions_at) >= _POSITIONS_SECONDS
        if not is_due and POSITIONS in source.written:
            new.pop(POSITIONS, None)
        if found or new or is_all or abs(at - source.written_at) >= _MARK_SECONDS:
            join, scope, bodies = self.config.join, source.scope, {part: packed(value) for part, value in new.items()}

            def work(connection: sqlite3.Connection) -> None:
                try:
                    store.add(connection, found, join)
                    store.write_seen(connection, name, scope, at, bodies)
                except Exception:
                    log.exception("journal: changes of %s cannot be written: please report this", name)
                    raise

            (self._state.write if is_all else self._state.write_later)(work)
            source.written, source.written_at = {**source.written, **new}, at
            source.positions_at = at if POSITIONS in new else source.positions_at
        source.seen, source.at = seen, at


def _is_whole(snapshot: Snapshot) -> bool:
    """Say whether a read shows all that the configuration looks at: only then it is known what that is."""
    if isinstance(snapshot, ClusterSnapshot):
        return kafka.shows_all_groups(snapshot)
    return not snapshot.problems


def _step(seen: Seen, snapshot: Snapshot, *, is_scope_new: bool) -> tuple[Seen, list[Difference]]:
    """Return what is known after a read, and what differs; the same object where nothing was read."""
    match snapshot:
        case ClusterSnapshot():
            return kafka.step(seen, snapshot, is_scope_new=is_scope_new)
        case StreamsSnapshot():
            return streams.step_streams(seen, snapshot, is_scope_new=is_scope_new)
        case ReadersSnapshot():
            return readers.step_readers(seen, snapshot, is_scope_new=is_scope_new)
        case _:
            return seen, []
