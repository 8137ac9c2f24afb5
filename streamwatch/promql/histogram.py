"""Quantiles and fractions of classic histograms, as Prometheus reckons them of whatever buckets there are."""

import math
import re
import sys
from collections.abc import Sequence
from typing import Final, TypeAlias

from streamwatch.promql.numbers import divide

Buckets: TypeAlias = Sequence[tuple[float, float]]
"""Upper bounds, and how many observations are not above each."""

_TOLERANCE: Final = 1e-12
_SMALLEST: Final = sys.float_info.min
_LARGEST: Final = sys.float_info.max
_DECIMAL: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_HEXADECIMAL: Final = re.compile(r"[+-]?0x(?:[\da-f]+\.?[\da-f]*|\.[\da-f]+)p[+-]?\d+", re.ASCII | re.IGNORECASE)
_UNDERSCORE: Final = re.compile(r"(?<=[\dx])_(?=\d)|(?<=[\da-fx])_(?=[\da-f])(?=.*p)", re.ASCII | re.IGNORECASE)
_INFINITE: Final = re.compile(r"[+-]?inf(?:inity)?", re.IGNORECASE)


def bound(text: str) -> float | None:
    """Return a bucket's upper bound as its label ``le`` writes it; None where that is no number of Go's."""
    if _INFINITE.fullmatch(text):
        return -math.inf if text[0] == "-" else math.inf
    if text.lower() == "nan":
        return math.nan
    text = _UNDERSCORE.sub("", text)
    try:
        if _DECIMAL.fullmatch(text):
            found = float(text)
        elif _HEXADECIMAL.fullmatch(text):
            found = float.fromhex(text)
        else:
            return None
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None  # too large is no number to Go


def quantile(q: float, buckets: Buckets) -> float:
    """Return a quantile, linear within a bucket."""
    if math.isnan(q) or not 0 <= q <= 1:
        return math.nan if math.isnan(q) else math.copysign(math.inf, q)
    ordered = _ordered(buckets)
    if len(ordered) <= 1 or ordered[-1][0] != math.inf:
        return math.nan
    _make_monotonic(ordered)
    observations = ordered[-1][1]
    return math.nan if observations == 0 else _value_at(q * observations, ordered)


def _value_at(rank: float, ordered: Buckets) -> float:
    """Return where the observation of this rank lies."""
    at = _first(rank, ordered)
    if at == len(ordered) - 1:
        return ordered[-2][0]
    if at == 0 and ordered[0][0] <= 0:
        return ordered[0][0]
    end, count = ordered[at]
    start = 0.0
    if at > 0:
        start = ordered[at - 1][0]
        count -= ordered[at - 1][1]
        rank -= ordered[at - 1][1]
    return start + (end - start) * divide(rank, count)


def _first(rank: float, ordered: Buckets) -> int:
    """Return the first bucket, the last left out, that reaches a rank; by halves, which counts where some are NaN."""
    low, high = 0, len(ordered) - 1
    while low < high:
        middle = (low + high) // 2
        if ordered[middle][1] >= rank:
            high = middle
        else:
            low = middle + 1
    return low


def fraction(lower: float, upper: float, buckets: Buckets) -> float:
    """Return which part of the observations lies between two values, linear within a bucket."""
    ordered = _ordered(buckets)
    if ordered[-1][0] != math.inf:
        return math.nan
    count = ordered[-1][1]
    if count == 0 or math.isnan(lower) or math.isnan(upper):
        return math.nan
    return 0.0 if lower >= upper else divide(_below(upper, ordered) - _below(lower, ordered), count)


def _below(value: float, ordered: Buckets) -> float:
    """Return how many observations lie below a value."""
    rank, start, count = 0.0, -math.inf, ordered[-1][1]
    for end, reached in ordered:
        if start >= value:
            break
        if end > value:
            rank += divide((reached - rank) * (value - start), end - start)
            break
        rank, start = reached, end
    else:
        return count
    return min(rank, count)


def _ordered(buckets: Buckets) -> list[tuple[float, float]]:
    """Return the buckets in order, those of an equal bound added up; a NaN stays where Go's sorting leaves it."""
    listed: list[tuple[float, float]] = []
    for bucket in buckets:
        at = len(listed)
        while at and bucket[0] < listed[at - 1][0]:
            at -= 1
        listed.insert(at, bucket)
    found: list[tuple[float, float]] = []
    for upper, count in listed:
        if found and found[-1][0] == upper:
            found[-1] = (upper, found[-1][1] + count)
        else:
            found.append((upper, count))
    return found


def _make_monotonic(buckets: list[tuple[float, float]]) -> None:
    """Let no bucket count less than the one before it; differences of rounding are evened out."""
    previous = buckets[0][1]
    for at in range(1, len(buckets)):
        upper, count = buckets[at]
        if count == previous:
            continue
        if _almost(previous, count) or count < previous:
            buckets[at] = (upper, previous)
            continue
        previous = count


def _almost(one: float, other: float) -> bool:
    if math.isinf(one) or math.isinf(other):
        return False
    largest = abs(one) + abs(other)
    difference = abs(one - other)
    if one == 0 or other == 0 or largest < _SMALLEST:
        return difference < _TOLERANCE * _SMALLEST
    return difference / min(largest, _LARGEST) < _TOLERANCE
