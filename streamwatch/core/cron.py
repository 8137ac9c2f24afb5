"""Times that come again, as in cron: the only importer of APScheduler."""

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo


def cron(expression: str, zone: str) -> Callable[[float], float]:
    """Return a function from a time to the next that matches, infinite where none does. Seconds since 1970.

    Args:
        expression: minute, hour, day of the month, month and day of the week, as in ``0 22 * * mon-fri``.
        zone: the time zone, as in ``Europe/Paris``.

    Raises:
        ValueError: it is no such expression.

    """
    from apscheduler.triggers.cron import CronTrigger  # noqa: PLC0415 - it takes 4 MB, and few mute at intervals

    trigger = CronTrigger.from_crontab(expression, timezone=ZoneInfo(zone))

    def following(at: float) -> float:
        after = datetime.fromtimestamp(at, UTC) + timedelta(microseconds=1)
        fires_at = trigger.get_next_fire_time(None, after)
        return math.inf if fires_at is None else fires_at.timestamp()

    return following
