"""Sequence numbers like AWS's (reverse-engineered in public): they order a shard's records, and date them.

Version 2, in hexadecimal, from the left: 2, when the shard was made (9 digits, seconds), its index's last digit, an
index (16) that several shards of a stream share, 00, when the record was written (9, seconds), the shard's index (8),
2. They are given as decimal numbers. Older ones of versions 1 and 0 are still understood where AWS understands them.
"""

from typing import Final, NamedTuple

_INDEX: Final = 80
_WRITTEN: Final = 36
_MADE: Final = 148
_SHARD: Final = 4
_TOP: Final = 184
_LAST: Final = 2
_SECONDS: Final = 2**36 - 1
_LATEST_MADE: Final = 16_025_175_000
"""From here on AWS takes no number."""
LEAST: Final = 0
"""Before every sequence number."""
LAST_INDEX: Final = 2**63 - 1
"""The index at which a closed shard ends, whatever was put into it."""
SHARED_BY: Final = 5
"""So many shards, one after the other, count with one index."""


class Sequence(NamedTuple):
    """What a sequence number holds."""

    version: int
    made: int
    """When the shard was made, in Unix seconds."""
    shard: int
    """Its index; AWS reads it as a signed number."""
    written: int
    """When the record was written, in Unix seconds."""


def first_of(made: int, shard: int) -> int:
    """Return the number at which a shard begins: before its first record."""
    fixed = (2 << _TOP) | (made << _MADE) | ((shard & 15) << 144) | (shard << _SHARD) | _LAST
    return fixed | (made << _WRITTEN)


def number_of(starting: int, index: int, made: int, written: int) -> int:
    """Return the number of a shard's record, from the one at which the shard begins."""
    return starting + (index << _INDEX) + ((written - made) << _WRITTEN)


def written_at(number: int) -> int:
    """Return when the record was written, in whole Unix seconds."""
    return (number >> _WRITTEN) & _SECONDS


def shard_of(number: int) -> int:
    """Return the index of the shard."""
    return (number >> _SHARD) & (2**32 - 1)


def index_of(number: int) -> int:
    """Return the index of the record."""
    return (number >> _INDEX) & (2**64 - 1)


def is_sequence_number(number: int) -> bool:
    """Whether it is built like a sequence number."""
    return number >> _TOP == _LAST and number & 15 == _LAST


def read(number: int) -> Sequence | None:
    """Return what a number holds; None for one that AWS calls invalid."""
    if number < 2**124:
        number += 2**124  # of streams of 2013
    if number < 2**129:
        made = (number >> 88) & _SECONDS if number >> 124 == 1 else _LATEST_MADE
        return None if made >= _LATEST_MADE else Sequence(0, made, number & 0xFFFF, made)
    version = number & 15
    if number >> _TOP != _LAST or version not in {1, _LAST}:
        return None
    made, shard = (number >> _MADE) & _SECONDS, shard_of(number)
    if version == 1:
        return Sequence(1, made, shard, (number >> 100) & _SECONDS)
    if index_of(number) > LAST_INDEX or made >= _LATEST_MADE:
        return None
    return Sequence(_LAST, made, shard if shard < 2**31 else shard - 2**32, written_at(number))
