"""Who reads a stream or a topic on somebody's behalf: the same questions, under the same names, for every kind."""

from typing import Final

from streamwatch.catalogue.kinesis import ACCOUNT, STREAM
from streamwatch.model.metric import Metric, Tier, Unit

READER: Final = (*STREAM, "kafka_cluster", "topic", "group", "kind", "reader")
"""What it reads (what does not apply, or is not known, is empty: Prometheus has no such label then; ``kafka_cluster``,
``topic`` and ``group`` are those of the group's own metrics), of what kind it is, and what it is called: of KCL the
application, of Lambda the function (`NAME:ALIAS`, and `/CONSUMER` with enhanced fan-out), of Kafka Connect
`CONNECT_CLUSTER/NAME`."""
PART: Final = (*READER, "shard")
POLICY: Final = ("attempts", "record_age", "bisects", "on_failure")


def _gauge(  # noqa: PLR0913 - one definition, each part by its name
    name: str,
    help: str,  # noqa: A002 - the word users see
    *,
    question: str,
    unit: Unit = "",
    labels: tuple[str, ...] = READER,
    tier: Tier = Tier.CONSUMER,
) -> Metric:
    return Metric(name=name, kind="gauge", unit=unit, labels=labels, tier=tier, help=help, question=question)


def _total(
    name: str,
    help: str,  # noqa: A002 - the word users see
    *,
    question: str,
    unit: Unit = "",
) -> Metric:
    return Metric(name=name, kind="counter", unit=unit, labels=READER, tier=Tier.CONSUMER, help=help, question=question)


READERS = _gauge(
    "readers",
    "Readers that are looked at, by kind.",
    question="Are there as many as I think?",
    labels=(*ACCOUNT, "kind"),
    tier=Tier.CLUSTER,
)
UP = _gauge(
    "reader_up",
    "Whether the reader runs (1) or not (0): it has a worker that is alive, or its mapping is enabled and polls."
    " Absent where that is not known.",
    question="Does it run?",
)
STATE = _gauge(
    "reader_state",
    "Always 1; names the state: `running`, `partly` (some of its shards or tasks have nobody), `failing` (its last"
    " results were problems; of KCL its workers live, and its stream is gone), `changing` (it is being made"
    " or updated), `stopped`, `disabled` (somebody wanted it so),"
    " `unknown`; and of a function on a topic which type its group is of: `consumer`, or `share` in queue mode.",
    question="Is it well?",
    labels=(*READER, "group_type", "state"),
)
LAG = _gauge(
    "reader_lag_seconds",
    "How far the reader is behind, the worst of the shards where that is known"
    " (reader_lag_method_shards tells which are); of KCL the age of the last record that was checkpointed, 0"
    " where nothing was written since; of Lambda the age of the last record of the batch that was handed over.",
    question="How old is what the application shows?",
    unit="seconds",
)
LAG_RECORDS = _gauge(
    "reader_lag_records",
    "Records that the reader has not read, as CloudWatch says, or of DMS changes that wait to be written. Of a function"
    " on a topic absent in queue mode, of functions with several topics, and where the agent reads the cluster from its"
    " brokers: kafka_group_topic_lag of the group says it then.",
    question="How many records is it behind?",
    unit="records",
)
BOUND = _gauge(
    "reader_lag_bound_seconds",
    "The reader is at most so far behind on any shard; of a quiet shard this is how long it has been quiet. Absent"
    " where a checkpoint says no time.",
    question="How bad can it be?",
    unit="seconds",
)
LAG_METHOD = _gauge(
    "reader_lag_method_shards",
    "Shards that are being read, by how their lag is known: `idle` (nothing was written since), `probed` (the shard was"
    " asked for the first record that is not read), `moving` (the position has just moved), `standing` (it stands"
    " and records came), `unknown` (it stands, and whether records came is not known, or the position says no time).",
    question="How far can the lag be trusted?",
    unit="shards",
    labels=(*READER, "method"),
)
TIME_TO_LOSS = _gauge(
    "reader_time_to_data_loss_seconds",
    "Retention minus the lag: after that time the reader loses records, if it stands still.",
    question="How long have I got?",
    unit="seconds",
)
LOST = _gauge(
    "reader_lost_seconds",
    "Records of so many seconds have expired unread: by so much the lag exceeds the retention; 0 where it does not.",
    question="How much is lost?",
    unit="seconds",
)
STANDING = _gauge(
    "reader_standing_seconds",
    "For so long the reader's position in the shard has stood, though records came; only of shards in which it does.",
    question="Which shard is stuck, and since when?",
    unit="seconds",
    labels=PART,
)
LEASES = _gauge(
    "reader_leases",
    "Leases by state: `renewed` (its worker is alive), `not_renewed` (held, and not renewed between two reads), `free`"
    " (held by nobody), `finished` (the shard was read to its end), `zombie` (of a shard that is gone).",
    question="Is every shard in somebody's hands?",
    labels=(*READER, "state"),
)
HOLES = _gauge(
    "reader_shards_without_lease",
    "Open shards that the reader will never read: they have no lease, and nothing that is to be read before has one.",
    question="Is a shard forgotten?",
    unit="shards",
)
HOLE = _gauge(
    "reader_shard_without_lease",
    "Always 1; names an open shard that the reader will never read.",
    question="Which shard is forgotten?",
    labels=PART,
)
CONTENDED = _gauge(
    "reader_contended_leases",
    "Leases that two workers took from each other three times within ten minutes.",
    question="Do two workers fight?",
)
OWNER_CHANGES = Metric(
    name="reader_lease_owner_changes_total",
    kind="counter",
    unit="",
    labels=READER,
    tier=Tier.CONSUMER,
    help="Leases that another worker had than at the read before.",
    question="Do workers take leases from each other all the time?",
)
WORKERS = _gauge(
    "reader_workers",
    "Workers that hold a lease which is renewed.",
    question="Are all instances there?",
)
LEADER = _gauge(
    "reader_has_leader",
    "Whether a worker assigns leases (1) or none does (0). Absent where this version of the reader has none.",
    question="Does anybody hand out the work?",
)
LAST_RESULT = _gauge(
    "reader_last_result",
    "Always 1; names what whoever runs the reader says of its last work: of Lambda LastProcessingResult, or where the"
    " mapping is not enabled StateTransitionReason.",
    question="Can it not log in, or does what it calls fail?",
    labels=(*READER, "result"),
)
RETRY_POLICY = _gauge(
    "reader_retry_policy",
    "Always 1; names what becomes of a batch that fails: how often and until which age it is tried again (`forever`:"
    " without a limit), whether it is halved, and where it goes when it is given up (empty: nowhere).",
    question="Does a bad record block its shard or partition, or is it lost?",
    labels=(*READER, *POLICY),
)
CALLS = _total(
    "reader_calls_total",
    "Calls of the function that reads, by whomever.",
    question="Does it work?",
)
FAILED_CALLS = _total(
    "reader_failed_calls_total",
    "Calls of the function that reads which failed, by whomever.",
    question="Does what it does fail?",
)
REFUSED_CALLS = _total(
    "reader_refused_calls_total",
    "Calls of the function that reads which were refused for want of concurrency (Throttles), by whomever.",
    question="Is there no room for it to run?",
)
LOST_RECORDS = _total(
    "reader_lost_records_total",
    "Records that the reader gave up and that went nowhere: of a function DroppedEventCount, absent where its mapping's"
    " metric EventCount is off; of a view of Redshift skipped_rows.",
    question="How many are lost?",
    unit="records",
)
SET_ASIDE_RECORDS = _total(
    "reader_set_aside_records_total",
    "Records that the reader gave up and that are at the destination for failures. Absent where that is not counted.",
    question="How many wait for somebody to look at them?",
    unit="records",
)
FAILED_DELIVERIES = _total(
    "reader_failed_deliveries_total",
    "What the function gave up and could not be delivered to the destination for failures. Absent where there is none.",
    question="Is what was given up lost?",
)
READ_CALLS_USE = _gauge(
    "reader_read_calls_limit_ratio",
    "Share of a shard's five calls of GetRecords a second that the reader makes, by what its kind does: Lambda"
    " polls once a second, KCL once a second, KCL 3 every 1.5 s, Firehose and Pipes about once a second; 0 of a"
    " registered consumer (enhanced fan-out), and of a reader that does not run. Absent where that is not known, as of"
    " an application of Flink whose properties do not say how it reads: by default it takes all five.",
    question="Is there a call left for another reader?",
    unit="ratio",
)
READ_UNITS = Metric(
    name="streamwatch_dynamodb_read_units_total",
    kind="counter",
    unit="",
    labels=("source", "aws_region", "table"),
    tier=Tier.AGENT,
    help="Read units of DynamoDB that reading a lease table has used.",
    question="Do I take the application's capacity?",
)

METRICS: tuple[Metric, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
