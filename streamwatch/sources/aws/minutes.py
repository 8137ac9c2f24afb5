"""What is known of one CloudWatch series: each minute counted exactly once, though points come late and change."""

import math
from collections.abc import Iterable
from typing import Final

MINUTE: Final = 60


class Minutes:
    """Takes points as CloudWatch gives them, again and again.

    A minute that was seen before counts what it has grown by. What was there before the first answer is not counted:
    the count begins when the watching does.
    """

    __slots__ = ("_began", "_counted", "minute", "total", "value")

    def __init__(self) -> None:
        self.total = 0.0
        self.minute = math.nan
        self.value = math.nan
        self._counted: dict[int, float] = {}
        self._began = False

    def take(self, points: Iterable[tuple[int, float]], since: float) -> bool:
        """Take the points of one answer, by the start of their minute; return whether there were any.

        Args:
            points: minute and value.
            since: minutes before this one are not asked for again, and forgotten.

        """
        any_at_all = False
        newest = -math.inf
        for minute, value in points:
            any_at_all = True
            grown = value - self._counted.get(minute, 0.0)
            if grown > 0 or minute not in self._counted:
                self._counted[minute] = value
                if self._began:
                    self.total += grown
            if minute > newest:
                newest, self.value = minute, value
        self._began = True
        self.minute = newest if any_at_all else math.nan
        if not any_at_all:
            self.value = math.nan
        for old in [minute for minute in self._counted if minute < since]:
            del self._counted[old]
        return any_at_all
