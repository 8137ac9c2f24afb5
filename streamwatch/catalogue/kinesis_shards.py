"""Kinesis: registered consumers and shards."""

from streamwatch.catalogue.kinesis import CONSUMER, MS, SHARD, STREAM, counter, gauge, mapping
from streamwatch.model.metric import Metric, Tier

SHARD_SKEW = gauge(
    "kinesis_stream_shard_skew_ratio",
    STREAM,
    "By how much the shard with the most incoming bytes exceeds the mean of the open shards (0: even), in the newest"
    " minute; needs shard-level metrics.",
    question="Is one shard hot?",
    unit="ratio",
)
SPLIT = gauge(
    "kinesis_stream_split_candidate_ratio",
    (*SHARD, "hash_key"),
    "Use of the write limits of the stream's hottest shard, where it is more than half: the shard to split, and the"
    " hash key to split it at (its middle).",
    question="What shall I split, and where?",
    unit="ratio",
    tier=Tier.STREAM,
)

# Registered consumers --------------------------------------------------------------------------------------------

CONSUMER_LAG = gauge(
    "kinesis_consumer_lag_seconds",
    CONSUMER,
    "How far the registered consumer is behind the tip, on its slowest shard, in the newest minute.",
    question="Which application is behind?",
    unit="seconds",
    cloudwatch=mapping("SubscribeToShardEvent.MillisBehindLatest", CONSUMER, "Maximum", MS, vital=True),
)
CONSUMER_SUCCESS = gauge(
    "kinesis_consumer_event_success_ratio",
    CONSUMER,
    "Share of the events pushed to the consumer that succeeded, in the newest minute.",
    question="Can the consumer read?",
    unit="ratio",
    cloudwatch=mapping("SubscribeToShardEvent.Success", CONSUMER, "Average"),
)
CONSUMER_SUBSCRIBED = gauge(
    "kinesis_consumer_subscription_success_ratio",
    CONSUMER,
    "Share of the SubscribeToShard calls that succeeded, in the newest minute that has one (once in five minutes).",
    question="Can the consumer subscribe?",
    unit="ratio",
    cloudwatch=mapping("SubscribeToShard.Success", CONSUMER, "Average"),
)
CONSUMER_REFUSED = counter(
    "kinesis_consumer_subscription_throttled_calls_total",
    CONSUMER,
    "SubscribeToShard.RateExceeded",
    "SubscribeToShard calls that were refused for their rate.",
    question="Does the consumer subscribe too often?",
    unit="calls",
)
CONSUMER_BYTES = counter(
    "kinesis_consumer_read_bytes_total",
    CONSUMER,
    "SubscribeToShardEvent.Bytes",
    "Bytes that were pushed to the consumer.",
    question="How much does it read?",
    unit="bytes",
)
CONSUMER_RECORDS = counter(
    "kinesis_consumer_read_records_total",
    CONSUMER,
    "SubscribeToShardEvent.Records",
    "Records that were pushed to the consumer.",
    question="How much does it read?",
    unit="records",
)

# Shards ----------------------------------------------------------------------------------------------------------

SHARD_AGE = gauge(
    "kinesis_shard_iterator_age_seconds",
    SHARD,
    "Age of the last record that the reader who is most behind got from the shard, in the newest minute.",
    question="Which shard is read too slowly?",
    unit="seconds",
    cloudwatch=mapping("IteratorAgeMilliseconds", SHARD, "Maximum", MS),
)
SHARD_IN_BYTES = counter(
    "kinesis_shard_incoming_bytes_total",
    SHARD,
    "IncomingBytes",
    "Bytes that were put into the shard.",
    question="Which shard is hot?",
    unit="bytes",
)
SHARD_IN_RECORDS = counter(
    "kinesis_shard_incoming_records_total",
    SHARD,
    "IncomingRecords",
    "Records that were put into the shard.",
    question="Which shard is hot?",
    unit="records",
)
SHARD_OUT_BYTES = counter(
    "kinesis_shard_outgoing_bytes_total",
    SHARD,
    "OutgoingBytes",
    "Bytes that were read from the shard, by GetRecords and by fan-out.",
    question="Which shard is read most?",
    unit="bytes",
)
SHARD_OUT_RECORDS = counter(
    "kinesis_shard_outgoing_records_total",
    SHARD,
    "OutgoingRecords",
    "Records that were read from the shard, by GetRecords and by fan-out.",
    question="Which shard is read most?",
    unit="records",
)
SHARD_READ_THROTTLED = counter(
    "kinesis_shard_read_throttled_calls_total",
    SHARD,
    "ReadProvisionedThroughputExceeded",
    "GetRecords calls on the shard that were refused for its limits.",
    question="Which shard has too many readers?",
    unit="calls",
)
SHARD_WRITE_THROTTLED = counter(
    "kinesis_shard_write_throttled_records_total",
    SHARD,
    "WriteProvisionedThroughputExceeded",
    "Records for the shard that were refused for its limits.",
    question="Which shard refuses producers?",
    unit="records",
)
SHARD_WRITE_RECORDS_USE = gauge(
    "kinesis_shard_write_records_limit_ratio",
    SHARD,
    "Records put into the shard in the newest minute, as a share of 1,000 a second.",
    question="Which shard is nearly full?",
    unit="ratio",
)
SHARD_WRITE_BYTES_USE = gauge(
    "kinesis_shard_write_bytes_limit_ratio",
    SHARD,
    "Bytes put into the shard in the newest minute, as a share of 1 MiB a second.",
    question="Which shard is nearly full?",
    unit="ratio",
)
SHARD_READ_BYTES_USE = gauge(
    "kinesis_shard_read_bytes_limit_ratio",
    SHARD,
    "Bytes read from the shard in the newest minute, by GetRecords and fan-out, as a share of 2 MiB a second.",
    question="Which shard's readers share too little?",
    unit="ratio",
)
SHARD_OLDEST = gauge(
    "kinesis_shard_oldest_record_age_seconds",
    SHARD,
    "Age of the shard's oldest record, by a probe (`probe.enabled`); absent where it holds none.",
    question="How long does a record really stay?",
    unit="seconds",
)
SHARD_NEWEST = gauge(
    "kinesis_shard_newest_record_age_seconds",
    SHARD,
    "The shard's newest record is at most so old, by a probe (`probe.enabled`); absent where none was found.",
    question="Does anybody still write here?",
    unit="seconds",
)

METRICS: tuple[Metric, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
