"""Times that come again, as in cron: the only importer of APScheduler."""

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apscheduler.triggers.cron import CronTrigger


def cron(expression: str, zone: str) -> Callable[[float], float]:
    """Return a function from a time to the next that matches, infinite where none does. Seconds since 1970.

    Args:
        expression: minute, hour, day of the month, month and day of the week, as in ``0 22 * * mon-fri``.
        zone: the time zone, as in ``Europe/Paris``.

    Raises:
        ValueError: it is no such expression.

    """
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - with it comes how Python was built: 1 MB

    from apscheduler.triggers.cron import CronTrigger  # noqa: PLC0415 - it takes 4 MB, and few mute at intervals

    trigger = CronTrigger.from_crontab(expression, timezone=ZoneInfo(zone))

    def following(at: float) -> float:
        # From a fraction of a second APScheduler looks on from the next whole one, which may be behind a skipped hour.
        found = _next(trigger, math.floor(at))
        return found if found > at else _next(trigger, math.floor(at) + 1)

    return following


def _next(trigger: "CronTrigger", since: int) -> float:
    fires_at = trigger.get_next_fire_time(None, datetime.fromtimestamp(since, UTC))
    return math.inf if fires_at is None else _instant(fires_at)


def _instant(local: datetime) -> float:
    """Return when a local time is, in seconds since 1970. One that does not exist is when the clocks skip it.

    APScheduler takes it for an hour later where it looks from before the change, and leaves it out where from after.
    """
    at = local.timestamp()
    if datetime.fromtimestamp(at, local.tzinfo).replace(tzinfo=None) == local.replace(tzinfo=None):
        return at
    before, after = sorted(int(local.replace(fold=fold).timestamp()) for fold in (0, 1))
    offset = datetime.fromtimestamp(before, local.tzinfo).utcoffset()
    while after - before > 1:
        middle = (before + after) // 2
        if datetime.fromtimestamp(middle, local.tzinfo).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return float(after)
