"""Who decides in a Kafka cluster, how well the other controllers follow, and which release runs."""

from typing import Final

from streamwatch.catalogue.kafka import BROKER, CLUSTER, gauge
from streamwatch.model.metric import Metric, Tier

QUORUM_REPLICA: Final = (*CLUSTER, "replica", "role")

CONTROLLER_ID = gauge(
    "kafka_controller_id",
    CLUSTER,
    "Id of the active controller: in KRaft as the controller quorum says (a node of its own, or a broker), with"
    " ZooKeeper as the metadata says. Absent while none is active.",
    question="Whose log shall I read?",
)
CONTROLLER_EPOCH = gauge(
    "kafka_controller_epoch",
    CLUSTER,
    "Leader epoch of the controller quorum (KRaft): it grows with each election of an active controller.",
    question="Does the active controller change again and again?",
)
QUORUM_LAG = gauge(
    "kafka_quorum_lag",
    QUORUM_REPLICA,
    "Records of the metadata log that a replica has yet to fetch, as the active controller sees it (KRaft), by role:"
    " `leader`, `follower` (it votes), `observer` (a broker). Absent while the replica has not fetched from the present"
    " leader.",
    question="Can another controller take over?",
    unit="records",
    tier=Tier.BROKER,
)
QUORUM_LAG_SECONDS = gauge(
    "kafka_quorum_lag_seconds",
    QUORUM_REPLICA,
    "How long ago a replica of the metadata log had all that the active controller had, by the controller's clock"
    " (Kafka 3.3 and later). Absent while the replica has not fetched from the present leader.",
    question="Since when does a controller not follow?",
    unit="seconds",
    tier=Tier.BROKER,
)
QUORUM_FETCHED = gauge(
    "kafka_quorum_replica_fetched",
    QUORUM_REPLICA,
    "Whether a replica of the metadata log has fetched from the present active controller (1) or not (0): one that was"
    " down at the election has no lag that anybody knows.",
    question="Is a controller down since the last election?",
    tier=Tier.BROKER,
)
VERSION_INFO = gauge(
    "kafka_cluster_version_info",
    (*CLUSTER, "version", "metadata_version"),
    "Always 1; names the oldest release of Kafka that a broker runs, and in KRaft the metadata version that is"
    " finalized. A release is named only where the broker's APIs and features fit exactly one: services that only speak"
    " the protocol have none.",
    question="Which Kafka is this, and was its last upgrade finished?",
    tier=Tier.CLUSTER,
)
BROKER_VERSION_INFO = gauge(
    "kafka_broker_version_info",
    (*BROKER, "version"),
    "Always 1; names the release of Kafka that the broker runs, as the APIs and features that it offers show it. Absent"
    " where they fit no release.",
    question="Which brokers are still to be upgraded?",
    tier=Tier.BROKER,
)

METRICS: tuple[Metric, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
