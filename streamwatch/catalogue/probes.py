"""What every probe by records has: counters, and histograms of seconds."""

from typing import Final, NamedTuple

from streamwatch.model.metric import Metric, Precedence, Tier, Unit

BY_PROBE: Final[Precedence] = ("probe",)


class ProbeHistogram(NamedTuple):
    """The three metrics that are one histogram."""

    bucket: Metric
    sum: Metric
    count: Metric  # type: ignore[assignment] # Prometheus's name for it


class ProbeMetrics(NamedTuple):
    """What is measured of records."""

    attempts: Metric
    successes: Metric
    failures: Metric
    failure_age: Metric
    produce: ProbeHistogram
    consume: ProbeHistogram

    @property
    def all(self) -> tuple[Metric, ...]:
        """Each by itself."""
        return (self.attempts, self.successes, self.failures, self.failure_age, *self.produce, *self.consume)


def counter(name: str, labels: tuple[str, ...], tier: Tier, help: str, question: str, unit: Unit = "") -> Metric:  # noqa: A002, PLR0913, PLR0917 - the word users see; one definition
    """Define a counter that only a probe has."""
    return Metric(
        name=name, kind="counter", unit=unit, labels=labels, tier=tier, help=help, question=question,
        precedence=BY_PROBE,
    )  # fmt: skip


def failure_age(name: str, labels: tuple[str, ...], tier: Tier) -> Metric:
    """Define what tells causes that are from causes that were."""
    return Metric(
        name=name,
        kind="gauge",
        unit="seconds",
        labels=labels,
        tier=tier,
        help="How long ago the last record was lost of this cause, since the agent's start.",
        question="Why do records fail now?",
        precedence=BY_PROBE,
    )


def histogram(name: str, labels: tuple[str, ...], tier: Tier, help: str, question: str) -> ProbeHistogram:  # noqa: A002 - the word users see
    """Define the buckets, the sum and the count."""
    return ProbeHistogram(
        *(
            Metric(
                name=f"{name}_{part}",
                kind="histogram",
                unit="seconds",
                labels=(*labels, "le") if part == "bucket" else labels,
                tier=tier,
                help=help,
                question=question,
                precedence=BY_PROBE,
            )
            for part in ("bucket", "sum", "count")
        )
    )
