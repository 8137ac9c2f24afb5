"""CRC-32C, the checksum of record batches: by the C library where there is one, or by a table."""

from collections.abc import Callable
from typing import Final

_POLYNOMIAL: Final = 0x82F63B78


def _entry(value: int) -> int:
    for _ in range(8):
        value = (value >> 1) ^ (_POLYNOMIAL if value & 1 else 0)
    return value


_TABLE: Final = tuple(_entry(byte) for byte in range(256))


def slow_crc32c(data: bytes) -> int:
    """Return the checksum, at about ten megabytes a second."""
    table, crc = _TABLE, 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ table[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


try:
    from crc32c import crc32c as _fast
except ImportError:  # the [reference] extra brings it
    crc32c: Callable[[bytes], int] = slow_crc32c
else:
    crc32c = _fast
