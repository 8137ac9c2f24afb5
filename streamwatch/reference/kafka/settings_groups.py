"""The configurations of groups (KIP-848, KIP-932, KIP-1071), and the bounds that brokers set to them."""

from collections.abc import Callable, Mapping
from typing import Final

from streamwatch.reference.kafka.settings_kinds import KnownSetting
from streamwatch.reference.kafka.spec import Release

_CONSUMER, _SHARE, _STREAMS, _LATER = (4, 0), (4, 0), (4, 1), (4, 3)


def _of(group: str, setting: str, default: str, since: Release, least: int = 1) -> KnownSetting:
    return KnownSetting("int", default, f"group.{group}.{setting}", least=least, since=since)


GROUP: Final[Mapping[str, KnownSetting]] = {
    "consumer.assignment.interval.ms": _of("consumer", "assignment.interval.ms", "1000", _LATER, 0),
    "consumer.heartbeat.interval.ms": _of("consumer", "heartbeat.interval.ms", "5000", _CONSUMER),
    "consumer.session.timeout.ms": _of("consumer", "session.timeout.ms", "45000", _CONSUMER),
    "share.assignment.interval.ms": _of("share", "assignment.interval.ms", "1000", _LATER, 0),
    "share.auto.offset.reset": KnownSetting("string", "latest", since=_SHARE),
    "share.delivery.count.limit": _of("share", "delivery.count.limit", "5", _LATER, 2),
    "share.heartbeat.interval.ms": _of("share", "heartbeat.interval.ms", "5000", _SHARE),
    "share.isolation.level": KnownSetting(
        "string", "read_uncommitted", allowed=("read_committed", "read_uncommitted"), since=_STREAMS
    ),
    "share.partition.max.record.locks": _of("share", "partition.max.record.locks", "2000", _LATER, 100),
    "share.record.lock.duration.ms": _of("share", "record.lock.duration.ms", "30000", _SHARE, 1000),
    "share.renew.acknowledge.enable": KnownSetting("boolean", "true", since=_LATER),
    "share.session.timeout.ms": _of("share", "session.timeout.ms", "45000", _SHARE),
    "streams.assignment.interval.ms": _of("streams", "assignment.interval.ms", "1000", _LATER, 0),
    "streams.heartbeat.interval.ms": _of("streams", "heartbeat.interval.ms", "5000", _STREAMS),
    "streams.initial.rebalance.delay.ms": _of("streams", "initial.rebalance.delay.ms", "3000", _STREAMS, 0),
    "streams.num.standby.replicas": _of("streams", "num.standby.replicas", "0", _STREAMS, 0),
    "streams.session.timeout.ms": _of("streams", "session.timeout.ms", "45000", _STREAMS),
}
_STANDBYS: Final = "streams.num.standby.replicas"
_MOST_STANDBYS: Final = "group.streams.max.standby.replicas"
_BOUND: Final = frozenset(
    one.broker
    for name, one in GROUP.items()
    if one.broker and name not in {"streams.initial.rebalance.delay.ms", _STANDBYS}
)


def out_of_bounds(name: str, value: int, number: Callable[[str], int]) -> str | None:
    """Return why brokers refuse a group's setting; ``number`` returns a broker's setting."""
    if name == _STANDBYS and value > number(_MOST_STANDBYS):
        return f"{name} must be less than or equal to {_MOST_STANDBYS}"
    if GROUP[name].broker not in _BOUND:
        return None
    kind, _, setting = name.partition(".")
    least, most = (f"group.{kind}.{bound}.{setting}" for bound in ("min", "max"))
    if value < number(least):
        return f"{name} must be greater than or equal to {least}"
    return f"{name} must be less than or equal to {most}" if value > number(most) else None


def group_settings(release: Release) -> dict[str, KnownSetting]:
    """Return the settings that groups have in a release."""
    return {name: one for name, one in GROUP.items() if one.is_in(release)}
