"""One broker as the model sees it: whether it runs, whom it reaches, its disks."""

from dataclasses import dataclass, field

from streamwatch.reference.kafka.log_dir import LogDir
from streamwatch.reference.kafka.partition import Partition, PartitionRecord, Replica


@dataclass(slots=True, eq=False)
class Broker:
    """A broker and its state. What it does with requests is the server's."""

    id: int
    rack: str | None
    dirs: list[LogDir]
    is_running: bool = True
    is_frozen: bool = False
    """It holds its connections, and does nothing."""
    is_isolated: bool = False
    """It reaches neither the other brokers nor the controller; clients reach it."""
    is_fenced: bool = False
    """The controller takes it for dead."""
    epoch: int = 0
    """Of its registration; a new one at every start."""
    slow_seconds: float = 0.0
    """By how much every request takes longer."""
    dropped_share: float = 0.0
    """Of its packets, that get lost."""
    partitions: set[Partition] = field(default_factory=set)
    """Those of which it has a replica."""
    stale: dict[Partition, PartitionRecord] | None = None
    """What it knew of the partitions when it was isolated; None as long as the controller reaches it."""
    lost: tuple[int, float] | None = None
    """How far it was in the metadata log when it was last heard of, and when; None while it is heard of."""
    isr_shrinks: int = 0
    isr_expands: int = 0

    @property
    def is_connected(self) -> bool:
        """Whether it talks with the other brokers and the controller."""
        return self.is_running and not self.is_frozen and not self.is_isolated

    @property
    def works(self) -> bool:
        """Whether it answers clients."""
        return self.is_running and not self.is_frozen

    def dir_for_new(self) -> int | None:
        """Return the number of the directory that the next replica belongs in: the emptiest that is online."""
        online = [i for i, one in enumerate(self.dirs) if one.is_online]
        return min(online, key=lambda i: self.dirs[i].replicas) if online else None

    def add_replica(self, partition: Partition, now: float) -> Replica:
        """Take an empty copy of a partition."""
        at = self.dir_for_new() or 0
        replica = Replica(self.id, at, self.dirs[at], caught_up_at=now)
        replica.volume.replicas += 1
        partition.replicas[self.id] = replica
        self.partitions.add(partition)
        return replica

    def remove_replica(self, partition: Partition) -> None:
        """Delete the copy."""
        replica = partition.replicas.pop(self.id)
        replica.volume.used -= replica.counted
        replica.volume.replicas -= 1
        self.partitions.discard(partition)
