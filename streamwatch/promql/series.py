"""What an expression is evaluated on, and what it becomes."""

import math
import struct
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from streamwatch.errors import EvaluationError
from streamwatch.model.labels import NAME, Labels
from streamwatch.promql.match import Matcher

STALE: Final[float] = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]
"""The value of a stale marker: a NaN of its own."""
_STALE_BITS: Final = 0x7FF0000000000002


def is_stale(value: float) -> bool:
    """Say whether this is a stale marker, and no other NaN."""
    return math.isnan(value) and struct.unpack("<Q", struct.pack("<d", value))[0] == _STALE_BITS


@dataclass(frozen=True, slots=True)
class Series:
    """A series in a range of time: times in milliseconds since 1970, ascending, and as many values."""

    labels: Labels
    times: Sequence[int]
    values: Sequence[float]


METADATA: Final = (NAME, "__type__", "__unit__")
"""Labels that say what a metric is, and are true of it no more once something was computed of it."""


DROPPED: Final = "\0dropped"
"""A label that says: name, type and unit go at the end. No series has it, as its name is none."""

Bare: TypeAlias = Callable[[Labels], Labels]
"""Takes name, type and unit away, at once or at the end."""


def nameless(labels: Labels) -> Labels:
    """Return the labels without the metric's name, type and unit."""
    return labels.without(METADATA)


def nameless_later(labels: Labels) -> Labels:
    """Return the labels marked: without name, type and unit at the end."""
    return labels.updated({DROPPED: "1"})


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


class Querier(Protocol):
    """What knows the samples."""

    def select(self, matchers: Sequence[Matcher], first_ms: int, last_ms: int) -> list[Series]:
        """Return the series that match, with their samples from ``first_ms`` to ``last_ms``, both included.

        Stale markers are among the values; series without a sample may be left out.
        """


def elements(value: Value, otherwise: str) -> Vector:
    """Return a vector as it is, and a scalar as an element without labels.

    Raises:
        EvaluationError: it is a string; says ``otherwise``.

    """
    if isinstance(value, str):
        raise EvaluationError(otherwise)
    return [(Labels(), value)] if isinstance(value, float) else value


def unique(value: Value) -> Value:
    """Return the value; a vector must not have the same labels twice.

    Raises:
        EvaluationError: it has.

    """
    if isinstance(value, list) and len(value) > 1:
        twice = [labels for labels, count in Counter(labels for labels, _ in value).items() if count > 1]
        if twice:
            raise EvaluationError(f"vector cannot contain metrics with the same labelset: {twice[0]}")
    return value
