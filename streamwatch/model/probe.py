"""What a probe has measured: attempts, how they ended, and how long they took."""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from streamwatch.model.cloudwatch import CloudWatchCost
from streamwatch.model.kinesis import CallCount, StreamKey
from streamwatch.model.snapshot import Problem

BOUNDS: Final = tuple(2.0**power for power in range(-10, 5))
"""Upper bounds of the buckets, in seconds, from about 1 ms to 16 s; beyond, there is one more. Powers of two are the
bounds of native histograms (schema 0), too: converted, no record changes its bucket."""

Stage = Literal["produce", "consume"]
Cause = Literal[
    "timeout", "refused", "connection_lost", "leader_not_available", "not_enough_replicas", "disk", "auth",
    "topic_missing", "stream_missing", "throttled", "unavailable", "kms", "lost", "other",
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What was measured since the agent's start."""

    attempts: int = 0
    """Those that have ended."""
    successes: int = 0
    failures: Mapping[tuple[Stage, Cause], int] = field(default_factory=dict)
    failure_ages: Mapping[tuple[Stage, Cause], float] = field(default_factory=dict)
    """Of each that has been, how many seconds ago the last one was."""
    produced: Latencies = Latencies()
    """From the first request until the record is acknowledged: by all in-sync replicas, or by Kinesis."""
    consumed: Latencies = Latencies()
    """From the first request until a consumer has the record."""


@dataclass(frozen=True, slots=True)
class BrokerProbe(Measured):
    """What was measured through one broker."""

    broker: int
    is_covered: bool
    """Whether a partition of the topic is written through it."""


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


@dataclass(frozen=True, slots=True)
class StreamProbeSnapshot:
    """What the probe of one stream knows at a time."""

    source: str
    stream: StreamKey | None
    """None before AWS has described the stream, ever: whose it is, its ARN says."""
    taken_at: float
    read_seconds: float
    is_up: bool
    """Whether the stream was found, ever: what is measured since says whether it works."""
    problems: tuple[Problem, ...]
    measured: Measured
    calls: tuple[CallCount, ...]
    cost: CloudWatchCost = field(default_factory=CloudWatchCost)
    """Of CloudWatch, which a probe does not ask."""
