"""What an answer to "may I restart it?" is: yes only where nothing speaks against it, and everything is known."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from streamwatch.model.snapshot import Snapshot

ObjectionKind = Literal[
    "last_in_sync", "min_isr", "brokers", "not_in_sync", "reassignment", "controller", "quorum", "log_dir", "msk",
    "members", "stale", "unknown",
]  # fmt: skip

_VALID_INTERVALS: Final = 2.5
_LEAST_VALID_SECONDS: Final = 10.0
_JUMP_SECONDS: Final = 1.0
MOST_OBJECTIONS: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """Something that speaks against a restart, or that is not known."""

    kind: ObjectionKind
    text: str
    topic: str = ""
    partition: int | None = None
    is_unknown: bool = False
    """Whether it is not known, and nothing that is seen to be wrong."""
    count: int = 1
    """How many it stands for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """An answer."""

    subject: str
    objections: tuple[Objection, ...]
    """``MOST_OBJECTIONS`` of them at most."""
    count: int
    """How many there are, those that one stands for with it."""
    read_at: float | None
    """When the oldest read that it rests on began, in seconds since 1970; None where there is none."""

    @property
    def may(self) -> bool:
        """Whether it may be restarted."""
        return not self.count


@dataclass(frozen=True, slots=True, kw_only=True)
class LastRead:
    """The last read of a source."""

    source: str
    snapshot: Snapshot | None
    """None before the first has ended."""
    interval: float

    def stale(self, now: float, after: float) -> Objection | None:
        """Return why it does not count: it is too old, or it began before the question; else None.

        Args:
            now: seconds since 1970.
            after: it must not have begun before; 0 where whoever asks does not care.

        """
        if self.snapshot is None:
            return unknown("stale", f"{self.source}: the first read has not ended yet")
        age = now - self.snapshot.taken_at
        if not -_JUMP_SECONDS <= age <= max(_VALID_INTERVALS * self.interval, _LEAST_VALID_SECONDS):
            return unknown("stale", f"{self.source}: the last read began {age:.0f} s ago: it is too old to rely on")
        if self.snapshot.taken_at < after:
            return unknown("stale", f"{self.source}: no read that began after the question has ended yet")
        if not self.snapshot.is_up:
            return unknown("unknown", f"{self.source}: it cannot be read")
        return None


def unknown(kind: ObjectionKind, text: str) -> Objection:
    """Return an objection that something is not known."""
    return Objection(kind=kind, text=text, is_unknown=True)


def verdict(subject: str, objections: Sequence[Objection], reads: Sequence[LastRead]) -> Verdict:
    """Put an answer together."""
    times = [read.snapshot.taken_at for read in reads if read.snapshot is not None]
    return Verdict(
        subject=subject,
        objections=tuple(objections[:MOST_OBJECTIONS]),
        count=sum(one.count for one in objections),
        read_at=min(times, default=None),
    )
