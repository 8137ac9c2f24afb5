"""The parts of a snapshot, each with the fields that it fills, in the order in which they are read."""

from dataclasses import dataclass, replace

import numpy as np

from streamwatch.model.kafka import (
    Bools,
    ClusterSnapshot,
    CommitKeys,
    Float64s,
    GroupTable,
    Int64s,
    OpenTransaction,
    Topology,
)
from streamwatch.sources.kafka.bounds import Bounds
from streamwatch.sources.kafka.broker_connection import BrokerConnection
from streamwatch.sources.kafka.commit_batches import CommitBatch
from streamwatch.sources.kafka.metadata import Metadata
from streamwatch.sources.kafka.quorum import Opinion


@dataclass(frozen=True, slots=True)
class MetadataPart:
    """What the metadata say, and what of it the configuration looks at."""

    metadata: Metadata
    opinion: Opinion
    """Whether a controller stands behind the metadata."""
    holders: set[int]
    """The brokers that replicas are assigned to."""
    selected: Bools
    """T: whether the topic is looked at."""
    wanted: Bools
    """P: whether the partition's topic is."""

    @property
    def topology(self) -> Topology:
        """Topics and partitions."""
        return self.metadata.topology

    def into(self, snapshot: ClusterSnapshot) -> ClusterSnapshot:
        """Return the snapshot with its fields of these."""
        return replace(
            snapshot,
            cluster_id=self.metadata.cluster_id,
            controllers=self.opinion.active,
            quorum=self.opinion.quorum,
            topology=self.topology,
            selected=self.selected,
        )


@dataclass(frozen=True, slots=True)
class GroupsPart:
    """The groups, and what those that are not share groups committed: read before the end offsets."""

    table: GroupTable
    complete: bool
    """Whether every broker listed its groups."""
    sought: frozenset[str]
    """Groups that are still looked for."""
    share_coordinators: dict[str, BrokerConnection]
    batches: list[CommitBatch]

    def into(self, snapshot: ClusterSnapshot) -> ClusterSnapshot:
        """Return the snapshot with its fields of these."""
        return replace(snapshot, groups=self.table, groups_complete=self.complete, sought_groups=self.sought)


@dataclass(frozen=True, slots=True)
class OffsetsPart:
    """Where partitions begin and end."""

    bounds: Bounds
    asked_at: float
    """In seconds since 1970."""
    asked_monotonic: float
    """The same moment by the clock that never jumps."""
    seen_at: float
    """When the answers were there, in seconds since 1970."""

    def into(self, snapshot: ClusterSnapshot) -> ClusterSnapshot:
        """Return the snapshot with its fields of these."""
        return replace(
            snapshot,
            start_offset=self.bounds.start,
            end_offset=self.bounds.end,
            stable_offset=self.bounds.stable,
            stable_since=self.bounds.stable_since,
            offsets_at=self.asked_at,
            offsets_monotonic=self.asked_monotonic,
        )


@dataclass(frozen=True, slots=True)
class Positions:
    """Up to where groups are done (C)."""

    keys: CommitKeys
    committed: Int64s
    completed: Int64s
    """Records beyond the committed offset that a share group is done with."""

    @property
    def done(self) -> Int64s:
        """Up to which offset (C) groups are done at most: share groups are done with records in no order."""
        is_ahead = (self.committed >= 0) & (self.completed > 0)
        return np.where(is_ahead, self.committed + self.completed, self.committed)

    def into(self, snapshot: ClusterSnapshot) -> ClusterSnapshot:
        """Return the snapshot with its fields of these."""
        return replace(snapshot, commits=self.keys, committed=self.committed, completed=self.completed)


@dataclass(frozen=True, slots=True)
class LookedUp:
    """What is looked up within a budget."""

    unread_at: Float64s
    """C: when the first record that the group has not committed was written."""
    transactions: tuple[OpenTransaction, ...]

    def into(self, snapshot: ClusterSnapshot) -> ClusterSnapshot:
        """Return the snapshot with its fields of these; no record is younger than the offsets."""
        unread_at = np.minimum(self.unread_at, snapshot.offsets_at)
        return replace(snapshot, unread_at=unread_at, transactions=self.transactions)
