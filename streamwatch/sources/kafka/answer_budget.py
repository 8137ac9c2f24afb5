"""How much the brokers of one cluster may answer within one read: no broker, and no crowd of them, fills the memory."""

from typing import Final

from streamwatch.core.errors import SourceMisread

_FRAMES: Final = 2
"""So many of the largest answers fit into a read: of real clusters, all answers together are smaller than one."""


class AnswerBudget:
    """Counts the bytes of answers, those that are still arriving too, over all connections to one cluster."""

    def __init__(self, max_frame: int) -> None:
        """Prepare; nothing has arrived."""
        self._limit = _FRAMES * max_frame
        self._taken = 0

    def begin_read(self) -> None:
        """Begin anew: what arrived before this read was read, or its request has ended with its connection."""
        self._taken = 0

    def take(self, count: int) -> None:
        """Count bytes that have arrived.

        Raises:
            SourceMisread: it is too much; the connection on which they came must be closed.

        """
        self._taken += count
        if self._taken > self._limit:
            raise SourceMisread(
                f"the brokers have answered more than {self._limit} bytes in one read, {_FRAMES} times `max_frame`:"
                " raise it, or find out whose address this is"
            )
