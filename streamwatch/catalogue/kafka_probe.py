"""What records of the agent's own find out, through each broker: docs/probe.md."""

from typing import Final

from streamwatch.catalogue.kafka import BROKER
from streamwatch.model.metric import Metric, Precedence, Tier, Unit

LE: Final = (*BROKER, "le")
FAILURE: Final = (*BROKER, "stage", "cause")
_BY_PROBE: Final[Precedence] = ("probe",)


def _counter(name: str, labels: tuple[str, ...], help: str, question: str, unit: Unit = "") -> Metric:  # noqa: A002 - the word users see
    return Metric(
        name=name, kind="counter", unit=unit, labels=labels, tier=Tier.BROKER, help=help, question=question,
        precedence=_BY_PROBE,
    )  # fmt: skip


def _histogram(name: str, help: str, question: str) -> tuple[Metric, Metric, Metric]:  # noqa: A002 - the same
    """Return the buckets, the sum and the count."""
    bucket, total, count = (
        Metric(
            name=f"{name}_{part}",
            kind="histogram",
            unit="seconds",
            labels=LE if part == "bucket" else BROKER,
            tier=Tier.BROKER,
            help=help,
            question=question,
            precedence=_BY_PROBE,
        )
        for part in ("bucket", "sum", "count")
    )
    return bucket, total, count


COVERED: Final = Metric(
    name="kafka_probe_broker_covered",
    kind="gauge",
    unit="",
    labels=BROKER,
    tier=Tier.BROKER,
    help="Whether records of the probe go through the broker: 0 where it leads no partition of the probe's topic.",
    question="Of which brokers does the probe know nothing?",
    precedence=_BY_PROBE,
)
ATTEMPTS: Final = _counter(
    "kafka_probe_attempts_total",
    BROKER,
    "Records of the probe that were to go through the broker, as far as it is known how that ended.",
    "How many records have tried?",
    "records",
)
SUCCESSES: Final = _counter(
    "kafka_probe_successes_total",
    BROKER,
    "Those of them that all in-sync replicas acknowledged and a consumer got, both within the probe's timeout.",
    "Can applications write and read?",
    "records",
)
FAILURES: Final = _counter(
    "kafka_probe_failures_total",
    FAILURE,
    "The others: whether they were not acknowledged (produce) or not consumed (consume), and the last cause of that.",
    "Why do applications fail?",
    "records",
)
PRODUCE_BUCKET, PRODUCE_SUM, PRODUCE_COUNT = _histogram(
    "kafka_probe_produce_seconds",
    "From the first request until all in-sync replicas had acknowledged the record (acks=all), retries included.",
    "How long do producers wait?",
)
CONSUME_BUCKET, CONSUME_SUM, CONSUME_COUNT = _histogram(
    "kafka_probe_consume_seconds",
    "From the first request of its producer until a consumer had the record: end to end.",
    "How long is a record on its way?",
)

METRICS: Final[tuple[Metric, ...]] = (
    COVERED,
    ATTEMPTS,
    SUCCESSES,
    FAILURES,
    PRODUCE_BUCKET,
    PRODUCE_SUM,
    PRODUCE_COUNT,
    CONSUME_BUCKET,
    CONSUME_SUM,
    CONSUME_COUNT,
)
