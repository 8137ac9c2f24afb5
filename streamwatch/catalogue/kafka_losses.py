"""What the loss of a broker, or of a rack, would break: docs/restarts.md."""

from typing import Final

from streamwatch.catalogue.kafka import BROKER, CLUSTER, gauge
from streamwatch.model.metric import Metric, Tier

RACK: Final = (*CLUSTER, "rack")

LOSS_OFFLINE = gauge(
    "kafka_broker_loss_offline_partitions",
    BROKER,
    "Partitions that would have no leader if the broker were lost: it has their last replica in sync. Those that are"
    " offline already are not counted.",
    question="What can nobody read or write when it dies?",
    unit="partitions",
)
LOSS_UNCLEAN = gauge(
    "kafka_broker_loss_unclean_partitions",
    BROKER,
    "Of the partitions that would have no leader, those that a broker which is not in sync could lead: an unclean"
    " election brings them back, and loses records.",
    question="Where would acknowledged records be lost?",
    unit="partitions",
)
LOSS_UNDER_MIN_ISR = gauge(
    "kafka_broker_loss_under_min_isr_partitions",
    BROKER,
    "Partitions that would refuse producers with acks=all if the broker were lost, and have a leader; those that refuse"
    " them already are not counted. Absent while `min.insync.replicas` of a topic on the broker is not known.",
    question="May I restart it while producers write?",
    unit="partitions",
)
LOSS_STOPPED_TOPICS = gauge(
    "kafka_broker_loss_stopped_topics",
    BROKER,
    "Topics of which producers with acks=all would stop, in one partition at least, if the broker were lost.",
    question="Whose producers would stop?",
    unit="topics",
)
LOSS_DEGRADED = gauge(
    "kafka_broker_loss_degraded_partitions",
    BROKER,
    "Partitions that producers with acks=all could not write if the broker were lost, and could if all their replicas"
    " were in sync now: topics that need all their replicas in any case are not counted.",
    question="Are we one failure from a stop?",
    unit="partitions",
)
LOSS_LEADERS = gauge(
    "kafka_broker_loss_leaders",
    BROKER,
    "The most partitions that one of the remaining brokers would lead if the broker were lost.",
    question="Could the others carry its load?",
    unit="partitions",
)
LOSS_LEADER_BYTES = gauge(
    "kafka_broker_loss_leader_bytes",
    BROKER,
    "The most log bytes that one of the remaining brokers would lead if the broker were lost.",
    question="Could the others carry its load?",
    unit="bytes",
)
RACK_OFFLINE = gauge(
    "kafka_rack_loss_offline_partitions",
    RACK,
    "Partitions that would have no leader if all brokers of the rack were lost (on MSK: of the availability zone).",
    question="What can nobody read or write when a zone fails?",
    unit="partitions",
    tier=Tier.BROKER,
)
RACK_UNCLEAN = gauge(
    "kafka_rack_loss_unclean_partitions",
    RACK,
    "Of those, the ones that a broker elsewhere could lead which is not in sync: with a loss of records.",
    question="Where would acknowledged records be lost?",
    unit="partitions",
    tier=Tier.BROKER,
)
RACK_UNDER_MIN_ISR = gauge(
    "kafka_rack_loss_under_min_isr_partitions",
    RACK,
    "Partitions that would refuse producers with acks=all if all brokers of the rack were lost, and have a leader.",
    question="Can producers write when a zone fails?",
    unit="partitions",
    tier=Tier.BROKER,
)
RACK_STOPPED_TOPICS = gauge(
    "kafka_rack_loss_stopped_topics",
    RACK,
    "Topics of which producers with acks=all would stop, in one partition at least, if all brokers of the rack were"
    " lost.",
    question="Whose producers would stop?",
    unit="topics",
    tier=Tier.BROKER,
)
RACK_LEADERS = gauge(
    "kafka_rack_loss_leaders",
    RACK,
    "The most partitions that one of the remaining brokers would lead if all brokers of the rack were lost.",
    question="Could the others carry its load?",
    unit="partitions",
    tier=Tier.BROKER,
)

METRICS: tuple[Metric, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
