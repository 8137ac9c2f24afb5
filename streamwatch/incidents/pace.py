"""Whether a group that falls behind reads too slowly, or gets more than before: told by the hours before."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from streamwatch.model.metric import Values

_LOW: Final = 0.1
"""A group keeps pace where no more than this share of what it has not read now has not been read."""
_MOST_BEFORE: Final = 30
_LEAST: Final = 2
_LEAST_SINCE: Final = 4
_LEAST_READ: Final = 0.1
"""A group that reads less than this share of what comes may stand: a step is too coarse to tell."""
_JUMP: Final = 0.8
"""Where so much of it came in half of the time, it jumped: somebody set the group back, or sent all at once."""
_LATELY: Final = 12
"""Steps; a group that committed nothing in them has stopped, where it had committed in as many before."""
_GAPS: Final = 3
"""And where it was never without a commit for a third of that time before: else it may only commit seldom."""


@dataclass(frozen=True, slots=True)
class Steps:
    """What is archived of a group, in steps of equal length, the oldest first; NaN where it was not known."""

    seconds: float
    """The length of a step."""
    lag: Values
    """Records that it has not read, at the end of each step."""
    written: Values
    """Records a second that come into the topics that it reads."""
    read: Values
    """Records a second that it commits: the most of each step."""
    members: Values


@dataclass(frozen=True, slots=True)
class GroupPace:
    """How quickly a group reads since it began to fall behind, and what comes."""

    read: float
    """Records a second."""
    comes: float
    """Records a second."""
    came: float
    """Records a second that came while it kept pace."""
    steps_before: int
    """So many steps are known of the time in which it did."""
    members: float
    """NaN where it is not known."""
    members_before: float


@dataclass(frozen=True, slots=True)
class CommitStop:
    """A group that committed all the while commits nothing any more, though records come."""

    seconds: float
    """For so long."""


def commit_stop(steps: Steps) -> CommitStop | None:
    """Return for how long a group has committed nothing; None where it does, or may only do so seldom.

    Of a group whose last commit is not in these steps nothing is known of how often it commits: None, too.
    """
    known, moved = np.flatnonzero(~np.isnan(steps.read)), np.flatnonzero(steps.read > 0)
    if len(moved) < _LATELY or known[-1] < len(steps.read) - 3:
        return None
    last, now = int(moved[-1]), int(known[-1])
    stands, gap = now - last, int(np.diff(moved).max()) - 1
    if stands < max(_LATELY, _GAPS * gap) or np.isnan(steps.read[now + 1 - _LATELY : now + 1]).any():
        return None
    middle = (last + now) // 2
    grows = steps.lag[last] < steps.lag[middle] < steps.lag[now]
    return CommitStop(stands * steps.seconds) if grows else None


def pace(steps: Steps) -> GroupPace | None:
    """Return how a group reads; None where it does not fall behind steadily, or too little is known.

    It kept pace until little of what it has not read now had not been read. What it reads follows from what comes, and
    from how what it has not read grows.
    """
    known = np.flatnonzero(~np.isnan(steps.lag))
    if not len(known) or known[-1] < len(steps.lag) - 3:
        return None
    now = int(known[-1])
    kept = np.flatnonzero(steps.lag[:now] <= _LOW * steps.lag[now])
    if not len(kept) or now - kept[-1] < _LEAST_SINCE or not _is_steady(steps.lag, int(kept[-1]), now):
        return None
    began = int(kept[-1])
    late = math.ceil((now - began) * _LOW / (1 - _LOW))  # it had begun before there was a tenth of it
    end = max(0, began + 1 - late)
    first = max(0, end - _MOST_BEFORE)
    before, members = _known(steps.written[first:end]), _known(steps.members[first:end])
    since = _known(steps.written[began + 1 : now + 1])
    reads = _known(steps.read[max((began + now) // 2 + 1, now + 1 - _LATELY) : now + 1])
    if len(before) < _LEAST or not len(since) or not (reads > 0).any():
        return None
    comes = float(since.mean())
    grows = float(steps.lag[now] - steps.lag[began]) / ((now - began) * steps.seconds)
    if not 0 < grows <= (1 - _LEAST_READ) * comes:
        return None
    return GroupPace(
        comes - grows,
        comes,
        float(before.mean()),
        len(before),
        float(steps.members[now]),
        float(members.max()) if len(members) else math.nan,
    )


def _is_steady(lag: Values, began: int, now: int) -> bool:
    """Say whether what has not been read has grown in both halves of the time."""
    middle, whole = lag[(began + now) // 2], lag[now] - lag[began]
    return bool((1 - _JUMP) * whole <= middle - lag[began] <= _JUMP * whole)


def _known(values: Values) -> Values:
    return values[~np.isnan(values)]
