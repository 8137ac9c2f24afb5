"""Kafka Connect: workers, connectors and tasks, as the REST API has them."""

from typing import Final

from streamwatch.model.metric import Metric, Tier

CONNECT: Final = ("connect_cluster", "kafka_cluster")
WORKER: Final = (*CONNECT, "worker")
CONNECTOR: Final = (*CONNECT, "connector")
TASK: Final = (*CONNECTOR, "task")

_TIERS: Final = {CONNECT: Tier.CONNECT, WORKER: Tier.CONNECT, CONNECTOR: Tier.CONNECTOR}


def _gauge(
    name: str,
    labels: tuple[str, ...],
    help: str,  # noqa: A002 - the word users see
    *,
    question: str,
    tier: Tier | None = None,
) -> Metric:
    tier = _TIERS[labels] if tier is None else tier
    return Metric(name=name, kind="gauge", unit="", labels=labels, tier=tier, help=help, question=question)


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
    " as long as it works: where kafka_topic_end_offset stands, it does not.",
    question="Does it work, or does it only say so?",
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
    TASK_STATE,
)
