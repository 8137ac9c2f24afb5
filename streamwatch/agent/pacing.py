"""How quickly a group reads, and what comes into its topics: from the archive."""

from collections.abc import Callable, Collection
from functools import partial
from typing import Final

import numpy as np

from streamwatch.archive.archive import Archive
from streamwatch.archive.numbers import BY_NAME, ArchivedNumber
from streamwatch.archive.rings import HIGH, LAST, LEVELS, Curve
from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_groups as g
from streamwatch.incidents.pace import CommitStop, GroupPace, Steps, commit_stop, pace
from streamwatch.model.metric import Values

_LAG: Final = BY_NAME[f"group.{g.GROUP_LAG.name}"]
_READ: Final = BY_NAME[f"group.{g.GROUP_TOPIC_COMMITTED.name}"]
_MEMBERS: Final = BY_NAME[f"group.{g.GROUP_MEMBERS.name}"]
_WRITTEN: Final = BY_NAME[f"topic.{k.TOPIC_END_OFFSET.name}"]
_HOUR_SECONDS: Final = float(LEVELS[0].span_seconds)
_DAY_SECONDS: Final = float(LEVELS[1].span_seconds)
"""Where a group fell behind before the hour."""


def pace_of(
    archive: Callable[[], Archive], cluster: str, group: str, topics: Collection[str]
) -> GroupPace | CommitStop | None:
    """Return how a group reads these topics, or that it has stopped to; None where that is not known.

    Args:
        archive: gives the one that there is.
        cluster: the group's.
        group: its name.
        topics: those that it reads.

    """
    of = archive()
    hour = _steps(of, cluster, group, topics, _HOUR_SECONDS)
    found = None if hour is None else commit_stop(hour) or pace(hour)
    if found is not None:
        return found
    day = _steps(of, cluster, group, topics, _DAY_SECONDS)
    return None if day is None else pace(day)


def _steps(archive: Archive, cluster: str, group: str, topics: Collection[str], span: float) -> Steps | None:
    wanted: list[tuple[ArchivedNumber, tuple[str, str]]] = [
        (each, (cluster, group)) for each in (_LAG, _READ, _MEMBERS)
    ]
    wanted += [(_WRITTEN, (cluster, topic)) for topic in topics]
    curves = [archive.curve(number, entity, span) for number, entity in wanted]
    have = [curve for curve in curves if curve is not None]
    if not topics or len(have) < len(wanted):
        return None
    end = min(curve.first_step + curve.values.shape[1] for curve in have)  # a step may begin between two of them
    lag, read, members, *written = have
    cut = partial(_until, end=end)
    return Steps(
        float(lag.seconds),
        cut(lag, LAST),
        np.sum([cut(each, LAST) for each in written], axis=0),
        cut(read, HIGH),
        cut(members, LAST),
    )


def _until(curve: Curve, which: int, end: int) -> Values:
    """Return the last hour's, or day's, values before a step."""
    late = curve.first_step + curve.values.shape[1] - end
    steps = curve.values.shape[1] - 2
    return curve.values[which, curve.values.shape[1] - late - steps : curve.values.shape[1] - late].astype(np.float64)
