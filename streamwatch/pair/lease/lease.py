"""What a lease is, whoever keeps it."""

import math
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Holding:
    """What a step found: who holds the lease."""

    holder: str
    """The name of the agent that holds it; empty where nobody is known to."""
    until: float = -math.inf
    """Monotonic, of this process: until then the lease is certainly this agent's; minus infinity where it is not."""
    term: int = 0
    """How often the lease has gone from one agent to another, as its home counts."""


class AgentLease(Protocol):
    """One lease, as one agent sees it. Used by one thread."""

    def step(self, *, wants: bool) -> Holding:
        """Ask who holds it; take it where it is free, and renew it where it is this agent's.

        Args:
            wants: whether this agent would take it; else it is only looked at, and given back.

        Raises:
            LeaseError: its home cannot be reached, or cannot be understood.

        """

    def release(self) -> None:
        """Give it back, if it is this agent's, so that another need not wait.

        Raises:
            LeaseError: that did not arrive: the others wait until it has run out.

        """

    def close(self) -> None:
        """Let go of connections; who holds the lease is left as it is."""
