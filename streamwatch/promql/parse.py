"""From a text to an expression, checked; what the engine does not know is refused by name."""

import math
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final, Literal

import promql_parser as p

from streamwatch.core.errors import QueryError
from streamwatch.model.labels import NAME
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
    RangeSelector,
    Selector,
    StringLiteral,
    Subquery,
)
from streamwatch.promql.text import DEEPEST, Prepared, prepared

_OPS: Final[dict[str, Operator]] = {
    "MatchOp.Equal": "=", "MatchOp.NotEqual": "!=", "MatchOp.Re": "=~", "MatchOp.NotRe": "!~"
}  # fmt: skip
_ZERO: Final = re.compile(r"0+(ms|[smhdwy])?")
_DURATION: Final = re.compile(r"[0-9.]{1,10}|(?:[0-9]{1,18}[smhdwy]{1,2}){1,7}")
_LARGEST_PROGRAM: Final = 100_000
"""Instructions of RE2, of 16 bytes each."""
_FARTHEST_SECONDS: Final = 2.0**63
_FARTHEST_MS: Final = 2**62
"""What is farther is there: nothing is known of it, and what is added to it is still a number of 64 bits."""
_LONGEST_MS: Final = 2**63 // 1_000_000
"""As in Go, whose durations are nanoseconds of 64 bits."""
_WHOLE: Final = re.compile(r"0x[0-9a-f]{1,64}|0[0-7]{1,64}", re.IGNORECASE)
_SHOWN: Final = 80


def parse(text: str) -> Expr:
    """Return the expression.

    Raises:
        QueryError: it is none, or uses what the engine does not know.

    """
    before = prepared(text)
    try:
        return _Reader(before).expr(p.parse(before.text), 0)
    except ValueError as error:
        raise QueryError(str(error)) from error
    except QueryError:
        raise
    except BaseException as error:  # the parser is Rust: what panics there is no Exception
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise QueryError(f"{text[:_SHOWN]!r}: the parser cannot read it") from None


def duration_ms(text: str) -> int:
    """Return a duration such as ``1h30m`` in milliseconds.

    Raises:
        QueryError: it is none.

    """
    if _ZERO.fullmatch(text):
        return 0
    try:
        # The parser would panic at what is no number, or an endless one.
        if _DURATION.fullmatch(text):
            return _ms(p.parse_duration(text))
    except (ValueError, OverflowError):
        pass
    raise QueryError(f"{text[:_SHOWN]!r} is no duration: write 30s, 5m or 1h30m")


def _moment_ms(written: str) -> int:
    """Return a time ``@``, in milliseconds since 1970: seconds, or a duration since then."""
    sign, digits = (-1, written[1:]) if written[0] == "-" else (1, written.removeprefix("+"))
    try:
        seconds = float(int(digits, 16 if digits[1] in "xX" else 8)) if _WHOLE.fullmatch(digits) else float(digits)
    except OverflowError:
        seconds = math.inf
    except ValueError:
        return sign * duration_ms(digits)
    if not seconds < _FARTHEST_SECONDS:
        raise QueryError(f"timestamp out of bounds for @ modifier: {written[:_SHOWN]}")
    return sign * min(math.floor(seconds * 1000 + 0.5), _FARTHEST_MS)


def _ms(span: timedelta | None) -> int:
    found = 0 if span is None else round(span / timedelta(milliseconds=1))
    if abs(found) > _LONGEST_MS:
        raise QueryError("duration out of range: 292 years is the longest")
    return found


class _Reader:
    """Makes of the parser's nodes the engine's."""

    def __init__(self, before: Prepared) -> None:
        self._before = before
        self._program = 0
        """How large the regular expressions are, all together."""

    def expr(self, node: p.Expr, depth: int) -> Expr:
        """Return what a node is."""
        if depth > DEEPEST:
            raise QueryError(f"the expression is nested deeper than {DEEPEST}")
        kind = type(node).__name__
        if kind not in self._OF_KIND:
            raise QueryError(f"{kind}: the engine does not know such a thing")
        return self._OF_KIND[kind](self, node, depth + 1)

    def _at(self, modifier: p.AtModifier | None) -> At | None:
        if modifier is None:
            return None
        kind = str(modifier.type).rpartition(".")[2]
        if kind in {"Start", "End"}:
            return "start" if kind == "Start" else "end"
        return None if modifier.at is None else _moment_ms(self._before.moments[round(modifier.at.timestamp())])

    def _matcher(self, matcher: p.Matcher) -> Matcher:
        op = _OPS[str(matcher.op)]
        if op in {"=", "!="}:
            return Matcher(matcher.name, op, matcher.value)
        literal = p.parse(self._before.regexes[int(matcher.value.rstrip("|"))])
        if not isinstance(literal, p.StringLiteral):
            raise QueryError(f"{matcher.name}: a string is wanted for {op}")
        found = Matcher(matcher.name, op, literal.val)
        self._program += found.size
        if self._program > _LARGEST_PROGRAM:
            raise QueryError("the regular expressions are too large, all together: ask for less at a time")
        return found

    def _selector(self, node: p.VectorSelector) -> Selector:
        if node.matchers.or_matchers:
            raise QueryError("`or` between matchers is not PromQL: write two selectors with `or` between them")
        matchers = [self._matcher(matcher) for matcher in node.matchers.matchers]
        if node.name is not None:
            matchers.insert(0, Matcher(NAME, "=", node.name))
        elif all(matcher.matches({}) for matcher in matchers):
            raise QueryError("vector selector must contain at least one non-empty matcher")
        return Selector(tuple(matchers), _ms(node.offset), self._at(node.at))

    def _subquery(self, node: p.SubqueryExpr, depth: int) -> Subquery:
        step = None if node.step is None else _ms(node.step)
        if step == 0:
            raise QueryError("the step of a subquery is less than a millisecond: give a longer one")
        return Subquery(self.expr(node.expr, depth), _ms(node.range), step, _ms(node.offset), self._at(node.at))

    def _binary(self, node: p.BinaryExpr, depth: int) -> Binary:
        left, right, op = self.expr(node.lhs, depth), self.expr(node.rhs, depth), str(node.op)
        modifier = node.modifier
        if modifier is None:
            return Binary(op, left, right)
        fill = modifier.fill_values
        if fill is not None and (fill.lhs is not None or fill.rhs is not None):
            raise QueryError("`fill` is experimental: the engine does not know it")
        return Binary(op, left, right, modifier.return_bool, _matching(modifier))

    def _aggregation(self, node: p.AggregateExpr, depth: int) -> Aggregation:
        op = str(node.op)
        if op not in AGGREGATIONS:
            raise QueryError(f"{op}: an experimental aggregation, which the engine does not know")
        param = None if node.param is None else self.expr(node.param, depth)
        if op == "count_values" and isinstance(param, StringLiteral) and not LABEL.fullmatch(param.value):
            raise QueryError(f"count_values: {param.value!r} is no label")
        labels = tuple(node.modifier.labels) if node.modifier is not None else ()
        without = node.modifier is not None and str(node.modifier.type).endswith("Without")
        return Aggregation(op, self.expr(node.expr, depth), param, labels, without)

    def _call(self, node: p.Call, depth: int) -> Call:
        name = node.func.name
        if node.func.experimental or name not in FUNCTIONS:
            kind = "an experimental function" if node.func.experimental else "a function of native histograms"
            raise QueryError(f"{name}: {kind}, which the engine does not know")
        args = tuple(self.expr(arg, depth) for arg in node.args)
        if (
            name in {"label_replace", "label_join"}
            and isinstance(args[1], StringLiteral)
            and not LABEL.fullmatch(args[1].value)
        ):
            raise QueryError(f"{name}: {args[1].value!r} is no label")
        if name == "label_replace" and isinstance(args[4], StringLiteral):
            compiled(args[4].value)
        return Call(name, args)

    # Of the class: a table of bound methods would keep each reader, and what it made, until a search for cycles.
    _OF_KIND: Final[Mapping[str, Callable[["_Reader", Any, int], Expr]]] = {
        "ParenExpr": lambda self, node, depth: self.expr(node.expr, depth),
        "NumberLiteral": lambda _, node, __: Number(node.val),
        "StringLiteral": lambda _, node, __: StringLiteral(node.val),
        "VectorSelector": lambda self, node, _: self._selector(node),
        "MatrixSelector": lambda self, node, _: RangeSelector(self._selector(node.vector_selector), _ms(node.range)),
        "SubqueryExpr": _subquery,
        "UnaryExpr": lambda self, node, depth: Negation(self.expr(node.expr, depth)),
        "BinaryExpr": _binary,
        "AggregateExpr": _aggregation,
        "Call": _call,
    }


def _matching(modifier: p.BinModifier) -> Matching:
    card = str(modifier.card).rpartition(".")[2]
    many: Literal["", "left", "right"] = "left" if card == "ManyToOne" else "right" if card == "OneToMany" else ""
    on = modifier.matching is not None and str(modifier.matching.type).endswith("Include")
    labels = tuple(modifier.matching.labels) if modifier.matching is not None else ()
    return Matching(on, labels, many, tuple(modifier.group_labels or ()))
