"""MirrorMaker 2, by what its connectors are set to and what their tasks and offsets say."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Final

from streamwatch.model.connect import CopiedTopic, Mirror
from streamwatch.sources.connect.plugins import is_mirror, text

_DEFAULT: Final = "DefaultReplicationPolicy"
_IDENTITY: Final = "IdentityReplicationPolicy"
_PACKAGE: Final = "org.apache.kafka.connect.mirror."
_MOST_NAME: Final = 249
LARGEST: Final = 2**63
"""Offsets and times have 64 bits; of JSON there may be any number, which no float holds."""


class Odd(ValueError):
    """What came is not what Kafka Connect answers."""


def mirror_of(settings: Mapping[str, Any], clusters: Mapping[str, str]) -> Mirror | None:
    """Return what a connector copies, before its tasks and offsets are known; None with any other connector."""
    copies = is_mirror(settings, "MirrorSourceConnector")
    if not copies and not is_mirror(settings, "MirrorCheckpointConnector"):
        return None
    alias = text(settings, "source.cluster.alias", "source")[:_MOST_NAME]
    separator = text(settings, "replication.policy.separator", ".")
    policy = text(settings, "replication.policy.class", _DEFAULT).removeprefix(_PACKAGE)
    is_own = text(settings, "replication.policy.internal.topic.separator.enabled", "true").lower() == "true"
    inner = separator if is_own else "."
    writes = not copies and text(settings, "emit.checkpoints.enabled", "true").lower() == "true"
    is_known = policy in {_DEFAULT, _IDENTITY}
    return Mirror(
        source_cluster=clusters.get(alias, alias),
        is_copying=copies,
        checkpoint_topic=f"{alias}{inner}checkpoints{inner}internal" if writes and is_known else None,
        prefix={_DEFAULT: f"{alias}{separator}", _IDENTITY: ""}.get(policy) if copies else None,
    )


def copied(mirror: Mirror, tasks: Any, offsets: Any) -> tuple[CopiedTopic, ...]:  # noqa: ANN401 - what was answered
    """Return the topics that tasks have, and how much of each was copied.

    Raises:
        Odd: these are no answers of Kafka Connect.

    """
    assigned = {topic_partition(one) for one in _listed(tasks, "task.assigned.partitions")}
    positions = {place: at for place, at in _positions(offsets) if place in assigned}
    rows = defaultdict[str, list[int | None]](list)
    for place in sorted(assigned):
        rows[place[0]].append(positions.get(place))
    return tuple(_topic(mirror, name, of) for name, of in rows.items())


def _topic(mirror: Mirror, name: str, of: list[int | None]) -> CopiedTopic:
    known = [at for at in of if at is not None]
    is_named = mirror.prefix is not None and not (mirror.prefix == "" and name == "heartbeats")
    target = f"{mirror.prefix}{name}" if is_named else ""
    return CopiedTopic(name, target, len(of), len(known), sum(known))


def groups(tasks: Any) -> tuple[str, ...]:  # noqa: ANN401 - the same
    """Return the groups that tasks have.

    Raises:
        Odd: this is no answer of Kafka Connect.

    """
    return tuple(sorted(set(_listed(tasks, "task.assigned.groups"))))


def topic_partition(text: str) -> tuple[str, int]:
    """Return topic and partition of a text such as ``orders-0``.

    Raises:
        Odd: it is none.

    """
    topic, _, number = text.rpartition("-")
    if not topic or len(topic) > _MOST_NAME or not re.fullmatch(r"[0-9]{1,9}", number):
        raise Odd("no partition of a topic")
    return topic, int(number)


def _listed(tasks: Any, key: str) -> Iterator[str]:  # noqa: ANN401 - the same
    """Yield what a setting of the tasks lists; nothing else of their settings is looked at."""
    if not isinstance(tasks, list):
        raise Odd("no list of tasks")
    for task in tasks:
        settings = task.get("config") if isinstance(task, dict) else None
        if not isinstance(settings, dict):
            raise Odd("a task without its settings")
        yield from (part for one in text(settings, key, "").split(",") if (part := one.strip()))


def _positions(offsets: Any) -> Iterator[tuple[tuple[str, int], int]]:  # noqa: ANN401 - the same
    """Yield the offset behind the last record that was copied, by partition."""
    for place, at in pairs(offsets):
        topic, partition, offset = place.get("topic"), place.get("partition"), at.get("offset")
        if not isinstance(topic, str) or not isinstance(partition, int) or not isinstance(offset, int):
            raise Odd("no offset of a partition")
        if not 0 <= offset < LARGEST:
            raise Odd("an offset that no partition has")
        yield (topic, partition), offset + 1


def pairs(offsets: Any) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:  # noqa: ANN401 - the same
    """Yield what offsets are of, and what they are; one that was taken back is left out.

    Raises:
        Odd: this is no answer of Kafka Connect.

    """
    listed = offsets.get("offsets") if isinstance(offsets, dict) else None
    if not isinstance(listed, list):
        raise Odd("no list of offsets")
    for one in listed:
        place, at = (one.get("partition"), one.get("offset")) if isinstance(one, dict) else (None, None)
        if at is None and isinstance(place, dict):
            continue
        if not isinstance(place, dict) or not isinstance(at, dict):
            raise Odd("no offset and what it is of")
        yield place, at
