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
    "offline_partition": _label("roker", "broker"),
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
    "poison pill in a Lambda batch": _label("", "stuck_record"),
    "poison pill in one of two streams of a function": _label("", "stuck_record"),
    "the same, and the mapping counts events": _label("", "stuck_record"),
    "records given up: no destination": _label("", "reader_failed", "stuck_record"),
    "records given up: the destination takes nothing": _label("", "reader_failed", "downstream"),
    "mapping disabled": _label("", "change", "reader_stopped"),
    "mapping disabled after a call that failed, without a reason": _label("", "change", "reader_stopped"),
    "poller dies after a call that failed": _label("", "reader_stopped", "reader_failed"),
    "mapping cannot log in": _label("", "reader_failed"),
    "function throttled": _label("", "reader_throttled"),
    "shard contention, before a call is refused": _label("", "reader_throttled"),
    "lease not renewed: all workers die": _label("", "members_lost"),
    "hole: a shard without a lease": _label("", "positions", "change"),
    "zombie leases": _label("", "positions"),
    "lease storm": _label("", "rebalances"),
    "record processor hangs": _label("", "reader_stands"),
    "all record processors hang, beside another application": _label("", "reader_stands"),
    "stream deleted while its workers live": _label("", "reader_failed", "change"),
    "connector task failed (MSK Connect)": _label("", "reader_failed"),
    "Firehose stalls: it reads nothing": _label("", "reader_stands"),
    "Firehose stalls: its target refuses": _label("", "downstream"),
    "DMS stopped": _label("", "reader_failed"),
    "DMS slow: its source": _label("", "upstream"),
    "DMS slow: its target": _label("", "downstream"),
    "Redshift view not refreshed": _label("", "reader_stands", "reader_stopped"),
    "Redshift view: its refreshes fail": _label("", "reader_failed"),
    "Flink loops": _label("", "reader_failed"),
    "Flink: its checkpoints fail": _label("", "reader_failed", "reader_stands"),
    "MSK Replicator behind": _label("", "reader_stands"),
    "MSK Replicator refused by its target": _label("", "reader_failed", "downstream"),
    "Pipes: the target refuses": _label("", "downstream"),
    "Pipes: it cannot start": _label("", "reader_failed"),
    "lag against data loss": _label("", "slow_reader"),
    "a worker of KCL is killed and replaced, twice": _label(""),
    "all workers of KCL are replaced at once": _label(""),
    "nobody writes the stream of a delivery stream": _label(""),
    "nobody writes the stream of an application of KCL": _label(""),
    "only one of two shards is written that an application of KCL reads": _label(""),
    "a task of DMS is stopped on purpose": _label(""),
    "a connector of MSK Connect is updated": _label(""),
}
"""Stories of ``tests/rules/reader_stories.py``; the sentence has to name the story's reader or stream."""

REAL: Final = {
    "a broker is killed": _label("roker 2", "broker"),
    "a broker is frozen": _label("roker 3", "broker"),
    "two of three brokers are killed": _label("rokers 2 and 3", "broker"),
    "the only controller is killed": _label("controller", "controller"),
    "the only controller is frozen": _label("controller", "controller"),
    "the disk of a broker fails, its only one": _label("roker 3", "broker", "disk"),
    "a leader is elected uncleanly": _label("roker", "broker"),
    "a broker ends in order and comes back": _label("roker 2", "broker", "change"),
    "a quota holds a producer back": _label("quota", "quota"),
    "a consumer becomes slow": _label("slowed", "slow_reader"),
    "half of the members end": _label("halved", "members_lost"),
    "producers write four times as much": _label("surged", "producers"),
    "a record cannot be processed": _label("poisoned", "stuck_record", "reader_stands"),
    "members live and read nothing": _label("held", "reader_stands"),
    "all members end": _label("ended", "members_lost"),
    "a transaction is never ended": _label("open", "transaction"),
    "a group commits beyond the end": _label("beyond", "positions"),
    "a group reads and never commits": _label("silent", "positions"),
    "retention deletes what a stopped group has not read": _label("expired", "members_lost"),
    "a group is set back by hand": _label("rewound", "change", "members_lost"),
}
"""Faults on brokers of Apache Kafka 4.3: ``tests/incidents/real_faults.py``."""

LABELS: Final = {**CLUSTER, **STREAMS, **READERS}


def is_set_aside(story: str) -> bool:
    """Say whether a story is one of the third that is not looked at before the end: by the SHA-256 of its name."""
    return int.from_bytes(hashlib.sha256(story.encode()).digest()) % 3 == 0
