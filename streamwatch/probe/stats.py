"""What has been measured: running totals since the agent's start."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol

from streamwatch.model.probe import BrokerProbe, Cause, Latencies, Measured, Stage


class Attempted(Protocol):
    """An attempt that has ended."""

    stage: Stage
    cause: Cause
    produced_seconds: float | None
    consumed_seconds: float | None


@dataclass(slots=True)
class Totals:
    """How attempts ended, of one broker or stream."""

    successes: int = 0
    failures: Counter[tuple[Stage, Cause]] = field(default_factory=Counter)
    failed_at: dict[tuple[Stage, Cause], float] = field(default_factory=dict)
    produced: Latencies = field(default_factory=Latencies)
    consumed: Latencies = field(default_factory=Latencies)

    def add(self, attempt: Attempted, now: float) -> None:
        """Count an attempt that ended now, by the loop's time."""
        if attempt.produced_seconds is not None:
            self.produced = self.produced.added(attempt.produced_seconds)
        if attempt.consumed_seconds is None:
            self.failures[attempt.stage, attempt.cause] += 1
            self.failed_at[attempt.stage, attempt.cause] = now
        else:
            self.consumed = self.consumed.added(attempt.consumed_seconds)
            self.successes += 1

    @property
    def attempts(self) -> int:
        """Those that have ended."""
        return self.successes + sum(self.failures.values())

    def ages(self, now: float) -> dict[tuple[Stage, Cause], float]:
        """Return how long ago the last failure of each cause was."""
        return {key: now - at for key, at in self.failed_at.items()}

    def measured(self, now: float) -> Measured:
        """Return a copy that may leave the probe's event loop."""
        return Measured(
            attempts=self.attempts, successes=self.successes, failures=dict(self.failures), produced=self.produced,
            consumed=self.consumed, failure_ages=self.ages(now),
        )  # fmt: skip


class ProbeStats:
    """Counts how attempts ended, by broker. Lives on the probe's event loop; a copy, ``brokers``, may leave it."""

    def __init__(self) -> None:
        self._totals: dict[int, Totals] = {}

    def see(self, broker: int) -> None:
        """Begin with a broker: its counters are 0 before its first record."""
        self._totals.setdefault(broker, Totals())

    def add(self, broker: int, attempt: Attempted, now: float) -> None:
        """Count an attempt through a broker that was seen."""
        self._totals[broker].add(attempt, now)

    def brokers(self, covered: set[int], now: float) -> tuple[BrokerProbe, ...]:
        """Return the totals of every broker that was seen."""
        return tuple(
            BrokerProbe(
                broker=broker,
                is_covered=broker in covered,
                attempts=totals.attempts,
                successes=totals.successes,
                failures=dict(totals.failures),
                failure_ages=totals.ages(now),
                produced=totals.produced,
                consumed=totals.consumed,
            )
            for broker, totals in sorted(self._totals.items())
        )
