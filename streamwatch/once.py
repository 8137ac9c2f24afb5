"""One read of one source, for a person who wants to see it now."""

from streamwatch.clock import SystemClock
from streamwatch.model.metric import Samples
from streamwatch.model.snapshot import Snapshot
from streamwatch.watched import Config, Wiring


def read_once(config: Config) -> tuple[Snapshot, list[Samples]]:
    """Return a snapshot and all its samples; nothing stays connected."""
    found = Wiring(SystemClock()).watched(config, lambda: None)
    try:
        now = found.source.read()
    finally:
        found.source.close()
    return now, [samples for collector in found.collectors.values() for samples in collector.collect(now)]
