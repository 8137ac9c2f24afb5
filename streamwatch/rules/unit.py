"""Runs promtool's test files, without promtool and to the same verdict."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from streamwatch.core.clock import Clock
from streamwatch.core.errors import EvaluationError, QueryError, RuleError
from streamwatch.model.alert import Alert
from streamwatch.model.labels import Labels
from streamwatch.promql.evaluate import Options, evaluate
from streamwatch.promql.parse import duration_ms, parse
from streamwatch.promql.series import Vector
from streamwatch.rules import notation
from streamwatch.rules.config import matching
from streamwatch.rules.group import ALERTNAME, GroupState
from streamwatch.rules.load import MOST_BYTES, load
from streamwatch.rules.rule import Group
from streamwatch.samples.history import History

_FIELDS: Final[Mapping[str, frozenset[str]]] = {
    "file": frozenset({"rule_files", "evaluation_interval", "group_eval_order", "tests", "fuzzy_compare"}),
    "test": frozenset(
        {"name", "interval", "input_series", "alert_rule_test", "promql_expr_test", "external_labels", "external_url"}
    ),
    "series": frozenset({"series", "values"}),
    "alert": frozenset({"eval_time", "alertname", "exp_alerts"}),
    "expression": frozenset({"expr", "eval_time", "exp_samples"}),
}
_FOREVER_MS: Final = 10**15
_FUZZ: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one test."""

    name: str
    failures: tuple[str, ...]
    """What was expected and what there was; none where it passed."""


def run(path: Path, clock: Clock) -> list[Verdict]:
    """Run a test file.

    Raises:
        RuleError: it is none, or the rules that it names are wrong.

    """
    told = _mapping(_read(path), "file")
    patterns = [str(one) for one in _list(told.get("rule_files"))]
    files = [file for one in patterns for file in matching(path.parent, one)]
    groups = _ordered(load(files), [str(one) for one in _list(told.get("group_eval_order"))])
    interval = duration_ms(str(told.get("evaluation_interval", "1m")))
    return judge(_list(told.get("tests")), groups, interval, clock, fuzzy=bool(told.get("fuzzy_compare")))


def judge(
    tests: Sequence[Any], groups: Sequence[Group], interval_ms: int, clock: Clock, *, fuzzy: bool = False
) -> list[Verdict]:
    """Run tests, as their file gives them, on groups of rules.

    Raises:
        RuleError: a test is none.

    """
    return [
        _Test(_mapping(one, "test"), at, groups, interval_ms, clock, fuzzy=fuzzy).run() for at, one in enumerate(tests)
    ]


def _read(path: Path) -> Any:  # noqa: ANN401 - YAML
    try:
        text = path.read_text(encoding="utf-8")
        if len(text) > MOST_BYTES:
            raise RuleError([f"{path}: larger than {MOST_BYTES} bytes: is this the right file?"])
        return yaml.safe_load(text)
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:  # no date that there is, too
        raise RuleError([f"{path}: cannot be read: {' '.join(str(error).split())}"]) from error


def _mapping(told: Any, kind: str) -> dict[str, Any]:  # noqa: ANN401 - YAML
    if not isinstance(told, dict):
        raise RuleError([f"names with values are wanted for a {kind}: {told!r}"])
    unknown = told.keys() - _FIELDS[kind]
    if unknown:
        known = ", ".join(sorted(_FIELDS[kind]))
        raise RuleError([f"unknown field {min(map(str, unknown))!r} of a {kind}: there are {known}"])
    return told


def _timed(told: Any, kind: str) -> tuple[int, dict[str, Any]]:  # noqa: ANN401 - YAML
    """Return when something is looked at, and what."""
    test = _mapping(told, kind)
    return duration_ms(str(test.get("eval_time", "0s"))), test


def _list(told: Any) -> list[Any]:  # noqa: ANN401 - YAML
    if told is None:
        return []
    if not isinstance(told, list):
        raise RuleError([f"a list is wanted: {told!r}"])
    return told


def _ordered(groups: Sequence[Group], order: Sequence[str]) -> list[Group]:
    known = {group.name for group in groups}
    missing = [name for name in order if name not in known]
    if missing:
        raise RuleError([f"group_eval_order: there is no group {missing[0]!r}"])
    return sorted(groups, key=lambda group: order.index(group.name) if group.name in order else len(order))


class _Test:
    """One test: series, evaluations, and what is to be seen."""

    def __init__(  # noqa: PLR0913 - what it is made of
        self, told: dict[str, Any], at: int, groups: Iterable[Group], interval: int, clock: Clock, *, fuzzy: bool
    ) -> None:
        self._told, self._interval, self._fuzzy = told, interval, fuzzy
        self.name = str(told.get("name") or f"test {at + 1}")
        external = {str(name): str(value) for name, value in (told.get("external_labels") or {}).items()}
        self._options = Options(step_ms=interval)
        self._groups = [GroupState(group, clock, external, self._options) for group in groups]
        self._history = History(keep_ms=_FOREVER_MS)
        self._failures: list[str] = []

    def run(self) -> Verdict:
        self._load()
        alerts = [_timed(one, "alert") for one in _list(self._told.get("alert_rule_test"))]
        expressions = [_timed(one, "expression") for one in _list(self._told.get("promql_expr_test"))]
        last = max((at for at, _ in (*alerts, *expressions)), default=0)
        for moment in range(0, last + 1, self._interval):
            for group in self._groups:
                group.evaluate(self._history, moment)
                self._failures += [
                    f"rule {rule.rule.name}, time {moment / 1000:g}s: {rule.error}"
                    for rule in group.rules
                    if rule.error
                ]
            for at, test in alerts:
                if moment <= at < moment + self._interval:
                    self._alerts(test, at)
        for at, test in expressions:
            self._expression(test, at)
        return Verdict(self.name, tuple(self._failures))

    def _load(self) -> None:
        step = duration_ms(str(self._told["interval"])) if "interval" in self._told else self._interval
        for number, one in enumerate(_list(self._told.get("input_series"))):
            series = _mapping(one, "series")
            labels = notation.labels(str(series.get("series", "")))
            for at, value in enumerate(notation.values(str(series.get("values", "")))):
                if value is not None:
                    self._history.record(f"input {number}", [(labels, value)], at * step)

    def _alerts(self, test: dict[str, Any], at: int) -> None:
        name = str(test.get("alertname", ""))
        if not name:
            raise RuleError([f"{self.name}: an alert_rule_test without `alertname`"])
        wanted = sorted(_wanted(one, name) for one in _list(test.get("exp_alerts")))
        firing = [
            alert
            for group in self._groups
            for rule in group.rules
            if rule.rule.alert and rule.rule.name == name
            for alert in rule.alerts
            if alert.state == "firing"
        ]
        found = sorted(_shown(alert) for alert in firing)
        if wanted != found:
            self._differ(f"alertname: {name}, time: {at / 1000:g}s", wanted, found)

    def _expression(self, test: dict[str, Any], at: int) -> None:
        text = str(test.get("expr", ""))
        wanted = sorted(
            (notation.labels(str(one["labels"])) if one.get("labels") else Labels(), float(one.get("value", 0)))
            for one in _list(test.get("exp_samples"))
        )
        about = f"expr: {text}, time: {at / 1000:g}s"
        try:
            value = evaluate(parse(text), self._history, at, self._options)
        except (QueryError, EvaluationError) as error:
            self._failures.append(f"{about}: err: {error}")
            return
        found: Vector = (
            [(Labels(), value)] if isinstance(value, float) else sorted(value) if isinstance(value, list) else []
        )
        if len(wanted) != len(found) or not all(map(self._same, wanted, found)):
            self._differ(about, map(_written, wanted), map(_written, found))

    def _same(self, one: tuple[Labels, float], other: tuple[Labels, float]) -> bool:
        if one[0] != other[0]:
            return False
        if math.isnan(one[1]) or math.isnan(other[1]):
            return math.isnan(one[1]) and math.isnan(other[1])
        return math.isclose(one[1], other[1], rel_tol=_FUZZ) if self._fuzzy else one[1] == other[1]

    def _differ(self, about: str, wanted: Iterable[object], found: Iterable[object]) -> None:
        lines = [about, *(f"  exp: {one}" for one in wanted), *(f"  got: {one}" for one in found)]
        self._failures.append("\n".join(lines))


def _wanted(told: Any, name: str) -> str:  # noqa: ANN401 - YAML
    if not isinstance(told, dict) or told.keys() - {"exp_labels", "exp_annotations"}:
        raise RuleError([f"exp_alerts: {told!r}: there are exp_labels and exp_annotations"])
    labels = {str(own): str(value) for own, value in (told.get("exp_labels") or {}).items()}
    annotations = {str(own): str(value) for own, value in (told.get("exp_annotations") or {}).items()}
    return f"{Labels({**labels, ALERTNAME: name})} {dict(sorted(annotations.items()))}"


def _shown(alert: Alert) -> str:
    return f"{alert.labels} {dict(sorted(alert.annotations))}"


def _written(element: tuple[Labels, float]) -> str:
    return f"{element[0]} {element[1]!r}"
