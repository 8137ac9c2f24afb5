"""Quantiles of classic histograms."""

import math
import sys
from collections.abc import Iterable
from typing import Final

_TOLERANCE: Final = 1e-12
_SMALLEST: Final = sys.float_info.min
_LARGEST: Final = sys.float_info.max


def bound(text: str) -> float | None:
    """Return a bucket's upper bound as its label ``le`` writes it; None where that is no number."""
    try:
        return float(text.replace("_", "x"))  # Python would read 1_0 as a number
    except ValueError:
        return None


def quantile(q: float, buckets: Iterable[tuple[float, float]]) -> float:
    """Return a quantile of these buckets (upper bound and cumulative count), linear within a bucket."""
    if math.isnan(q) or not 0 <= q <= 1:
        return math.nan if math.isnan(q) else math.copysign(math.inf, q)
    ordered = _merged(sorted(buckets, key=lambda one: one[0]))
    if len(ordered) <= 1 or ordered[-1][0] != math.inf:
        return math.nan
    _make_monotonic(ordered)
    observations = ordered[-1][1]
    return math.nan if observations == 0 else _found(q * observations, ordered)


def _found(rank: float, ordered: list[tuple[float, float]]) -> float:
    """Return where the observation of this rank lies."""
    at = next((i for i in range(len(ordered) - 1) if ordered[i][1] >= rank), len(ordered) - 1)
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
    return start + (end - start) * (rank / count)


def _merged(buckets: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the buckets with those of an equal bound added up."""
    found: list[tuple[float, float]] = []
    for upper, count in buckets:
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
