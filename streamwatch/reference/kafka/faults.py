"""What can be broken on purpose. From Python: ``kafka.do(lambda site, now: faults.freeze(site, now, broker=2))``.

Every fault is a function of the site, the time, and keywords; ``FAULTS`` holds them by the names that the command line
uses. With ``seconds`` a fault is undone by itself.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from streamwatch.reference.faulting import BadFault, call
from streamwatch.reference.kafka.broker import Broker
from streamwatch.reference.kafka.codes import Code
from streamwatch.reference.kafka.log_dir import LogDir
from streamwatch.reference.kafka.partition import Partition
from streamwatch.reference.kafka.quotas import FETCH, PRODUCE
from streamwatch.reference.kafka.replication import Link
from streamwatch.reference.kafka.site import ApiFault, Site
from streamwatch.reference.kafka.wire import NAMES

_FILL_STEP_SECONDS: Final = 0.5
_STORM_SECONDS: Final = 1.0


def stop(site: Site, now: float, *, broker: int, gracefully: bool = False) -> None:
    """Kill a broker's process; or let it hand over first, as a deployment does."""
    site.cluster.stop(_broker(site, broker), now, gracefully=gracefully)


def start(site: Site, now: float, *, broker: int) -> None:
    """Start a broker that was stopped."""
    site.cluster.start(_broker(site, broker), now)


def freeze(site: Site, now: float, *, broker: int) -> None:
    """Let a broker do nothing while its connections stay open (SIGSTOP)."""
    site.cluster.freeze(_broker(site, broker), now)


def thaw(site: Site, now: float, *, broker: int) -> None:
    """Let a frozen broker go on."""
    site.cluster.thaw(_broker(site, broker), now)


def slow(site: Site, now: float, *, broker: int, by: float = 0.2) -> None:
    """Make every request to a broker take longer by so many seconds of a handler thread; 0 ends it."""
    _broker(site, broker).slow_seconds = by
    site.cluster.record_event(now, f"broker {broker} is slower by {by:g} s")


def isolate(site: Site, now: float, *, broker: int) -> None:
    """Cut a broker off from the other brokers and the controller; clients still reach it."""
    site.cluster.isolate(_broker(site, broker), now)


def reconnect(site: Site, now: float, *, broker: int) -> None:
    """End an isolation."""
    site.cluster.reconnect(_broker(site, broker), now)


def drop_packets(site: Site, now: float, *, broker: int, share: float = 0.1) -> None:
    """Lose a share of what a broker and the others send each other; 0 ends it."""
    one = _broker(site, broker)
    one.dropped_share = share
    for other in site.cluster.brokers:
        for way in ((one.id, other), (other, one.id)):
            _link(site, way).loss = share
    site.cluster.record_event(now, f"broker {broker} loses {share:.0%} of its packets")


def lossy_link(  # noqa: PLR0913 - its options
    site: Site, now: float, *, follower: int, leader: int, loss: float = 0.0, delay: float = 0.0, cut: bool = False
) -> None:
    """Spoil the way from a follower to a leader: lose a share of the fetches, delay them (s), or cut it."""
    link = _link(site, (_broker(site, follower).id, _broker(site, leader).id))
    link.loss, link.delay_seconds, link.is_cut = loss, delay, cut
    what = f"the way from broker {follower} to {leader}: loss {loss:.0%}, {delay:g} s later, cut {cut}"
    site.cluster.record_event(now, what)
    site.cluster.replication.resume(follower, now)


def fill_disk(  # noqa: PLR0913 - its options
    site: Site,
    now: float,
    *,
    broker: int,
    to: float = 1.0,
    within: float = 30.0,
    dir: int = 0,  # noqa: A002 - the word users know
) -> None:
    """Fill a volume to a share of it within so many seconds; at 1.0 it goes offline with the next write."""
    volume = _volume(site, broker, dir)
    goal = int(volume.capacity * to)
    step = max(1, int((goal - volume.used - volume.other) * _FILL_STEP_SECONDS / max(within, _FILL_STEP_SECONDS)))
    site.cluster.record_event(now, f"{volume.path} of broker {broker} fills up")

    def fill(then: float) -> None:
        if volume.filling is not fill:
            return
        volume.other = min(volume.other + step, max(volume.other, goal - volume.used))
        if volume.used + volume.other < goal:
            site.cluster.timers.at(then + _FILL_STEP_SECONDS, fill)
        elif to >= 1:
            site.cluster.fail_dir(_broker(site, broker), volume, then, "is full")

    volume.filling = fill
    fill(now)


def free_disk(site: Site, now: float, *, broker: int, dir: int = 0) -> None:  # noqa: A002
    """Give back what fill_disk took; a volume that went offline needs the broker to be started again."""
    volume = _volume(site, broker, dir)
    volume.filling, volume.other = None, 0
    site.cluster.record_event(now, f"{volume.path} of broker {broker} has room again")


def fail_dir(site: Site, now: float, *, broker: int, dir: int = 0) -> None:  # noqa: A002
    """Let a log directory fail, as a broken disk does."""
    site.cluster.fail_dir(_broker(site, broker), _volume(site, broker, dir), now)


def lose_controller(site: Site, now: float, *, all: bool = True) -> None:  # noqa: A002
    """Kill the active controller, and all others too unless asked otherwise."""
    controller = site.cluster.controller
    voters = [voter.id for voter in controller.voters.values() if voter.is_running]
    for each in voters if all else voters[:1]:
        controller.stop_voter(each, now)


def restore_controller(site: Site, now: float) -> None:
    """Start all controllers again."""
    for voter in site.cluster.controller.voters.values():
        if not voter.is_running:
            site.cluster.controller.start_voter(voter.id, now)


def freeze_isr(site: Site, now: float, *, topic: str, partition: int | None = None, on: bool = True) -> None:
    """Let nobody join or leave the ISR, or end that."""
    for one in _partitions(site, topic, partition):
        one.isr_frozen = on
        site.cluster.replication.changed(one, now)


def shrink_isr(site: Site, now: float, *, topic: str, partition: int | None = None, to: int = 1) -> None:
    """Take followers out of the ISR; they come back when they have fetched, unless the ISR is frozen too."""
    for one in _partitions(site, topic, partition):
        kept = [one.state.leader, *(each for each in one.state.isr if each != one.state.leader)][:to]
        site.cluster.controller.alter_isr(one, tuple(each for each in one.state.isr if each in kept), now)
        one.isr_frozen = True
    site.cluster.record_event(now, f"the ISR of {topic} is {to}")


def move(
    site: Site, now: float, *, topic: str, partition: int | None = None, bytes_per_second: float | None = None
) -> None:
    """Move partitions to brokers that have no replica of them, over links that may be slow."""
    for one in _partitions(site, topic, partition):
        others = [each for each in site.cluster.brokers if each not in one.state.replicas]
        count = len(one.state.replicas)
        target = (*others, *one.state.replicas)[:count]
        for each in target:
            _link(site, (each, one.state.leader)).bytes_per_second = bytes_per_second
        site.cluster.record_event(now, f"{topic}-{one.index} moves to {list(target)}")
        site.cluster.controller.reassign(one, target, now)


def stall_group(site: Site, now: float, *, group: str, on: bool = True) -> None:
    """Let the members of a group read nothing though they are alive, or end that."""
    if on:
        site.stalled.add(group)
    else:
        site.stalled.discard(group)
        for partition in site.cluster.partitions():
            partition.wake(now)
    site.cluster.record_event(now, f"group {group} {'reads nothing' if on else 'reads again'}")


def rewind_group(site: Site, now: float, *, group: str, by: int = 1000) -> None:
    """Set every committed offset of a group back by so many records."""
    offsets = {key: max(0, one.offset - by) for key, one in site.groups.offsets.of(group).items()}
    site.groups.rewind(group, offsets, now)
    site.cluster.record_event(now, f"group {group} was set back by {by}")


def storm_group(site: Site, now: float, *, group: str, rounds: int = 10) -> None:
    """Let a group rebalance again and again, every second."""
    site.groups.force_rebalance(group, now)
    if rounds > 1:
        again = now + _STORM_SECONDS
        site.cluster.timers.at(again, lambda then: storm_group(site, then, group=group, rounds=rounds - 1))


def kill_group(site: Site, now: float, *, group: str) -> None:
    """Let all members of a group vanish, as if they had crashed."""
    site.groups.kill_members(group)
    site.cluster.record_event(now, f"the members of group {group} crashed")


def throttle_client(site: Site, now: float, *, client: str, bytes_per_second: float = 1024.0, on: bool = True) -> None:
    """Give a client id a quota for what it produces and fetches, or take it away."""
    for key in (PRODUCE, FETCH):
        site.quotas.alter((("client-id", client),), key, bytes_per_second if on else None)
    site.cluster.record_event(
        now, f"client {client} may have {bytes_per_second:g} bytes/s" if on else f"client {client} is free"
    )


def api_error(  # noqa: PLR0913 - its options
    site: Site,
    now: float,
    *,
    api: str,
    code: str = "UNKNOWN_SERVER_ERROR",
    broker: int | None = None,
    times: int | None = None,
    delay: float = 0.0,
) -> None:
    """Answer an API with an error, so many times or until healed, and so many seconds late."""
    if api not in NAMES.values():
        raise BadFault(f"api: {api!r} is unknown: one of {', '.join(sorted(NAMES.values()))}")
    if code not in Code.__members__:
        raise BadFault(f"code: {code!r} is unknown: one of Kafka's, such as NOT_LEADER_OR_FOLLOWER, or NONE")
    site.api_faults[broker, api] = ApiFault(Code[code], times, delay)
    site.cluster.record_event(now, f"{api} is answered with {code}")


def heal(site: Site, now: float) -> None:
    """Undo every fault; lost offsets and records stay lost."""
    site.api_faults.clear()
    site.stalled.clear()
    site.quotas.limits.clear()
    site.cluster.replication.links.clear()
    for partition in site.cluster.partitions():
        partition.isr_frozen = False
    for broker in site.cluster.brokers.values():
        _heal_broker(site, broker, now)
    restore_controller(site, now)
    for each in site.cluster.brokers:
        site.cluster.replication.resume(each, now)


def _heal_broker(site: Site, broker: Broker, now: float) -> None:
    broker.slow_seconds = broker.dropped_share = 0.0
    failed = [volume for volume in broker.dirs if not volume.is_online]
    for volume in broker.dirs:
        volume.filling, volume.other = None, 0
    if failed:
        site.cluster.stop(broker, now)
        for volume in failed:
            volume.is_online = True
    if not broker.is_running:
        site.cluster.start(broker, now)
    if broker.is_frozen:
        site.cluster.thaw(broker, now)
    if broker.is_isolated:
        site.cluster.reconnect(broker, now)


FAULTS: Final[Mapping[str, Callable[..., None]]] = {
    one.__name__: one
    for one in (
        stop,
        start,
        freeze,
        thaw,
        slow,
        isolate,
        reconnect,
        drop_packets,
        lossy_link,
        fill_disk,
        free_disk,
        fail_dir,
        lose_controller,
        restore_controller,
        freeze_isr,
        shrink_isr,
        move,
        stall_group,
        rewind_group,
        storm_group,
        kill_group,
        throttle_client,
        api_error,
        heal,
    )
}


def apply(site: Site, now: float, name: str, parameters: Mapping[str, Any]) -> None:
    """Apply a fault by its name; with ``seconds`` among its keywords, everything is healed after that time."""
    call(FAULTS, site, now, name, parameters, lambda at: site.cluster.timers.at(at, lambda then: heal(site, then)))


def _broker(site: Site, number: int) -> Broker:
    if number not in site.cluster.brokers:
        raise BadFault(f"broker: there is no {number}: the brokers are {', '.join(map(str, site.cluster.brokers))}")
    return site.cluster.brokers[number]


def _volume(site: Site, broker: int, number: int) -> LogDir:
    dirs = _broker(site, broker).dirs
    if not 0 <= number < len(dirs):
        raise BadFault(f"dir: there is no {number}: broker {broker} has {len(dirs)}, counted from 0")
    return dirs[number]


def _link(site: Site, way: tuple[int, int]) -> Link:
    return site.cluster.replication.links.setdefault(way, Link())


def _partitions(site: Site, topic: str, partition: int | None) -> Iterable[Partition]:
    found = site.cluster.topics.get(topic)
    if found is None:
        raise BadFault(f"topic: there is no {topic!r}")
    if partition is not None and not 0 <= partition < len(found.partitions):
        raise BadFault(f"partition: {topic} has {len(found.partitions)}, counted from 0")
    return found.partitions if partition is None else [found.partitions[partition]]
