"""The shipped alerts: every one documented, its metrics known, and its tests strict enough to notice a change."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import yaml

from streamwatch.catalogue import METRICS
from streamwatch.core.clock import ManualClock
from streamwatch.model.labels import Labels
from streamwatch.notify.inhibit import shipped
from streamwatch.notify.matchers import fulfil, matchers
from streamwatch.promql.nodes import (
    Aggregation,
    Binary,
    Call,
    Expr,
    Negation,
    Number,
    RangeSelector,
    Selector,
    Subquery,
)
from streamwatch.promql.parse import duration_ms
from streamwatch.rules.config import pack_folder, runbooks_folder
from streamwatch.rules.group import ALERTNAME
from streamwatch.rules.lint import lint
from streamwatch.rules.load import load
from streamwatch.rules.rule import Rule, RuleGroup
from streamwatch.rules.template import Template
from streamwatch.rules.unit import RuleTest, judge, read

FILES = sorted(pack_folder().glob("*.yml"))
GROUPS = load(FILES)
ALERTS = [rule for group in GROUPS for rule in group.rules if rule.alert]
TESTS = "\n".join(path.read_text(encoding="utf-8") for path in sorted((pack_folder() / "tests").glob("*.yml")))


def test_nothing_in_it_is_doubtful() -> None:
    assert lint(GROUPS, METRICS) == []


def test_names_are_given_once() -> None:
    names = [rule.name for rule in ALERTS]
    assert len(set(names)) == len(names) > 70


RANKS = ("none", "info", "warning", "critical")


def test_an_alert_inhibits_none_that_is_more_severe() -> None:
    ranks = {rule.name: RANKS.index(dict(rule.labels)["severity"]) for rule in ALERTS}

    def named(conditions: tuple[str, ...]) -> list[str]:
        chosen = matchers(conditions)
        return [name for name in ranks if fulfil(chosen, {ALERTNAME: name})]

    pairs = [
        (cause, effect)
        for rule in shipped(pack_folder())
        for cause in named(rule.source_matchers)
        for effect in named(rule.target_matchers)
    ]
    assert len(pairs) > 50
    assert [(cause, effect) for cause, effect in pairs if ranks[cause] < ranks[effect]] == []


LASTS = re.compile(r"\*\*[a-z]+\*\*, (?:for (\w+)|at once)(?:, and (\w+) longer than it lasts)?")
"""How a runbook says for how long a rule's condition lasts before it fires, and how much longer it fires."""


def test_who_writes_a_stream_inhibits_no_alert_of_who_reads_it() -> None:
    of_readers = [rule.name for rule in ALERTS if re.search(r"\breader_", rule.text)]
    assert {"KinesisReaderDown", "KinesisApplicationLate", "ReaderStuck"} <= {*of_readers}
    pairs = [
        (cause, rule.target_matchers)
        for rule in shipped(pack_folder())
        if "reader" not in rule.equal
        for cause in of_readers
        if fulfil(matchers(rule.source_matchers), {ALERTNAME: cause, "kind": "dms"})
    ]
    assert pairs == []


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule.name)
def test_every_alert_says_what_to_do_and_is_tested(rule: Rule) -> None:
    annotations, labels = dict(rule.annotations), dict(rule.labels)
    assert labels["severity"] in {"critical", "warning", "info", "none"}
    assert set(annotations) == {"summary", "description", "runbook_url"}
    assert annotations["runbook_url"] == f"/runbooks/{rule.name}"
    runbook = (runbooks_folder() / f"{rule.name}.md").read_text(encoding="utf-8")
    assert runbook.startswith(f"# {rule.name}\n\n**{labels['severity']}**, ")
    for heading in ("## The rule", "## How to see it", "## What to do", "## How to silence it"):
        assert heading in runbook
    assert rule.text.strip() in runbook, "the runbook shows another rule"
    lasts = LASTS.match(runbook.splitlines()[2])
    assert lasts is not None
    times = tuple(duration_ms(one or "0s") / 1000 for one in lasts.groups())
    assert times == (rule.for_seconds, rule.keep_firing_seconds), "the runbook says another time"
    assert len(re.findall(rf"alertname: {rule.name}\n", TESTS)) >= (1 if rule.name == "StreamWatchWatchdog" else 4)


THOUSANDS = frozenset({"KafkaGroupDrainLong", "MskReplicatorLate"})
"""Their rules want more than a thousand."""
CHANGING = re.compile(r"\b(rate|increase)\(")


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule.name)
def test_its_text_says_a_value_in_plain_figures(rule: Rule) -> None:
    small, large = text_of(rule, 0.0111666), text_of(rule, 12_345_678.9)
    assert rule.name in THOUSANDS or not re.search(r"11\.17m\b", small)
    assert CHANGING.search(rule.text) is None or "0.0111666" not in small
    assert not re.search(r"e\+\d+ (records|samples|messages|reads|packets|notifications)", large)


def text_of(rule: Rule, value: float) -> str:
    return " ".join(Template(text).render(Labels({}), value, lambda _: []) for _, text in rule.annotations)


WORDS = frozenset({"reason", "result", "trace", "state"})
"""Labels that change while what they are of stays the same: a service's words, or a state."""


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule.name)
def test_no_label_of_it_changes_while_it_lasts(rule: Rule) -> None:
    """Each change would be another alert: its `for` begins anew, or somebody is paged again."""
    assert labels_of(rule.expr) & WORDS == set()


def labels_of(expr: Expr) -> frozenset[str]:  # noqa: PLR0911 - a line for each kind of node
    """Return the labels of an expression's series that are not the same for all of them."""
    match expr:
        case Selector(matchers=matchers):
            one_value = {one.name: one.value for one in matchers if one.op == "="}
            own = next((one.labels for one in METRICS if one.name == one_value.get("__name__")), ())
            return frozenset(own) - one_value.keys()
        case RangeSelector(selector=inner) | Negation(inner=inner) | Subquery(inner=inner):
            return labels_of(inner)
        case Aggregation(op="topk" | "bottomk", inner=inner):
            return labels_of(inner)
        case Aggregation(inner=inner, labels=labels, without=without):
            return labels_of(inner) - set(labels) if without else labels_of(inner) & set(labels)
        case Call(name="absent" | "absent_over_time" | "vector"):
            return frozenset()
        case Call(args=args):
            return frozenset().union(*map(labels_of, args))
        case Binary(op="or", left=left, right=right):
            return labels_of(left) | labels_of(right)
        case Binary(left=left, right=right, matching=matching):
            if isinstance(left, Number):
                return labels_of(right)
            return labels_of(right if matching.many == "right" else left) | set(matching.include)
    return frozenset()


def test_every_runbook_is_of_an_alert() -> None:
    named = {rule.name for rule in ALERTS}
    assert {path.stem for path in runbooks_folder().glob("*.md")} == named


def test_every_parameter_that_a_rule_reads_is_recorded_and_read() -> None:
    recorded = {rule.name for group in GROUPS for rule in group.rules if not rule.alert}
    text = " ".join(rule.text for rule in ALERTS)
    read = set(re.findall(r"streamwatch:[a-z_]+:[a-z]+", text))
    assert read == recorded
    count = next(int(found) for found in re.findall(r"streamwatch:parameters:count < (\d+)", text))
    assert count == len(recorded) - 1


TURNED = {">": "<=", "<": ">=", "==": "!=", "!=": "==", ">=": "<", "<=": ">", "and": "unless", "unless": "and"}


def mutants(expr: Expr) -> Iterator[Expr]:
    """Yield the expression with one comparison turned round, or one metric's name replaced."""
    match expr:
        case Binary(op=op, left=left, right=right):
            turned = {
                ">": "<=",
                "<": ">=",
                "==": "!=",
                "!=": "==",
                ">=": "<",
                "<=": ">",
                "and": "unless",
                "unless": "and",
            }
            if op in turned:
                yield replace(expr, op=turned[op])
            yield from (replace(expr, left=one) for one in mutants(left))
            yield from (replace(expr, right=one) for one in mutants(right))
        case Selector(matchers=matchers):
            first, *others = matchers
            yield replace(expr, matchers=(replace(first, value="no_such_metric"), *others))
        case RangeSelector(selector=selector):
            yield from (replace(expr, selector=one) for one in mutants(selector) if isinstance(one, Selector))
        case Aggregation(inner=inner) | Negation(inner=inner) | Subquery(inner=inner):
            yield from (replace(expr, inner=one) for one in mutants(inner))
        case Call(args=args):
            for at, arg in enumerate(args):
                yield from (replace(expr, args=(*args[:at], one, *args[at + 1 :])) for one in mutants(arg))


def broken(rule: Rule) -> Iterator[Rule]:
    """Yield what an alert could have been by mistake."""
    for expr in mutants(rule.expr):
        yield replace(rule, expr=expr)
    yield replace(rule, for_seconds=rule.for_seconds + 30)
    if rule.for_seconds > 15:
        yield replace(rule, for_seconds=rule.for_seconds - 15)
    if rule.keep_firing_seconds:
        yield replace(rule, keep_firing_seconds=rule.keep_firing_seconds + 30)
        yield replace(rule, keep_firing_seconds=rule.keep_firing_seconds - 15)


def own_tests() -> dict[str, list[Any]]:
    """Return the tests of each alert, by its name."""
    found: dict[str, list[Any]] = {}
    for path in sorted((pack_folder() / "tests").glob("*.yml")):
        for test in yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)["tests"]:
            found.setdefault(test["name"].partition(":")[0], []).append(test)
    return found


OWN = own_tests()
PARAMETERS = next(group for group in GROUPS if group.name == "streamwatch.parameters")
SLOW = frozenset({"KafkaDiskFullTomorrow", "KafkaDiskFullSoon", "KafkaBrokersMissing"})
"""Their tests go over hours; promtool runs them, but they are not broken on purpose here."""


@pytest.mark.parametrize("rule", [one for one in ALERTS if one.name not in SLOW], ids=lambda rule: rule.name)
def test_a_rule_that_is_broken_on_purpose_fails_its_tests(rule: Rule) -> None:
    parameters = read_by(rule)
    tests = [
        *as_tests(
            [test for test in OWN[rule.name] if rule.name == "StreamWatchParametersMissing" or "expr" not in test]
        )
    ]

    def fails(one: Rule) -> bool:
        """Run the tests until one fails; that one is the first for the next, since it is likely to notice it, too."""
        group = RuleGroup("g", "x.yml", (one,))
        for at, test in enumerate(tests):
            if any(verdict.failures for verdict in judge([test], [parameters, group], 15_000, ManualClock())):
                tests.insert(0, tests.pop(at))
                return True
        return False

    if rule.name != "StreamWatchParametersMissing":  # its tests are of two files, with and without parameters
        assert not fails(rule)
    assert [str(one.expr) for one in broken(rule) if not fails(one)] == []


@pytest.mark.parametrize("rule", [one for one in ALERTS if one.name not in SLOW], ids=lambda rule: rule.name)
def test_a_rule_fires_as_well_on_series_that_were_scraped(rule: Rule) -> None:
    """``job`` and ``instance`` are on what the agent tells, and not on what rules record."""
    tests = [scraped(test) for test in OWN[rule.name] if "input_series" in test]
    groups = [read_by(rule), RuleGroup("g", "x.yml", (rule,))]
    assert [one.failures for one in judge(as_tests(tests), groups, 15_000, ManualClock()) if one.failures] == []


def read_by(rule: Rule) -> RuleGroup:
    """Return the parameters that a rule reads: all of them at every step would be most of the work."""
    return replace(PARAMETERS, rules=tuple(one for one in PARAMETERS.rules if one.name in rule.text))


def as_tests(tests: list[dict[str, Any]]) -> tuple[RuleTest, ...]:
    return read(json.dumps({"tests": tests}), "test.yml").tests


def scraped(test: dict[str, Any]) -> dict[str, Any]:
    """Return a test of how many alerts fire, with the labels of a scrape on every series of the agent's."""
    series = [{**one, "series": with_scrape(one["series"])} for one in test["input_series"]]
    counted = [
        {
            "expr": f'count(ALERTS{{alertname="{one["alertname"]}", alertstate="firing"}}) or vector(0)',
            "eval_time": one["eval_time"],
            "exp_samples": [{"labels": "{}", "value": len(one["exp_alerts"])}],
        }
        for one in test["alert_rule_test"]
    ]
    return {**test, "input_series": series, "alert_rule_test": [], "promql_expr_test": counted}


def with_scrape(series: str) -> str:
    if series.startswith("streamwatch:"):
        return series
    name, _, rest = series.partition("{")
    return f'{name}{{job="j", instance="i"{", " if rest else ""}{rest or "}"}'
