"""One read of one source, for a person who wants to see it now."""

from collections.abc import Iterable
from dataclasses import dataclass

from streamwatch.agent.targets import Config, Wiring, trust
from streamwatch.core.clock import SystemClock
from streamwatch.model.metric import Samples
from streamwatch.model.snapshot import Snapshot
from streamwatch.samples.precedence import Said


@dataclass(frozen=True, slots=True)
class Seen:
    """What one source of a part of the configuration saw."""

    kind: str
    snapshot: Snapshot
    samples: list[Samples]


def read_all(config: Config) -> list[Seen]:
    """Return what every source of a part of the configuration sees, the main one first; nothing stays connected."""
    found = Wiring(SystemClock()).watched(config, lambda: None)
    seen = []
    try:
        for one in found:
            now = one.source.read()
            samples = [samples for collector in one.collectors.values() for samples in collector.collect(now)]
            seen.append(Seen(one.kind, now, samples))
    finally:
        for one in found:
            one.source.close()
    return seen


def chosen(config: Config, seen: Iterable[Seen]) -> list[Said]:
    """Return what is to be shown of all these sources: of each series the word of the most trusted."""
    return trust(config).choose((one.kind, samples) for one in seen for samples in one.samples)
