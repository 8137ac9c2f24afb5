"""From a text to an expression, checked; what the engine does not know is refused by name."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

import promql_parser as p

from streamwatch.errors import QueryError
from streamwatch.promql.aggregate import OPERATORS as AGGREGATIONS
from streamwatch.promql.calls import NAMES as FUNCTIONS
from streamwatch.promql.match import LABEL, Matcher, Operator, compiled
from streamwatch.promql.nodes import (
    Aggregation,
    At,
    Binary,
    Call,
    Expr,
    Matching,
    Negation,
    Number,
    Selector,
    Subquery,
    Text,
    Window,
)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_OPS: Final[dict[str, Operator]] = {
    "MatchOp.Equal": "=", "MatchOp.NotEqual": "!=", "MatchOp.Re": "=~", "MatchOp.NotRe": "!~"
}  # fmt: skip
_ZERO: Final = re.compile(r"0+(ms|[smhdwy])?")
_MOST_BYTES: Final = 65_536
_DEEPEST: Final = 100


def parse(text: str) -> Expr:
    """Return the expression.

    Raises:
        QueryError: it is none, or uses what the engine does not know.

    """
    if len(text.encode()) > _MOST_BYTES:
        raise QueryError(f"the expression is longer than {_MOST_BYTES} bytes")
    try:
        tree = p.parse(text)
        return _expr(tree, 0)
    except ValueError as error:
        raise QueryError(str(error)) from error
    except QueryError:
        raise
    except BaseException as error:  # the parser is Rust: what panics there is no Exception
        if type(error).__name__ != "PanicException":
            raise
        raise QueryError(f"{text!r}: the parser cannot read it: is a time before 1970?") from None


def duration_ms(text: str) -> int:
    """Return a duration such as ``1h30m`` in milliseconds.

    Raises:
        QueryError: it is none.

    """
    if _ZERO.fullmatch(text):
        return 0
    try:
        return _ms(p.parse_duration(text))
    except ValueError as error:
        raise QueryError(f"{text!r} is no duration: write 30s, 5m or 1h30m") from error


def _expr(node: p.Expr, depth: int) -> Expr:
    if depth > _DEEPEST:
        raise QueryError(f"the expression is nested deeper than {_DEEPEST}")
    kind = type(node).__name__
    if kind not in _READERS:
        raise QueryError(f"{kind}: the engine does not know such a thing")
    found: Expr = _READERS[kind](node, depth + 1)
    return found


def _ms(span: timedelta | None) -> int:
    return 0 if span is None else round(span / timedelta(milliseconds=1))


def _at(modifier: p.AtModifier | None) -> At | None:
    if modifier is None:
        return None
    kind = str(modifier.type).rpartition(".")[2]
    if kind in {"Start", "End"}:
        return "start" if kind == "Start" else "end"
    instant = modifier.at
    return None if instant is None else _ms(instant - _EPOCH)


def _selector(node: p.VectorSelector, _: int = 0) -> Selector:
    if node.matchers.or_matchers:
        raise QueryError("`or` between matchers is not PromQL: write two selectors with `or` between them")
    matchers = [Matcher(one.name, _OPS[str(one.op)], one.value) for one in node.matchers.matchers]
    if node.name is not None:
        matchers.insert(0, Matcher("__name__", "=", node.name))
    return Selector(tuple(matchers), _ms(node.offset), _at(node.at))


def _subquery(node: p.SubqueryExpr, depth: int) -> Subquery:
    step = None if node.step is None else _ms(node.step)
    return Subquery(_expr(node.expr, depth), _ms(node.range), step, _ms(node.offset), _at(node.at))


def _binary(node: p.BinaryExpr, depth: int) -> Binary:
    left, right, op = _expr(node.lhs, depth), _expr(node.rhs, depth), str(node.op)
    modifier = node.modifier
    if modifier is None:
        return Binary(op, left, right)
    fill = modifier.fill_values
    if fill is not None and (fill.lhs is not None or fill.rhs is not None):
        raise QueryError("`fill` is experimental: the engine does not know it")
    card = str(modifier.card).rpartition(".")[2]
    many: Literal["", "left", "right"] = "left" if card == "ManyToOne" else "right" if card == "OneToMany" else ""
    on = modifier.matching is not None and str(modifier.matching.type).endswith("Include")
    labels = tuple(modifier.matching.labels) if modifier.matching is not None else ()
    include = tuple(modifier.group_labels or ())
    matching = Matching(on, labels, many, include)
    return Binary(op, left, right, modifier.return_bool, matching)


def _aggregation(node: p.AggregateExpr, depth: int) -> Aggregation:
    op = str(node.op)
    if op not in AGGREGATIONS:
        raise QueryError(f"{op}: an experimental aggregation, which the engine does not know")
    param = None if node.param is None else _expr(node.param, depth)
    if op == "count_values" and isinstance(param, Text) and not LABEL.fullmatch(param.value):
        raise QueryError(f"count_values: {param.value!r} is no label")
    labels = tuple(node.modifier.labels) if node.modifier is not None else ()
    without = node.modifier is not None and str(node.modifier.type).endswith("Without")
    return Aggregation(op, _expr(node.expr, depth), param, labels, without)


def _call(node: p.Call, depth: int) -> Call:
    name = node.func.name
    if node.func.experimental or name not in FUNCTIONS:
        kind = "an experimental function" if node.func.experimental else "a function of native histograms"
        raise QueryError(f"{name}: {kind}, which the engine does not know")
    args = tuple(_expr(one, depth) for one in node.args)
    if name == "label_replace":
        _check_label(name, args[1])
        if isinstance(args[4], Text):
            compiled(args[4].value)
    elif name == "label_join":
        _check_label(name, args[1])
    return Call(name, args)


def _check_label(name: str, arg: Expr) -> None:
    if isinstance(arg, Text) and not LABEL.fullmatch(arg.value):
        raise QueryError(f"{name}: {arg.value!r} is no label")


_READERS: Final[dict[str, Callable[[Any, int], Expr]]] = {
    "ParenExpr": lambda node, depth: _expr(node.expr, depth),
    "NumberLiteral": lambda node, _: Number(node.val),
    "StringLiteral": lambda node, _: Text(node.val),
    "VectorSelector": _selector,
    "MatrixSelector": lambda node, _: Window(_selector(node.vector_selector), _ms(node.range)),
    "SubqueryExpr": _subquery,
    "UnaryExpr": lambda node, depth: Negation(_expr(node.expr, depth)),
    "BinaryExpr": _binary,
    "AggregateExpr": _aggregation,
    "Call": _call,
}
