"""What records of the agent's own find out, through each broker: docs/probe.md."""

from typing import Final

from streamwatch.catalogue.kafka import BROKER
from streamwatch.catalogue.probes import BY_PROBE, ProbeMetrics, counter, failure_age, histogram
from streamwatch.model.metric import Metric, Tier

COVERED: Final = Metric(
    name="kafka_probe_broker_covered",
    kind="gauge",
    unit="",
    labels=BROKER,
    tier=Tier.BROKER,
    help="Whether records of the probe go through the broker: 0 where it leads no partition of the probe's topic.",
    question="Of which brokers does the probe know nothing?",
    precedence=BY_PROBE,
)
PROBE: Final = ProbeMetrics(
    attempts=counter(
        "kafka_probe_attempts_total",
        BROKER,
        Tier.BROKER,
        "Records of the probe that were to go through the broker, as far as it is known how that ended.",
        "How many records have tried?",
        "records",
    ),
    successes=counter(
        "kafka_probe_successes_total",
        BROKER,
        Tier.BROKER,
        "Those of them that all in-sync replicas acknowledged and a consumer got, both within the probe's timeout.",
        "Can applications write and read?",
        "records",
    ),
    failures=counter(
        "kafka_probe_failures_total",
        (*BROKER, "stage", "cause"),
        Tier.BROKER,
        "The others: whether they were not acknowledged (produce) or not consumed (consume), and the last cause.",
        "Why do applications fail?",
        "records",
    ),
    failure_age=failure_age("kafka_probe_failure_age_seconds", (*BROKER, "stage", "cause"), Tier.BROKER),
    produce=histogram(
        "kafka_probe_produce_seconds",
        BROKER,
        Tier.BROKER,
        "From the first request until all in-sync replicas had acknowledged the record (acks=all), retries included.",
        "How long do producers wait?",
    ),
    consume=histogram(
        "kafka_probe_consume_seconds",
        BROKER,
        Tier.BROKER,
        "From the first request of its producer until a consumer had the record: end to end.",
        "How long is a record on its way?",
    ),
)

METRICS: Final[tuple[Metric, ...]] = (COVERED, *PROBE.all)
