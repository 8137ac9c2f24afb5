"""What can be watched: a source, and the collectors that make samples of its snapshots."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from streamwatch.catalogue import BY_CLOUDWATCH
from streamwatch.clock import Clock
from streamwatch.collectors import Collector
from streamwatch.collectors.cluster import ClusterCollector
from streamwatch.collectors.groups import GroupCollector
from streamwatch.collectors.lag import EndOffsetHistory
from streamwatch.collectors.partitions import PartitionCollector
from streamwatch.collectors.source import CallCollector, RequestCollector, SourceCollector
from streamwatch.collectors.streams import StreamCollector
from streamwatch.collectors.topics import TopicCollector
from streamwatch.model.snapshot import Snapshot
from streamwatch.sources.kafka import KafkaSource
from streamwatch.sources.kafka.config import Config as KafkaConfig
from streamwatch.sources.kinesis.config import Config as KinesisConfig

if TYPE_CHECKING:
    from streamwatch.sources.aws.session import Accounts

Config = KafkaConfig | KinesisConfig


class Source(Protocol):
    """What is read."""

    def read(self) -> Snapshot:
        """Return a snapshot, within the source's own deadline."""

    def close(self) -> None:
        """Drop what is held open."""


@dataclass(frozen=True, slots=True)
class Watched:
    """One source with its collectors."""

    kind: str
    source: Source
    collectors: dict[str, Collector[Any]]
    """By name, in the order in which they run."""
    about: Sequence[Collector[Any]]
    """Those that tell of the source itself."""


def kafka_collectors(config: KafkaConfig) -> dict[str, Collector[Any]]:
    """Return the collectors for a Kafka cluster."""
    history = EndOffsetHistory(config.lag_history, config.interval)
    found: dict[str, Collector[Any]] = {
        "cluster": ClusterCollector(config.partitions_per_broker),
        "topics": TopicCollector(),
        "groups": GroupCollector(history),
    }
    if config.granularity == "partition":
        found["partitions"] = PartitionCollector(history)
    return found


class Wiring:
    """Makes what is watched; sources of one AWS account share its session."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._accounts: Accounts | None = None

    def watched(self, config: Config, wake: Callable[[], None]) -> Watched:
        """Return what this part of the configuration watches; nothing is read yet."""
        if isinstance(config, KinesisConfig):
            return self._kinesis(config)
        about = (SourceCollector(config.interval), RequestCollector())
        return Watched("kafka", KafkaSource(config, self._clock, wake), kafka_collectors(config), about)

    def _kinesis(self, config: KinesisConfig) -> Watched:
        # boto3 takes 0.3 s and 40 MB: only who watches streams pays for it.
        from streamwatch.sources.aws.session import Accounts  # noqa: PLC0415
        from streamwatch.sources.kinesis.source import KinesisSource  # noqa: PLC0415

        if self._accounts is None:
            self._accounts = Accounts(self._clock)
        source = KinesisSource(config, self._clock, self._accounts, BY_CLOUDWATCH)
        collectors: dict[str, Collector[Any]] = {"streams": StreamCollector(config.consumers_per_stream)}
        return Watched("kinesis", source, collectors, (SourceCollector(config.interval), CallCollector()))
