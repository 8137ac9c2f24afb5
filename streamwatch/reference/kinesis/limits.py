"""The limits, as token buckets: what is taken comes back a second later, so that no second ever holds more.

What a call took beyond what was there is paid for by the seconds that follow: 10 MiB read at 2 MiB a second take five.
"""

from collections import deque
from typing import Final

MIB: Final = 2**20
WRITE_RECORDS: Final = 1000
WRITE_BYTES: Final = MIB
READ_BYTES: Final = 2 * MIB
READ_CALLS: Final = 5
MOST_BYTES_A_CALL: Final = 10 * MIB
MOST_RECORDS_A_CALL: Final = 10_000
_AFTER_TOO_MUCH_SECONDS: Final = 1.0
_FULL_READ_SECONDS: Final = 5.0
_ENOUGH_FOR_FULL: Final = 0.9
"""A call counts as full from this share of 10 MiB on: the next record would not have fitted."""


class Bucket:
    """Tokens; each is back one second after it was taken. What is taken beyond them is owed and paid as they return."""

    __slots__ = ("_back", "_owed", "left", "rate")

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.left = rate
        self._owed = 0.0
        self._back: deque[tuple[float, float]] = deque()

    def fill(self, now: float) -> float:
        """Let time give back what it does; return what is there."""
        while self._back and self._back[0][0] <= now:
            at, amount = self._back.popleft()
            if self._owed:
                paid = min(amount, self._owed)
                self._owed -= paid
                amount -= paid
                self._lend(paid, at)
            self.left += amount
        return self.left

    def take(self, amount: float, now: float) -> None:
        """Use tokens; the caller has asked whether they are there, or makes debts."""
        if amount > self.left:
            self._owed += amount - self.left
            amount = self.left
        self.left -= amount
        if amount:
            self._lend(amount, now)

    def _lend(self, amount: float, now: float) -> None:
        """Remember that tokens come back a second later."""
        back = now + 1.0
        if self._back and self._back[-1][0] >= back:
            at, before = self._back.pop()  # one that came back later must not be overtaken
            self._back.append((at, before + amount))
        else:
            self._back.append((back, amount))

    def admit(self, now: float) -> bool:
        """Use one token if there is one."""
        if self.fill(now) < 1:
            return False
        self.take(1, now)
        return True


class WriteLimits:
    """1,000 records and 1 MiB a second, keys counted."""

    __slots__ = ("bytes", "records")

    def __init__(self) -> None:
        self.records = Bucket(WRITE_RECORDS)
        self.bytes = Bucket(WRITE_BYTES)

    def admit(self, size: int, now: float) -> bool:
        """Count a record if it fits; one larger than a second's worth wants an idle second, and uses up more."""
        if self.records.fill(now) < 1 or self.bytes.fill(now) < min(size, WRITE_BYTES):
            return False
        self.records.take(1, now)
        self.bytes.take(size, now)
        return True


class ReadLimits:
    """5 calls and 2 MiB a second; what a call read beyond that is owed to the next seconds (10 MiB: five seconds)."""

    __slots__ = ("_silent_until", "bytes", "calls")

    def __init__(self) -> None:
        self.calls = Bucket(READ_CALLS)
        self.bytes = Bucket(READ_BYTES)
        self._silent_until = 0.0

    def admit(self, now: float) -> bool:
        """Count a call if one may be made."""
        if now < self._silent_until or self.calls.fill(now) < 1:
            return False
        if self.bytes.fill(now) <= 0:
            self._silent_until = now + _AFTER_TOO_MUCH_SECONDS
            return False
        self.calls.take(1, now)
        return True

    def used(self, size: int, now: float) -> None:
        """Count what a call returned."""
        if size:
            self.bytes.take(size, now)
        if size >= _ENOUGH_FOR_FULL * MOST_BYTES_A_CALL:
            self._silent_until = now + _FULL_READ_SECONDS
