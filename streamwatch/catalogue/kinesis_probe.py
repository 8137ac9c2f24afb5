"""What records of the agent's own find out, through a stream of their own: docs/probe.md."""

from typing import Final

from streamwatch.catalogue.kinesis import STREAM
from streamwatch.catalogue.probes import ProbeMetrics, counter, failure_age, histogram
from streamwatch.model.metric import Metric, Tier

PROBE: Final = ProbeMetrics(
    attempts=counter(
        "kinesis_probe_attempts_total",
        STREAM,
        Tier.STREAM,
        "Records of the probe that were to go through its stream, as far as it is known how that ended.",
        "How many records have tried?",
        "records",
    ),
    successes=counter(
        "kinesis_probe_successes_total",
        STREAM,
        Tier.STREAM,
        "Those of them that Kinesis acknowledged and GetRecords gave back, both within the probe's timeout.",
        "Can applications write and read?",
        "records",
    ),
    failures=counter(
        "kinesis_probe_failures_total",
        (*STREAM, "stage", "cause"),
        Tier.STREAM,
        "The others: whether they were not acknowledged (produce) or not consumed (consume), and the last cause.",
        "Why do applications fail?",
        "records",
    ),
    failure_age=failure_age("kinesis_probe_failure_age_seconds", (*STREAM, "stage", "cause"), Tier.STREAM),
    produce=histogram(
        "kinesis_probe_produce_seconds",
        STREAM,
        Tier.STREAM,
        "From the first PutRecord until Kinesis had acknowledged the record, retries included.",
        "How long do producers wait?",
    ),
    consume=histogram(
        "kinesis_probe_consume_seconds",
        STREAM,
        Tier.STREAM,
        "From the first PutRecord until GetRecords gave the record back: end to end, for a reader that asks four"
        " times a second.",
        "How long is a record on its way?",
    ),
)

METRICS: Final[tuple[Metric, ...]] = PROBE.all
