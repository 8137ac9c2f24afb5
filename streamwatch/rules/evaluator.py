"""Decides: evaluates groups of rules when the data they read have arrived, and at their interval at the latest."""

import logging
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from streamwatch.core.clock import Clock, steady
from streamwatch.core.worker import Worker
from streamwatch.model.alert import Alert
from streamwatch.model.metric import Samples
from streamwatch.promql.evaluate import LOOKBACK_MS, Options
from streamwatch.rules import jump, persist
from streamwatch.rules.group import GroupState, RuleChange, RuleState
from streamwatch.rules.rule import RuleGroup, horizons, metrics
from streamwatch.rules.scope import TARGET, Scope
from streamwatch.samples.history import History
from streamwatch.state.marks import Marks
from streamwatch.state.statefile import StateFile

log = logging.getLogger(__name__)

_END_SECONDS: Final = 5.0
_HUNG_INTERVALS: Final = 3
_LOUD_SECONDS: Final = 1.0
_OWN_SECONDS: Final = 1.0
"""The agent's own metrics may be so old where only data that arrived are decided on."""
_SHARE: Final = 0.1
_LONGEST_GAP_SECONDS: Final = 2.0
"""Data that arrive within it are decided on together: evaluations that data ask for take a tenth of the time."""
_STOPPED_SECONDS: Final = 30.0
"""An evaluation that is so late was not delayed by others."""
_BLIND_SECONDS: Final = 15.0
_LOOK_SECONDS: Final = 0.2
_HELD_SECONDS: Final = 60.0
"""So long a source that is slow to be read after that resolves nothing."""
_EARLY_MS: Final = 1000
"""Data that lie further ahead than this were read before the wall clock was set back."""


class Planner(Protocol):
    """Writes down who is to be notified of what, in the transaction of the decision."""

    def __call__(self, connection: sqlite3.Connection, alerts: Collection[Alert], *, changed: bool) -> None:
        """Take the alerts that fire or have resolved of late, and whether one of them is another than before."""


@dataclass(frozen=True, slots=True)
class EvaluationCounts:
    """What happened to one group."""

    evaluations: int
    failures: int
    """Of rules."""
    missed: int
    seconds: float
    """How long the last evaluation took."""


@dataclass(slots=True)
class Arrived:
    """Data that have arrived since the last evaluation."""

    names: set[str] = field(default_factory=set)
    """Their metrics."""
    targets: set[str] = field(default_factory=set)
    """Whose they are; none where that is not known."""
    at_ms: int = 0
    """When the newest were true."""


class _Due:
    """A group, and when it must be evaluated."""

    def __init__(
        self, group: RuleGroup, clock: Clock, interval: float, external: Mapping[str, str], options: Options
    ) -> None:
        self.state = GroupState(group, clock, external, options)
        self.interval = group.interval_seconds or interval
        self.reads = {name for rule in group.rules for name in metrics(rule.expr)}
        self.records = {rule.name for rule in group.rules if not rule.alert}
        self.started: float | None = None
        """When the last evaluation started, by the monotonic clock."""
        self.whole_started: float | None = None
        """And the last of all targets."""
        self.evaluations = 0


class Evaluator:
    """Evaluates in a thread of its own, from ``start`` to ``stop``."""

    def __init__(  # noqa: PLR0913 - wired in one place
        self,
        history: History,
        clock: Clock,
        state: StateFile,
        *,
        refresh: Callable[[float], None],
        plan: Planner,
        decided: Callable[[Sequence[RuleChange]], None],
        is_warm: Callable[[], bool],
        forget_reads: Callable[[], None] = lambda: None,
        interval: float = 15.0,
        external: Mapping[str, str] | None = None,
        options: Options | None = None,
    ) -> None:
        """Begin without rules.

        Args:
            history: what rules read, and where results are written.
            clock: what time it is.
            state: where alerts are kept.
            refresh: brings into the history what no source appends: what ran out, and the agent's own metrics, where
                those that are there are older than so many seconds.
            plan: plans the notifications.
            decided: is called with the alerts that changed, if any, after everything was written.
            is_warm: says whether every source has been read once.
            forget_reads: makes it so that none has.
            interval: of groups that give none, in seconds.
            external: labels of the agent itself, for templates.
            options: how expressions are evaluated.

        """
        self._options = options or Options()
        self._history, self._clock, self._state = history, steady(clock), state
        history.follow(self._clock)
        self._marks = Marks("alerts", self._clock)
        self._refresh, self._plan, self._decided, self._is_warm = refresh, plan, decided, is_warm
        self._forget_reads = forget_reads
        self._interval, self._external = interval, dict(external or {})
        self._groups: list[_Due] = []
        self._evaluating = threading.Lock()
        self._lock = threading.Lock()
        self._arrived = Arrived()
        self._metrics: set[str] = set()
        """Those of which every series has the label of the target that appends it."""
        self._foreign: set[str] = set()
        """Those of which one had another."""
        self._last_at = 0
        self._rest_until = 0.0
        """Monotonic: until then data wait for others."""
        self._ended: float | None = None
        """Monotonic: when the last evaluation ended."""
        self._blind_until = 0.0
        """Monotonic: after the agent was stopped, nothing is decided until then, or until every source was read."""
        self._worker = Worker("rules", self._step, self._clock)
        self.left_at = state.read(self._marks.last)
        """Until when alerts were decided before a restart, in seconds since 1970, to a minute; None where never."""
        known = state.read(persist.load)
        self._known = jump.restored(known, state.read(self._marks.jump), self._clock.now())

    def take(self, groups: Iterable[RuleGroup]) -> None:
        """Take these groups instead of those before; rules that stay, by name and labels, keep their alerts."""
        with self._evaluating:
            now = self._clock.now()
            before = {rule.key: rule for due in self._groups for rule in due.state.rules}
            restored: list[RuleState] = []
            made = [_Due(group, self._clock, self._interval, self._external, self._options) for group in groups]
            for due in made:
                for rule in due.state.rules:
                    old = before.pop(rule.key, None)
                    if old is not None:
                        rule.active, rule.held_until, rule.unknown_until = old.active, old.held_until, old.unknown_until
                    elif rule.key in self._known:
                        rule.restore(self._known.pop(rule.key), now)
                        restored.append(rule)
            for gone in before:
                self._history.record(gone, (), round(now * 1000))
            # Who records what others read comes first.
            read = {name for due in made for name in due.reads}
            self._groups = sorted(made, key=lambda due: not due.records & read)
            keys = [rule.key for due in made for rule in due.state.rules]
            self._state.write(lambda connection: self._write_known(connection, keys, restored))
            self._known = {}
            self._history.need(_needs(due.state.group for due in made))
        self._worker.wake()

    def start(self) -> None:
        """Begin to evaluate."""
        self._worker.start()

    def stop(self, timeout_seconds: float = _END_SECONDS) -> None:
        """End, after the evaluation that is under way."""
        self._worker.stop(timeout_seconds)

    def appended(self, part: str, samples: Sequence[Samples], at_ms: int) -> None:
        """Note that samples of a target have arrived: who reads these metrics is evaluated at once."""
        with self._lock:
            self._arrived.targets.add(part)
            self._arrived.at_ms = max(self._arrived.at_ms, at_ms)
            for one in samples:
                self._arrived.names.add(one.metric.name)
                if len(one.keys):
                    (self._metrics if _is_of(one, part) else self._foreign).add(one.metric.name)
        self._worker.wake()

    def arrived(self) -> Arrived:
        """Return which data have arrived since this was asked before."""
        with self._lock:
            arrived, self._arrived = self._arrived, Arrived()
            return arrived

    def run(self, arrived: Arrived | None = None) -> list[RuleChange]:
        """Evaluate what is due: what reads one of these metrics, and what has waited for its interval.

        Args:
            arrived: which data have arrived.

        Returns:
            The alerts that changed.

        """
        new = arrived or Arrived()
        with self._lock:  # sources append meanwhile
            scope = Scope(frozenset(new.targets), frozenset(self._metrics - self._foreign)) if new.targets else None
        with self._evaluating:
            self._follow()
            now = self._clock.monotonic()
            due = [group for group in self._groups if group.reads & new.names or self._waits(group) <= 0]
            if not due:
                return []
            self._refreshed(0.0 if any(self._waits(one) <= 0 for one in due) else _OWN_SECONDS)
            self._last_at = at = self._moment(new.at_ms)
            changes: list[RuleChange] = []
            is_warm = self._is_warm()
            for one in due:
                if one.started is not None and now - one.started >= 2 * one.interval:
                    one.state.missed += int((now - one.started) / one.interval) - 1
                own = None if self._waits(one) <= 0 else scope
                one.started = now
                one.whole_started = now if own is None else one.whole_started
                one.evaluations += 1
                changes += one.state.evaluate(self._history, at, is_warm=is_warm, scope=own)
            self._state.write(lambda connection: self._write(connection, changes))
            self._ended = self._clock.monotonic()
        self._decided(changes)
        return changes

    def _refreshed(self, oldest_seconds: float) -> None:
        try:
            self._refresh(oldest_seconds)
        except Exception:
            log.exception("rules: the agent's own metrics could not be read: rules see those of before")

    def _follow(self) -> None:
        """Where the wall clock was set, move everything that holds its instants: what has passed stays as long."""
        by = self._clock.ahead()
        if not by:
            return
        level = logging.WARNING if abs(by) >= _LOUD_SECONDS else logging.DEBUG
        log.log(level, "the clock was set %s by %.3f s: all times follow", "forward" if by > 0 else "back", abs(by))
        self._last_at += round(by * 1000)
        self._clock.follow(by)
        some = jump.shift((rule for group in self._groups for rule in group.state.rules), by)

        def write(connection: sqlite3.Connection) -> None:
            persist.save(connection, some)
            self._marks.write(connection, at_once=True)

        self._state.write(write)

    def _catch_up(self) -> None:
        """Where nothing ran for long that was due: what has passed unseen does not count, and resolves nothing.

        Whoever was stopped (SIGSTOP, a machine that stood still) finds all sources out of date at once.
        """
        now = self._clock.monotonic()
        late = max((-self._waits(group) for group in self._groups), default=0.0)
        stood = 0.0 if self._ended is None else min(late, now - self._ended)
        if stood < _STOPPED_SECONDS:
            return
        log.warning(
            "rules: nothing ran for %.0f s, as if the agent had been stopped: this does not count towards `for`, and"
            " sources are read before anything is decided",
            stood,
        )
        self._ended, self._blind_until = now, now + _BLIND_SECONDS
        self._forget_reads()
        some = jump.paused((rule for group in self._groups for rule in group.state.rules), stood)
        self._state.write(lambda connection: persist.save(connection, some))

    def _is_blind(self) -> bool:
        """Say whether sources have still to be read since the agent was stopped; this takes no longer than it may."""
        if not self._blind_until:
            return False
        is_warm = self._is_warm()
        if not is_warm and self._clock.monotonic() < self._blind_until:
            return True
        self._blind_until = 0.0
        if not is_warm:
            for group in self._groups:
                for rule in group.state.rules:
                    rule.hold(self._clock.now() + _HELD_SECONDS)
        return False

    def _moment(self, at_ms: int) -> int:
        """Return the time of a decision: one for all, which never goes back: what one group records, the next can read.

        It is that of the data, or now where there are none.
        """
        now = round(self._clock.now() * 1000)
        return max(at_ms if 0 < at_ms <= now + _EARLY_MS else now, self._last_at + 1)

    def _write_known(
        self, connection: sqlite3.Connection, keys: Collection[str], restored: Iterable[RuleState]
    ) -> None:
        """Write which rules there are, and the alerts of before a restart as they were taken."""
        persist.forget(connection, keys)
        persist.save(connection, jump.shift(restored, 0.0))
        self._marks.write(connection, at_once=True)

    def _write(self, connection: sqlite3.Connection, changes: Sequence[RuleChange]) -> None:
        """Write what was decided, and who is to be notified: both, or nothing."""
        persist.save(connection, changes)
        self._marks.write(connection, at_once=bool(changes))
        alerts = [alert for group in self._groups for rule in group.state.rules for alert in rule.active.values()]
        self._plan(connection, alerts, changed=bool(changes))

    def counts(self) -> dict[str, EvaluationCounts]:
        """Return what happened to each group, by name; to those of one name in several files together."""
        found: dict[str, EvaluationCounts] = {}
        for group in self._groups:
            name, state = group.state.group.name, group.state
            before = found.get(name, EvaluationCounts(0, 0, 0, 0.0))
            found[name] = EvaluationCounts(
                before.evaluations + group.evaluations,
                before.failures + sum(rule.failures for rule in state.rules),
                before.missed + state.missed,
                before.seconds + state.seconds,
            )
        return found

    @property
    def is_well(self) -> bool:
        """Whether groups are evaluated: none has waited for three of its intervals."""
        now = self._clock.monotonic()
        return self._worker.is_alive and all(
            group.started is None or now - group.started < _HUNG_INTERVALS * group.interval for group in self._groups
        )

    def groups(self) -> list[GroupState]:
        """Return the groups, in the order in which they are evaluated."""
        return [group.state for group in self._groups]

    def _waits(self, due: _Due) -> float:
        """Return how long a group may still wait until all targets are decided on."""
        return 0.0 if due.whole_started is None else due.whole_started + due.interval - self._clock.monotonic()

    def _step(self) -> float:
        """Evaluate, where something is due; return how long nothing is."""
        with self._evaluating:
            self._catch_up()
            if self._is_blind():
                return _LOOK_SECONDS
        with self._lock:
            # Without rules too: the history follows the clock.
            wait = min((self._waits(group) for group in self._groups), default=self._interval)
            if self._arrived.names:
                wait = min(wait, self._rest_until - self._clock.monotonic())
        if wait > 0:
            return wait
        arrived = self.arrived()
        started = self._clock.monotonic()
        try:
            self.run(arrived)
        finally:
            ended = self._clock.monotonic()
            self._rest_until = ended + min((ended - started) * (1 / _SHARE - 1), _LONGEST_GAP_SECONDS)
        return 0.0


def _is_of(samples: Samples, target: str) -> bool:
    """Say whether these series have the label of their target; they all have the same, or none."""
    names, row = samples.keys.names, samples.keys.rows[0]
    return TARGET in names and row[names.index(TARGET)] == target


def _needs(groups: Iterable[RuleGroup]) -> dict[str, int]:
    found: dict[str, int] = {}
    for group in groups:
        for rule in group.rules:
            for name, back in horizons(rule.expr, LOOKBACK_MS).items():
                found[name] = max(found.get(name, 0), back + round(group.query_offset_seconds * 1000))
    return found
