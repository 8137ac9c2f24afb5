"""What is allowed in a rule, and yet not what its author meant."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from streamwatch.model.labels import NAME
from streamwatch.model.metric import Metric
from streamwatch.promql.nodes import Aggregation, Binary, Call, Expr, Number, RangeSelector, Selector
from streamwatch.promql.numbers import COMPARISONS
from streamwatch.rules.group import ALERTNAME
from streamwatch.rules.rule import Rule, RuleGroup, metric_of, nodes

_SCRAPED: Final = frozenset({"job", "instance"})
_RATES: Final = frozenset({"rate", "irate", "increase", "resets", "changes", "absent", "absent_over_time", "timestamp"})
_COUNTED: Final = frozenset({"count", "group"})
_CHANGING: Final = re.compile(r"\$value|\.Value|query\s")
_OLD_PREFIXES: Final = ("kinesis_", "kafka_")
_PREFIXES: Final = ("kafka_", "kinesis_", "reader_", "streamwatch_")


def lint(
    groups: Iterable[RuleGroup], metrics: Iterable[Metric], tick_seconds: float = 15.0, others: Iterable[Metric] = ()
) -> list[str]:
    """Return what is doubtful, a line each: file, line, rule, what, and what to do.

    Args:
        groups: the rules.
        metrics: those that the agent exports.
        tick_seconds: how far samples are apart.
        others: those of kafka_exporter, where the agent could export them and does not.

    """
    listed = list(groups)
    known = {one.name: one for one in metrics}
    recorded = {rule.name for group in listed for rule in group.rules if not rule.alert}
    missing = {one.name for one in others}
    found: list[str] = []
    for group in listed:
        for rule in group.rules:
            about = _about(group, rule)
            found += [about + finding for finding in _metrics(rule, known, recorded, missing)]
            found += [about + finding for finding in (*_record(rule, known), *_expression(rule, known, tick_seconds))]
            found += [about + finding for finding in _alert(rule, group)]
    return found


def unknown_metrics(groups: Iterable[RuleGroup], metrics: Iterable[Metric]) -> list[str]:
    """Return which rules read what the agent does not export, or record what it does, a line each."""
    listed = list(groups)
    known = {one.name: one for one in metrics}
    recorded = {rule.name for group in listed for rule in group.rules if not rule.alert}
    return [
        _about(group, rule) + doubt
        for group in listed
        for rule in group.rules
        for doubt in (*_metrics(rule, known, recorded, set()), *_record(rule, known))
    ]


def _record(rule: Rule, known: Mapping[str, Metric]) -> Iterator[str]:
    if not rule.alert and rule.name in known:
        yield f"{rule.name} is a metric of StreamWatch: a query sees both, or of the same labels one: rename it"


def _about(group: RuleGroup, rule: Rule) -> str:
    return f"{rule.where}: group {group.name!r}, rule {rule.name!r}: "


def _metrics(rule: Rule, known: Mapping[str, Metric], recorded: set[str], missing: set[str]) -> Iterator[str]:
    for node in nodes(rule.expr):
        if not isinstance(node, Selector):
            continue
        name = metric_of(node)
        if name is None:
            if not _is_recorded(node, known, recorded):
                yield "a selector that names no metric: the agent cannot tell what it reads"
        elif name in known:
            own = {*known[name].labels, *_SCRAPED, NAME}
            for matcher in node.matchers:
                if matcher.name not in own:
                    yield f"{name} has no label {matcher.name!r}: it has {', '.join(known[name].labels) or 'none'}"
        elif name in missing:
            yield f"{name} is kafka_exporter's: it is there with `export.compatibility: [kafka_exporter]`"
        elif name.startswith(_PREFIXES) and name not in recorded:
            new = next((one for one in _renamed(name) if one in known), "")
            hint = f"it is called {new} now" if new else "`streamwatch metrics` lists them"
            yield f"{name}: no metric of StreamWatch: {hint}"


def _renamed(name: str) -> Iterator[str]:
    """Yield what a metric of an earlier version may be called now: readers have one family of names."""
    for prefix in _OLD_PREFIXES:
        if name.startswith(prefix):
            yield name.removeprefix(prefix)
            yield name.removeprefix(prefix).replace("shard_", "", 1)


def _is_recorded(selector: Selector, known: Mapping[str, Metric], recorded: set[str]) -> bool:
    """Say whether a selector by parts of names reads what rules record, and nothing else that the agent has."""
    conditions = [one for one in selector.matchers if one.name == NAME]

    def reads(name: str) -> bool:
        return all(one.matches({NAME: name}) for one in conditions)

    return bool(conditions) and any(map(reads, recorded)) and not any(map(reads, known))


def _expression(rule: Rule, known: Mapping[str, Metric], tick: float) -> Iterator[str]:
    counters = {name for name, one in known.items() if one.kind == "counter"}
    for node in nodes(rule.expr):
        match node:
            case RangeSelector(range_ms=span) if span < 2000 * tick:
                yield f"a range of {span / 1000:g}s holds no two samples that are {tick:g}s apart: use a longer one"
            case Binary(op=op, left=left, right=right) if op in COMPARISONS:
                yield from _comparison(left, right, op, counters)


def _comparison(left: Expr, right: Expr, op: str, counters: set[str]) -> Iterator[str]:
    raw = next((name for one in (left, right) if (name := _raw(one)) in counters), None)
    if raw is not None:
        yield f"{raw} is a counter: it only grows, so the alert would stay: compare its rate() or increase()"
    if _empty_never(left, right, op):
        yield "of nothing, there is no count: this cannot fire: use absent(), or `or vector(0)`"
    if op in {">", "!="} and _scaled(left) is not None and _scaled(left) == _scaled(right):
        yield "both sides are the same series: this cannot be what is meant"


def _raw(node: Expr) -> str | None:
    """Return the metric that a side is, unless a function makes something else of it."""
    match node:
        case Selector():
            return metric_of(node)
        case Aggregation(inner=inner):
            return _raw(inner)
        case Call(name=name, args=args) if args and name not in _RATES:
            return _raw(args[0])
    return None


def _scaled(node: Expr) -> object:
    """Return the series that a side is, or counts, but for a factor; None where it is something else."""
    match node:
        case Binary(op="*", left=Number(), right=inner) | Binary(op="*", left=inner, right=Number()):
            return _scaled(inner)
        case Aggregation(op="count", inner=inner):
            read = {metric_of(one) for one in nodes(inner) if isinstance(one, Selector)}
            return ("count", next(iter(read))) if len(read) == 1 else None
        case Selector():
            return node
    return None


def _empty_never(left: Expr, right: Expr, op: str) -> bool:
    if not isinstance(left, Aggregation) or left.op not in _COUNTED or left.labels or not isinstance(right, Number):
        return False
    compare: Callable[[float, float], bool] = COMPARISONS[op]
    return compare(0.0, right.value) and not compare(1.0, right.value)


def _alert(rule: Rule, group: RuleGroup) -> Iterator[str]:
    if not rule.alert:
        return
    labels = dict(rule.labels)
    if "severity" not in labels:
        yield "no label `severity`: routes go by it"
    if ALERTNAME in labels:
        yield f"a label {ALERTNAME!r}, which is the alert's name: remove it"
    for name, text in rule.labels:
        if "{{" in text and _CHANGING.search(text):
            yield f"the label {name!r} changes with the value: each value would be another alert: use an annotation"
    interval = group.interval_seconds
    if interval and round(rule.for_seconds * 1000) % round(interval * 1000):
        yield f"`for` is no multiple of the group's interval: Prometheus rounds {rule.for_seconds:g}s up"
    if not dict(rule.annotations).get("summary"):
        yield "no annotation `summary`: whoever is woken wants to know why"
