"""When a cluster is to be read again because leaders do not answer.

The metadata go on naming a leader that has crashed until its session ends. A read of before that moment says nothing
about what is true after it: so there is another one then, and more of them until the leaders are others.
"""

from collections.abc import Mapping
from typing import Final

from streamwatch.model.distinct import distinct
from streamwatch.model.kafka import Int32s

KRAFT_SECONDS: Final = 9.0
ZOOKEEPER_SECONDS: Final = 18.0
"""After how long without a broker a cluster gives up its session, by default."""
_MARGIN_SECONDS: Final = 0.5
"""For the controller to notice, to elect, and to inform the brokers."""
_GAP_SECONDS: Final = 1.0
_LONGEST_SECONDS: Final = 30.0
"""For so long after the end of a session leaders may move at any moment; what stays longer is no failover."""


def next_read(down_since: Mapping[int, float], leaders: Int32s, session: float, now: float) -> float | None:
    """Return in how many seconds the cluster is to be read again; None where its interval is soon enough.

    Args:
        down_since: since when each broker that is down has been so.
        leaders: the leader of each partition (P), as the metadata name it now.
        session: after how many seconds without a broker the cluster gives up its session.
        now: by the same clock as the down_since.

    """
    leading = sorted(down_since.keys() & distinct(leaders).tolist())
    waits = [_wait(now - down_since[broker], session + _MARGIN_SECONDS) for broker in leading]
    return min((wait for wait in waits if wait is not None), default=None)


def _wait(down_for: float, until: float) -> float | None:
    if down_for >= until + _LONGEST_SECONDS:
        return None
    return max(until - down_for, _GAP_SECONDS)
