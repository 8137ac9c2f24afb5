"""Functions of vectors and scalars: of all values at once."""

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from streamwatch.promql.columns import Floats

EACH: Final[Mapping[str, Callable[[Floats], Any]]] = {
    "abs": np.abs,
    "acos": np.arccos,
    "acosh": np.arccosh,
    "asin": np.arcsin,
    "asinh": np.arcsinh,
    "atan": np.arctan,
    "atanh": np.arctanh,
    "ceil": np.ceil,
    "cos": np.cos,
    "cosh": np.cosh,
    "deg": lambda values: values * 180 / math.pi,
    "exp": np.exp,
    "floor": np.floor,
    "ln": np.log,
    "log10": np.log10,
    "log2": np.log2,
    "rad": lambda values: values * math.pi / 180,
    "sgn": np.sign,
    "sin": np.sin,
    "sinh": np.sinh,
    "sqrt": np.sqrt,
    "tan": np.tan,
    "tanh": np.tanh,
}
"""Those of one vector: each value becomes another."""


def clamp(values: Floats, least: float, most: float) -> Floats:
    """Return the values, or the bound that they are beyond; as in Go, an infinite bound holds even where one is NaN.

    Of zeros, Go's lesser is the negative one, and the greater the positive one.
    """
    below = np.where((values == 0) & (most == 0), -(-values - most), np.minimum(most, values))
    below = np.where((values == -math.inf) | (most == -math.inf), -math.inf, below)
    above = np.where((below == 0) & (least == 0), below + least, np.maximum(least, below))
    found: Floats = np.where((below == math.inf) | (least == math.inf), math.inf, above)
    return found


def rounded(values: Floats, nearest: float) -> Floats:
    """Return the nearest multiples; halves go up."""
    inverse = np.divide(1.0, nearest)
    found: Floats = np.floor(values * inverse + 0.5) / inverse
    return found
