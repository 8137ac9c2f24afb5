"""A topic and its partitions: replicas with their logs, the leader, the high watermark and who waits for it to move."""

import heapq
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from streamwatch.reference.kafka.batch import RecordBatch
from streamwatch.reference.kafka.codes import Code
from streamwatch.reference.kafka.log import Log
from streamwatch.reference.kafka.log_dir import LogDir
from streamwatch.reference.timers import Later

NO_LEADER: Final = -1
OFFSETS: Final = "__consumer_offsets"
TRANSACTIONS: Final = "__transaction_state"
_order = count()


@dataclass(slots=True)
class PartitionRecord:
    """What the controller decided about a partition, as Metadata tells it."""

    replicas: tuple[int, ...]
    """Broker ids, the preferred leader first."""
    leader: int
    isr: tuple[int, ...]
    leader_epoch: int = 0
    epoch: int = 0
    """Rises with every change."""
    adding: tuple[int, ...] = ()
    removing: tuple[int, ...] = ()


@dataclass(slots=True)
class Replica:
    """One copy. Offsets are the log's, times are seconds."""

    broker: int
    dir: int
    volume: LogDir
    log: Log = field(default_factory=Log)
    high_watermark: int = 0
    """As this replica knows it."""
    known_end: int = -1
    """Its log's end as the leader knows it; -1 until it has fetched in the leader's epoch."""
    caught_up_at: float = 0.0
    reconciled_epoch: int = -1
    """The leader epoch in which it has last compared its log with the leader's."""
    counted: int = 0

    def settle(self) -> None:
        """Tell the volume how large the log is now."""
        self.volume.used += self.log.size - self.counted
        self.counted = self.log.size

    def move(self, number: int, volume: LogDir) -> None:
        """Move to another log directory of the broker."""
        self.volume.used -= self.counted
        self.volume.replicas -= 1
        volume.used += self.counted
        volume.replicas += 1
        self.dir, self.volume = number, volume

    def append(self, batches: Sequence[RecordBatch]) -> None:
        """Add to the log."""
        self.log.append(batches)
        self.settle()

    def truncate(self, offset: int) -> None:
        """Forget everything from an offset on."""
        self.log.truncate(offset)
        self.high_watermark = min(self.high_watermark, self.log.end)
        self.settle()


@dataclass(slots=True, eq=False)
class Topic:
    """A topic, its partitions in order, and its own settings."""

    name: str
    id: uuid.UUID
    partitions: "list[Partition]" = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)
    """Only those that differ from the brokers'."""

    @property
    def is_internal(self) -> bool:
        """Whether Kafka itself keeps it."""
        return self.name in {OFFSETS, TRANSACTIONS}


class Partition:
    """A partition of a topic."""

    __slots__ = ("_committing", "deposed", "index", "isr_frozen", "replicas", "state", "topic", "watchers")

    def __init__(self, topic: Topic, index: int, state: PartitionRecord) -> None:
        self.topic = topic
        self.index = index
        self.state = state
        self.replicas: dict[int, Replica] = {}
        self.deposed: dict[int, int] = {}
        """Brokers that lead it still in their own mind, with their epoch: they have not heard of the new leader."""
        self.watchers: set[Callable[[float], None]] = set()
        """Called when there may be more to read."""
        self.isr_frozen = False
        """A fault: nobody joins or leaves the ISR."""
        self._committing: list[tuple[int, int, Later[Code]]] = []

    @property
    def key(self) -> tuple[str, int]:
        """(topic, partition)."""
        return (self.topic.name, self.index)

    @property
    def leader(self) -> Replica | None:
        """The leader's replica; None where there is no leader."""
        return self.replicas.get(self.state.leader)

    def led_by(self, broker: int) -> Replica | None:
        """Return the replica of a broker that takes itself for the leader; None where it does not."""
        return self.replicas.get(broker) if broker == self.state.leader or broker in self.deposed else None

    def epoch_of(self, broker: int) -> int:
        """Return the leader epoch in which a broker believes to live."""
        return self.deposed.get(broker, self.state.leader_epoch)

    def append(self, broker: int, batches: Sequence[RecordBatch], now: float, append_time: int | None) -> int:
        """Append as the leader; return the first offset."""
        replica = self.replicas[broker]
        old_end = end = replica.log.end
        placed = []
        for batch in batches:
            placed.append(batch.placed(end, self.epoch_of(broker), append_time))
            end += batch.count
        replica.append(placed)
        if broker == self.state.leader:
            for follower in self.replicas.values():
                if follower.known_end == old_end:
                    follower.caught_up_at = now
            replica.known_end = end
        return old_end

    def advance(self, now: float, *, hold: bool = False) -> bool:
        """Move the high watermark to what all of the ISR have, unless it is held; return whether it moved."""
        leader = self.leader
        if leader is None or hold:
            return False
        leader.known_end = leader.log.end
        safe = min(self.replicas[each].known_end for each in self.state.isr if each in self.replicas)
        if safe <= leader.high_watermark:
            return False
        leader.high_watermark = safe
        while self._committing and self._committing[0][0] <= safe:
            heapq.heappop(self._committing)[2].settle(Code.NONE)
        self.wake(now)
        return True

    def wake(self, now: float) -> None:
        """Tell those who wait for something to read."""
        for watcher in tuple(self.watchers):
            watcher(now)

    def when_committed(self, end: int) -> Later[Code]:
        """Return the answer for a producer that waits until everything before ``end`` is on the whole ISR."""
        leader = self.leader
        if leader is not None and leader.high_watermark >= end:
            return Later.now(Code.NONE)
        later: Later[Code] = Later()
        heapq.heappush(self._committing, (end, next(_order), later))
        return later

    def abandon(self, code: Code, now: float) -> None:
        """Answer all who wait: the leader is another one."""
        waiting, self._committing = self._committing, []
        for _, _, later in waiting:
            later.settle(code)
        self.wake(now)

    def readable_end(self, broker: int, *, committed_only: bool) -> int:
        """Return the offset before which a consumer may read from this leader."""
        replica = self.replicas[broker]
        first_open = replica.log.producers.first_open if committed_only else None
        end = replica.high_watermark
        return end if first_open is None else min(end, first_open)

    @property
    def is_even(self) -> bool:
        """Whether every replica is in sync and has, and knows, everything: nothing is left to do."""
        leader = self.leader
        if leader is None or len(self.state.isr) < len(self.state.replicas) or self.deposed:
            return False
        ends = {each.known_end for each in self.replicas.values()} | {leader.log.end}
        marks = {each.high_watermark for each in self.replicas.values()}
        return len(ends) == 1 and len(marks) == 1
