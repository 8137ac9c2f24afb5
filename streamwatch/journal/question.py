"""Which changes are asked for."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Which changes are asked for."""

    since: float = 0.0
    until: float = float("inf")
    sources: Sequence[str] = ()
    kinds: Sequence[str] = ()
    """Kinds, or what stands before their dot: ``topic`` is all that happens to topics."""
    limit: int = 100
    below: tuple[float, int] | None = None
    """Time and number of the last change of the page before."""
