"""Operators and sums as Go and Prometheus do them, and how numbers are written."""

import math
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, Final, TypeAlias

import numpy as np

from streamwatch.promql.columns import Floats


def divide(dividend: float, divisor: float) -> float:
    """Return a quotient; by zero it is an infinity, or NaN."""
    if divisor != 0:
        return dividend / divisor
    if dividend == 0 or math.isnan(dividend):
        return math.nan
    return math.copysign(math.inf, dividend) * math.copysign(1.0, divisor)


Operator: TypeAlias = Callable[[Floats | float, Floats | float], Any]
"""Of values and values, of values and a number either way round, or of two numbers."""


def _power(base: Floats | float, exponent: Floats | float) -> Any:  # noqa: ANN401 - an array or a number
    """Return a power; numpy takes a root instead of the power of one half, which differs for -Inf and -0."""
    root = np.sqrt(np.where(np.equal(base, -math.inf), math.inf, base) + 0.0)
    return np.where(np.equal(exponent, 0.5), root, np.power(base, exponent))


ARITHMETIC: Final[Mapping[str, Operator]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": np.fmod,
    "^": _power,
    "atan2": np.arctan2,
}
COMPARISONS: Final[Mapping[str, Operator]] = {
    "==": np.equal,
    "!=": np.not_equal,
    ">": np.greater,
    "<": np.less,
    ">=": np.greater_equal,
    "<=": np.less_equal,
}


def total(values: Iterable[float]) -> float:
    """Return a sum, with what rounding loses added back (Kahan and Neumaier)."""
    found = lost = 0.0
    for value in values:
        found, lost = kahan(value, found, lost)
    return found if math.isinf(found) else found + lost


def kahan(value: float, total: float, lost: float) -> tuple[float, float]:
    """Add a value to a sum and to what it has lost."""
    new = total + value
    if math.isinf(new):
        return new, 0.0
    if abs(total) >= abs(value):
        return new, lost + ((total - new) + value)
    return new, lost + ((value - new) + total)


def mean(values: Iterable[float]) -> float:
    """Return a mean: of the sum, or step by step from where the sum gets too large."""
    total = lost = 0.0
    count, by_steps = 0, False
    for value in values:
        count += 1
        if not by_steps:
            new, new_lost = kahan(value, total, lost)
            if count == 1 or not math.isinf(new):
                total, lost = new, new_lost
                continue
            by_steps = True
            total, lost = total / (count - 1), lost / (count - 1)
        share = (count - 1) / count
        total, lost = kahan(value / count, share * total, share * lost)
    return total + lost if by_steps else total / count + lost / count


def quantile(q: float, values: Iterable[float]) -> float:
    """Return a quantile, between two values where it falls between them; NaN is the smallest of all."""
    listed = sorted(values, key=lambda value: (not math.isnan(value), value if not math.isnan(value) else 0.0))
    if not listed or math.isnan(q):
        return math.nan
    if q < 0:
        return -math.inf
    if q > 1:
        return math.inf
    rank = q * (len(listed) - 1)
    below = max(0, math.floor(rank))
    above = min(len(listed) - 1, below + 1)
    weight = rank - math.floor(rank)
    return listed[below] * (1 - weight) + listed[above] * weight


def variance(values: Iterable[float]) -> float:
    """Return the variance of a whole population (Welford, with what rounding loses added back)."""
    count, middle, middle_lost, squares, squares_lost = 0.0, 0.0, 0.0, 0.0, 0.0
    for value in values:
        count += 1
        delta = value - (middle + middle_lost)
        middle, middle_lost = kahan(delta / count, middle, middle_lost)
        squares, squares_lost = kahan(delta * (value - (middle + middle_lost)), squares, squares_lost)
    return (squares + squares_lost) / count


def shortest(value: float) -> str:
    """Return the shortest text that is read as this number, as the API of Prometheus writes it."""
    if value and not 1e-6 <= abs(value) < 1e21 and math.isfinite(value):  # noqa: PLR2004 - Go's format 'g' in JSON
        mantissa, _, exponent = f"{value!r}".partition("e")
        if exponent:
            return f"{mantissa.removesuffix('.0')}e{exponent}"
    return written(value)


def written(value: float) -> str:
    """Return a number as Go's FormatFloat(value, 'f', -1, 64) writes it: the shortest, without an exponent."""
    if 1e-4 <= abs(value) < 1e16:  # noqa: PLR2004 - where Python's repr() has no exponent
        return repr(float(value)).removesuffix(".0")
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if value == 0:
        return "-0" if math.copysign(1.0, value) < 0 else "0"
    shown = format(Decimal(repr(value)), "f")
    return shown.rstrip("0").rstrip(".") if "." in shown else shown
