"""Which of its metrics CloudWatch is asked for, about one Kafka cluster: not those that a cheaper source has."""

from typing import Final

from streamwatch.catalogue import kafka, kafka_brokers, kafka_groups
from streamwatch.catalogue.cloudwatch_mappings import MAPPINGS
from streamwatch.catalogue.msk import DRAIN
from streamwatch.model.metric import Metric
from streamwatch.model.msk import CloudWatchMapping
from streamwatch.sources.cluster_config import ClusterConfig

_KIND: Final = "cloudwatch"


def _known_cheaper(config: ClusterConfig) -> set[Metric]:
    """Return what need not be asked of CloudWatch, because a cheaper source of the cluster has it, or it is much."""
    cheaper: set[Metric] = {kafka_brokers.TOPIC_BYTES_IN, kafka_brokers.TOPIC_BYTES_OUT}
    if config.protocol:
        cheaper |= {*kafka.METRICS, *kafka_groups.METRICS, kafka_brokers.DATA_DISK, DRAIN}
    elif config.msk is not None and config.msk.topics is not None:
        # What pages people is asked for all the same: topics are described at the pace that AWS allows.
        cheaper |= {metric for metric in kafka.METRICS if metric.cloudwatch is not None and not metric.cloudwatch.vital}
    if config.open_monitoring is not None:
        cheaper |= set(kafka_brokers.METRICS)
    orders = config.order
    for mapping in MAPPINGS:
        trusted = orders.get(mapping.metric.name)
        if _KIND not in (trusted or mapping.metric.precedence):
            cheaper.add(mapping.metric)
        elif trusted is not None and trusted[0] == _KIND:
            cheaper.discard(mapping.metric)
    return cheaper


def cloudwatch_mappings(config: ClusterConfig) -> list[CloudWatchMapping]:
    """Return the metrics that CloudWatch is asked for, as far as it has them."""
    if config.msk is None or config.msk.metrics == "all":
        return list(MAPPINGS)
    cheaper = _known_cheaper(config)
    return [mapping for mapping in MAPPINGS if mapping.metric not in cheaper]
