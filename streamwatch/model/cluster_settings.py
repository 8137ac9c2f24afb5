"""What a Kafka cluster is set to, beyond what every read asks: asked when somebody wants an audit."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

UNCLEAN: Final = "unclean.leader.election.enable"
LISTENERS: Final = "listeners"
PROTOCOLS: Final = "listener.security.protocol.map"
OFFSETS_RETENTION: Final = "offsets.retention.minutes"
CLEANER: Final = "log.cleaner.enable"
DIRTY_RATIO: Final = "min.cleanable.dirty.ratio"
COMPACTION_LAG: Final = "min.compaction.lag.ms"
MOST_COMPACTION_LAG: Final = "max.compaction.lag.ms"

OF_BROKERS: Final = (UNCLEAN, LISTENERS, PROTOCOLS, OFFSETS_RETENTION, CLEANER)
OF_TOPICS: Final = (UNCLEAN, DIRTY_RATIO, COMPACTION_LAG, MOST_COMPACTION_LAG)

Settings = Mapping[str, str]
"""Values as Kafka writes them, by setting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSettings:
    """What was answered; who did not answer is absent, and `problems` has why."""

    asked_at: float
    """In seconds since 1970."""
    brokers: Mapping[int, Settings] = field(default_factory=dict)
    topics: Mapping[str, Settings] = field(default_factory=dict)
    newest: Mapping[tuple[str, int], float] = field(default_factory=dict)
    """Of the partitions that were looked at: the largest timestamp of their records, in seconds since 1970."""
    is_looked_up: bool = False
    """Whether every partition whose newest record can be old was looked at."""
    problems: tuple[str, ...] = ()
