"""The only home of metric names: what each means, its unit, its labels, and what CloudWatch calls it."""

from streamwatch.catalogue import (
    agent,
    archive,
    attached_readers,
    incidents,
    kafka,
    kafka_brokers,
    kafka_connect,
    kafka_controllers,
    kafka_groups,
    kafka_losses,
    kafka_probe,
    kinesis,
    kinesis_probe,
    kinesis_shards,
    msk,
    pair,
    readers,
    remote_write,
)
from streamwatch.model.metric import Metric

METRICS: tuple[Metric, ...] = (
    *kafka.METRICS,
    *kafka_controllers.METRICS,
    *kafka_brokers.METRICS,
    *kafka_losses.METRICS,
    *kafka_probe.METRICS,
    *kafka_groups.METRICS,
    *kafka_connect.METRICS,
    *msk.METRICS,
    *kinesis.METRICS,
    *kinesis_shards.METRICS,
    *kinesis_probe.METRICS,
    *readers.METRICS,
    *attached_readers.METRICS,
    *agent.METRICS,
    *incidents.METRICS,
    *archive.METRICS,
    *pair.METRICS,
    *remote_write.METRICS,
)
"""Every metric that StreamWatch exports by itself (process and Python metrics come from prometheus-client)."""

BY_CLOUDWATCH: tuple[Metric, ...] = tuple(
    one for one in (*kinesis.METRICS, *kinesis_shards.METRICS) if one.cloudwatch is not None
)
"""What CloudWatch is asked for about streams."""

__all__ = [
    "BY_CLOUDWATCH",
    "METRICS",
    "agent",
    "archive",
    "attached_readers",
    "incidents",
    "kafka",
    "kafka_brokers",
    "kafka_connect",
    "kafka_controllers",
    "kafka_groups",
    "kafka_losses",
    "kafka_probe",
    "kinesis",
    "kinesis_probe",
    "kinesis_shards",
    "msk",
    "pair",
    "readers",
    "remote_write",
]
