"""Runs promtool's test files, without promtool and to the same verdict."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, cast

from streamwatch.core.clock import Clock
from streamwatch.core.errors import ConfigError, EvaluationError, QueryError, RuleError
from streamwatch.model.alert import Alert
from streamwatch.model.labels import Labels
from streamwatch.promql.evaluate import Options, evaluate
from streamwatch.promql.parse import duration_ms, parse
from streamwatch.promql.series import Vector
from streamwatch.rules import notation
from streamwatch.rules.config import matching
from streamwatch.rules.group import ALERTNAME, GroupState
from streamwatch.rules.load import MOST_BYTES, load, reader_of
from streamwatch.rules.rule import RuleGroup
from streamwatch.samples.history import History
from streamwatch.settings.document import empty
from streamwatch.settings.types import AnyText, setting

_FOREVER_MS: Final = 10**15
_FUZZ: Final = 1e-6


Milliseconds = Annotated[int, duration_ms]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedSample:
    """A sample of a result."""

    labels: Annotated[Labels, notation.labels] = setting("its name and labels", default=Labels())
    value: Annotated[float, float] = setting("its value", default=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpressionTest:
    """What an expression is to give."""

    expr: AnyText = setting("the expression", default="")
    eval_time: Milliseconds = setting("when it is evaluated", default=0)
    exp_samples: tuple[ExpectedSample, ...] = setting("what it gives", default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedAlert:
    """An alert that fires."""

    exp_labels: Mapping[AnyText, AnyText] = setting("its labels", default_factory=dict)
    exp_annotations: Mapping[AnyText, AnyText] = setting("its annotations", default_factory=dict)

    def shown(self, name: str) -> str:
        """Return it as alerts that fire are shown."""
        return f"{Labels({**self.exp_labels, ALERTNAME: name})} {dict(sorted(self.exp_annotations.items()))}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertTest:
    """Which alerts of one name are to fire."""

    alertname: AnyText = setting("the alert's name")
    eval_time: Milliseconds = setting("when it is looked at", default=0)
    exp_alerts: tuple[ExpectedAlert, ...] = setting("those that fire", default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSeries:
    """A series that rules read."""

    series: Annotated[Labels, notation.labels] = setting("its name and labels")
    values: Annotated[Sequence[float | None], notation.values] = setting("its values, as in `1+2x3`", default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleTest:
    """One test: series, and what is to be seen."""

    name: AnyText | None = setting("what the test is called", default=None)
    interval: Milliseconds | None = setting("between two values of a series", default=None)
    input_series: tuple[InputSeries, ...] = setting("what rules read", default=())
    alert_rule_test: tuple[AlertTest, ...] = setting("which alerts fire", default=())
    promql_expr_test: tuple[ExpressionTest, ...] = setting("what expressions give", default=())
    external_labels: Mapping[AnyText, AnyText] = setting("for `$externalLabels`", default_factory=dict)
    external_url: AnyText | None = setting("for `$externalURL`", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleTestFile:
    """A test file."""

    rule_files: tuple[AnyText, ...] = setting("the rules; `*` stands for any part of a name", default=())
    evaluation_interval: Milliseconds = setting("how often rules are evaluated", default=60_000)
    group_eval_order: tuple[AnyText, ...] = setting("groups that are evaluated first", default=())
    tests: tuple[RuleTest, ...] = setting("the tests", default=())
    fuzzy_compare: bool = setting("whether values may differ by a millionth", default=False)


@dataclass(frozen=True, slots=True)
class RuleTestResult:
    """What became of one test."""

    name: str
    failures: tuple[str, ...]
    """What was expected and what there was; none where it passed."""


def run(path: Path, clock: Clock) -> list[RuleTestResult]:
    """Run a test file.

    Raises:
        RuleError: it is none, or the rules that it names are wrong.

    """
    try:
        with path.open(encoding="utf-8") as opened:
            text = opened.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:  # not UTF-8, too, and what is no path
        why = getattr(error, "strerror", None) or error
        raise RuleError([f"{path}: cannot be read: {why}: give the path of a file of tests"]) from error
    file = read(text, str(path))
    files = [each for pattern in file.rule_files for each in matching(path.parent, pattern)]
    groups = _ordered(load(files), file.group_eval_order)
    return judge(file.tests, groups, file.evaluation_interval, clock, fuzzy=file.fuzzy_compare)


def read(text: str, where: str) -> RuleTestFile:
    """Read the text of a test file.

    Raises:
        RuleError: with every mistake in it.

    """
    reader = reader_of(where)
    try:
        root, *others = reader.compose(text) or [empty()]
        file = reader.convert(RuleTestFile, root, "")
    except ConfigError as error:
        raise RuleError(error.mistakes) from error
    for node in others:
        reader.wrong(node, "", "a second document, which nobody reads: remove it")
    if reader.mistakes:
        raise RuleError(reader.sorted_mistakes)
    return cast("RuleTestFile", file)


def judge(
    tests: Sequence[RuleTest], groups: Sequence[RuleGroup], interval_ms: int, clock: Clock, *, fuzzy: bool = False
) -> list[RuleTestResult]:
    """Run tests on groups of rules."""
    return [_Test(test, at, groups, interval_ms, clock, fuzzy=fuzzy).run() for at, test in enumerate(tests)]


def _ordered(groups: Sequence[RuleGroup], order: Sequence[str]) -> list[RuleGroup]:
    known = {group.name for group in groups}
    missing = [name for name in order if name not in known]
    if missing:
        raise RuleError([f"group_eval_order: there is no group {missing[0]!r}"])
    return sorted(groups, key=lambda group: order.index(group.name) if group.name in order else len(order))


class _Test:
    """One test: series, evaluations, and what is to be seen."""

    def __init__(  # noqa: PLR0913 - what it is made of
        self, test: RuleTest, at: int, groups: Iterable[RuleGroup], interval: int, clock: Clock, *, fuzzy: bool
    ) -> None:
        self._test, self._interval, self._fuzzy = test, interval, fuzzy
        self.name = test.name or f"test {at + 1}"
        self._options = Options(step_ms=interval)
        self._groups = [GroupState(group, clock, test.external_labels, self._options) for group in groups]
        self._history = History(keep_ms=_FOREVER_MS)
        self._failures: list[str] = []

    def run(self) -> RuleTestResult:
        self._load()
        alerts, expressions = self._test.alert_rule_test, self._test.promql_expr_test
        last = max((*(test.eval_time for test in alerts), *(test.eval_time for test in expressions)), default=0)
        for moment in range(0, last + 1, self._interval):
            for group in self._groups:
                group.evaluate(self._history, moment)
                self._failures += [
                    f"rule {rule.rule.name}, time {moment / 1000:g}s: {rule.error}"
                    for rule in group.rules
                    if rule.error
                ]
            for alert in alerts:
                if moment <= alert.eval_time < moment + self._interval:
                    self._alerts(alert)
        for expression in expressions:
            self._expression(expression)
        return RuleTestResult(self.name, tuple(self._failures))

    def _load(self) -> None:
        step = self._interval if self._test.interval is None else self._test.interval
        for number, series in enumerate(self._test.input_series):
            for at, value in enumerate(series.values):
                if value is not None:
                    self._history.record(f"input {number}", [(series.series, value)], at * step)

    def _alerts(self, test: AlertTest) -> None:
        expected = sorted(alert.shown(test.alertname) for alert in test.exp_alerts)
        firing = [
            alert
            for group in self._groups
            for rule in group.rules
            if rule.rule.alert and rule.rule.name == test.alertname
            for alert in rule.alerts
            if alert.state == "firing"
        ]
        actual = sorted(_shown(alert) for alert in firing)
        if expected != actual:
            self._differ(f"alertname: {test.alertname}, time: {test.eval_time / 1000:g}s", expected, actual)

    def _expression(self, test: ExpressionTest) -> None:
        expected = sorted((sample.labels, sample.value) for sample in test.exp_samples)
        about = f"expr: {test.expr}, time: {test.eval_time / 1000:g}s"
        try:
            value = evaluate(parse(test.expr), self._history, test.eval_time, self._options)
        except (QueryError, EvaluationError) as error:
            self._failures.append(f"{about}: err: {error}")
            return
        actual: Vector = (
            [(Labels(), value)] if isinstance(value, float) else sorted(value) if isinstance(value, list) else []
        )
        if len(expected) != len(actual) or not all(map(self._same, expected, actual)):
            self._differ(about, map(_written, expected), map(_written, actual))

    def _same(self, expected: tuple[Labels, float], actual: tuple[Labels, float]) -> bool:
        if expected[0] != actual[0]:
            return False
        if math.isnan(expected[1]) or math.isnan(actual[1]):
            return math.isnan(expected[1]) and math.isnan(actual[1])
        return math.isclose(expected[1], actual[1], rel_tol=_FUZZ) if self._fuzzy else expected[1] == actual[1]

    def _differ(self, about: str, expected: Iterable[object], actual: Iterable[object]) -> None:
        lines = [about, *(f"  exp: {element}" for element in expected), *(f"  got: {element}" for element in actual)]
        self._failures.append("\n".join(lines))


def _shown(alert: Alert) -> str:
    return f"{alert.labels} {dict(sorted(alert.annotations))}"


def _written(element: tuple[Labels, float]) -> str:
    return f"{element[0]} {element[1]!r}"
