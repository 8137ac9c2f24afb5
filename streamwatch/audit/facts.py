"""All that is known at once: the last reads of all sources, the newest samples, and what was asked for the audit."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from streamwatch.model.cluster_settings import ClusterSettings
from streamwatch.model.connect import ConnectSnapshot
from streamwatch.model.kafka import ClusterSnapshot
from streamwatch.model.kinesis import StreamsSnapshot
from streamwatch.model.msk import MskSnapshot
from streamwatch.model.newest_samples import NewestSamples
from streamwatch.model.reader import ReadersSnapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterFacts:
    """What is known of one Kafka cluster."""

    name: str
    snapshot: ClusterSnapshot | None
    """The last read of its brokers or, where they are not read, of MSK's calls; None where there is none."""
    settings: ClusterSettings | None = None
    """None where its brokers cannot be asked."""
    msk: MskSnapshot | None = None
    """None where it is not watched as a cluster of MSK's."""
    watched_since: float | None = None
    """Since when it has been read again and again, in seconds since 1970; None where it was read once."""
    empty_since: Mapping[str, float] = field(default_factory=dict)
    """When groups lost their last member, as the journal has it; groups of which it does not know are absent."""

    @property
    def bootstrap(self) -> str:
        """The address of a broker, for commands."""
        brokers = () if self.snapshot is None else self.snapshot.brokers
        known = [broker for broker in brokers if broker.host and broker.up is not False]
        if not known:
            return "HOST:PORT"
        host = f"[{known[0].host}]" if ":" in known[0].host else known[0].host
        return f"{host}:{known[0].port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFacts:
    """What is known of everything that is watched."""

    now: float
    clusters: tuple[ClusterFacts, ...] = ()
    streams: tuple[StreamsSnapshot, ...] = ()
    readers: tuple[ReadersSnapshot, ...] = ()
    connects: tuple[ConnectSnapshot, ...] = ()
    unread: tuple[str, ...] = ()
    """Sources that could not be read at all, or not yet."""
    unread_why: Mapping[str, str] = field(default_factory=dict)
    """Why, of those of which that is known."""
    samples: NewestSamples = field(default_factory=lambda: NewestSamples(()))
    """The newest of all sources."""
