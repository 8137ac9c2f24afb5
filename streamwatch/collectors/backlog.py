"""What groups have left unread: the one definition of lag, used by every collector."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streamwatch.collectors.columns import known
from streamwatch.collectors.lag import EndOffsetHistory, Method
from streamwatch.model.kafka import NOT_KNOWN, Bools, ClusterSnapshot, Int32s, Int64s
from streamwatch.model.metric import Values

Methods = npt.NDArray[np.int8]
"""A ``Method`` each."""


@dataclass(frozen=True, slots=True, eq=False)
class Backlog:
    """Some commits, and what lies before them; every column has one shape, NaN where it is not known."""

    committed: Values
    completed: Values
    """Records beyond the committed offset that the group is done with already."""
    start: Values
    end: Values
    stable: Values
    """The last stable offset."""
    position: Values
    """Where the group reads on: the committed offset, or the log start where that is beyond it."""
    limit: Values
    """Up to where it can read: the last stable offset for who stands at or below it, else the end offset."""
    lag: Values
    """Records from the position to the end, less those completed; 0 for who is ahead of the end."""
    lost: Values
    """Records between the committed offset and the log start."""
    ahead: Values
    """Records between the end and a committed offset beyond it: they will be skipped when they are written."""

    @property
    def nothing(self) -> Bools:
        """Whether nothing that can be read is left."""
        read: Bools = (self.position + np.nan_to_num(self.completed) >= self.limit) | (self.lag == 0)
        return read & (self.committed <= self.end)


def backlog(now: ClusterSnapshot, places: Int32s | Int64s, rows: Int32s | Int64s) -> Backlog:
    """Return what these commits leave unread.

    Where the log start is not known the committed offset is taken for the position: the lag is then an upper bound.

    Args:
        now: the read.
        places: of the commits, in the snapshot's columns of shape C.
        rows: the row of each in the topology, same shape.

    """
    committed, completed = known(now.committed[places]), known(now.completed[places])
    start, end = known(now.start_offset)[rows], known(now.end_offset)[rows]
    stable = known(now.stable_offset)[rows]
    position = np.fmax(committed, start)
    position[np.isnan(committed)] = np.nan
    limit = np.where(position <= stable, np.minimum(stable, end), end)
    return Backlog(
        committed=committed,
        completed=completed,
        start=start,
        end=end,
        stable=stable,
        position=position,
        limit=limit,
        lag=np.where(position >= end, 0.0, np.maximum(end - position - completed, 0.0)),
        lost=np.maximum(start - committed, 0.0),
        ahead=np.maximum(committed - end, 0.0),
    )


def ages(  # noqa: PLR0913, PLR0917 - what an age rests on
    now: ClusterSnapshot,
    history: EndOffsetHistory,
    left: Backlog,
    places: Int32s | Int64s,
    rows: Int32s | Int64s,
    uncertain: Values,
) -> tuple[Values, Methods]:
    """Return the age of each first unread record, in seconds, and the ``Method`` by which it is known.

    Where the history does not know it, what the leader said of the record's own timestamp counts.

    Args:
        now: the read.
        history: where end offsets stood.
        left: what ``backlog`` made of the same commits.
        places: of the commits, in the snapshot's columns of shape C.
        rows: the row of each in the topology, same shape.
        uncertain: up to which offset what is unread may be no record, same shape; NaN where there is no such doubt.

    """
    # A share group is done with records beyond its start offset, in no order: so old is its oldest one at least.
    reads_on = left.position + np.nan_to_num(left.completed)
    # The start is asked for after the end, and may be beyond it; only a commit beyond the end is ahead of it.
    position = np.where(left.committed <= left.end, np.minimum(reads_on, left.end), left.position)
    doubtful = uncertain > position
    position = np.where(doubtful, np.minimum(uncertain, left.end), position)
    seconds, method = history.ages(rows, np.nan_to_num(position, nan=NOT_KNOWN).astype(np.int64))
    all_doubtful = doubtful & (uncertain >= left.limit)
    seconds[all_doubtful], method[all_doubtful] = np.nan, Method.UNKNOWN
    nothing = left.nothing
    seconds[nothing], method[nothing] = 0.0, Method.IDLE
    unread_at = now.unread_at[places]
    looked_up = (method == Method.UNKNOWN) & ~np.isnan(unread_at) & (left.lag > 0) & ~doubtful
    seconds[looked_up] = np.maximum(now.offsets_at - unread_at[looked_up], 0.0)
    method[looked_up] = Method.LOOKED_UP
    return seconds, method
