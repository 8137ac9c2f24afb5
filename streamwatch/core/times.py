"""Times and spans of time as text."""

from datetime import UTC, datetime
from typing import Final

_LAST_INSTANT: Final = 253_402_300_799.0
"""The end of the year 9999."""


def is_instant(at: object) -> bool:
    """Say whether something is a time, in seconds since 1970, that can be written as a date."""
    return isinstance(at, int | float) and 0 <= at <= _LAST_INSTANT


def rfc3339(at: float, timespec: str = "milliseconds") -> str:
    """Return seconds since 1970 as RFC 3339."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec=timespec).replace("+00:00", "Z")


def duration(seconds: float) -> str:
    """Return a span of time as settings have it, exactly: ``90s``, ``1h``."""
    for unit, length in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= length and seconds % length == 0:
            return f"{seconds / length:g}{unit}"
    return f"{seconds:g}s"
