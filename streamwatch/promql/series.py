"""What an expression is evaluated on, and what it becomes."""

import math
import struct
from collections import Counter
from typing import Final, TypeAlias

from streamwatch.core.errors import EvaluationError
from streamwatch.model.labels import NAME, Labels

STALE: Final[float] = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]
"""The value of a stale marker: a NaN of its own."""
_STALE_BITS: Final = 0x7FF0000000000002


def is_stale(value: float) -> bool:
    """Say whether this is a stale marker, and no other NaN."""
    return math.isnan(value) and struct.unpack("<Q", struct.pack("<d", value))[0] == _STALE_BITS


METADATA: Final = (NAME, "__type__", "__unit__")
"""Labels that say what a metric is, and are true of it no more once something was computed of it."""


DROPPED: Final = "\0dropped"
"""A label that says: name, type and unit go at the end. No series has it, as its name is none."""


def nameless(labels: Labels) -> Labels:
    """Return the labels without the metric's name, type and unit."""
    return labels.without(METADATA)


def unmarked(labels: Labels) -> Labels:
    """Return the labels for good, whatever a mark says."""
    return labels.without([DROPPED]) if DROPPED in labels else labels


def final(labels: Labels) -> Labels:
    """Return the labels of a result: name, type and unit are gone where a mark says so."""
    return labels.without([*METADATA, DROPPED]) if DROPPED in labels else labels


Element: TypeAlias = tuple[Labels, float]
Vector: TypeAlias = list[Element]
Value: TypeAlias = Vector | float | str
"""A vector, a scalar, or a string."""


def unique(elements: Vector, why: str = "vector cannot contain metrics with the same labelset") -> Vector:
    """Return the elements.

    Raises:
        EvaluationError: two have the same labels; says ``why``.

    """
    if len({labels for labels, _ in elements}) < len(elements):
        twice = next(labels for labels, count in Counter(labels for labels, _ in elements).items() if count > 1)
        raise EvaluationError(f"{why}: {twice}")
    return elements


def elements(value: Value, otherwise: str) -> Vector:
    """Return a vector as it is, and a scalar as an element without labels.

    Raises:
        EvaluationError: it is a string; says ``otherwise``.

    """
    if isinstance(value, str):
        raise EvaluationError(otherwise)
    return [(Labels(), value)] if isinstance(value, float) else value
