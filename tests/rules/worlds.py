"""Series of several clusters, brokers, topics, groups, streams at once, for every shipped rule.

What is bad and what is good is known from the rule's own tests (``alerts/tests``): their series are copied for further
entities. A world is held as the agent holds it, or with the labels of a scrape, by one agent or by two.
"""

import math
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any, Final

import yaml

from streamwatch.catalogue import METRICS
from streamwatch.core.clock import ManualClock
from streamwatch.model.labels import NAME, Labels
from streamwatch.promql.match import Matcher
from streamwatch.promql.nodes import Selector
from streamwatch.promql.parse import duration_ms
from streamwatch.promql.series import Element
from streamwatch.rules import notation
from streamwatch.rules.config import pack_folder
from streamwatch.rules.group import ALERTNAME, GroupState
from streamwatch.rules.load import load
from streamwatch.rules.rule import Rule, RuleGroup, horizons, metrics, nodes
from streamwatch.samples.history import History

STEP_MS: Final = 15_000
SCRAPED: Final = ("job", "instance")
WAYS: Final[Mapping[str, tuple[Mapping[str, str], ...]]] = {
    "unscraped": ({},),
    "scraped": ({"job": "streamwatch", "instance": "a:9308"},),
    "two agents": (
        {"job": "streamwatch", "instance": "a:9308"},
        {"job": "streamwatch", "instance": "b:9308"},
    ),
}
"""How series can be held: the labels of each scrape that brings them."""

GROUPS: Final = load(sorted(pack_folder().glob("*.yml")))
ALERTS: Final = [rule for group in GROUPS for rule in group.rules if rule.alert]
PARAMETERS: Final = next(group for group in GROUPS if group.name == "streamwatch.parameters")
_BY_NAME: Final = {one.name: one for one in METRICS}
_RANK: Final = {
    name: rank
    for rank, name in enumerate(
        ("kafka_cluster", "aws_account", "source", "receiver", "channel", "rule_group", "job_name", "aws_region",
         "stream", "broker", "group", "topic", "partition")
    )
}  # fmt: skip
"""Labels of entities, those that others are within first."""

Series = tuple[Labels, str]
"""Labels, and values as promtool writes them."""
Alert = tuple[Labels, str]
"""Labels, and what is said of it."""


@dataclass(frozen=True, slots=True)
class Case:
    """A rule, and what its own tests say of it."""

    rule: Rule
    entity: Mapping[str, str]
    """What the alert is about, as in its test."""
    bad: tuple[Series, ...]
    good: tuple[Series, ...]
    at_ms: int
    """When it fires for what is bad."""
    values: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """What the rule's own tests give each metric."""

    @property
    def axes(self) -> list[str]:
        """The labels of its entities, the widest first; those by which the rule chooses its series are none."""
        free = self.entity.keys() - {one.name for one in matchers(self.rule)}
        return sorted(free, key=lambda name: (_RANK.get(name, len(_RANK)), name))


def matchers(rule: Rule) -> list[Matcher]:
    """Return the conditions by which a rule chooses its series."""
    return [one for node in nodes(rule.expr) if isinstance(node, Selector) for one in node.matchers]


def cases() -> Iterator[Case]:
    """Yield every shipped alert that is about something, as its own tests show it."""
    tests: dict[str, list[dict[str, Any]]] = {}
    for path in sorted((pack_folder() / "tests").glob("*.yml")):
        for test in yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)["tests"]:
            tests.setdefault(test["name"].partition(":")[0], []).append(test)
    for rule in ALERTS:
        own = tests[rule.name]
        bad = next(one for one in own if any(look["exp_alerts"] for look in one.get("alert_rule_test", ())))
        good = next((one for one in own if ": not " in one["name"]), None)
        look = next(one for one in bad["alert_rule_test"] if one["exp_alerts"])
        labels = look["exp_alerts"][0]["exp_labels"]
        told = [line for one in own for line in _lines(one)]
        yield Case(
            rule,
            {name: value for name, value in labels.items() if name not in {*dict(rule.labels), ALERTNAME}},
            _lines(bad),
            _lines(good) if good else (),
            duration_ms(look["eval_time"]),
            {
                name: sorted({text for labels, text in told if labels[NAME] == name})
                for name in {labels[NAME] for labels, _ in told}
            },
        )


def _lines(test: Mapping[str, Any]) -> tuple[Series, ...]:
    step = duration_ms(test.get("interval", "15s")) // STEP_MS
    found = []
    for one in test.get("input_series", ()):
        labels, text = notation.labels(one["series"]), one["values"]
        if step != 1:  # hours are told in wider steps
            spread = [value for value in notation.values(text) for _ in range(step)]
            text = " ".join(map(_written, spread))
        found.append((labels, text))
    return tuple(found)


def _written(value: float | None) -> str:
    return "_" if value is None else "stale" if math.isnan(value) else repr(value)


def side_by_side(case: Case) -> tuple[list[Series], set[Labels]]:
    """Return two bad entities and a good one along each label of the rule's entities, and which of them are bad."""
    series = list(case.bad)
    bad = [dict(case.entity)]
    for axis in case.axes:
        again = [(_renamed(labels, axis, "-b"), text) for labels, text in series if axis in labels]
        shared = {labels: text for labels, text in series if axis not in labels}
        fits = all(shared.get(labels, text) == text for labels, text in case.good if axis not in labels)
        well = [(_renamed(labels, axis, "-good"), text) for labels, text in case.good if axis in labels] if fits else []
        series = list(dict([*well, *again, *series]).items())
        bad += [{**one, axis: f"{one[axis]}-b"} for one in bad]
    return series, {Labels(one) for one in bad}


def _renamed(labels: Labels, name: str, suffix: str) -> Labels:
    return labels.updated({name: labels[name] + suffix})


def at_random(case: Case, dice: random.Random) -> list[Series]:
    """Return series of every metric that the rule reads, for two of each entity, bad and good as the dice fall.

    Of a label that tells no entity apart (a state, a reason) at most two values are there that the rule asks for, and
    one that it does not: all of them, of each of eight entities, would be thousands of series.
    """
    matched, entities = matchers(case.rule), {*case.axes, *_RANK}
    some: dict[tuple[str, ...], list[str]] = {}
    pool = [text for texts in case.values.values() for text in texts]
    found: list[Series] = []
    for name in sorted(metrics(case.rule.expr) & _BY_NAME.keys()):
        labels = _BY_NAME[name].labels
        told = [labels for labels, _ in (*case.bad, *case.good) if labels[NAME] == name]
        choices = []
        for label in labels:
            asked = {part for one in matched if one.name == label for part in one.value.split("|")}
            seen = {one[label] for one in told if label in one}
            others = tuple(sorted((seen | {"other"}) - asked))
            key = (label, *sorted(asked), *others)
            if key not in some:
                some[key] = [*_few(dice, sorted(asked), 2), *_few(dice, others, 1)]
            choices.append(["x", "y"] if label in entities else some[key])
        for row in product(*choices):
            if dice.random() < 0.85:
                text = dice.choice(case.values.get(name) or pool)
                found.append((Labels({NAME: name, **dict(zip(labels, row, strict=True))}), text))
    return found


def _few(dice: random.Random, values: Sequence[str], most: int) -> list[str]:
    return dice.sample(values, min(most, len(values)))


def within(series: Iterable[Series], label: str, value: str) -> list[Series]:
    """Return the series of one entity, and those that are of none."""
    return [one for one in series if one[0].get(label, value) == value]


def held(series: Iterable[Series], way: str) -> list[Series]:
    """Return the series as they are held."""
    return [(labels.updated(scrape), text) for scrape in WAYS[way] for labels, text in series]


def until(text: str, step: int) -> str:
    """Return values that end with a step."""
    return " ".join([*map(_written, notation.values(text)[:step]), "stale"])


def since(text: str, step: int) -> str:
    """Return values that begin with a step."""
    return " ".join([*(["_"] * step), *map(_written, notation.values(text)[step:])])


def alone(rule: Rule) -> list[RuleGroup]:
    """Return a rule that waits for nothing, after the parameters that it reads."""
    needed = tuple(one for one in PARAMETERS.rules if one.name in rule.text)
    at_once = replace(rule, for_seconds=0.0, keep_firing_seconds=0.0)
    return [replace(PARAMETERS, rules=needed), RuleGroup("g", "x.yml", (at_once,))]


def fired(case: Case, series: Iterable[Series]) -> list[Alert]:
    """Return what the agent's engine makes of the rule, at the time at which it fires for what is bad.

    Raises:
        AssertionError: it could not be evaluated.

    """
    history = _history(case.rule, series, case.at_ms)
    states = [GroupState(group, ManualClock()) for group in alone(case.rule)]
    for state in states:
        state.evaluate(history, case.at_ms)
    errors = [rule.error for state in states for rule in state.rules if rule.error]
    assert not errors, f"{case.rule.name}: {errors}"
    alerts = [alert for rule in states[-1].rules for alert in rule.alerts]
    return [(alert.labels, str(sorted(alert.annotations))) for alert in alerts]


def _history(rule: Rule, series: Iterable[Series], at_ms: int) -> History:
    """Return what a rule can look back to."""
    back = max([300_000, *horizons(rule.expr, 300_000).values()])
    first = max(0, (at_ms - back) // STEP_MS)
    told: dict[int, list[Element]] = {}
    for labels, text in series:
        for at, value in enumerate(notation.values(text)[first : at_ms // STEP_MS + 1], first):
            if value is not None:
                told.setdefault(at * STEP_MS, []).append((labels, value))
    history = History(keep_ms=10**15)
    for at in sorted(told):
        history.record("input", told[at], at)
    return history


def entity(labels: Labels) -> Labels:
    """Return an alert's labels but for those that say who saw it."""
    return labels.without(SCRAPED)
