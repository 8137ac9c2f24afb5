"""Kinesis: accounts and streams. What CloudWatch means by each is in docs/kinesis.md."""

from typing import Final, Literal

from streamwatch.model.metric import CloudWatchMetric, Metric, Tier, Unit

ACCOUNT: Final = ("aws_account", "aws_region")
STREAM: Final = (*ACCOUNT, "stream")
CONSUMER: Final = (*STREAM, "consumer")
SHARD: Final = (*STREAM, "shard")

_TIERS: Final = {
    ACCOUNT: Tier.CLUSTER,
    STREAM: Tier.STREAM,
    CONSUMER: Tier.CONSUMER,
    SHARD: Tier.SHARD,
}
_LEVELS: Final[dict[tuple[str, ...], Literal["BASIC", "CONSUMER", "ENHANCED"]]] = {
    STREAM: "BASIC",
    CONSUMER: "CONSUMER",
    SHARD: "ENHANCED",
}
MS: Final = 0.001
Statistic = Literal["Average", "Maximum", "Minimum", "Sum", "SampleCount"]


def gauge(  # noqa: PLR0913 - one definition, each part by its name
    name: str,
    labels: tuple[str, ...],
    help: str,  # noqa: A002 - the word users see
    *,
    question: str,
    unit: Unit = "",
    cloudwatch: CloudWatchMetric | None = None,
    tier: Tier | None = None,
) -> Metric:
    """Define a gauge; its tier follows from its labels where they are one of the sets above."""
    return Metric(
        name=name,
        kind="gauge",
        unit=unit,
        labels=labels,
        tier=_TIERS[labels] if tier is None else tier,
        help=help,
        question=question,
        cloudwatch=cloudwatch,
    )


def counter(  # noqa: PLR0913
    name: str,
    labels: tuple[str, ...],
    mapping: str,
    help: str,  # noqa: A002
    *,
    question: str,
    unit: Unit = "",
    statistic: Statistic = "Sum",
    vital: bool = False,
) -> Metric:
    """Define a counter that adds up what CloudWatch says of each minute."""
    return Metric(
        name=name,
        kind="counter",
        unit=unit,
        labels=labels,
        tier=_TIERS[labels],
        help=help,
        question=question,
        cloudwatch=CloudWatchMetric(mapping, _LEVELS[labels], statistic, vital=vital),
    )


def mapping(
    name: str, labels: tuple[str, ...], statistic: Statistic, scale: float = 1.0, *, vital: bool = False
) -> CloudWatchMetric:
    """Name the CloudWatch metric of a gauge."""
    return CloudWatchMetric(name, _LEVELS[labels], statistic, scale, vital)


# The account -----------------------------------------------------------------------------------------------------

STREAMS = gauge("kinesis_streams", ACCOUNT, "Streams that are looked at.", question="Are there as many as I think?")
SHARDS_LIMIT_RATIO = gauge(
    "kinesis_shards_limit_ratio",
    ACCOUNT,
    "Open shards of provisioned streams, as a share of the account's quota in the region.",
    question="Can a stream still be split?",
    unit="ratio",
)

# Streams: what they are ------------------------------------------------------------------------------------------

STREAM_UP = gauge(
    "kinesis_stream_up",
    STREAM,
    "Whether the stream's description could be read (1) or not (0).",
    question="Is the agent blind on this stream?",
)
STREAM_STATE = gauge(
    "kinesis_stream_state",
    (*STREAM, "state", "mode"),
    "Always 1; names the state (CREATING, ACTIVE, UPDATING, DELETING) and the capacity mode.",
    question="Is somebody changing it?",
    tier=Tier.STREAM,
)
OPEN_SHARDS = gauge(
    "kinesis_stream_open_shards", STREAM, "Shards that take records.", question="How much can it take?", unit="shards"
)
CLOSED_SHARDS = gauge(
    "kinesis_stream_closed_shards",
    STREAM,
    "Shards that were split or merged and still hold records: they are to be read before their children.",
    question="Is a resharding still being read through?",
    unit="shards",
)
RETENTION = gauge(
    "kinesis_stream_retention_seconds",
    STREAM,
    "How long a record stays.",
    question="How long may a consumer be away?",
    unit="seconds",
)
CONSUMERS = gauge(
    "kinesis_stream_consumers",
    STREAM,
    "Registered consumers (enhanced fan-out).",
    question="Who gets 2 MiB/s of their own?",
    unit="consumers",
)
CONSUMERS_LIMIT_RATIO = gauge(
    "kinesis_stream_consumers_limit_ratio",
    STREAM,
    "Registered consumers as a share of how many there may be: 20, and 50 where the account has On-demand"
    " Advantage, or `consumers_per_stream`.",
    question="Can another one register?",
    unit="ratio",
)
CHANNELS = gauge(
    "kinesis_stream_channels",
    STREAM,
    "Channels, which deliver the stream's records to S3 or Iceberg tables.",
    question="Who else reads it?",
    unit="",
)
QUEUES = gauge(
    "kinesis_stream_queues",
    STREAM,
    "Queues of the stream; they and the registered consumers share one limit.",
    question="Who else reads it?",
    unit="",
)

# Streams: what CloudWatch says -----------------------------------------------------------------------------------

DATA_AGE = gauge(
    "kinesis_stream_cloudwatch_age_seconds",
    STREAM,
    "How old the newest minute is that CloudWatch has any value of, for this stream; absent where it has none.",
    question="How old is what I see?",
    unit="seconds",
)
BEING_READ = gauge(
    "kinesis_stream_being_read",
    STREAM,
    "Whether anybody read from the stream in the last minutes (1), by GetRecords or fan-out, or nobody (0). CloudWatch"
    " has no iterator age where nobody reads: no reader is not no lag. The agent's own probes do not count."
    " Absent while CloudWatch is late: its silence says nothing then.",
    question="Did the consumer die?",
)
ITERATOR_AGE = gauge(
    "kinesis_stream_iterator_age_seconds",
    STREAM,
    "Age of the last record that the reader who is most behind got by GetRecords, in the newest minute; absent where"
    " nobody reads. Registered consumers are not in it.",
    question="How far is the slowest reader behind?",
    unit="seconds",
    cloudwatch=mapping("GetRecords.IteratorAgeMilliseconds", STREAM, "Maximum", MS, vital=True),
)
TIME_TO_LOSS = gauge(
    "kinesis_stream_time_to_data_loss_seconds",
    STREAM,
    "Retention minus the iterator age: after that time the slowest reader loses records, if it stands still.",
    question="How long have I got?",
    unit="seconds",
)
READ_THROTTLED = counter(
    "kinesis_stream_read_throttled_calls_total",
    STREAM,
    "ReadProvisionedThroughputExceeded",
    "GetRecords calls that were refused for the limits of a shard.",
    question="Do readers get in each other's way?",
    unit="calls",
    vital=True,
)
WRITE_THROTTLED = counter(
    "kinesis_stream_write_throttled_records_total",
    STREAM,
    "WriteProvisionedThroughputExceeded",
    "Records that were refused for the limits of a shard.",
    question="Are producers losing time, or data?",
    unit="records",
    vital=True,
)
INCOMING_BYTES = counter(
    "kinesis_stream_incoming_bytes_total",
    STREAM,
    "IncomingBytes",
    "Bytes that were put.",
    question="How much comes in?",
    unit="bytes",
)
INCOMING_RECORDS = counter(
    "kinesis_stream_incoming_records_total",
    STREAM,
    "IncomingRecords",
    "Records that were put.",
    question="How much comes in?",
    unit="records",
)
READ_BYTES = counter(
    "kinesis_stream_read_bytes_total",
    STREAM,
    "GetRecords.Bytes",
    "Bytes that GetRecords returned.",
    question="How much goes out?",
    unit="bytes",
)
READ_RECORDS = counter(
    "kinesis_stream_read_records_total",
    STREAM,
    "GetRecords.Records",
    "Records that GetRecords returned.",
    question="How much goes out?",
    unit="records",
)
READ_CALLS = counter(
    "kinesis_stream_read_calls_total",
    STREAM,
    "GetRecords.Success",
    "Calls of GetRecords, refused ones too.",
    question="How many readers share the five calls a second?",
    unit="calls",
    statistic="SampleCount",
)
READ_SUCCESS = gauge(
    "kinesis_stream_read_success_ratio",
    STREAM,
    "Share of the GetRecords calls that succeeded, in the newest minute.",
    question="Can readers read?",
    unit="ratio",
    cloudwatch=mapping("GetRecords.Success", STREAM, "Average"),
)
READ_LATENCY = gauge(
    "kinesis_stream_read_latency_seconds",
    STREAM,
    "Mean time of a GetRecords call, in the newest minute.",
    question="Is Kinesis slow?",
    unit="seconds",
    cloudwatch=mapping("GetRecords.Latency", STREAM, "Average", MS),
)
PUT_RECORD_SUCCESS = gauge(
    "kinesis_stream_put_record_success_ratio",
    STREAM,
    "Share of the PutRecord calls that succeeded, in the newest minute.",
    question="Can producers write?",
    unit="ratio",
    cloudwatch=mapping("PutRecord.Success", STREAM, "Average"),
)
PUT_RECORD_LATENCY = gauge(
    "kinesis_stream_put_record_latency_seconds",
    STREAM,
    "Mean time of a PutRecord call, in the newest minute.",
    question="Is Kinesis slow?",
    unit="seconds",
    cloudwatch=mapping("PutRecord.Latency", STREAM, "Average", MS),
)
PUT_RECORDS_SUCCESS = gauge(
    "kinesis_stream_put_records_success_ratio",
    STREAM,
    "Share of the PutRecords calls in which at least one record succeeded, in the newest minute: 1 can hide failures.",
    question="Can producers write at all?",
    unit="ratio",
    cloudwatch=mapping("PutRecords.Success", STREAM, "Average"),
)
PUT_RECORDS_LATENCY = gauge(
    "kinesis_stream_put_records_latency_seconds",
    STREAM,
    "Mean time of a PutRecords call, in the newest minute.",
    question="Is Kinesis slow?",
    unit="seconds",
    cloudwatch=mapping("PutRecords.Latency", STREAM, "Average", MS),
)
PUT_RECORDS_TOTAL = counter(
    "kinesis_stream_put_records_records_total",
    STREAM,
    "PutRecords.TotalRecords",
    "Records in PutRecords calls, whatever became of them.",
    question="How much do producers try?",
    unit="records",
)
PUT_RECORDS_SUCCESSFUL = counter(
    "kinesis_stream_put_records_successful_records_total",
    STREAM,
    "PutRecords.SuccessfulRecords",
    "Records in PutRecords calls that were written.",
    question="How much do producers get through?",
    unit="records",
)
PUT_RECORDS_FAILED = counter(
    "kinesis_stream_put_records_failed_records_total",
    STREAM,
    "PutRecords.FailedRecords",
    "Records in PutRecords calls that failed inside Kinesis.",
    question="Is Kinesis failing?",
    unit="records",
)
PUT_RECORDS_THROTTLED = counter(
    "kinesis_stream_put_records_throttled_records_total",
    STREAM,
    "PutRecords.ThrottledRecords",
    "Records in PutRecords calls that were refused for the limits of a shard.",
    question="Do producers retry what was refused?",
    unit="records",
)

# Streams: use of the limits --------------------------------------------------------------------------------------

WRITE_RECORDS_USE = gauge(
    "kinesis_stream_write_records_limit_ratio",
    STREAM,
    "Records put in the newest minute, as a share of 1,000 a second and open shard. Even shards assumed: see the skew.",
    question="When will producers be refused?",
    unit="ratio",
)
WRITE_BYTES_USE = gauge(
    "kinesis_stream_write_bytes_limit_ratio",
    STREAM,
    "Bytes put in the newest minute, as a share of 1 MiB a second and open shard.",
    question="When will producers be refused?",
    unit="ratio",
)
READ_BYTES_USE = gauge(
    "kinesis_stream_read_bytes_limit_ratio",
    STREAM,
    "Bytes that GetRecords returned in the newest minute, as a share of 2 MiB a second and open shard.",
    question="When will readers be refused?",
    unit="ratio",
)
READ_CALLS_USE = gauge(
    "kinesis_stream_read_calls_limit_ratio",
    STREAM,
    "GetRecords calls in the newest minute, as a share of 5 a second and open shard: how many more readers fit in.",
    question="Is there room for another reader?",
    unit="ratio",
)
METRICS: tuple[Metric, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
