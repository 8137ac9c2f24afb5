"""Parts of what is known: each is asked for at its interval, and kept until it is old."""

import math
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class CachedPart(Generic[T]):
    """One part, as it was last answered.

    An answer that does not come takes nothing away: what was known stays known until it is twice its interval old, and
    is asked for again at every read until then, and after.
    """

    interval: float
    _value: T | None = None
    _learnt_at: float = -math.inf
    _wanted: bool = True

    @property
    def learnt_at(self) -> float:
        """When what is known was asked for, or before; minus infinity where nothing was answered yet."""
        return self._learnt_at

    def is_due(self, now: float) -> bool:
        """Whether it is to be asked for."""
        return self._wanted or not 0 <= now - self._learnt_at < self.interval

    def want(self) -> None:
        """Let it be asked for at the next read: it may have changed, or was not answered."""
        self._wanted = True

    def learn(self, value: T, now: float) -> None:
        """Take an answer."""
        self._value, self._learnt_at, self._wanted = value, now, False

    def forget(self) -> None:
        """Know nothing, for it is known not to be true any more."""
        self._value, self._wanted = None, True

    def known(self, now: float) -> T | None:
        """Return what is known; None where there is nothing, or it is too old."""
        return self._value if now - self._learnt_at <= 2 * self.interval else None
