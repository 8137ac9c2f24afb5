"""What one read of a Kafka cluster saw.

Whatever grows with the number of partitions is a column: a *row* is a partition's place in ``Topology``'s columns,
and all other columns of a snapshot follow that order. Objects that did not change between two reads are the *same*
object in both snapshots, so that whoever derives something from them can keep it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from streamwatch.model.snapshot import Problem

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Float64s = npt.NDArray[np.float64]

NOT_KNOWN = -1
"""In a column of offsets, sizes or counts: could not be read."""

NOT_SET = -2
"""In a column of topic settings: could not be read (-1 is Kafka's own word for "no limit")."""

NO_ID = bytes(16)
"""The topic id where the metadata gives none (before Kafka 2.8)."""


class CleanupPolicy(IntEnum):
    """What becomes of a topic's old records (``cleanup.policy``)."""

    DELETE = 0
    COMPACT = 1
    COMPACT_DELETE = 2
    NONE = 3


@dataclass(frozen=True, slots=True)
class Broker:
    """One broker, as far as it is known."""

    id: int
    host: str
    port: int
    rack: str | None
    up: bool | None
    """What our own connection to it says, not what the metadata says; None where there is no connection to have."""
    registered: bool | None
    """Whether the cluster's metadata lists it (a dead broker is taken off after its session times out); None where
    that is not known."""


@dataclass(frozen=True, slots=True)
class LogDir:
    """One log directory of a broker; sizes in bytes, ``NOT_KNOWN`` where the broker does not say (before 3.3)."""

    broker: int
    path: str
    total_bytes: int
    usable_bytes: int
    log_bytes: int
    """All logs in it, future replicas too; ``NOT_KNOWN`` where only some topics were asked for."""
    online: bool | None
    """Whether the broker can use it; None where it answers with another error than that of a failed disk."""


@dataclass(frozen=True, eq=False)
class Topology:
    """Topics and partitions as the metadata gives them. Rows are sorted by topic, then by partition.

    Shapes: T topics, P partitions, R replicas.
    """

    topics: tuple[str, ...]
    """T names, sorted."""
    internal: Bools
    """T: whether Kafka keeps the topic for itself."""
    topic_start: Int64s
    """T + 1: the rows of topic ``t`` are ``topic_start[t]`` up to ``topic_start[t + 1]``."""
    topic: Int32s
    """P: index into ``topics``."""
    partition: Int32s
    """P: the partition's number."""
    leader: Int32s
    """P: id of the leading broker, -1 where there is none."""
    replica_start: Int64s
    """P + 1: the replicas of row ``p`` are ``replica_start[p]`` up to ``replica_start[p + 1]``."""
    replica: Int32s
    """R: broker id; the first of a partition is its preferred leader."""
    in_sync: Bools
    """R: whether that replica is in the ISR."""
    topic_ids: tuple[bytes, ...] = ()
    """T: the topics' ids, which a topic that is made again changes; ``NO_ID`` where none is sent; empty without any."""
    topic_index: dict[str, int] = field(init=False, repr=False)
    _row_key: Int64s = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "topic_index", {name: i for i, name in enumerate(self.topics)})
        object.__setattr__(self, "_row_key", (self.topic.astype(np.int64) << 32) | self.partition)

    def rows(self, topic: Int64s, partition: Int64s) -> Int64s:
        """Return the rows of these partitions (same shape), -1 where there is no such partition."""
        wanted = (topic.astype(np.int64) << 32) | partition
        if not len(self._row_key):
            return np.full(wanted.shape, -1, dtype=np.int64)
        found = np.minimum(np.searchsorted(self._row_key, wanted), len(self._row_key) - 1)
        return np.where((self._row_key[found] == wanted) & (topic >= 0), found, -1)

    def recreated(self, before: "Topology") -> Bools:
        """Return which topics (T) are others than those of their names before; without ids that is not known."""
        if self is before or (self.topics == before.topics and self.topic_ids == before.topic_ids):
            return np.zeros(len(self.topics), dtype=bool)
        earlier = dict(zip(before.topics, before.topic_ids, strict=False))
        ids = self.topic_ids or (NO_ID,) * len(self.topics)
        known = [(now, earlier.get(name, NO_ID)) for name, now in zip(self.topics, ids, strict=True)]
        return np.array([now != then and NO_ID not in {now, then} for now, then in known], dtype=bool)

    def rows_in(self, earlier: "Topology") -> Int64s:
        """Return where each partition (P) stood in an earlier topology; -1 for a new one, and a new topic's."""
        index = np.array([earlier.topic_index.get(name, -1) for name in self.topics], dtype=np.int64)
        index[self.recreated(earlier)] = -1
        return earlier.rows(index[self.topic], self.partition.astype(np.int64))


@dataclass(frozen=True, slots=True)
class Group:
    """One consumer group, as its coordinator describes it."""

    name: str
    type: str
    """``classic``, ``consumer`` (KIP-848), ``share``, ``streams``."""
    state: str
    coordinator: int
    members: int | None = None
    """None where the coordinator could not say."""
    idle_members: int | None = None
    """Members that hold no partition; None where that is not known."""
    assigned: tuple[tuple[str, tuple[int, ...]], ...] = ()
    """Topic and partitions that some member holds."""
    subscribed: frozenset[str] = frozenset()
    """Topics that some member asks for by name, or holds partitions of."""
    assignor: str = ""
    """Who decides which member holds what: a protocol of the members, or an assignor of the coordinator; empty where
    that is not known."""


@dataclass(frozen=True, eq=False)
class GroupTable:
    """The groups, and the partitions that their members hold, resolved to rows (shape A) of one topology."""

    groups: tuple[Group, ...]
    assigned_group: Int32s
    """A: index into ``groups``."""
    assigned_row: Int64s
    """A: row of the topology, -1 where the topic is not known."""


@dataclass(frozen=True, eq=False)
class CommitKeys:
    """Whose committed offsets a column holds, and of which partition (shape C)."""

    table: GroupTable
    topology: Topology
    group: Int32s
    """C: index into ``table.groups``."""
    row: Int64s
    """C: row of the topology, -1 where the topic is gone."""
    answered: Bools
    """G: whether the coordinator returned this group's commits; without, it is not known that it has none."""


@dataclass(frozen=True, slots=True)
class QuorumReplica:
    """One replica of the controllers' own log, as the active controller sees it (DescribeQuorum)."""

    id: int
    voter: bool
    """Whether it votes; the brokers only observe."""
    log_end_offset: int
    last_caught_up_at: float
    """When it had all that the leader had, in seconds since 1970; NaN where the answer does not have it."""


@dataclass(frozen=True, slots=True)
class Quorum:
    """Who decides in the cluster."""

    leader: int
    """Id of the active controller."""
    epoch: int = NOT_KNOWN
    """How often a leader was elected; ``NOT_KNOWN`` with ZooKeeper, which has no quorum."""
    high_watermark: int = NOT_KNOWN
    replicas: tuple[QuorumReplica, ...] = ()


@dataclass(frozen=True, slots=True)
class OpenTransaction:
    """A transaction that holds readers of committed data back in one partition (DescribeProducers, KIP-664)."""

    topic: str
    partition: int
    producer_id: int
    """``NOT_KNOWN`` where the leader does not say: it takes the right to read the topic."""
    first_offset: int
    """Where its records begin in the partition."""
    started_at: float
    """When its coordinator says that it began; else, where none knows it, when its producer wrote last; else since when
    the last stable offset is seen to stand. Seconds since 1970."""
    transactional_id: str
    """Empty where that is not known."""
    coordinated: bool | None
    """Whether a transaction coordinator counts the partition in; what none does hangs for good. None where that is not
    known."""


@dataclass(frozen=True, slots=True)
class RequestCount:
    """What was asked of one broker with one API since the source began."""

    api: str
    broker: str
    requests: int
    failures: int
    seconds: float
    sent_bytes: int
    received_bytes: int
    throttled_seconds: float


@dataclass(frozen=True, eq=False, kw_only=True)
class ClusterSnapshot:
    """One read of one cluster. Columns follow the rows of ``topology`` (P), its topics (T) or its replicas (R)."""

    cluster: str
    taken_at: float
    """When the read began, in seconds since 1970."""
    read_seconds: float
    cluster_id: str | None
    brokers: tuple[Broker, ...]
    controllers: float
    """Active controllers: 1 or 0; NaN where nobody could or would say."""
    topology: Topology | None
    """None where no broker gave its metadata."""
    selected: Bools
    """T: whether the configuration looks at the topic in detail."""
    start_offset: Int64s
    """P: log start offset, or ``NOT_KNOWN``."""
    end_offset: Int64s
    """P: high watermark, or ``NOT_KNOWN``."""
    stable_offset: Int64s
    """P: last stable offset, up to which readers of committed data read; or ``NOT_KNOWN``."""
    stable_since: Float64s
    """P: since when the last stable offset is seen to stand where it does, below the end, in seconds of the clock that
    never jumps; NaN where it does not."""
    offsets_at: float
    """When the end offsets were asked for, in seconds since 1970."""
    offsets_monotonic: float
    """The same moment by the clock that never jumps: differences between reads are taken of this one."""
    replica_bytes: Int64s
    """R: size of each replica's log, or ``NOT_KNOWN``."""
    log_dirs: tuple[LogDir, ...]
    reassigning: float
    """Partitions that are being moved; NaN where that is not known."""
    adding: Bools
    """R: whether that replica is being added by a reassignment, and so not missed yet."""
    min_isr: Int64s
    """T: ``min.insync.replicas``, or ``NOT_SET``."""
    retention_ms: Int64s
    """T: ``retention.ms``, -1 for ever, or ``NOT_SET``."""
    retention_bytes: Int64s
    """T: ``retention.bytes`` of each partition, -1 unlimited, or ``NOT_SET``."""
    cleanup_policy: Int64s
    """T: a ``CleanupPolicy``, or ``NOT_SET``."""
    groups: GroupTable
    groups_complete: bool
    """Whether every broker was heard about its groups."""
    commits: CommitKeys
    committed: Int64s
    """C: committed offset (of a share group: its start offset), or ``NOT_KNOWN``."""
    completed: Int64s
    """C: records beyond the committed offset, or the log's start if that is later, that the group is done with already:
    0 but for share groups; ``NOT_KNOWN`` where a share group's coordinator does not count them."""
    unread_at: Float64s
    """C: when the first record that the group has not committed was written, in seconds since 1970, as its leader says
    (ListOffsets by timestamp); NaN where it was not looked up."""
    problems: tuple[Problem, ...]
    requests: tuple[RequestCount, ...]
    quorum: Quorum | None = None
    """The active controller and, in KRaft, its quorum; None where none is active, or the agent may not ask."""
    version: str = ""
    """The oldest release of Kafka that a broker runs, such as ``4.3``; empty where that is not known."""
    metadata_version: str = ""
    """The metadata version that is finalized, such as ``4.3-IV0``; empty with ZooKeeper and where it is not known."""
    releases: Mapping[int, str] = field(default_factory=dict)
    """The release of Kafka that each broker runs; brokers whose release is not known are not here."""
    transactions: tuple[OpenTransaction, ...] = ()
    """What is known of the transactions behind a last stable offset that stands."""
    unseen_topics: tuple[str, ...] = ()
    """Those whose logs brokers hold, and which the metadata leave out: the agent may not describe them, or the logs are
    left over."""
    sought_groups: frozenset[str] = frozenset()
    """Groups that are listed, or were there, of which nothing is known now, and that are still looked for."""
    name: str = ""
    """Of the source, where it is not the cluster's."""

    @property
    def lacks_topics(self) -> bool:
        """Whether the metadata leave out topics that are there."""
        return any(problem.scope == "topic" and "Metadata" in problem.detail for problem in self.problems)

    @property
    def source(self) -> str:
        """The source's name."""
        return self.name or self.cluster

    @property
    def is_up(self) -> bool:
        """Whether any broker gave its metadata."""
        return self.topology is not None

    @property
    def metadata_frozen(self) -> bool:
        """Whether the metadata cannot be believed: no controller is there to change it."""
        return self.controllers == 0


def blank(cluster: str, at: float, topology: Topology | None = None) -> ClusterSnapshot:
    """Return the snapshot of a cluster of which nothing is known but, perhaps, its topology."""
    shape = topology or _NO_TOPOLOGY
    partitions, replicas, topics = len(shape.partition), len(shape.replica), len(shape.topics)
    table = GroupTable((), np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.int64))
    unread = np.full(partitions, NOT_KNOWN, dtype=np.int64)
    unset = np.full(topics, NOT_SET, dtype=np.int64)
    nothing = np.zeros(0, dtype=np.int64)
    return ClusterSnapshot(
        cluster=cluster,
        taken_at=at,
        read_seconds=0.0,
        cluster_id=None,
        brokers=(),
        controllers=math.nan,
        topology=topology,
        selected=np.zeros(topics, dtype=bool),
        start_offset=unread,
        end_offset=unread,
        stable_offset=unread,
        stable_since=np.full(partitions, np.nan),
        offsets_at=at,
        offsets_monotonic=0.0,
        replica_bytes=np.full(replicas, NOT_KNOWN, dtype=np.int64),
        log_dirs=(),
        reassigning=math.nan,
        adding=np.zeros(replicas, dtype=bool),
        min_isr=unset,
        retention_ms=unset,
        retention_bytes=unset,
        cleanup_policy=unset,
        groups=table,
        groups_complete=False,
        commits=CommitKeys(table, shape, np.zeros(0, dtype=np.int32), nothing, np.zeros(0, dtype=bool)),
        committed=nothing,
        completed=nothing,
        unread_at=np.zeros(0, dtype=np.float64),
        problems=(),
        requests=(),
    )


_NO_TOPOLOGY: Final = Topology(
    topics=(),
    internal=np.zeros(0, dtype=bool),
    topic_start=np.zeros(1, dtype=np.int64),
    topic=np.zeros(0, dtype=np.int32),
    partition=np.zeros(0, dtype=np.int32),
    leader=np.zeros(0, dtype=np.int32),
    replica_start=np.zeros(1, dtype=np.int64),
    replica=np.zeros(0, dtype=np.int32),
    in_sync=np.zeros(0, dtype=bool),
)
