"""What ListOffsets takes instead of a time, and how far it looks."""

from enum import IntEnum


class Timestamp(IntEnum):
    """Instead of milliseconds since 1970."""

    LATEST = -1
    """The end of the log (KIP-79); for readers of committed data the last stable offset."""
    EARLIEST = -2
    """The start of the log (KIP-79)."""
    LARGEST = -3
    """The record with the largest timestamp (KIP-734)."""


class Isolation(IntEnum):
    """Whose end is asked for (KIP-98)."""

    READ_UNCOMMITTED = 0
    READ_COMMITTED = 1
