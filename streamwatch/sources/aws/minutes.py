"""What is known of one CloudWatch series: each minute counted exactly once, though points come late and change."""

import math
from array import array
from collections.abc import Iterable
from typing import Final

MINUTE: Final = 60


class Minutes:
    """Takes points as CloudWatch gives them, again and again.

    Nothing counts before the minute in which the series was first asked for. That mark moves forward only: a minute
    that is too old to change is settled, and what an answer has of it is not looked at again. A minute after the mark
    counts what CloudWatch says of it now; one that CloudWatch leaves out keeps what it had. Where minutes are corrected
    downwards the total waits until it is true again: a counter that falls would be taken for one that began anew.
    """

    __slots__ = ("_period", "_values", "_written", "mark", "minute", "total", "value")

    def __init__(self, first: int, period: int = MINUTE) -> None:
        """Begin to count.

        Args:
            first: the minute in which the series is first asked for.
            period: how long a minute is; of a reference in a hurry it is shorter.

        """
        self._period = period
        self.mark = first
        """The first minute that may still count."""
        self.total = 0.0
        self.minute = math.nan
        self.value = math.nan
        self._written = 0.0
        """The sum of everything that counts, as CloudWatch says it now."""
        self._values = array("d")
        """What each minute from the mark on counts; NaN where it has had no point."""

    def take(self, points: Iterable[tuple[int, float]], settled: int) -> None:
        """Take the points of one answer, by the start of their minute.

        Args:
            points: minute and value.
            settled: minutes before this one do not change any more.

        """
        newest = -math.inf
        for minute, value in points:
            if minute >= self.mark:
                self._count((minute - self.mark) // self._period, value)
            if minute >= newest:
                newest, self.value = minute, value
        if newest == -math.inf:
            newest = self.value = math.nan
        self.minute = newest
        self.total = max(self.total, self._written)
        if settled > self.mark:
            del self._values[: (settled - self.mark) // self._period]
            self.mark = settled

    def is_ahead(self, now: int) -> bool:
        """Whether nothing has counted yet, and nothing would before a minute that is still to come."""
        return now < self.mark and not self._values

    def _count(self, index: int, value: float) -> None:
        """Let a minute count this much, whatever it counted before."""
        missing = index + 1 - len(self._values)
        if missing > 0:
            self._values.extend([math.nan] * missing)
        before = self._values[index]
        self._written += value - (0.0 if math.isnan(before) else before)
        self._values[index] = value
