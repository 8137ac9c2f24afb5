"""What the model will do later: it has no clock of its own, whoever drives it passes the time in."""

import heapq
from collections.abc import Callable
from itertools import count
from typing import Generic, TypeVar

T = TypeVar("T")

Do = Callable[[float], None]
"""What happens at a time, which it is given (seconds, as in every argument called ``now``)."""


class Timer:
    """Something that will happen, unless it is cancelled."""

    __slots__ = ("do", "when")

    def __init__(self, when: float, do: Do) -> None:
        self.when = when
        self.do: Do | None = do

    def cancel(self) -> None:
        """Make it never happen; harmless when it has."""
        self.do = None


class Timers:
    """All that is going to happen, in order of time."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = count()

    def at(self, when: float, do: Do) -> Timer:
        """Let something happen as soon as it is that late."""
        timer = Timer(when, do)
        heapq.heappush(self._heap, (when, next(self._order), timer))
        return timer

    def run(self, now: float) -> None:
        """Do what is due; what that adds for now or before is done too."""
        while self._heap and self._heap[0][0] <= now:
            timer = heapq.heappop(self._heap)[2]
            if timer.do is not None:
                do, timer.do = timer.do, None
                do(now)

    @property
    def next(self) -> float | None:
        """When something is due the next time."""
        while self._heap and self._heap[0][2].do is None:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None


class Later(Generic[T]):
    """An answer that the model gives when it can; the server waits for it, and nobody else needs a loop."""

    __slots__ = ("_then", "answer")

    def __init__(self) -> None:
        self.answer: T | None = None
        self._then: list[Callable[[T], None]] = []

    @classmethod
    def now(cls, answer: T) -> "Later[T]":
        """Return one that is answered already."""
        later = cls()
        later.answer = answer
        return later

    @property
    def done(self) -> bool:
        """Whether there is an answer."""
        return self.answer is not None

    def settle(self, answer: T) -> None:
        """Give the answer; the first one counts."""
        if self.answer is not None:
            return
        self.answer = answer
        for each in self._then:
            each(answer)
        self._then.clear()

    def then(self, do: Callable[[T], None]) -> None:
        """Call this with the answer, at once if it is there."""
        if self.answer is not None:
            do(self.answer)
        else:
            self._then.append(do)
