"""Followers fetch from leaders; leaders notice who is behind, and shrink and expand the ISR."""

from dataclasses import dataclass
from typing import Final, Protocol

from streamwatch.reference.kafka.cluster_state import ClusterState
from streamwatch.reference.kafka.codes import Code
from streamwatch.reference.kafka.log_dir import LogDir
from streamwatch.reference.kafka.partition import Partition, Replica
from streamwatch.reference.kafka.spec import FIRST_HELD
from streamwatch.reference.timers import Timer

_DELAY_SECONDS: Final = 0.0005
"""Of a healthy link, one way and back."""
_RETRY_SECONDS: Final = 0.2
_SLICE_SECONDS: Final = 0.1
"""What a slow link can carry in this time is fetched at once."""
_MOST_BYTES: Final = 10 * 2**20
"""Of one fetch (replica.fetch.response.max.bytes)."""


@dataclass(slots=True)
class Link:
    """What is wrong with the way from a follower to a leader."""

    delay_seconds: float = 0.0
    loss: float = 0.0
    """The share of fetches that get lost, and are tried again later."""
    bytes_per_second: float | None = None
    is_cut: bool = False


class Decisions(Protocol):
    """What leaders and followers do not decide themselves."""

    def alter_isr(self, partition: Partition, isr: tuple[int, ...], now: float) -> bool:
        """Decide on an ISR that a leader asks for; return whether it changed."""

    def follow_up(self, partition: Partition, now: float) -> None:
        """End a move when everything new is in sync."""

    def has_room(self, broker: int, volume: LogDir, size: int, now: float) -> bool:
        """Return whether so many bytes fit on a volume; one that is full goes offline."""


class Replication:
    """All fetchers: one for each follower and leader, as on a real broker."""

    def __init__(self, state: ClusterState, decisions: Decisions) -> None:
        self._state = state
        self._decisions = decisions
        self._wanted: dict[tuple[int, int], set[Partition]] = {}
        self._timers: dict[tuple[int, int], Timer] = {}
        self.links: dict[tuple[int, int], Link] = {}
        """By (follower, leader); those that are not healthy."""
        self.behind: set[Partition] = set()
        """Partitions in which a follower is not even with its leader: the others need no thought."""
        self.fetches: dict[int, int] = {}
        """How many fetches of followers each leader answered."""

    def start(self, now: float) -> None:
        """Begin to look for followers that fell behind."""
        half = self._state.settings.seconds("replica.lag.time.max.ms") / 2
        self._state.timers.at(now + half, self._check_lag)

    def changed(self, partition: Partition, now: float) -> None:
        """Let the followers fetch: there are new records, or a new leader, or a new follower."""
        if partition.is_even:
            self.behind.discard(partition)
            return
        self.behind.add(partition)
        leader = partition.state.leader
        for follower in partition.replicas:
            if follower != leader and leader >= 0:
                self._want((follower, leader), partition, now)

    def forget(self, partition: Partition) -> None:
        """A partition is no more."""
        self.behind.discard(partition)
        for wanted in self._wanted.values():
            wanted.discard(partition)

    def resume(self, broker: int, now: float) -> None:
        """A broker is back: whatever it leads or follows goes on."""
        for partition in self._state.brokers[broker].partitions:
            self.changed(partition, now)

    def _want(self, way: tuple[int, int], partition: Partition, now: float) -> None:
        self._wanted.setdefault(way, set()).add(partition)
        if way not in self._timers:
            self._arm(way, now, self._delay(way))

    def _arm(self, way: tuple[int, int], now: float, seconds: float) -> None:
        self._timers[way] = self._state.timers.at(now + seconds, lambda then: self._fetch(way, then))

    def _delay(self, way: tuple[int, int]) -> float:
        link = self.links.get(way)
        slow = self._state.brokers[way[0]].slow_seconds + self._state.brokers[way[1]].slow_seconds
        return _DELAY_SECONDS + slow + (link.delay_seconds if link else 0.0)

    def _fetch(self, way: tuple[int, int], now: float) -> None:
        """One fetch of a follower: all partitions that it wants of this leader, as much as fits."""
        del self._timers[way]
        follower, leader = way
        link = self.links.get(way, Link())
        if link.is_cut or not (self._state.brokers[follower].is_connected and self._state.brokers[leader].is_connected):
            return  # resumed when they reach each other again
        if link.loss and self._state.random.random() < link.loss:
            self._arm(way, now, _RETRY_SECONDS)
            return
        self.fetches[leader] = self.fetches.get(leader, 0) + 1
        wanted, self._wanted[way] = self._wanted[way], set()
        moved, most = 0, _MOST_BYTES if link.bytes_per_second is None else int(link.bytes_per_second * _SLICE_SECONDS)
        for partition in wanted:
            if moved >= most:
                self._wanted[way].add(partition)
            elif follower in partition.deposed:
                continue  # in its own mind it leads, and fetches from nobody; it hears of the leader, and is resumed
            elif partition.state.leader == leader and follower in partition.replicas:
                moved += self._copy(partition, partition.replicas[follower], now, most - moved)
                self._after(partition, way, now)
        if self._wanted[way] and way not in self._timers:
            pause = moved / link.bytes_per_second if link.bytes_per_second else 0.0
            self._arm(way, now, self._delay(way) + pause)

    def _copy(self, partition: Partition, follower: Replica, now: float, most_bytes: int) -> int:
        """Bring a follower nearer to its leader; return the bytes copied."""
        leader = partition.leader
        if leader is None or not follower.volume.is_online or not leader.volume.is_online:
            return 0
        if follower.reconciled_epoch != partition.state.leader_epoch:
            follower.truncate(follower.log.diverges_at(leader.log))
            follower.reconciled_epoch = partition.state.leader_epoch
        if follower.log.end < leader.log.start:
            follower.log.start_at(leader.log.start)
            follower.settle()
        batches = leader.log.read(follower.log.end, leader.log.end, most_bytes)
        size = sum(len(batch.data) for batch in batches)
        if not self._decisions.has_room(follower.broker, follower.volume, size, now):
            return 0
        follower.append(batches)
        if not batches and follower.log.end < leader.log.end:
            follower.log.end = leader.log.end  # offsets that hold no records any more
        if follower.log.start < leader.log.start:
            follower.log.delete_before(leader.log.start)
            follower.settle()
        follower.high_watermark = min(leader.high_watermark, follower.log.end)
        follower.known_end = follower.log.end
        if follower.log.end >= leader.log.end:
            follower.caught_up_at = now
        self._state.meters.replicated(follower.broker, leader.broker, size, now)
        return size

    def _after(self, partition: Partition, way: tuple[int, int], now: float) -> None:
        """What the leader does when a follower has fetched."""
        self.advance(partition, now)
        self._expand(partition, partition.replicas[way[0]], now)
        self._decisions.follow_up(partition, now)
        if partition.is_even:
            self.behind.discard(partition)
            return
        follower, leader = partition.replicas[way[0]], partition.leader
        if leader is not None and follower.volume.is_online and not follower_is_done(follower, leader):
            self._wanted[way].add(partition)

    def advance(self, partition: Partition, now: float) -> None:
        """Move the high watermark where it can; the followers learn of it with their next fetch."""
        state = self._state
        is_held = state.spec.release >= FIRST_HELD and len(partition.state.isr) < state.min_isr(partition)
        if partition.advance(now, hold=is_held):
            self.changed(partition, now)

    def _expand(self, partition: Partition, follower: Replica, now: float) -> None:
        leader, state = partition.leader, partition.state
        if leader is None or follower.broker in state.isr or partition.isr_frozen:
            return
        if follower.known_end >= leader.high_watermark and not self._state.brokers[follower.broker].is_fenced:
            isr = tuple(each for each in state.replicas if each in {*state.isr, follower.broker})
            if self._decisions.alter_isr(partition, isr, now):
                self._state.brokers[leader.broker].isr_expands += 1

    def _check_lag(self, now: float) -> None:
        """Take followers out of the ISR that have been behind for too long."""
        most = self._state.settings.seconds("replica.lag.time.max.ms")
        for partition in tuple(self.behind):
            leader = partition.leader
            if leader is None or not self._state.brokers[leader.broker].works or partition.isr_frozen:
                continue
            late = {
                each
                for each in partition.state.isr
                if each != leader.broker
                and partition.replicas[each].known_end < leader.log.end
                and now - partition.replicas[each].caught_up_at > most
            }
            isr = tuple(each for each in partition.state.isr if each not in late)
            if late and self._decisions.alter_isr(partition, isr, now):
                self._state.brokers[leader.broker].isr_shrinks += 1
        self._state.timers.at(now + most / 2, self._check_lag)

    def failed(self, partition: Partition, now: float) -> None:
        """A leader is gone: those who wait for it get an error."""
        partition.abandon(Code.NOT_LEADER_OR_FOLLOWER, now)


def follower_is_done(follower: Replica, leader: Replica) -> bool:
    """Whether there is nothing left to fetch, not even the high watermark."""
    return follower.known_end >= leader.log.end and follower.high_watermark >= leader.high_watermark
