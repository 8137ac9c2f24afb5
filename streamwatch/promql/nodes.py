"""An expression, as it is evaluated: small frozen nodes, durations and instants in whole milliseconds."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from streamwatch.promql.match import Matcher

At: TypeAlias = int | Literal["start", "end"]
"""A fixed time, in milliseconds since 1970, or the start or end of the query."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number."""

    value: float


@dataclass(frozen=True, slots=True)
class StringLiteral:
    """A string."""

    value: str


@dataclass(frozen=True, slots=True)
class Selector:
    """The newest sample of each series that matches."""

    matchers: tuple[Matcher, ...]
    offset_ms: int = 0
    at: At | None = None


@dataclass(frozen=True, slots=True)
class RangeSelector:
    """All samples of each series that matches, within a range."""

    selector: Selector
    range_ms: int


@dataclass(frozen=True, slots=True)
class Subquery:
    """An expression evaluated at every step within a range."""

    inner: "Expr"
    range_ms: int
    step_ms: int | None
    """None for the evaluation interval."""
    offset_ms: int = 0
    at: At | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """A function."""

    name: str
    args: tuple["Expr", ...]


@dataclass(frozen=True, slots=True)
class Negation:
    """A minus before something."""

    inner: "Expr"


@dataclass(frozen=True, slots=True)
class Matching:
    """Which elements of both sides of an operator belong together."""

    on: bool
    """Whether ``labels`` are those that must be equal; otherwise all others must."""
    labels: tuple[str, ...]
    many: Literal["", "left", "right"] = ""
    """The side of which several elements may match one of the other."""
    include: tuple[str, ...] = ()
    """Labels that the many get of the one."""


@dataclass(frozen=True, slots=True)
class Binary:
    """An operator between two."""

    op: str
    left: "Expr"
    right: "Expr"
    as_bool: bool = False
    """Whether a comparison gives 0 or 1 instead of filtering."""
    matching: Matching = Matching(on=False, labels=())


@dataclass(frozen=True, slots=True)
class Aggregation:
    """Many elements made few."""

    op: str
    inner: "Expr"
    param: "Expr | None" = None
    labels: tuple[str, ...] = ()
    without: bool = False


Expr: TypeAlias = Number | StringLiteral | Selector | RangeSelector | Subquery | Call | Negation | Binary | Aggregation
