"""One audit of what a configuration watches, read once: nothing stays connected."""

from typing import Any

from streamwatch.agent.auditing import AuditedSource, facts_of
from streamwatch.agent.config import Config
from streamwatch.agent.targets import Config as SourceConfig
from streamwatch.agent.targets import TargetFactory, precedence
from streamwatch.audit.report import answer, audit
from streamwatch.core.clock import SystemClock
from streamwatch.model.kafka import ClusterSnapshot
from streamwatch.model.metric import Samples


def audit_once(config: Config) -> dict[str, Any]:
    """Return an audit as JSON has it."""
    clock = SystemClock()
    factory = TargetFactory(clock, watched=lambda: config.sources)
    sources: list[AuditedSource] = []
    samples: list[Samples] = []
    for part in config.sources:
        more, its = _read(factory, part)
        sources += more
        samples += its
    return answer(audit(facts_of(sources, samples, clock.now()), config.audit.ignore))


def _read(factory: TargetFactory, part: SourceConfig) -> tuple[list[AuditedSource], list[Samples]]:
    targets = factory.targets(part, lambda: None)
    sources: list[AuditedSource] = []
    collected: list[tuple[str, Samples]] = []
    try:
        for target in targets:
            snapshot = target.source.read()
            collected += [
                (target.kind, each) for collector in target.collectors.values() for each in collector.collect(snapshot)
            ]
            settings = None
            if target.settings is not None and isinstance(snapshot, ClusterSnapshot) and snapshot.is_up:
                settings = target.settings(snapshot)
            sources.append(
                AuditedSource(
                    name=target.name,
                    config=part,
                    kind=target.kind,
                    snapshot=snapshot,
                    settings=settings,
                    empty_since={},
                )
            )
    finally:
        for target in targets:
            target.source.close()
    return sources, [samples for _, samples in precedence(part).choose(collected)]
