"""The configurations of topics, with their types, defaults and bounds, in the releases that have them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from streamwatch.reference.kafka.settings_kinds import KnownSetting
from streamwatch.reference.kafka.spec import Release

_LARGEST: Final = "9223372036854775807"

TOPIC: Final[Mapping[str, KnownSetting]] = {
    "cleanup.policy": KnownSetting("list", "delete", "log.cleanup.policy", ("compact", "delete")),
    "compression.gzip.level": KnownSetting("int", "-1", "compression.gzip.level", since=(3, 8)),
    "compression.lz4.level": KnownSetting("int", "9", "compression.lz4.level", least=1, most=17, since=(3, 8)),
    "compression.type": KnownSetting(
        "string", "producer", "compression.type", ("uncompressed", "zstd", "lz4", "snappy", "gzip", "producer")
    ),
    "compression.zstd.level": KnownSetting("int", "3", "compression.zstd.level", least=-131072, most=22, since=(3, 8)),
    "delete.retention.ms": KnownSetting("long", "86400000", "log.cleaner.delete.retention.ms", least=0),
    "file.delete.delay.ms": KnownSetting("long", "60000", "log.segment.delete.delay.ms", least=0),
    "flush.messages": KnownSetting("long", _LARGEST, "log.flush.interval.messages", least=1),
    "flush.ms": KnownSetting("long", _LARGEST, "log.flush.interval.ms", least=0, synonyms=False),
    "follower.replication.throttled.replicas": KnownSetting("list", "", synonyms=False),
    "index.interval.bytes": KnownSetting("int", "4096", "log.index.interval.bytes", least=0),
    "leader.replication.throttled.replicas": KnownSetting("list", "", synonyms=False),
    "local.retention.bytes": KnownSetting("long", "-2", "log.local.retention.bytes", least=-2, since=(3, 6)),
    "local.retention.ms": KnownSetting("long", "-2", "log.local.retention.ms", least=-2, since=(3, 6)),
    "max.compaction.lag.ms": KnownSetting("long", _LARGEST, "log.cleaner.max.compaction.lag.ms", least=1),
    "max.message.bytes": KnownSetting("int", "1048588", "message.max.bytes", least=0),
    "message.downconversion.enable": KnownSetting("boolean", "true", "log.message.downconversion.enable", until=(4, 0)),
    "message.format.version": KnownSetting("string", "3.0-IV1", "log.message.format.version", until=(4, 0)),
    "message.timestamp.after.max.ms": KnownSetting(
        "long", "3600000", "log.message.timestamp.after.max.ms", least=0, since=(3, 6)
    ),
    "message.timestamp.before.max.ms": KnownSetting(
        "long", _LARGEST, "log.message.timestamp.before.max.ms", least=0, since=(3, 6)
    ),
    "message.timestamp.difference.max.ms": KnownSetting(
        "long", _LARGEST, "log.message.timestamp.difference.max.ms", least=0, until=(4, 0)
    ),
    "message.timestamp.type": KnownSetting(
        "string", "CreateTime", "log.message.timestamp.type", ("CreateTime", "LogAppendTime")
    ),
    "min.cleanable.dirty.ratio": KnownSetting("double", "0.5", "log.cleaner.min.cleanable.ratio", least=0, most=1),
    "min.compaction.lag.ms": KnownSetting("long", "0", "log.cleaner.min.compaction.lag.ms", least=0),
    "min.insync.replicas": KnownSetting("int", "1", "min.insync.replicas", least=1),
    "preallocate": KnownSetting("boolean", "false", "log.preallocate"),
    "remote.log.copy.disable": KnownSetting("boolean", "false", synonyms=False, since=(3, 9)),
    "remote.log.delete.on.disable": KnownSetting("boolean", "false", synonyms=False, since=(3, 9)),
    "remote.storage.enable": KnownSetting("boolean", "false", synonyms=False, since=(3, 6)),
    "retention.bytes": KnownSetting("long", "-1", "log.retention.bytes"),
    "retention.ms": KnownSetting("long", "604800000", "log.retention.ms", least=-1, synonyms=False),
    "segment.bytes": KnownSetting("int", "1073741824", "log.segment.bytes", least=1048576),
    "segment.index.bytes": KnownSetting("int", "10485760", "log.index.size.max.bytes", least=4),
    "segment.jitter.ms": KnownSetting("long", "0", "log.roll.jitter.ms", least=0, synonyms=False),
    "segment.ms": KnownSetting("long", "604800000", "log.roll.ms", least=1, synonyms=False),
    "unclean.leader.election.enable": KnownSetting("boolean", "false", "unclean.leader.election.enable"),
}

_BEFORE_4: Final[Mapping[str, KnownSetting]] = {
    "message.timestamp.after.max.ms": replace(TOPIC["message.timestamp.after.max.ms"], default=_LARGEST),
    "segment.bytes": replace(TOPIC["segment.bytes"], least=14),
}
_FOURTH: Final = (4, 0)
_FORMATS: Final = {(2, 8): "2.8-IV1"}
"""Defaults of message.format.version, where they are not the last there was."""


def topic_settings(release: Release) -> dict[str, KnownSetting]:
    """Return the settings that topics have in a release."""
    found = {**TOPIC, **(_BEFORE_4 if release < _FOURTH else {})}
    if release in _FORMATS:
        found["message.format.version"] = replace(TOPIC["message.format.version"], default=_FORMATS[release])
    return {name: one for name, one in found.items() if one.is_in(release)}
