"""The kinds of what AWS runs beside streams and topics, each with its part of the configuration."""

from streamwatch.sources.readers.attached import Attachable
from streamwatch.sources.readers.config import Attached, Readers
from streamwatch.sources.readers.dms import DmsKind
from streamwatch.sources.readers.firehose import FirehoseKind
from streamwatch.sources.readers.flink import FlinkKind
from streamwatch.sources.readers.msk_connect import MskConnectKind
from streamwatch.sources.readers.msk_replicator import MskReplicatorKind
from streamwatch.sources.readers.pipes import PipesKind


def enabled(config: Readers) -> list[tuple[Attachable, Attached]]:
    """Return the kinds that are switched on."""
    kinds: list[tuple[Attachable, Attached, bool]] = [
        (FirehoseKind(), config.firehose, config.firehose.enabled),
        (MskConnectKind(), config.msk_connect, config.msk_connect.enabled),
        (DmsKind(), config.dms, config.dms.enabled),
        (PipesKind(), config.pipes, config.pipes.enabled),
        (FlinkKind(), config.flink, config.flink.enabled),
        (MskReplicatorKind(), config.msk_replicator, config.msk_replicator.enabled),
    ]
    return [(kind, settings) for kind, settings, is_on in kinds if is_on]
