"""How a group does in each partition, judged by what moved, and when: no threshold of lag.

Between two reads a position moves or stands, and what can be read grows or stands. Four rules follow:

- Who stood while records came, for long enough, and had time for what came last, is *stalled*.
- Records can come that no reader sees (transaction markers, aborted records): growth behind a position proves nothing
  once, nor twice. It takes three, and as much time between the first and the last as a stall takes.
- Where both stand nothing can be said: that is a *remainder*, not a stall.
- What was not looked at does not count: while a cluster or a coordinator does not answer, the clocks stand.
"""

from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from streamwatch.model.kafka import Bools
from streamwatch.model.metric import Values

_NAN: Final = float("nan")
_NEVER: Final = float("-inf")
_REMAINDER_SECONDS: Final = 180.0
"""Where a position and what can be read have both stood for so long (or three tenths of what a stall takes), nothing
more is said than that something remains. Shorter than an alert on ages waits, so that a marker is no late record."""

_GROWTHS: Final = 3
"""An aborted transaction is growth that no reader sees; two in a row happen where records are few."""


_PART: Final = 8192
"""So many entries are judged at a time."""


class GroupPartitionState(IntEnum):
    """How a group does in one partition."""

    READING = 0
    IDLE = 1
    LATE = 2
    STALLED = 3
    STOPPED = 4
    REMAINDER = 5
    UNCOMMITTED = 6
    AHEAD = 7
    UNKNOWN = 8


NO_STATE: Final = -1
"""The group neither commits in the partition nor holds it."""

States = npt.NDArray[np.int8]
"""A ``GroupPartitionState`` each, or ``NO_STATE``."""


class Memory(NamedTuple):
    """What is remembered of groups in partitions from read to read: shape E each, times monotonic seconds."""

    seen_at: Values
    """When all that a verdict needs was known last."""
    committed: Values
    completed: Values
    end: Values
    stable: Values
    stands_since: Values
    """When the position moved last, or was first seen."""
    moved_at: Values
    """When it was seen to move last."""
    grew_at: Values
    """When what it could read first grew beyond a position that stands; NaN while it did not."""
    grown: Values
    """In how many reads it grew."""
    sure_at: Values
    """When it grew often enough to be no accident."""
    last_at: Values
    """When it grew last."""
    caught_up_at: Values
    """When the lag did not grow last, or the position reached what was there one read before."""
    held_at: Values
    """When a member held the partition last."""
    state: Values
    """The last state but unknown."""
    since: Values
    """Since when: data wait beyond a position that stands, it is ahead, or nothing was ever committed."""
    base: Values
    """The end offset at that moment."""
    uncertain: Values
    """Up to which offset what is unread may be no record: where it was a remainder, until the position moves or it is
    known that records are there; NaN elsewhere."""


BLANK: Final = Memory(
    seen_at=_NAN,  # type: ignore[arg-type]  # one number a column: what each begins with
    committed=_NAN,  # type: ignore[arg-type]
    completed=_NAN,  # type: ignore[arg-type]
    end=_NAN,  # type: ignore[arg-type]
    stable=_NAN,  # type: ignore[arg-type]
    stands_since=_NAN,  # type: ignore[arg-type]
    moved_at=_NEVER,  # type: ignore[arg-type]
    grew_at=_NAN,  # type: ignore[arg-type]
    grown=0.0,  # type: ignore[arg-type]
    sure_at=_NAN,  # type: ignore[arg-type]
    last_at=_NAN,  # type: ignore[arg-type]
    caught_up_at=_NAN,  # type: ignore[arg-type]
    held_at=_NEVER,  # type: ignore[arg-type]
    state=_NAN,  # type: ignore[arg-type]
    since=_NAN,  # type: ignore[arg-type]
    base=_NAN,  # type: ignore[arg-type]
    uncertain=_NAN,  # type: ignore[arg-type]
)


@dataclass(frozen=True, slots=True, eq=False)
class CommitRead:
    """One read of groups in partitions: shape E each; offsets are NaN where they are not known."""

    committed: Values
    never: Bools
    """It is known that the group never committed there."""
    completed: Values
    start: Values
    end: Values
    stable: Values
    position: Values
    limit: Values
    held: npt.NDArray[np.int8]
    """1 where a member holds it, 0 where none does, -1 where that is not known."""
    alive: Bools
    """Where no member is known to hold it: whether somebody reads it all the same."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """How long is waited for a verdict."""

    stalled_after: float
    """Seconds that a position stands while records come, until it is stalled."""
    interval: float
    """Seconds between two reads."""

    @property
    def held(self) -> float:
        """A partition counts as held for so long after it was: a rebalance and a restart are over by then."""
        return 0.5 * self.stalled_after

    @property
    def remainder(self) -> float:
        """How long position and limit stand before something remains."""
        return min(_REMAINDER_SECONDS, 0.3 * self.stalled_after)

    @property
    def gap(self) -> float:
        """Who was not seen for longer was not looked at in between."""
        return max(3 * self.interval, 0.25 * self.stalled_after)


def step(before: Memory, seen: CommitRead, at: float, thresholds: Thresholds) -> tuple[Memory, States, Bools]:
    """Return what to remember of this read, the states, and where a position was seen to move."""
    known = ~np.isnan(seen.committed) & ~np.isnan(seen.end)
    readable = known | (seen.never & ~np.isnan(seen.end))
    was = _without_the_gap(before, readable, at, thresholds)
    waits = known & (seen.position + seen.completed < seen.limit)
    differs = (seen.committed != was.committed) | (seen.completed != was.completed)
    moved = known & ~np.isnan(was.seen_at) & differs
    anew = known & (np.isnan(was.committed) | (seen.end < was.end))
    reset = moved | anew
    grew = waits & ~reset & np.where(seen.position <= seen.stable, seen.stable > was.stable, seen.end > was.end)
    # Growth counts from a position that stands, and ends where all was read.
    fresh = reset | (known & ~waits)
    grown = np.where(fresh, 0.0, was.grown + grew)
    there_before = np.fmin(was.end, was.stable)
    lag_before = was.end - np.fmax(was.committed, seen.start) - was.completed
    caught_up = known & (
        anew | ~waits | (seen.position >= there_before) | (seen.end - seen.position - seen.completed <= lag_before)
    )
    held = (seen.held == 1) | ((seen.held < 0) & (at - was.held_at <= thresholds.held))
    now = Memory(
        seen_at=np.where(readable, at, was.seen_at),
        committed=np.where(known, seen.committed, was.committed),
        completed=np.where(known, seen.completed, was.completed),
        end=np.where(readable, seen.end, was.end),
        stable=np.where(np.isnan(seen.stable), was.stable, seen.stable),
        stands_since=np.where(reset, at, was.stands_since),
        moved_at=np.where(moved, at, was.moved_at),
        grew_at=np.where(fresh, np.nan, np.where(grew & (grown == 1), at, was.grew_at)),
        grown=grown,
        sure_at=np.where(fresh, np.nan, np.where(grew & (grown == _GROWTHS), at, was.sure_at)),
        last_at=np.where(fresh, np.nan, np.where(grew, at, was.last_at)),
        caught_up_at=np.where(caught_up, at, was.caught_up_at),
        held_at=np.where(held, at, was.held_at),
        state=was.state,
        since=was.since,
        base=was.base,
        uncertain=np.where(reset, np.nan, was.uncertain),
    )
    states = _judge(now, seen, known, waits, at, thresholds)
    return _noted(now, was, seen, states, at), states, moved


def advance(memory: Memory, seen: CommitRead, at: float, thresholds: Thresholds) -> tuple[States, Bools]:
    """Change what is remembered as ``step`` does, and return the states, and where a position was seen to move.

    It goes by some thousand entries at a time: what is computed in between is small, and in the processor's cache.
    """
    states, moved = np.empty(len(memory.state), dtype=np.int8), np.empty(len(memory.state), dtype=bool)
    for begin in range(0, len(states), _PART):
        part = slice(begin, begin + _PART)
        before, now = Memory(*(column[part] for column in memory)), _part_of(seen, part)
        after, states[part], moved[part] = step(before, now, at, thresholds)
        for column, values in zip(before, after, strict=True):
            column[:] = values
    return states, moved


def _part_of(seen: CommitRead, part: slice) -> CommitRead:
    return CommitRead(**{one.name: getattr(seen, one.name)[part] for one in fields(seen)})


def _without_the_gap(before: Memory, readable: Bools, at: float, thresholds: Thresholds) -> Memory:
    """Return the memory with its clocks moved on where nothing was seen for a while."""
    gap = at - before.seen_at
    if not (late := readable & (gap > thresholds.gap)).any():
        return before
    shift = np.where(late, gap - thresholds.interval, 0.0)
    return before._replace(
        **{
            name: getattr(before, name) + shift
            for name in ("stands_since", "moved_at", "grew_at", "sure_at", "last_at", "caught_up_at", "held_at")
        }
    )


def _judge(now: Memory, seen: CommitRead, known: Bools, waits: Bools, at: float, thresholds: Thresholds) -> States:  # noqa: PLR0913, PLR0917 - one step of ``step``, cut out to be read alone
    held = at - now.held_at <= thresholds.held
    stood = waits & (at - now.sure_at >= thresholds.stalled_after)
    stood &= now.last_at - now.grew_at >= thresholds.stalled_after
    alone = ~held & ~seen.alive & (seen.held == 0) & (at - now.moved_at > thresholds.held)
    quiet = at - np.fmax(now.stands_since, now.last_at) >= thresholds.remainder
    moving = at - now.moved_at < thresholds.stalled_after
    return np.select(
        [
            seen.never & ~held,
            ~known & ~seen.never | np.isnan(seen.end) | (seen.never & np.isnan(seen.start)),
            seen.never & (seen.end > seen.start),
            seen.never | (known & ~waits & (seen.committed <= seen.end)),
            known & (seen.committed > seen.end),
            stood & (held | seen.alive),
            waits & alone,
            waits & quiet,
            waits & moving & (at - now.caught_up_at >= thresholds.stalled_after),
        ],
        [
            NO_STATE,
            GroupPartitionState.UNKNOWN,
            GroupPartitionState.UNCOMMITTED,
            GroupPartitionState.IDLE,
            GroupPartitionState.AHEAD,
            GroupPartitionState.STALLED,
            GroupPartitionState.STOPPED,
            GroupPartitionState.REMAINDER,
            GroupPartitionState.LATE,
        ],
        GroupPartitionState.READING,
    ).astype(np.int8)


def _noted(now: Memory, was: Memory, seen: CommitRead, states: States, at: float) -> Memory:
    """Note when a state began that somebody has to look at, and what may be no record."""
    judged = (states != GroupPartitionState.UNKNOWN) & (states != NO_STATE)
    entered = ((states == GroupPartitionState.AHEAD) | (states == GroupPartitionState.UNCOMMITTED)) & (
        states != was.state
    )
    entered |= np.isnan(was.grew_at) & ~np.isnan(now.grew_at)
    return now._replace(
        state=np.where(judged, states, was.state),
        since=np.where(entered, at, was.since),
        base=np.where(entered, now.end, was.base),
        uncertain=np.select(
            [
                states == GroupPartitionState.REMAINDER,
                (states == GroupPartitionState.STALLED) | (states == GroupPartitionState.STOPPED),
            ],
            [seen.limit, np.nan],
            now.uncertain,
        ),
    )
