"""One read of one source, for a person who wants to see it now."""

from collections.abc import Iterable
from dataclasses import dataclass

from streamwatch.agent.targets import Config, TargetFactory, precedence
from streamwatch.core.clock import SystemClock
from streamwatch.model.metric import Samples
from streamwatch.model.snapshot import Snapshot
from streamwatch.samples.precedence import KindSamples


@dataclass(frozen=True, slots=True)
class SourceRead:
    """What one source of a part of the configuration saw."""

    kind: str
    snapshot: Snapshot
    samples: list[Samples]


def read_all(config: Config) -> list[SourceRead]:
    """Return what every source of a part of the configuration sees, the main one first; nothing stays connected."""
    targets = TargetFactory(SystemClock()).targets(config, lambda: None)
    seen = []
    try:
        for target in targets:
            now = target.source.read()
            samples = [samples for collector in target.collectors.values() for samples in collector.collect(now)]
            seen.append(SourceRead(target.kind, now, samples))
    finally:
        for target in targets:
            target.source.close()
    return seen


def chosen(config: Config, seen: Iterable[SourceRead]) -> list[KindSamples]:
    """Return what is to be shown of all these sources: of each series the word of the most trusted."""
    return precedence(config).choose((read.kind, each) for read in seen for each in read.samples)
