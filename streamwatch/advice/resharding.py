"""Where to split a stream's shards and where to merge them, by what was written to each."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

import numpy as np

from streamwatch.advice.past import highest, p99
from streamwatch.model.metric import Values

P99_MOST: Final = 0.8
"""Of its limits a shard takes so much in 99 of 100 minutes: a minute's mean hides its seconds."""
HIGHEST_MOST: Final = 1.0
"""And so much in its highest minute."""
MERGED_P99_MOST: Final = 0.5
MERGED_HIGHEST_MOST: Final = 0.8
"""Of shards that are merged, so that they are not split again tomorrow."""
_ROUNDING: Final = 1e-9


@dataclass(frozen=True, slots=True)
class ShardLoad:
    """One open shard."""

    id: str
    first: int
    last: int
    """Its hash keys, both ends included."""
    load: Values
    """What producers wanted to write, by the minute, as a share of what a shard takes; NaN where not known."""


@dataclass(frozen=True, slots=True)
class Step:
    """One split, or one merge, of the shards on both sides of a hash key."""

    kind: Literal["split", "merge"]
    hash_key: int
    """Where the second of the two shards begins."""
    shard: str
    """Which is split, or the first that is merged; empty for one that an earlier step makes."""
    adjacent: str = ""
    """The second that is merged; empty for a split."""


@dataclass(frozen=True, slots=True)
class Resharding:
    """What is to be done, in this order, and how many shards there are after it."""

    steps: tuple[Step, ...]
    shards: int


def shards_needed(load: Values) -> int:
    """Return how many shards take this load, if it is even among them; one at least."""
    return max(1, _ceil(p99(load) / P99_MOST), _ceil(highest(load) / HIGHEST_MOST))


def shards_enough(load: Values) -> int:
    """Return to how many shards a stream with this load may be merged, if it is even among them; one at least."""
    return max(1, _ceil(p99(load) / MERGED_P99_MOST), _ceil(highest(load) / MERGED_HIGHEST_MOST))


def reshard(loads: Sequence[ShardLoad]) -> Resharding:
    """Return the splits that every shard needs, and the merges of neighbours that together are nearly idle.

    Within a shard keys are taken for even: it is split into equal ranges.

    Args:
        loads: all open shards, by their first hash keys.

    """
    steps: list[Step] = []
    count, at = 0, 0
    while at < len(loads):
        shard = loads[at]
        wanted = min(shards_needed(shard.load), shard.last - shard.first + 1)
        size = shard.last - shard.first + 1
        keys = [shard.first + size * part // wanted for part in range(1, wanted)]
        steps += [Step("split", key, "" if turn else shard.id) for turn, key in enumerate(keys)]
        run = 1 if wanted > 1 else _run(loads[at:])
        members = loads[at : at + run]
        steps += [
            Step("merge", second.first, "" if turn else shard.id, second.id) for turn, second in enumerate(members[1:])
        ]
        count, at = count + wanted, at + run
    return Resharding(tuple(steps), count)


def _run(loads: Sequence[ShardLoad]) -> int:
    """Return how many of the first of these fit into one shard together."""
    total = loads[0].load
    for count, (before, shard) in enumerate(pairwise(loads), start=1):
        total = total + shard.load
        is_neighbour = before.last + 1 == shard.first
        if not is_neighbour or np.isnan(total).all() or shards_enough(total) > 1:
            return count
    return len(loads)


def _ceil(value: float) -> int:
    """Return the next whole number; of what is not known, 0."""
    return 0 if math.isnan(value) else math.ceil(value - _ROUNDING)
