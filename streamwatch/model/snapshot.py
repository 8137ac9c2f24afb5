"""What every snapshot has in common, and what a read could not learn."""

from dataclasses import dataclass
from typing import Final, Literal, Protocol

from streamwatch.core.masking import masked_words

Scope = Literal[
    "cluster", "broker", "partition", "group", "topic", "region", "stream", "shard", "consumer", "cloudwatch",
    "worker", "connector", "reader",
]  # fmt: skip
Reason = Literal[
    "unreachable", "timeout", "denied", "throttled", "misread", "moved", "error", "budget", "unsupported", "foreign",
    "disagreement",
]  # fmt: skip

_MOST_DETAIL: Final = 1000
"""Characters of a problem's detail: what a service says of itself may be of any length."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that could not be read, and how much hangs on it."""

    scope: Scope
    reason: Reason
    detail: str
    count: int = 1

    def __post_init__(self) -> None:
        """Cut it, and mask what looks like a secret: whoever refused says what it likes."""
        is_cut = len(self.detail) > _MOST_DETAIL
        detail = f"{self.detail[:_MOST_DETAIL]}..." if is_cut else self.detail
        object.__setattr__(self, "detail", masked_words(detail))


class Snapshot(Protocol):
    """One read of one source."""

    @property
    def source(self) -> str:
        """The source's name."""

    @property
    def is_up(self) -> bool:
        """Whether the read gave anything."""

    @property
    def taken_at(self) -> float:
        """When the read began, in seconds since 1970."""

    @property
    def read_seconds(self) -> float:
        """How long it took."""

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What it could not learn."""
