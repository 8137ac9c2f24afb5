"""One read of one cluster, for a person who wants to see it now."""

from streamwatch.clock import SystemClock
from streamwatch.model.kafka import ClusterSnapshot
from streamwatch.model.metric import Samples
from streamwatch.sources.kafka import Config, KafkaSource
from streamwatch.watch import collectors


def read_once(config: Config) -> tuple[ClusterSnapshot, list[Samples]]:
    """Return a snapshot and all its samples; nothing stays connected."""
    source = KafkaSource(config, SystemClock(), lambda: None)
    try:
        now = source.read()
    finally:
        source.close()
    return now, [samples for collector in collectors(config).values() for samples in collector.collect(now)]
