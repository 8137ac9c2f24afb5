"""Times and spans of time as text."""

from datetime import UTC, datetime


def rfc3339(at: float, timespec: str = "milliseconds") -> str:
    """Return seconds since 1970 as RFC 3339."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec=timespec).replace("+00:00", "Z")


def duration(seconds: float) -> str:
    """Return a span of time as settings have it, exactly: ``90s``, ``1h``."""
    for unit, length in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= length and seconds % length == 0:
            return f"{seconds / length:g}{unit}"
    return f"{seconds:g}s"
