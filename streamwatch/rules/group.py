"""A group of rules under evaluation: results recorded, alerts stepped, errors kept to the rule that made them."""

import logging
import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from streamwatch.core.clock import Clock
from streamwatch.core.errors import EvaluationError, QueryError
from streamwatch.model.alert import Alert
from streamwatch.model.labels import NAME, Labels
from streamwatch.promql.columns import Querier
from streamwatch.promql.evaluate import LOOKBACK_MS, Options, evaluate
from streamwatch.promql.nodes import Call
from streamwatch.promql.parse import parse
from streamwatch.promql.series import Element, Value, Vector, elements
from streamwatch.rules.rule import Rule, RuleGroup, horizons, metrics, nodes
from streamwatch.rules.scope import TARGET, Divisible, Reach, Scope, reach
from streamwatch.rules.state import Active, Change, Result, changes, step
from streamwatch.rules.template import Template, template

log = logging.getLogger(__name__)

ALERTNAME: Final = "alertname"
ALERTS: Final = "ALERTS"
ALERTS_FOR_STATE: Final = "ALERTS_FOR_STATE"
_UNKNOWN_SECONDS: Final = 900.0
_RULE_SECONDS: Final = 10.0
"""Longer than that no rule may take, its templates' queries included: those behind it have their time."""
_ABSENT: Final = frozenset({"absent", "absent_over_time"})


class SampleStorage(Divisible, Protocol):
    """Where samples are read, and results are written."""

    def names(self) -> frozenset[str]:
        """Return the metrics that something is known of."""

    def record(self, source: str, elements: Iterable[Element], at_ms: int) -> None:
        """Add what a rule returns at a time; what it returned before and does not return now has ended."""


@dataclass(slots=True)
class RuleState:
    """A rule, and what became of it."""

    rule: Rule
    key: str
    """Its identity among all rules, also when its expression is edited."""
    active: Active = field(default_factory=dict)
    held_until: float = -math.inf
    """Until then alerts of before a restart are kept as they are where their condition is not found."""
    unknown_until: float = -math.inf
    """And until then as long as a metric that the rule reads has no sample."""
    error: str = ""
    """Why the last evaluation failed; empty where it did not."""
    evaluated_at: float = 0.0
    seconds: float = 0.0
    failures: int = 0
    labels: tuple[tuple[str, Template], ...] = field(init=False)
    annotations: tuple[tuple[str, Template], ...] = field(init=False)
    _is_local: bool = False
    _known_of: Collection[str] = frozenset()
    """Which metrics were known to be of targets when that was found out."""

    def __post_init__(self) -> None:
        self.labels = tuple((name, template(text)) for name, text in self.rule.labels)
        self.annotations = tuple((name, template(text)) for name, text in self.rule.annotations)

    @property
    def needs_warmth(self) -> bool:
        """Whether it takes something that is not there for an answer."""
        return any(isinstance(node, Call) and node.name in _ABSENT for node in nodes(self.rule.expr))

    def is_local(self, scope: Scope) -> bool:
        """Say whether its alerts for some targets depend on these targets only."""
        if self._known_of != scope.metrics:
            self._known_of = scope.metrics
            is_ours = self.rule.alert and all(name != TARGET for name, _ in self.rule.labels)
            self._is_local = is_ours and reach(self.rule.expr, scope.metrics) is Reach.LOCAL
        return self._is_local

    @property
    def horizon_seconds(self) -> float:
        """How far back it looks."""
        return max(horizons(self.rule.expr, LOOKBACK_MS).values(), default=0) / 1000

    def restore(self, known: Active, at: float) -> None:
        """Take the alerts of before a restart; at first, what is not known cannot resolve them."""
        self.active = dict(known)
        if known:
            self.held_until = at + self.horizon_seconds
            self.unknown_until = at + _UNKNOWN_SECONDS

    def hold(self, until: float) -> None:
        """Resolve nothing before this time that is only not found."""
        self.held_until, self.unknown_until = max(self.held_until, until), max(self.unknown_until, until)

    def is_held(self, at: float, samples: SampleStorage) -> bool:
        """Say whether it is too early to tell that a condition does not hold any more."""
        if at >= self.unknown_until:
            return False
        return at < self.held_until or not metrics(self.rule.expr) <= samples.names()

    @property
    def alerts(self) -> list[Alert]:
        """Its alerts that are pending or firing."""
        return _shown(self.active)


@dataclass(frozen=True, slots=True)
class RuleChange:
    """What became of one alert of one rule."""

    rule: RuleState
    change: Change


class _Deadline:
    """When the rule that is evaluated has to be done.

    It does not refer to its group, so that the group is freed as soon as nobody uses it.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.at = math.inf

    def look(self) -> None:
        """Look whether it is over.

        Raises:
            EvaluationError: it is.

        """
        if self._clock.monotonic() > self.at:
            raise EvaluationError(f"the rule takes longer than {_RULE_SECONDS:g} s: make it simpler, or divide it")


class GroupState:
    """A group, and what became of its rules. ``evaluate`` is called by one thread at a time."""

    def __init__(
        self,
        group: RuleGroup,
        clock: Clock,
        external: Mapping[str, str] | None = None,
        options: Options | None = None,
    ) -> None:
        """Begin; no alert is known.

        Args:
            group: as its file gives it.
            clock: to measure how long rules take.
            external: labels of the agent itself, for templates.
            options: how expressions are evaluated.

        """
        self.group = group
        self._clock = clock
        self._external = dict(external or {})
        self._deadline = _Deadline(clock)
        self._options = replace(options or Options(), look=self._deadline.look)
        self.evaluated_at = 0.0
        self.seconds = 0.0
        self.missed = 0
        """Evaluations that were due while another took too long."""
        keys: dict[str, int] = {}
        self.rules: list[RuleState] = []
        for rule in group.rules:
            key = "\x1f".join((group.file.rpartition("/")[2], group.name, rule.name, repr(rule.labels)))
            keys[key] = keys.get(key, 0) + 1
            self.rules.append(RuleState(rule, f"{key}\x1f{keys[key]}"))

    def evaluate(
        self, samples: SampleStorage, at_ms: int, *, is_warm: bool = True, scope: Scope | None = None
    ) -> list[RuleChange]:
        """Evaluate the rules one after the other; what goes wrong with one is kept with it, and its alerts stay.

        Args:
            samples: where to read and write.
            at_ms: the time of the decision, in milliseconds since 1970.
            is_warm: whether every source has been read once, so that what is absent is absent.
            scope: the targets of which there is something new; alerts of others stay as they are where rules allow it.

        Returns:
            The alerts that changed.

        """
        started = self._clock.monotonic()
        found: list[RuleChange] = []
        for state in self.rules:
            rule_begun = self._clock.monotonic()
            self._deadline.at = rule_begun + _RULE_SECONDS
            if is_warm or not state.needs_warmth:
                found += self._rule(state, samples, at_ms, scope if self._divides(state, scope) else None)
                state.evaluated_at = at_ms / 1000
            state.seconds = self._clock.monotonic() - rule_begun
        self.evaluated_at, self.seconds = at_ms / 1000, self._clock.monotonic() - started
        return found

    def _divides(self, state: RuleState, scope: Scope | None) -> bool:
        return scope is not None and not self.group.limit and state.is_local(scope)

    def _rule(self, state: RuleState, samples: SampleStorage, at_ms: int, scope: Scope | None) -> list[RuleChange]:
        moment = at_ms - round(self.group.query_offset_seconds * 1000)
        state.error = ""
        try:
            querier: Querier = samples if scope is None else scope.within(samples)
            vector = _vector(evaluate(state.rule.expr, querier, moment, self._options))
            if state.rule.alert:
                return self._alerts(state, vector, samples, moment, scope)
            self._record(state.rule, state.key, vector, samples, moment)
        except EvaluationError as error:
            state.error, state.failures = str(error), state.failures + 1
        except Exception as error:  # whatever it is, it is this rule's: those behind it are decided at their time
            log.exception("rules: %s: the evaluation failed: please report this", state.rule.where)
            state.error, state.failures = f"{type(error).__name__}: {error}", state.failures + 1
        return []

    def _record(self, rule: Rule, key: str, vector: Vector, samples: SampleStorage, moment: int) -> None:
        if self.group.limit and len(vector) > self.group.limit:
            raise EvaluationError(self._exceeded(len(vector), "series"))
        fixed = {**dict(rule.labels), NAME: rule.name}
        named = [(labels.updated(fixed), value) for labels, value in vector]
        if len({labels for labels, _ in named}) < len(named):
            raise EvaluationError("vector contains metrics with the same labelset after applying rule labels")
        samples.record(key, named, moment)

    def _alerts(
        self, state: RuleState, vector: Vector, samples: SampleStorage, moment: int, scope: Scope | None
    ) -> list[RuleChange]:
        def query(text: str) -> Vector:
            try:
                return _vector(evaluate(parse(text), samples, moment, self._options))
            except QueryError as error:
                raise EvaluationError(str(error)) from error

        at = moment / 1000
        results = [self._result(state, labels, value, query) for labels, value in vector]
        others: Active = {} if scope is None else scope.others(state.active)
        before = {labels: alert for labels, alert in state.active.items() if labels not in others}
        stepped = step(state.rule, before, results, at, held=state.is_held(at, samples))
        after: Active = {**others, **stepped} if others else stepped
        count = sum(alert.state != "inactive" for alert in after.values())
        if self.group.limit and count > self.group.limit:  # as in Prometheus: all of them are dropped
            state.error, state.failures, after = self._exceeded(count, "alerts"), state.failures + 1, {}
        samples.record(state.key, _alert_series(_shown(after)), moment)
        # Last, so that what fails before has changed nothing.
        found, state.active = changes(state.active, after), after
        return [RuleChange(state, change) for change in found]

    def _result(self, state: RuleState, labels: Labels, value: float, query: Callable[[str], Vector]) -> Result:
        own = labels.without([NAME])
        rendered = {name: one.render(labels, value, query, self._external) for name, one in state.labels}
        annotations = tuple((name, one.render(labels, value, query, self._external)) for name, one in state.annotations)
        return Result(own.updated({**rendered, ALERTNAME: state.rule.name}), value, annotations)

    def _exceeded(self, count: int, what: str) -> str:
        return f"exceeded limit of {self.group.limit} with {count} {what}"


def _vector(value: Value) -> Vector:
    return elements(value, "a string is no result of a rule")


def _shown(active: Active) -> list[Alert]:
    return [alert for alert in active.values() if alert.state != "inactive"]


def _alert_series(alerts: Iterable[Alert]) -> list[Element]:
    found: list[Element] = []
    for alert in alerts:
        found.append((alert.labels.updated({NAME: ALERTS, "alertstate": alert.state}), 1.0))
        found.append((alert.labels.updated({NAME: ALERTS_FOR_STATE}), alert.active_at))
    return found
