"""Kafka Connect: workers, connectors and tasks, as the REST API has them."""

from typing import Final

from streamwatch.model.metric import Metric, Tier, Unit

CONNECT: Final = ("connect_cluster", "kafka_cluster")
WORKER: Final = (*CONNECT, "worker")
CONNECTOR: Final = (*CONNECT, "connector")
TASK: Final = (*CONNECTOR, "task")
MIRROR: Final = (*CONNECTOR, "target_cluster")
"""Of MirrorMaker 2, `kafka_cluster` is the cluster that is copied from: the topic or group is its."""
COPIED: Final = (*MIRROR, "topic", "target_topic")

_TIERS: Final = {
    CONNECT: Tier.CONNECT,
    WORKER: Tier.CONNECT,
    CONNECTOR: Tier.CONNECTOR,
    COPIED: Tier.CONNECTOR,
}


def _gauge(  # noqa: PLR0913 - one definition, each part by its name
    name: str,
    labels: tuple[str, ...],
    help: str,  # noqa: A002 - the word users see
    *,
    question: str,
    tier: Tier | None = None,
    unit: Unit = "",
) -> Metric:
    tier = _TIERS[labels] if tier is None else tier
    return Metric(name=name, kind="gauge", unit=unit, labels=labels, tier=tier, help=help, question=question)


WORKER_UP = _gauge(
    "kafka_connect_worker_up",
    WORKER,
    "Whether the worker answers at its REST address; absent where something answers that refuses the agent, or is not"
    " understood.",
    question="Are all workers there?",
)
WORKER_INFO = _gauge(
    "kafka_connect_worker_info",
    (*WORKER, "version", "cluster_id"),
    "Always 1; names the worker's version, and the id of the Kafka cluster that it uses.",
    question="Do all run the same version, on the right cluster?",
    tier=Tier.CONNECT,
)
REBALANCING = _gauge(
    "kafka_connect_rebalancing",
    CONNECT,
    "Whether the workers put off questions about connectors, since they rebalance (1); then no connector is known.",
    question="Do the workers never come to rest?",
)
CONNECTORS = _gauge(
    "kafka_connect_connectors",
    CONNECT,
    "Connectors that are looked at and whose state is known.",
    question="Is one missing?",
)
CONNECTOR_INFO = _gauge(
    "kafka_connect_connector_info",
    (*CONNECTOR, "type", "class", "errors_tolerance"),
    "Always 1; names whether it is a source or a sink, its class, and what becomes of records that fail: `none` stops"
    " the task, `all` skips them.",
    question="What does it do, and does it drop what it cannot handle?",
    tier=Tier.CONNECTOR,
)
CONNECTOR_STATE = _gauge(
    "kafka_connect_connector_state",
    (*CONNECTOR, "state"),
    "Always 1; names the state of the connector itself, in Kafka Connect's words: RUNNING, PAUSED, STOPPED, FAILED,"
    " UNASSIGNED, RESTARTING. RUNNING says nothing of its tasks.",
    question="Is it running, or was it paused?",
    tier=Tier.CONNECTOR,
)
CONNECTOR_TASKS = _gauge(
    "kafka_connect_connector_tasks",
    (*CONNECTOR, "state"),
    "Tasks by their state; RUNNING and FAILED always, the others where there are any.",
    question="Does every part of it work?",
    tier=Tier.CONNECTOR,
)
CONNECTOR_TASKS_MAX = _gauge(
    "kafka_connect_connector_tasks_max",
    CONNECTOR,
    "At most so many tasks it is allowed (`tasks.max`).",
    question="Could it be spread further?",
)
CONNECTOR_GROUP = _gauge(
    "kafka_connect_connector_group",
    (*CONNECTOR, "group"),
    "Always 1; names the consumer group of a sink: kafka_group_lag_seconds of that group says how far it is behind.",
    question="Whose lag is it?",
    tier=Tier.CONNECTOR,
)
DEAD_LETTER_TOPIC = _gauge(
    "kafka_connect_connector_dead_letter_topic",
    (*CONNECTOR, "topic"),
    "Always 1; names the topic where a sink puts records that it could not handle: kafka_topic_end_offset of that topic"
    " says how many.",
    question="Where does what fails go?",
    tier=Tier.CONNECTOR,
)
CONNECTOR_TOPIC = _gauge(
    "kafka_connect_connector_topic",
    (*CONNECTOR, "topic", "match"),
    "Always 1; names a topic that a source writes, or that a sink is to read, by its configuration; where `match` is"
    " `prefix` it is every topic whose name begins so. Of a connector at most 20; which topics a sink with"
    " `topics.regex` reads, its group says.",
    question="Which topics are its?",
    tier=Tier.CONNECTOR,
)
HEARTBEAT_TOPIC = _gauge(
    "kafka_connect_connector_heartbeat_topic",
    (*CONNECTOR, "topic"),
    "Always 1; names the topic where a connector (Debezium, MirrorMaker 2) writes a record at least every two minutes,"
    " as long as its task runs: where kafka_topic_end_offset stands, it does not. A heartbeat of Debezium says nothing"
    " of its database: it goes on while no change arrives.",
    question="Does it work, or does it only say so?",
    tier=Tier.CONNECTOR,
)
HEARTBEAT_INTERVAL = _gauge(
    "kafka_connect_connector_heartbeat_interval_seconds",
    CONNECTOR,
    "How often a connector that can write heartbeats (Debezium, MirrorHeartbeatConnector) is set to; 0: never, so"
    " nothing says whether it works.",
    question="Could we see that it has stopped?",
    unit="seconds",
)
HEARTBEAT_WRITES_SOURCE = _gauge(
    "kafka_connect_connector_heartbeat_writes_source",
    CONNECTOR,
    "Whether each heartbeat of a Debezium connector also writes to its database (`heartbeat.action.query`): then"
    " kafka_connect_connector_change_timestamp_seconds must move, however quiet the database is.",
    question="Could we see that no change arrives?",
)
CHANGE_TIMESTAMP = _gauge(
    "kafka_connect_connector_change_timestamp_seconds",
    CONNECTOR,
    "When the database committed the last change that a Debezium connector has passed on, by the offsets that it has"
    " committed (Kafka Connect 3.5 or later; PostgreSQL and MySQL). It stands while nothing is changed.",
    question="How far is the connector behind its database?",
    unit="seconds",
)
MIRROR_PARTITIONS = _gauge(
    "kafka_connect_mirror_topic_partitions",
    COPIED,
    "Partitions of the topic that the tasks of a MirrorSourceConnector have, and what the copy is"
    " called; empty where only a replication policy of one's own knows.",
    question="What is copied, and what is not?",
    unit="partitions",
)
MIRROR_COPIED_PARTITIONS = _gauge(
    "kafka_connect_mirror_topic_copied_partitions",
    COPIED,
    "Those of them of which it has copied something.",
    question="Is a partition left out?",
    unit="partitions",
)
MIRROR_OFFSET = _gauge(
    "kafka_connect_mirror_topic_offset",
    COPIED,
    "Sum of the offsets behind the last record copied, over the partitions of which something was copied, by the"
    " offsets that the connector has committed: what is between it and kafka_topic_end_offset of the same topic is"
    " not copied yet (transaction markers are never copied).",
    question="How far is the copy behind?",
    unit="records",
)
MIRROR_CHECKPOINT_TOPIC = _gauge(
    "kafka_connect_mirror_checkpoint_topic",
    (*CONNECTOR, "source_cluster", "topic"),
    "Always 1; names the topic where a MirrorCheckpointConnector writes how far groups of source_cluster are, as they"
    " move on.",
    question="Could groups go on in the other cluster?",
    tier=Tier.CONNECTOR,
)
MIRROR_GROUP = _gauge(
    "kafka_connect_mirror_group",
    (*MIRROR, "group"),
    "Always 1; names a group of which a MirrorCheckpointConnector writes checkpoints.",
    question="Which groups could go on in the other cluster?",
    tier=Tier.CONNECTOR,
)
TASK_STATE = _gauge(
    "kafka_connect_task_state",
    (*TASK, "worker", "state"),
    "Always 1; names the task's state, and the worker that has it.",
    question="Which worker has the task?",
    tier=Tier.TASK,
)
TASK_FAILURE = _gauge(
    "kafka_connect_task_failure",
    (*TASK, "trace"),
    "Always 1, for at most 20 tasks that failed: the first line of the trace and its last cause, shortened, without"
    " secrets. Task `` (none) is the connector itself.",
    question="Why did it fail?",
    tier=Tier.CONNECT,
)

METRICS: Final[tuple[Metric, ...]] = (
    WORKER_UP,
    WORKER_INFO,
    REBALANCING,
    CONNECTORS,
    TASK_FAILURE,
    CONNECTOR_STATE,
    CONNECTOR_TASKS,
    CONNECTOR_TASKS_MAX,
    CONNECTOR_INFO,
    CONNECTOR_GROUP,
    DEAD_LETTER_TOPIC,
    HEARTBEAT_TOPIC,
    CONNECTOR_TOPIC,
    HEARTBEAT_INTERVAL,
    HEARTBEAT_WRITES_SOURCE,
    CHANGE_TIMESTAMP,
    MIRROR_PARTITIONS,
    MIRROR_COPIED_PARTITIONS,
    MIRROR_OFFSET,
    MIRROR_CHECKPOINT_TOPIC,
    MIRROR_GROUP,
    TASK_STATE,
)
