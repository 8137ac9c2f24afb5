"""Whether messages may leave this agent now, and what others see: where several agents act as one (docs/pair.md)."""

from collections.abc import Collection
from typing import Protocol

from streamwatch.model.alert import Alert


class Gate(Protocol):
    """What an agent of several may do. May be asked from any thread, within a transaction, too."""

    def may_send(self) -> bool:
        """Say whether messages may leave, now."""

    def may_be_sent_elsewhere(self) -> bool:
        """Say whether somebody else may be sending what is planned here, who cannot be asked whether he has."""

    def together(self, own: Collection[Alert]) -> list[Alert]:
        """Return the alerts to go by: one's own, and those that others see."""

    def forgotten(self, target: str, key: str, at: float) -> None:
        """Note that a group is over, and that nothing is kept any more of what its target was notified of."""


class Alone:
    """An agent that has no others."""

    def may_send(self) -> bool:
        """Return True: nobody else does."""
        return True

    def may_be_sent_elsewhere(self) -> bool:
        """Return False: there is nobody else."""
        return False

    def together(self, own: Collection[Alert]) -> list[Alert]:
        """Return one's own."""
        return list(own)

    def forgotten(self, target: str, key: str, at: float) -> None:
        """Note nothing."""
