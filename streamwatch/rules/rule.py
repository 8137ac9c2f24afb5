"""A rule and a group of rules, as their file gives them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from streamwatch.model.labels import NAME
from streamwatch.promql.nodes import Aggregation, Binary, Call, Expr, Negation, RangeSelector, Selector, Subquery

Pairs: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule. Two are equal where the file says the same, wherever in the file it stands."""

    name: str
    """The alert's name, or that of the series which is recorded."""
    text: str
    """The expression as it is written."""
    expr: Expr = field(compare=False)
    alert: bool
    """Whether it is an alert; otherwise its result is recorded."""
    for_seconds: float = 0.0
    keep_firing_seconds: float = 0.0
    labels: Pairs = ()
    """The group's among them."""
    annotations: Pairs = ()
    where: str = field(default="", compare=False)
    """File and line."""


@dataclass(frozen=True, slots=True)
class RuleGroup:
    """Rules that are evaluated together, one after the other."""

    name: str
    file: str
    rules: tuple[Rule, ...]
    interval_seconds: float | None = None
    """None for the usual one."""
    query_offset_seconds: float = 0.0
    limit: int = 0
    """More results of a rule than that are an error; 0 for no limit."""


def nodes(expr: Expr) -> Iterator[Expr]:
    """Yield an expression's nodes, itself first."""
    yield expr
    for one in _within(expr):
        yield from nodes(one)


def metric_of(selector: Selector) -> str | None:
    """Return the metric that a selector names; None where it names none, or several."""
    named = [matcher.value for matcher in selector.matchers if matcher.name == NAME and matcher.op == "="]
    return named[0] if len(named) == 1 else None


def metrics(expr: Expr) -> set[str]:
    """Return the metrics that an expression reads, as far as it names them."""
    return {name for node in nodes(expr) if isinstance(node, Selector) and (name := metric_of(node))}


def horizons(expr: Expr, lookback_ms: int) -> dict[str, int]:
    """Return how far back an expression looks, in milliseconds, by metric."""
    found: dict[str, int] = {}
    _look(expr, 0, lookback_ms, found)
    return found


def _look(expr: Expr, back: int, lookback: int, found: dict[str, int]) -> None:
    match expr:
        case Selector():
            _note(expr, back, lookback, found)
        case RangeSelector(selector=selector, range_ms=span):
            _note(selector, back + span, 0, found)
        case Subquery(inner=inner, range_ms=span, offset_ms=offset):
            _look(inner, back + span + offset, lookback, found)
        case _:
            for one in _within(expr):
                _look(one, back, lookback, found)


def _within(expr: Expr) -> Iterator[Expr]:
    """Yield what an expression is made of."""
    match expr:
        case Negation(inner=inner) | Subquery(inner=inner):
            yield inner
        case RangeSelector(selector=selector):
            yield selector
        case Binary(left=left, right=right):
            yield from (left, right)
        case Aggregation(inner=inner, param=param):
            yield inner
            if param is not None:
                yield param
        case Call(args=args):
            yield from args


def _note(selector: Selector, back: int, lookback: int, found: dict[str, int]) -> None:
    name = metric_of(selector)
    if name is not None:
        # What is true now is always known: only what looks into the past needs more.
        past = back + selector.offset_ms
        found[name] = max(found.get(name, 0), past + lookback if past else 0)
