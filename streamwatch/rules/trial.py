"""Evaluates rules once over series as there may be, so that what can only fail is found before it is needed."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from streamwatch.core.clock import Clock
from streamwatch.model.labels import NAME, Labels
from streamwatch.model.metric import Metric
from streamwatch.promql.nodes import Selector
from streamwatch.rules.group import GroupState, RuleState
from streamwatch.rules.rule import Rule, RuleGroup, metric_of, nodes
from streamwatch.samples.history import History

_STEP_MS: Final = 15_000
_WORLDS: Final[Sequence[Sequence[float]]] = (
    (0.0,) * 8,
    (1.0, 2.0, 3.0, 5.0, 8.0, 2.0, 4.0, 100.0),
    (math.inf, math.nan, 0.0, -math.inf, 1e308, math.nan, 5e-324, math.nan),
)
"""Values of every series: nothing happens; it counts, and is reset; no number is ordinary."""
_BOUNDS: Final = ("0.1", "1", "+Inf")
_OF_DATA: Final = ("many-to-many", "many-to-one", "multiple matches", "same labelset", "exceeded limit")
"""Errors that other series might not make."""
_TEMPLATE: Final = "<error expanding template"


def trial(groups: Iterable[RuleGroup], metrics: Iterable[Metric], clock: Clock) -> list[str]:
    """Return what fails, a line each: file, line, rule, and why.

    Args:
        groups: the rules.
        metrics: those that the agent exports, with their labels.
        clock: to measure how long rules take.

    """
    known = {metric.name: metric for metric in metrics}
    return [
        f"{rule.where}: group {group.name!r}, rule {rule.name!r}: over typical series: {why}"
        for group in groups
        for rule in group.rules
        if (why := _tried(rule, known, clock))
    ]


def _tried(rule: Rule, known: Mapping[str, Metric], clock: Clock) -> str:
    """Return why a rule fails; empty where it does not."""
    labels = list(dict.fromkeys(one for node in nodes(rule.expr) for one in _series(node, known)))
    for values in _WORLDS:
        history, group = (
            History(keep_ms=len(values) * _STEP_MS),
            GroupState(RuleGroup("trial", rule.where, (rule,)), clock),
        )
        for at, value in enumerate(values):
            history.record("typical", [(label, value) for label in labels], at * _STEP_MS)
        group.evaluate(history, (len(values) - 1) * _STEP_MS)
        (state,) = group.rules
        why = state.error or next(_texts(state), "")
        if why and not any(one in why for one in _OF_DATA):
            return why
    return ""


def _series(node: object, known: Mapping[str, Metric]) -> Iterator[Labels]:
    """Yield series that a selector finds: one, or one for each bucket."""
    if not isinstance(node, Selector) or (name := metric_of(node)) is None:
        return
    own = {label: f"{label}-1" for label in (*(known[name].labels if name in known else ()), "job", "instance")}
    matched = {matcher.name: matcher.value for matcher in node.matchers if matcher.op == "="}
    chosen = {matcher.name: matcher.value.partition("|")[0] for matcher in node.matchers if matcher.op == "=~"}
    labels = Labels({**own, **chosen, **matched, NAME: name})
    yield from [labels.updated({"le": bound}) for bound in _BOUNDS] if name.endswith("_bucket") else [labels]


def _texts(state: RuleState) -> Iterator[str]:
    """Yield labels and annotations that are errors; what asks for other series may find them elsewhere."""
    asking = {name for name, text in (*state.rule.labels, *state.rule.annotations) if "query" in text}
    for alert in state.alerts:
        for name, text in (*alert.labels.items(), *alert.annotations):
            if _TEMPLATE in text and name not in asking:
                yield f"{name}: {text}"
