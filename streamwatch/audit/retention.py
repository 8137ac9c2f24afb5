"""Records that go too early, never go, or lie where nobody writes any more."""

import math
from collections.abc import Iterator
from typing import Final

import numpy as np

from streamwatch.audit.commands import alter_topic, tool
from streamwatch.audit.facts import AuditFacts, ClusterFacts
from streamwatch.audit.finding import NotChecked, Observation, Outcome
from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_brokers as b
from streamwatch.catalogue import kafka_groups as g
from streamwatch.core.words import counted, listed, size, span
from streamwatch.model.cluster_settings import CLEANER, COMPACTION_LAG, DIRTY_RATIO, MOST_COMPACTION_LAG
from streamwatch.model.kafka import NOT_KNOWN, NOT_SET, CleanupPolicy, ClusterSnapshot, Topology

_LATE: Final = 0.5
"""From this share of the retention on a reader that is behind has too little time left."""
_VERY_LATE: Final = 0.8
_DAY: Final = 86_400.0
_OLD_SECONDS: Final = 30 * _DAY
_WEEK_MS: Final = int(7 * _DAY * 1000)
_FOREVER_MS: Final = 9e15
"""Kafka writes the largest long for "no limit"."""
_NOT_LOOKED_UP: Final = "brokers before Kafka 3.0 do not say it, and of more than 10,000 partitions they are not asked"
_COMPACTED: Final = (CleanupPolicy.COMPACT, CleanupPolicy.COMPACT_DELETE)


def retention_short(facts: AuditFacts, cluster: ClusterFacts) -> Iterator[Outcome]:
    """Topics whose slowest reader has read of records that will soon be deleted, or were."""
    unknown = 0
    for (group, topic), records in facts.samples.values(g.GROUP_TOPIC_LAG, cluster.name).items():
        if not records or facts.samples.value(g.GROUP_TOPIC_WANTED, cluster.name, group, topic) == 0:
            continue
        lag = facts.samples.value(g.GROUP_TOPIC_LAG_SECONDS, cluster.name, group, topic)
        kept = facts.samples.value(k.TOPIC_RETENTION_SECONDS, cluster.name, topic)
        lost = facts.samples.value(g.GROUP_TOPIC_LOST, cluster.name, group, topic) or 0.0
        if (lag is None or kept is None) and not lost:
            unknown += 1
            continue
        share = 0.0 if lag is None or kept is None or math.isinf(kept) or not _deletes(cluster, topic) else lag / kept
        if share < _LATE and not lost:
            continue
        evidence = []
        if lag is not None and kept is not None and share:
            evidence.append(f"group {group} is {span(lag)} behind, and retention.ms keeps {span(kept)}: {share:.0%}")
        if lost:
            evidence.append(f"{counted(lost, 'record')} were deleted before group {group} read them")
        wanted = int(max(2 * (lag or 0.0), 2 * (kept or 0.0), _DAY) * 1000)
        yield Observation(
            severity="critical" if share >= _VERY_LATE or lost else "warning",
            kind="topic",
            target=f"{cluster.name}/{topic}",
            evidence=tuple(evidence),
            remedy=alter_topic(cluster, topic, f"retention.ms={wanted}"),
        )
    if unknown:
        why = "how old what they have not read is, or how long it is kept, is not known"
        yield NotChecked(cluster.name, f"of {counted(unknown, 'group and topic', 'groups and topics')}: {why}")


def unbounded_topics(cluster: ClusterFacts) -> Iterator[Outcome]:
    """Topics that keep every record for ever."""
    snapshot = cluster.snapshot
    if snapshot is None or snapshot.topology is None:
        return
    topology = snapshot.topology
    looked_at = snapshot.selected & ~topology.internal
    unknown = int((looked_at & (snapshot.cleanup_policy == NOT_SET)).sum())
    if unknown:
        yield NotChecked(cluster.name, f"cleanup.policy of {counted(unknown, 'topic')} is not known")
    deletes = snapshot.cleanup_policy == CleanupPolicy.DELETE
    for_ever = (snapshot.retention_ms == -1) & (snapshot.retention_bytes == -1)
    none = snapshot.cleanup_policy == CleanupPolicy.NONE
    for topic in np.flatnonzero(looked_at & ((deletes & for_ever) | none)).tolist():
        name = topology.topics[topic]
        words = "cleanup.policy is none" if none[topic] else "retention.ms and retention.bytes are both -1"
        stored = _stored(
            snapshot, topology, range(int(topology.topic_start[topic]), int(topology.topic_start[topic + 1]))
        )
        change = f"retention.ms={_WEEK_MS}" if not none[topic] else f"cleanup.policy=delete,retention.ms={_WEEK_MS}"
        yield Observation(
            severity="warning",
            kind="topic",
            target=f"{cluster.name}/{name}",
            evidence=(words, "how much it stores is not known" if stored is None else f"it stores {size(stored)}"),
            remedy=alter_topic(cluster, name, change),
        )


def compaction_stopped(facts: AuditFacts, cluster: ClusterFacts) -> Iterator[Outcome]:
    """Compacted topics that nothing compacts."""
    snapshot = cluster.snapshot
    if snapshot is None or snapshot.topology is None:
        return
    compacted = np.isin(snapshot.cleanup_policy, _COMPACTED)
    if not compacted.any():
        return
    settings = cluster.settings
    if settings is None or not all(CLEANER in own for own in settings.brokers.values()) or not settings.brokers:
        yield NotChecked(cluster.name, f"whether {CLEANER} is on: {_why(cluster)}")
    off = [str(broker) for broker, own in (settings.brokers if settings else {}).items() if own.get(CLEANER) == "false"]
    if off:
        topics = counted(int(compacted.sum()), "topic")
        yield Observation(
            severity="critical",
            kind="cluster",
            target=cluster.name,
            evidence=(f"{CLEANER} is false on brokers {listed(off)}", f"{topics} are to be compacted"),
            remedy=f"set {CLEANER}=true in server.properties of brokers {listed(off)}, and restart them",
        )
    for name, own in (settings.topics if settings else {}).items():
        topic = snapshot.topology.topic_index.get(name, -1)
        if topic < 0 or not compacted[topic] or not snapshot.selected[topic]:
            continue
        ratio, most = _number(own.get(DIRTY_RATIO)), _number(own.get(MOST_COMPACTION_LAG))
        least = _number(own.get(COMPACTION_LAG))
        if ratio is not None and ratio >= 1 and (most is None or most >= _FOREVER_MS):
            words, change = f"{DIRTY_RATIO} is {ratio:g}: it is never dirty enough", f"{DIRTY_RATIO}=0.5"
        elif least is not None and least > _OLD_SECONDS * 1000:
            words, change = f"{COMPACTION_LAG} is {span(least / 1000)}", f"{COMPACTION_LAG}=0"
        else:
            continue
        yield Observation(
            severity="warning",
            kind="topic",
            target=f"{cluster.name}/{name}",
            evidence=(words,),
            remedy=alter_topic(cluster, name, change),
        )
    yield from _given_up(facts, cluster)


def _given_up(facts: AuditFacts, cluster: ClusterFacts) -> Iterator[Outcome]:
    """Partitions that a broker's log cleaner compacts no more."""
    counts = {row[0]: count for row, count in facts.samples.values(b.UNCLEANABLE, cluster.name).items()}
    brokers = () if cluster.snapshot is None else cluster.snapshot.brokers
    silent = sorted(str(broker.id) for broker in brokers if str(broker.id) not in counts)
    if silent:
        yield NotChecked(
            cluster.name,
            f"whether the log cleaners of brokers {listed(silent)} gave partitions up: no JMX page has"
            " uncleanable-partitions-count",
        )
    for broker, count in sorted(counts.items()):
        if count > 0:
            yield Observation(
                severity="critical",
                kind="cluster",
                target=cluster.name,
                evidence=(f"the log cleaner of broker {broker} gave up {counted(count, 'partition')}",),
                remedy=f"look for the cause in log-cleaner.log of broker {broker}, mend it, and restart the broker",
            )


def partitions_without_writers(facts: AuditFacts, cluster: ClusterFacts) -> Iterator[Outcome]:
    """Partitions into which nothing was written for 30 days, and what they take."""
    snapshot, settings = cluster.snapshot, cluster.settings
    if snapshot is None or snapshot.topology is None:
        return
    if settings is None or not settings.is_looked_up:
        why = _why(cluster) if settings is None or settings.problems else _NOT_LOOKED_UP
        yield NotChecked(cluster.name, f"when the newest record of some partitions was written: {why}")
    topology, old = snapshot.topology, dict[str, list[tuple[int, float]]]()
    for (name, number), at in (settings.newest if settings else {}).items():
        if facts.now - at > _OLD_SECONDS:
            old.setdefault(name, []).append((number, at))
    for name, partitions in old.items():
        topic = topology.topic_index.get(name, -1)
        if topic < 0:
            continue
        numbers = np.array([number for number, _ in partitions], dtype=np.int64)
        rows = topology.rows(np.full(len(numbers), topic), numbers)
        stored = _stored(snapshot, topology, [row for row in rows.tolist() if row >= 0])
        newest = max(at for _, at in partitions)
        count = int(topology.topic_start[topic + 1] - topology.topic_start[topic])
        few = listed([str(number) for number, _ in sorted(partitions)])
        evidence = f"the newest record of {len(partitions)} of {count} partitions is {span(facts.now - newest)} old"
        yield Observation(
            severity="info",
            kind="topic",
            target=f"{cluster.name}/{name}",
            evidence=(
                evidence if len(partitions) == count else f"{evidence}: {few}",
                "what they take is not known" if stored is None else f"they take {size(stored)}, all replicas counted",
            ),
            remedy=tool(cluster, "kafka-topics.sh", "--delete", "--topic", name) + ", once nobody needs what is in it"
            if len(partitions) == count
            else "see by which key its producers choose partitions: nothing comes to these",
        )


def _deletes(cluster: ClusterFacts, topic: str) -> bool:
    """Say whether a topic deletes what is old; where that is not known, it does."""
    snapshot = cluster.snapshot
    at = -1 if snapshot is None or snapshot.topology is None else snapshot.topology.topic_index.get(topic, -1)
    policies = (CleanupPolicy.COMPACT, CleanupPolicy.NONE)
    return snapshot is None or at < 0 or snapshot.cleanup_policy[at] not in policies


def _stored(snapshot: ClusterSnapshot, topology: Topology, rows: range | list[int]) -> float | None:
    """Return what all replicas of these partitions take; None where one is not known."""
    total = 0
    for row in rows:
        sizes = snapshot.replica_bytes[topology.replica_start[row] : topology.replica_start[row + 1]]
        if (sizes == NOT_KNOWN).any():
            return None
        total += int(sizes.sum())
    return float(total)


def _why(cluster: ClusterFacts) -> str:
    if cluster.settings is None:
        return "its brokers are not asked"
    return "; ".join(cluster.settings.problems[:2]) or "brokers do not say it"


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
