"""What a probe has measured: attempts, how they ended, and how long they took."""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from streamwatch.model.snapshot import Problem

BOUNDS: Final = tuple(2.0**power for power in range(-10, 5))
"""Upper bounds of the buckets, in seconds, from about 1 ms to 16 s; beyond, there is one more. Powers of two are the
bounds of native histograms (schema 0), too: converted, no record changes its bucket."""

Stage = Literal["produce", "consume"]
Cause = Literal[
    "timeout", "refused", "connection_lost", "leader_not_available", "not_enough_replicas", "disk", "auth",
    "topic_missing", "lost", "other",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Latencies:
    """A histogram of seconds."""

    counts: tuple[int, ...] = (0,) * (len(BOUNDS) + 1)
    """Of each bucket by itself."""
    seconds: float = 0.0
    """The sum."""

    def added(self, seconds: float) -> "Latencies":
        """Return the same with one more."""
        at = bisect_left(BOUNDS, seconds)
        counts = (*self.counts[:at], self.counts[at] + 1, *self.counts[at + 1 :])
        return Latencies(counts, self.seconds + seconds)


@dataclass(frozen=True, slots=True)
class BrokerProbe:
    """What was measured through one broker since the agent's start."""

    broker: int
    is_covered: bool
    """Whether a partition of the topic is written through it."""
    attempts: int = 0
    """Those that have ended."""
    successes: int = 0
    failures: Mapping[tuple[Stage, Cause], int] = field(default_factory=dict)
    produced: Latencies = Latencies()
    """From the first request until all in-sync replicas have the record."""
    consumed: Latencies = Latencies()
    """From the first request until a consumer has the record."""


@dataclass(frozen=True, slots=True)
class ProbeSnapshot:
    """What the probe of one cluster knows at a time."""

    source: str
    cluster: str
    topic: str
    taken_at: float
    read_seconds: float
    is_up: bool
    """Whether the topic was found, ever: what is measured since says whether it works."""
    problems: tuple[Problem, ...]
    brokers: tuple[BrokerProbe, ...]
