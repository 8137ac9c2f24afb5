"""What has been measured, by broker: running totals since the agent's start."""

from collections import Counter
from dataclasses import dataclass, field

from streamwatch.model.probe import BrokerProbe, Cause, Latencies, Stage


@dataclass(slots=True)
class _Totals:
    successes: int = 0
    failures: Counter[tuple[Stage, Cause]] = field(default_factory=Counter)
    produced: Latencies = field(default_factory=Latencies)
    consumed: Latencies = field(default_factory=Latencies)


class ProbeStats:
    """Counts how attempts ended. Lives on the probe's event loop; ``brokers`` makes a copy that may leave it."""

    def __init__(self) -> None:
        self._totals: dict[int, _Totals] = {}

    def see(self, broker: int) -> None:
        """Begin with a broker: its counters are 0 before its first record."""
        self._totals.setdefault(broker, _Totals())

    def produced(self, broker: int, seconds: float) -> None:
        """Count a record that was acknowledged."""
        totals = self._totals[broker]
        totals.produced = totals.produced.added(seconds)

    def consumed(self, broker: int, seconds: float) -> None:
        """Count a record that was consumed: its attempt has succeeded."""
        totals = self._totals[broker]
        totals.consumed = totals.consumed.added(seconds)
        totals.successes += 1

    def failed(self, broker: int, stage: Stage, cause: Cause) -> None:
        """Count an attempt that failed."""
        self._totals[broker].failures[stage, cause] += 1

    def brokers(self, covered: set[int]) -> tuple[BrokerProbe, ...]:
        """Return the totals of every broker that was seen."""
        return tuple(
            BrokerProbe(
                broker=broker,
                is_covered=broker in covered,
                attempts=totals.successes + sum(totals.failures.values()),
                successes=totals.successes,
                failures=dict(totals.failures),
                produced=totals.produced,
                consumed=totals.consumed,
            )
            for broker, totals in sorted(self._totals.items())
        )
