"""Kafka: who reads a topic on somebody's behalf, as AWS tells of it. What the group has left, the Kafka source says."""

from typing import Final

from streamwatch.catalogue.kinesis_readers import POLICY
from streamwatch.model.metric import Metric, Tier, Unit

READER: Final = ("aws_account", "aws_region", "kafka_cluster", "topic", "group", "kind", "reader")
"""``kafka_cluster`` and ``group`` are those of the group's own metrics."""


def _metric(
    name: str,
    help: str,  # noqa: A002 - the word users see
    *,
    question: str,
    unit: Unit = "",
    labels: tuple[str, ...] = READER,
) -> Metric:
    return Metric(
        name=name,
        kind="counter" if name.endswith("_total") else "gauge",
        unit=unit,
        labels=labels,
        tier=Tier.CONSUMER,
        help=help,
        question=question,
    )


UP = _metric(
    "kafka_reader_up",
    "Whether the reader runs (1) or not (0): its mapping is enabled, and polls. Absent where that is not known.",
    question="Does it run?",
)
STATE = _metric(
    "kafka_reader_state",
    "Always 1; names the state: `running`, `failing` (its last results were problems), `changing` (it is being made or"
    " updated), `stopped`, `unknown`; and of which type its group is: `consumer`, or `share` in queue mode.",
    question="Is it well?",
    labels=(*READER, "group_type", "state"),
)
LAST_RESULT = _metric(
    "kafka_reader_last_result",
    "Always 1; names what whoever runs the reader says of its last work: of Lambda LastProcessingResult, or where the"
    " mapping is not enabled StateTransitionReason.",
    question="Can it not log in, or does the function fail?",
    labels=(*READER, "result"),
)
RETRY_POLICY = _metric(
    "kafka_reader_retry_policy",
    "Always 1; names what becomes of a batch that fails: how often and until which age it is tried again (`forever`:"
    " without a limit), whether it is halved, and where it goes when it is given up (empty: nowhere).",
    question="Does a bad record block the partition, or is it lost?",
    labels=(*READER, *POLICY),
)
LAG = _metric(
    "kafka_reader_lag_records",
    "Records that the reader has not read, as CloudWatch says; absent in queue mode, of functions with several"
    " topics, and where the agent reads the cluster from its brokers: kafka_group_topic_lag of the group says it then.",
    question="How far behind is it, where the cluster itself is not watched?",
    unit="records",
)
CALLS = _metric(
    "kafka_reader_calls_total",
    "Calls of the function that reads, by whomever.",
    question="Does it work?",
)
FAILED_CALLS = _metric(
    "kafka_reader_failed_calls_total",
    "Calls of the function that reads which failed, by whomever.",
    question="Does what it does fail?",
)
REFUSED_CALLS = _metric(
    "kafka_reader_refused_calls_total",
    "Calls of the function that reads which were refused for want of concurrency (Throttles), by whomever.",
    question="Is there no room for it to run?",
)
LOST_RECORDS = _metric(
    "kafka_reader_lost_records_total",
    "Records that the reader gave up and that went nowhere (DroppedEventCount). Absent where that is not counted: its"
    " mapping's metric EventCount is off.",
    question="How many are lost?",
    unit="records",
)
SET_ASIDE_RECORDS = _metric(
    "kafka_reader_set_aside_records_total",
    "Records that the reader gave up and that are at the destination for failures. Absent where that is not counted.",
    question="How many wait for somebody to look at them?",
    unit="records",
)
FAILED_DELIVERIES = _metric(
    "kafka_reader_failed_deliveries_total",
    "What the function gave up and could not be delivered to the destination for failures. Absent where there is none.",
    question="Is what was given up lost?",
)

METRICS: tuple[Metric, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
