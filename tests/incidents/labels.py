"""The true cause of each story, written down before the decision list was run over any of them.

A third of the stories is set aside: nobody looks at what the list says of them while the list is being changed.
"""

import hashlib
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Label:
    """What is true of a story."""

    causes: frozenset[str] = frozenset()
    """Kinds of what is wrong; none where nothing is: an incident that names a cause is wrong then."""
    subject: str = ""
    """What the first sentence has to name."""


def _label(subject: str, *causes: str) -> Label:
    return Label(frozenset(causes), subject)


CLUSTER: Final = {
    "healthy": _label(""),
    "broker_down": _label("roker 2", "broker"),
    # Somebody restarts brokers in order: while one of them does not answer, saying so is right.
    "rolling_restart": _label("roker", "broker", "change"),
    "controller_lost": _label("controller", "controller", "broker"),
    "disk_filling": _label("roker 2", "disk"),
    "slow_broker": _label("roker 1", "slow_broker"),
    "isr_flapping": _label("roker 3", "network"),
    "slow_consumer": _label("orders-readers", "slow_reader"),
    "stuck_consumer": _label("orders-readers", "reader_stands"),
    "rewound_group": _label("orders-readers", "members_lost", "change"),
    "too_many_consumers": _label("orders-readers", "idle_members", "change"),
    "idle_partitions": _label("orders", "hot"),
    "hot_partition": _label("clicks", "hot"),
    "reassignment": _label("", "change"),
    "offline_partition": _label("rokers", "broker"),
}
"""Stories of ``streamwatch/reference/scenarios.py``."""

STREAMS: Final = {
    "hot_shard": _label("purchases", "hot"),
    "write_throttle": _label("clickstream", "producers"),
    "read_throttle": _label("purchases", "reader_throttled"),
    "dead_consumer": _label("purchases", "members_lost"),
    "slow_stream_consumer": _label("purchases", "slow_reader"),
    "reshard": _label("purchases", "change"),
    "retention_risk": _label("purchases", "members_lost", "slow_reader"),
    "poison_pill": _label("ship", "stuck_record"),
    "control_plane_throttled": _label("streams", "monitor"),
    "expired_credentials": _label("streams", "monitor"),
}
"""Stories of ``streamwatch/reference/stream_scenarios.py``."""

READERS: Final = {
    "bucket_refuses": _label("lake", "downstream"),
    "hose_stands_still": _label("lake", "reader_stands"),
    "connector_failed": _label("sink", "reader_failed"),
    "connector_tasks_failed": _label("sink", "reader_failed"),
    "replication_stopped": _label("task", "change", "reader_stopped"),
    "replication_failed": _label("task", "reader_failed"),
    "database_read_late": _label("task", "upstream"),
    "pipe_target_refuses": _label("pipe", "downstream"),
    "pipe_stopped": _label("pipe", "change", "reader_stopped"),
    "flink_restarts": _label("flink", "reader_failed"),
    "flink_stands_still": _label("flink", "reader_stands"),
    "function_without_concurrency": _label("bill", "reader_throttled"),
    "function_fails": _label("bill", "reader_failed"),
    "function_disabled": _label("bill", "change", "reader_stopped"),
    "function_poller_dead": _label("bill", "reader_stands", "reader_failed"),
    "workers_die": _label("app", "members_lost"),
}
"""One fault of each kind of readers that the reference AWS runs."""

LABELS: Final = {**CLUSTER, **STREAMS, **READERS}


def is_set_aside(story: str) -> bool:
    """Say whether a story is one of the third that is not looked at before the end: by the SHA-256 of its name."""
    return int.from_bytes(hashlib.sha256(story.encode()).digest()) % 3 == 0
