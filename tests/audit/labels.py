"""What the audit has to find in each story of the reference, written down before it was run over any of them.

What was changed since has its reason beside it. Each finding is its check, its severity and its target. Stories are
those of ``streamwatch/reference/scenarios.py``, ``stream_scenarios.py`` and ``tests/rules/reader_stories.py``.
"""

from dataclasses import dataclass
from typing import Final

Finding = tuple[str, str, str]
"""The check, the severity, the target."""

_PLACE: Final = "123456789012/us-east-1"
_OFFSETS: Final[Finding] = ("min-isr-one", "warning", "shop/__consumer_offsets")


@dataclass(frozen=True, slots=True)
class AuditLabel:
    """What is true of a story."""

    standing: tuple[Finding, ...] = ()
    """What is so before anything happens."""
    found: tuple[Finding, ...] = ()
    """What comes with the story, beside it."""
    at: float | None = None
    """When it has to be found, in seconds from the beginning; None where nothing comes."""

    @property
    def all(self) -> list[Finding]:
        """All that has to be found when it has come."""
        return sorted([*self.standing, *self.found])


def _stream(check: str, severity: str, name: str) -> Finding:
    return check, severity, f"{_PLACE}/{name}"


_CALM: Final = AuditLabel(standing=(_OFFSETS,))
"""Kafka's own default, of which the reference is made: brokers write that topic with acks=all."""

CLUSTER: Final = {
    "healthy": _CALM,
    "broker_down": _CALM,
    "rolling_restart": _CALM,
    "controller_lost": _CALM,
    "disk_filling": _CALM,
    "slow_broker": _CALM,
    "isr_flapping": _CALM,
    "slow_consumer": _CALM,
    "stuck_consumer": _CALM,
    # It is stopped for twenty seconds: nobody runs it, but for how long nobody knows yet.
    "rewound_group": _CALM,
    "too_many_consumers": _CALM,
    "idle_partitions": _CALM,
    "hot_partition": _CALM,
    "reassignment": _CALM,
    "offline_partition": _CALM,
}

LEFT: Final = {
    # A group is waited for, and paged about, for a day; then it is nobody's, and needs no records: that those which it
    # has not read are older than half of the retention is no finding. (The first labels had it unused after two hours,
    # and a reader whose records expire.) Two days before its seven are over its positions are about to be deleted.
    2.0: (),
    26.0: (("unused-group", "info", "shop/orders-readers"),),
    132.0: (("unused-group", "info", "shop/orders-readers"), ("offsets-expiring", "warning", "shop/orders-readers")),
}
"""``rewound_group`` with an end that nobody tells: what comes beside the standing, by hours since it was stopped."""
UNCHECKED: Final = frozenset({"compaction-stopped", "throttled-clients", "plain-listener"})
"""What only exporters, and settings that the reference has not, would tell of its clusters."""

STREAMS: Final = {
    "hot_shard": AuditLabel(found=(_stream("hot-shard", "warning", "purchases"),), at=149.0),
    "write_throttle": AuditLabel(),  # both shards are full: no key is hot, and no reader is near a limit
    "read_throttle": AuditLabel(found=(_stream("near-quota", "warning", "purchases"),), at=119.0),
    "dead_consumer": AuditLabel(found=(_stream("no-reader", "warning", "purchases"),), at=389.0),
    "slow_stream_consumer": AuditLabel(),  # two minutes behind, of a day
    "reshard": AuditLabel(),
    "retention_risk": AuditLabel(found=(_stream("retention-short", "critical", "purchases"),), at=149.0),
    "poison_pill": AuditLabel(found=(_stream("no-failure-destination", "warning", "lambda/ship"),), at=429.0),
    "control_plane_throttled": AuditLabel(),
    "expired_credentials": AuditLabel(),
}


def _reader(*kinds: str, found: tuple[str, ...] = (), count: int = 1) -> AuditLabel:
    """Return the label of a story of a reader: `{}` stands for its name."""
    standing = tuple(_stream("no-failure-destination", "warning", kind) for kind in kinds for _ in range(count))
    severity = {"retention-short": "critical"}
    return AuditLabel(standing, tuple(_stream(each, severity.get(each, "warning"), "{}") for each in found))


_MAPPED: Final = _reader("lambda/{}")
"""A function without a destination for failures."""
_STOPPED: Final = _reader("lambda/{}", found=("no-reader",))
_NONE: Final = AuditLabel()

READERS: Final = {
    "poison pill in a Lambda batch": _MAPPED,
    "poison pill in one of two streams of a function": _reader("lambda/{}", count=2),
    "the same, and the mapping counts events": _reader("lambda/{}", count=2),
    "records given up: no destination": _MAPPED,
    "records given up: the destination takes nothing": _NONE,
    "mapping disabled": _STOPPED,
    "mapping disabled after a call that failed, without a reason": _STOPPED,
    "poller dies after a call that failed": _STOPPED,
    "mapping cannot log in": _MAPPED,
    "function throttled": _MAPPED,
    # Four pollers are 80 % of the calls that a shard allows, five all of them.
    "shard contention, before a call is refused": AuditLabel(
        standing=(
            *_reader("lambda/{}", "lambda/{}-0", "lambda/{}-1", "lambda/{}-2").standing,
            _stream("near-quota", "warning", "{}"),
        )
    ),
    "lease not renewed: all workers die": _reader(found=("no-reader",)),
    "hole: a shard without a lease": _NONE,
    "zombie leases": _NONE,
    "lease storm": _NONE,
    "record processor hangs": _NONE,  # it has a reader, of which an alert tells
    "all record processors hang, beside another application": _NONE,
    "stream deleted while its workers live": _NONE,
    "connector task failed (MSK Connect)": _NONE,
    "Firehose stalls: it reads nothing": _NONE,  # as above
    "Firehose stalls: its target refuses": _NONE,
    "DMS stopped": _MAPPED,  # by a function, beside the task
    "DMS slow: its source": _MAPPED,
    "DMS slow: its target": _MAPPED,
    # A view is a reader that stands still, as a processor that hangs, and one whose refreshes fail is down, as a pipe
    # that cannot start. (The first labels had it the other way round.)
    "Redshift view not refreshed": _NONE,
    "Redshift view: its refreshes fail": _reader(found=("no-reader",)),
    "Flink loops": _NONE,
    "Flink: its checkpoints fail": _NONE,
    "MSK Replicator behind": _NONE,
    "MSK Replicator refused by its target": _NONE,
    "Pipes: the target refuses": _reader("pipes/{}"),
    "Pipes: it cannot start": _reader("pipes/{}", found=("no-reader",)),
    "lag against data loss": _reader(found=("retention-short",)),
    "a worker of KCL is killed and replaced, twice": _NONE,
    "all workers of KCL are replaced at once": _NONE,
    "nobody writes the stream of a delivery stream": _NONE,
    "nobody writes the stream of an application of KCL": _NONE,
    "only one of two shards is written that an application of KCL reads": _NONE,
    "a task of DMS is stopped on purpose": _MAPPED,
    "a connector of MSK Connect is updated": _NONE,
}
