"""What AWS runs beside a stream or a topic: what it reads and writes, how far it is, and what became of it."""

from streamwatch.catalogue.readers import READER
from streamwatch.model.metric import Metric, Tier, Unit


def _gauge(name: str, help: str, *, question: str, unit: Unit = "", labels: tuple[str, ...] = READER) -> Metric:  # noqa: A002 - the word users see
    return Metric(
        name=name, kind="gauge", unit=unit, labels=labels, tier=Tier.CONSUMER, help=help, question=question
    )  # fmt: skip


def _counter(name: str, help: str, *, question: str, unit: Unit = "") -> Metric:  # noqa: A002 - the same
    return Metric(
        name=name, kind="counter", unit=unit, labels=READER, tier=Tier.CONSUMER, help=help, question=question
    )  # fmt: skip


TOPICS = _gauge(
    "reader_topics",
    "Always 1; names the topics of a reader that may have several, as its settings have them: a list, a pattern, or"
    " of a connector that writes its prefix. Label `topic` is absent then.",
    question="What does it read?",
    labels=(*READER, "topics"),
)
REASON = _gauge(
    "reader_reason",
    "Always 1; says why a reader does not run, in its service's words; absent where it runs.",
    question="Why does it not run?",
    labels=(*READER, "reason"),
)
FRESHNESS = _gauge(
    "reader_freshness_seconds",
    "The age of the oldest record that the reader has read and not delivered. Of Kafka it is right only where the"
    " topic's message.timestamp.type is LogAppendTime.",
    question="How old is what was delivered last?",
    unit="seconds",
)
BUFFER = _gauge(
    "reader_buffer_seconds",
    "The reader collects records for so long before it delivers them: the freshness is never much better.",
    question="How late may it be?",
    unit="seconds",
)
SUCCESS = _gauge(
    "reader_success_ratio",
    "The share of deliveries that succeeded, in the newest minute that had any.",
    question="Does what it delivers to take it?",
    unit="ratio",
)
BACKPRESSURED = _gauge(
    "reader_backpressured",
    "Whether the reader reads less than it could (1), because what it delivers to is slow.",
    question="Is its target too slow?",
)
RECORDS = _counter(
    "reader_records_total",
    "Records that the reader has read.",
    question="Does it read?",
    unit="records",
)
FAILED_RECORDS = _counter(
    "reader_failed_records_total",
    "Records that the reader could not process: it put them aside, or dropped them.",
    question="Does it lose records?",
    unit="records",
)
TASKS = _gauge(
    "reader_tasks",
    "Tasks of a connector that run.",
    question="Does all of it run?",
)
FAILED_TASKS = _gauge(
    "reader_failed_tasks",
    "Tasks of a connector that have failed; they do not start again by themselves.",
    question="Which connector says RUNNING, and does only a part of its work?",
)
RECORDS_PER_SECOND = _gauge(
    "reader_records_per_second",
    "Records that a connector reads a second: of a sink from its topics, of a source from its system.",
    question="Does it work?",
)
SOURCE_LAG = _gauge(
    "reader_source_lag_seconds",
    "Of a writer (DMS): how far it is behind the log of the database that it reads; reader_lag_seconds is how"
    " far what it has written is behind.",
    question="Is the database's side slow, or the stream's?",
    unit="seconds",
)
EXECUTIONS = _counter(
    "reader_executions_total",
    "Batches that the reader has begun to deliver, each as often as it was tried.",
    question="Does it work?",
)
FAILED_EXECUTIONS = _counter(
    "reader_failed_executions_total",
    "Batches that the reader could not deliver, wholly or in part, each as often as it was tried.",
    question="Is it stuck at a batch?",
)
THROTTLED_EXECUTIONS = _counter(
    "reader_throttled_executions_total",
    "Batches that the reader's target refused for their rate.",
    question="Is its target too small?",
)
RESTARTS = _counter(
    "reader_restarts_total",
    "How often the job of an application of Flink began again since it was submitted, as Flink counts it.",
    question="Does it fail and start, again and again?",
)
FAILED_CHECKPOINTS = _counter(
    "reader_failed_checkpoints_total",
    "Checkpoints of an application of Flink that failed since its job was submitted.",
    question="From where would it begin again?",
)
CHECKPOINT = _gauge(
    "reader_last_checkpoint_seconds",
    "How long the last checkpoint of an application of Flink took.",
    question="Are its checkpoints about to fail?",
    unit="seconds",
)
DOWNTIME = _gauge(
    "reader_downtime_seconds",
    "For how long an application of Flink 2.2 or newer has been waiting to start again; 0 while it runs. Absent before:"
    " Flink's own downtime is 0 there though its job fails and starts, again and again.",
    question="Does its job run, or does its status only say so?",
    unit="seconds",
)
THROTTLED = _counter(
    "reader_throttled_calls_total",
    "The reader's own calls of GetRecords and GetShardIterator that the stream refused for their rate.",
    question="Do readers of the stream get in its way?",
    unit="calls",
)

TARGET = _gauge(
    "reader_target",
    "Always 1; names the Kafka cluster that a replicator of MSK writes; label `kafka_cluster` that which it reads.",
    question="Where does it bring what it reads?",
    labels=(*READER, "target"),
)
FAILURES = _counter(
    "reader_failures_total",
    "What went wrong with a replicator's work, as AWS counts it: records that it could not copy (too large, or with a"
    " timestamp that the target refuses), topics that it may not read or write.",
    question="Does it copy all that it should?",
)
AUTH_ERRORS = _counter(
    "reader_auth_errors_total",
    "Connections of a replicator that its source or its target refused to authenticate, as AWS counts them: more than"
    " none is what says something.",
    question="May it do what it should?",
)
OFFSET_SYNC_FAILURES = _counter(
    "reader_offset_sync_failures_total",
    "How often a replicator could not bring the offsets of consumer groups to its target.",
    question="Could consumers go on at the target where they are?",
)
REACHABLE = _gauge(
    "reader_reachable",
    "Whether a replicator reaches both its clusters (1), or one of them not (0).",
    question="Has it lost one of its clusters?",
)
THROTTLE = _gauge(
    "reader_throttle_seconds",
    "For how long brokers hold the requests of a replicator back, on that of its clusters where it is longer.",
    question="Does a quota slow it down?",
    unit="seconds",
)
BYTES_PER_SECOND = _gauge(
    "reader_bytes_per_second",
    "Bytes that a replicator copies a second.",
    question="Does it copy anything?",
)
REFRESH_AGE = _gauge(
    "reader_refresh_age_seconds",
    "How long before it was asked a view of Redshift was last refreshed with success.",
    question="Does new data come into the view?",
    unit="seconds",
)
REFRESH_GAP = _gauge(
    "reader_refresh_gap_seconds",
    "The time from one refresh of a view of Redshift to the next, on the average of the last two days.",
    question="How old may the view be?",
    unit="seconds",
)

METRICS: tuple[Metric, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
