"""A cap on series: when there are too many, the least important go first, and their number is a metric."""

from collections.abc import Iterable, Sequence

import numpy as np

from streamwatch.model.metric import Keys, Samples, Tier, Values


def count(samples: Iterable[Samples]) -> int:
    """Return how many series these are: values that are known."""
    return sum(int(np.count_nonzero(~np.isnan(s.values))) for s in samples)


def cap(samples: Sequence[Samples], most: int) -> tuple[list[Samples], int]:
    """Keep at most ``most`` series; return them and how many were dropped.

    Tiers go from the last (partitions) to the first; of the tier that fits only in part, the entities with the largest
    values stay, by the first metric of theirs: the largest lag, the most records. The agent's own series always stay.
    """
    total = count(samples)
    if total <= most:
        return list(samples), 0
    capped: list[Samples] = []
    left = most
    for tier in Tier:
        these = [s for s in samples if s.metric.tier is tier]
        size = count(these)
        if size > left and tier is not Tier.AGENT:
            these = _largest(these, max(left, 0))
            size = count(these)
        capped += these
        left -= size
    return capped, total - count(capped)


def _largest(samples: Sequence[Samples], most: int) -> list[Samples]:
    """Keep the entities with the largest values, as many as fit with all their metrics."""
    capped: list[Samples] = []
    by_keys: dict[Keys, list[Samples]] = {}
    for one in samples:
        by_keys.setdefault(one.keys, []).append(one)
    for keys, these in by_keys.items():
        rows = min(len(keys), most // len(these))
        if rows <= 0:
            continue
        index = np.sort(np.argsort(-_weight(these[0].values), kind="stable")[:rows])
        fewer = keys.take(index)
        taken = [one.metric.samples(fewer, one.values[index]) for one in these]
        capped += taken
        most -= count(taken)
    return capped


def _weight(values: Values) -> Values:
    return np.where(np.isnan(values), -np.inf, values)
