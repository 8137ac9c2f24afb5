"""Sequence numbers like AWS's (version 2, reverse-engineered in public): they order a shard's records, and date them.

Hexadecimal, from the left: 2, when the shard was made (9 digits, seconds), its index's last digit, a counter (16), 00,
when the record was written (9, seconds), the shard's index (8), 2. They are told as decimal numbers.
"""

from typing import Final

_COUNTER: Final = 80
_WRITTEN: Final = 36
_MADE: Final = 148
_SHARD: Final = 4
_TOP: Final = 184
_LAST: Final = 2
LEAST: Final = 0
"""Before every sequence number."""


def first_of(made: float, shard: int) -> int:
    """Return the number at which a shard begins: before its first record."""
    fixed = (2 << _TOP) | (int(made) << _MADE) | ((shard & 15) << 144) | (shard << _SHARD) | _LAST
    return fixed | (int(made) << _WRITTEN)


def number_of(starting: int, counter: int, made: float, written: float) -> int:
    """Return the number of a shard's record, from the one at which the shard begins."""
    return starting + (counter << _COUNTER) + ((int(written) - int(made)) << _WRITTEN)


def written_at(number: int) -> int:
    """Return when the record was written, in whole Unix seconds."""
    return (number >> _WRITTEN) & (2**36 - 1)


def shard_of(number: int) -> int:
    """Return the index of the shard."""
    return (number >> _SHARD) & (2**32 - 1)


def is_one(number: int) -> bool:
    """Whether it is built like a sequence number."""
    return number >> _TOP == _LAST and number & 15 == _LAST
