"""A directory for logs on a disk that may fill up, or fail."""

from dataclasses import dataclass


@dataclass(slots=True)
class LogDir:
    """A directory for logs, on a volume of its own. All sizes are bytes."""

    path: str
    capacity: int
    used: int = 0
    """By the logs in it."""
    other: int = 0
    """By whatever else fills the volume."""
    replicas: int = 0
    """How many are in it."""
    is_online: bool = True
    filling: object = None
    """What is filling it on purpose; None when nothing is."""

    @property
    def free(self) -> int:
        """What is left; never below zero."""
        return max(0, self.capacity - self.used - self.other)
