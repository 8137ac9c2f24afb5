"""Functions of vectors and scalars, one element at a time."""

import math
from collections.abc import Callable, Mapping
from typing import Final

from streamwatch.promql.numbers import divide

OneToOne = Callable[[float], float]


def _guarded(function: OneToOne) -> OneToOne:
    """Return a function that gives NaN where Python's raises, as Go's does."""

    def call(value: float) -> float:
        try:
            return function(value)
        except ValueError:
            return math.nan
        except OverflowError:
            return math.copysign(math.inf, value)

    return call


def _logarithm(function: OneToOne) -> OneToOne:
    def call(value: float) -> float:
        if value == 0:
            return -math.inf
        return math.nan if value < 0 else function(value)

    return call


def _atanh(value: float) -> float:
    return math.copysign(math.inf, value) if abs(value) == 1 else math.atanh(value)


def _sign(value: float) -> float:
    return value if math.isnan(value) else float((value > 0) - (value < 0))


def _cosh(value: float) -> float:
    try:
        return math.cosh(value)
    except OverflowError:
        return math.inf


def _whole(function: Callable[[float], int]) -> OneToOne:
    """Return a rounding that leaves alone what is no ordinary number, and keeps the sign of zero."""
    return lambda value: math.copysign(float(function(value)), value) if math.isfinite(value) else value


_floor: Final = _whole(math.floor)
EACH: Final[Mapping[str, OneToOne]] = {
    "abs": abs,
    "acos": _guarded(math.acos),
    "acosh": _guarded(math.acosh),
    "asin": _guarded(math.asin),
    "asinh": math.asinh,
    "atan": math.atan,
    "atanh": _guarded(_atanh),
    "ceil": _whole(math.ceil),
    "cos": _guarded(math.cos),
    "cosh": _cosh,
    "deg": lambda value: value * 180 / math.pi,
    "exp": _guarded(math.exp),
    "floor": _floor,
    "ln": _logarithm(math.log),
    "log10": _logarithm(math.log10),
    "log2": _logarithm(math.log2),
    "rad": lambda value: value * math.pi / 180,
    "sgn": _sign,
    "sin": _guarded(math.sin),
    "sinh": _guarded(math.sinh),
    "sqrt": _guarded(math.sqrt),
    "tan": _guarded(math.tan),
    "tanh": math.tanh,
}
"""Those of one vector: each value becomes another."""


def clamp(value: float, least: float, most: float) -> float:
    """Return the value, or the bound that it is beyond; as in Go, an infinite bound holds even where another is NaN."""
    below = -math.inf if -math.inf in {value, most} else math.nan if math.isnan(value + most) else min(most, value)
    if math.inf in {least, below}:
        return math.inf
    return math.nan if math.isnan(least) or math.isnan(below) else max(least, below)


def rounded(value: float, nearest: float) -> float:
    """Return the nearest multiple; halves go up."""
    inverse = divide(1.0, nearest)
    return divide(_floor(value * inverse + 0.5), inverse)
