"""Records of the agent's own that are lost: what each record that was lost of late says of its cause."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from streamwatch.catalogue import kafka_probe, kinesis_probe
from streamwatch.core.words import listed
from streamwatch.incidents.incident import Cause, CauseKind, Effects, Scope
from streamwatch.incidents.known import Known

_RECENT_SECONDS: Final = 300.0
"""A cause of which no record was lost for so long is over; the alerts look back as long."""
_NOW_SECONDS: Final = 60.0
"""Where none was lost for so long, records were lost, and are not."""
_OF_KAFKA: Final = ("KafkaProbeFailing", "KafkaProbeUnreliable")
_OF_KINESIS: Final = ("KinesisProbeFailing", "KinesisProbeUnreliable")
_CAUSES: Final[Mapping[str, tuple[CauseKind, str]]] = {
    "auth": ("monitor", "the probe's login or right is refused"),
    "kms": ("monitor", "AWS KMS refuses the stream's key"),
    "topic_missing": ("monitor", "the probe's topic is gone"),
    "stream_missing": ("monitor", "the probe's stream is gone"),
    "disk": ("disk", "the log directory is offline or full"),
    "not_enough_replicas": ("broker", "too few replicas are in sync"),
    "leader_not_available": ("broker", "nobody leads its partition"),
    "refused": ("network", "nothing listens at the address"),
    "connection_lost": ("network", "connections break"),
    "throttled": ("capacity", "the stream is asked for more than its shards allow"),
    "unavailable": ("upstream", "Kinesis answers with errors"),
    "timeout": ("network", "no answer comes in time"),
    "lost": ("upstream", "another record stands where this one was acknowledged"),
}
"""What each cause of a loss is, in the words of docs/probe.md; what explains the others comes first."""
_STREAM_AGE: Final = kinesis_probe.PROBE.failure_age
_OWN: Final = frozenset({"refused", "connection_lost", "timeout"})
"""Of one broker alone these are the broker's own."""


def lost(known: Known) -> Iterator[Cause]:
    """Records of a probe are lost, and no other cause explains that."""
    for scope in known.scopes("cluster", *_OF_KAFKA):
        yield from _of_cluster(known, scope)
    for scope in known.scopes("stream", *_OF_KINESIS):
        ages = {(row[0], row[1]): age for row, age in known.values(_STREAM_AGE, *scope[1:]).items()}
        recent = _recent(ages)
        if recent:
            kind, words = _CAUSES[recent[0][1]]
            named = min(age for (_, cause), age in ages.items() if cause == recent[0][1])
            sentence = f"Records of the probe through stream {scope[3]} {_verb(named)} lost: {words}"
            effects = Effects(scope, frozenset(_OF_KINESIS))
            yield Cause(kind, scope, sentence, _evidence(recent), _OF_KINESIS[0], (effects,))


def _of_cluster(known: Known, scope: Scope) -> Iterator[Cause]:
    cluster = scope[1]
    by_cause: dict[tuple[str, str], set[str]] = {}
    ages = known.values(kafka_probe.PROBE.failure_age, cluster)
    for (broker, stage, cause), age in ages.items():
        if age <= _RECENT_SECONDS:
            by_cause.setdefault((stage, cause), set()).add(broker)
    recent = _recent(dict.fromkeys(by_cause, 0.0))
    if not recent:
        return
    (stage, cause), brokers = recent[0], sorted(by_cause[recent[0]])
    named: dict[str, float] = {}
    for (broker, _, of), age in ages.items():
        if of == cause:
            named[broker] = min(age, named.get(broker, age))
    kind, words = _CAUSES[cause]
    if cause in _OWN and len(brokers) < len(known.values(kafka_probe.PROBE.attempts, cluster)):
        kind = "broker"
    yield Cause(
        kind,
        scope,
        f"Records of the probe {_through(cluster, brokers, named)}: {words}",
        tuple(f"{stage}: {cause}, through {listed(sorted(by_cause[stage, cause]))}" for stage, cause in recent),
        _OF_KAFKA[0],
        (Effects(scope, frozenset(_OF_KAFKA)),),
        float(len(brokers)),
    )


def _through(cluster: str, brokers: Iterable[str], ages: Mapping[str, float]) -> str:
    """Return through which brokers records are lost of a cause, and through which they were.

    Args:
        cluster: its name.
        brokers: those through which records were lost of late.
        ages: by broker, how many seconds ago the last one was lost of this cause.

    """
    by_verb: dict[str, list[str]] = {}
    for broker in brokers:
        by_verb.setdefault(_verb(ages[broker]), []).append(broker)
    return ", and ".join(
        f"through {'broker' if len(names) == 1 else 'brokers'} {listed(names)} of {cluster} {verb} lost"
        for verb, names in sorted(by_verb.items())
    )


def _verb(age: float) -> str:
    return "are" if age <= _NOW_SECONDS else "were"


def _recent(ages: Mapping[tuple[str, str], float]) -> list[tuple[str, str]]:
    """Return stages and causes of which records were lost of late, what explains the others first."""
    order = list(_CAUSES)
    recent = [key for key, age in ages.items() if age <= _RECENT_SECONDS and key[1] in _CAUSES]
    return sorted(recent, key=lambda key: (order.index(key[1]), key[0]))


def _evidence(recent: list[tuple[str, str]]) -> tuple[str, ...]:
    return tuple(f"{stage}: {cause}, within the last five minutes" for stage, cause in recent)
