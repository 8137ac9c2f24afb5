"""One read of a cluster, from the metadata to a snapshot.

The order matters and is stated here once:

1. metadata, together with proof that a controller stands behind it;
2. groups, then their committed offsets, *before* the end offsets: a race can only overstate lag;
3. end offsets, and in turns start and last stable offsets, each leader asked once for each;
4. what is slow or rarely changes: topics' settings, reassignments, log directories;
5. what is looked up within a budget: when the records were written that groups have not read, and whose transactions
   hold readers back.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from streamwatch.core.clock import Clock
from streamwatch.core.errors import SourceError, SourceForeign
from streamwatch.core.memo import Memo
from streamwatch.model.kafka import Bools, CleanupPolicy, ClusterSnapshot, Group, GroupTable, Topology, blank
from streamwatch.sources.kafka.advertised import holders
from streamwatch.sources.kafka.authority import Authority
from streamwatch.sources.kafka.bounds import BoundReader
from streamwatch.sources.kafka.broker_connection import BrokerConnection
from streamwatch.sources.kafka.broker_pool import BrokerPool
from streamwatch.sources.kafka.commits import CommitReader
from streamwatch.sources.kafka.config import Config
from streamwatch.sources.kafka.groups import GroupReader, KnownGroups
from streamwatch.sources.kafka.logdirs import LogDirReader, LogSizes
from streamwatch.sources.kafka.metadata import Metadata
from streamwatch.sources.kafka.parts import GroupsPart, LookedUp, MetadataPart, OffsetsPart, Positions
from streamwatch.sources.kafka.problems import problem
from streamwatch.sources.kafka.quorum import Opinion
from streamwatch.sources.kafka.read_session import ReadSession
from streamwatch.sources.kafka.reassignments import read_reassignments
from streamwatch.sources.kafka.record_times import RecordTimes
from streamwatch.sources.kafka.releases import ReleaseReader
from streamwatch.sources.kafka.share import ShareReader
from streamwatch.sources.kafka.topicsettings import TopicSettings, TopicSettingsReader
from streamwatch.sources.kafka.transactions import TransactionReader


class _Selection(NamedTuple):
    """What of a topology is looked at."""

    selected: Bools
    """T: the topics that the configuration looks at."""
    wanted: Bools
    """P: their partitions."""
    holders: set[int]
    """The brokers that replicas are assigned to."""


class ClusterReader:
    """Reads one cluster again and again, and remembers what makes the next read cheap. Lives on one event loop."""

    def __init__(self, config: Config, pool: BrokerPool, clock: Clock) -> None:
        self._config = config
        self._pool = pool
        self._clock = clock
        self._authority = Authority(pool)
        self._groups = GroupReader(config)
        self._commits = CommitReader()
        self._share = ShareReader()
        self._bounds = BoundReader(self._authority.newer)
        self._record_times = RecordTimes(config)
        self._transactions = TransactionReader(config)
        self._settings = TopicSettingsReader(config)
        self._log_dirs = LogDirReader(config)
        self._releases = ReleaseReader(config)
        self._committed_row = np.zeros(0, dtype=np.int64)
        """The rows of the last read's commits, with their offsets: they decide which log starts matter in the next."""
        self._committed = np.zeros(0, dtype=np.int64)
        self._selection = Memo[_Selection]()
        self._table: tuple[Topology, GroupTable] | None = None

    async def close(self) -> None:
        """Stop what goes on between reads."""
        await self._log_dirs.close()

    async def read(self) -> ClusterSnapshot:
        """Return what the cluster looks like now; what could not be read is unknown, and a problem.

        Raises:
            SourceError: no broker gave its metadata.

        """
        taken_at, started = self._clock.now(), self._clock.monotonic()
        session, pool = ReadSession(self._config, self._pool.stats), self._pool
        pool.begin_read()
        metadata, opinion = await self._authority.read(session)
        view = self._view(metadata, opinion)
        session.problems += await pool.follow(metadata.brokers, view.holders)
        groups = await self._read_groups(session, view.topology)
        offsets = await self._read_offsets(session, view)
        positions = await self._read_positions(session, view, groups, offsets)
        await self._settings.refresh(session, pool, view.topology)
        moves = await read_reassignments(session, pool, self._authority.connection, metadata, opinion.active)
        logs = await self._read_log_dirs(view)
        await self._releases.refresh(session, pool)
        settings, releases = self._settings.columns(view.topology), self._releases.releases(pool)
        looked_up = await self._look_up(session, offsets, positions, settings)
        snapshot = blank(self._config.name, taken_at)
        for part in (view, groups, offsets, positions, settings, moves, logs, releases, looked_up):
            snapshot = part.into(snapshot)
        return replace(
            snapshot,
            read_seconds=self._clock.monotonic() - started,
            brokers=pool.brokers(view.holders),
            problems=(*session.problems, *logs.problems, *pool.down()),
            requests=pool.stats.counts(),
        )

    def nothing(self, error: SourceError) -> ClusterSnapshot:
        """Return the snapshot of a cluster of which nothing could be read."""
        down = self._pool.down()
        known = isinstance(error, SourceForeign) and any(one.reason == "foreign" for one in down)
        return replace(
            blank(self._config.name, self._clock.now()),
            brokers=self._pool.brokers(set()),
            problems=(*([] if known else [problem("cluster", error, str(error))]), *down),
            requests=self._pool.stats.counts(),
        )

    def _view(self, metadata: Metadata, opinion: Opinion) -> MetadataPart:
        """Return what is there, and what of it the configuration looks at; the flags stay while the topology does."""
        topology = metadata.topology
        at = self._selection.get(lambda: self._select(topology), topology)
        return MetadataPart(metadata, opinion, at.holders, at.selected, at.wanted)

    def _select(self, topology: Topology) -> _Selection:
        selected = np.array([self._config.topics.admits(name) for name in topology.topics], dtype=bool)
        return _Selection(selected, selected[topology.topic], holders(topology.replica))

    async def _read_groups(self, session: ReadSession, topology: Topology) -> GroupsPart:
        """Read groups and commits: before the end offsets, so that a race can only overstate lag."""
        found = await self._groups.read(session, self._pool)
        table = self._resolve(found.groups, topology)
        of_share, of_others = _coordinators(found, table)
        batches = await self._commits.read(session, self._pool, of_others)
        return GroupsPart(table, found.complete, found.sought, of_share, batches)

    async def _read_offsets(self, session: ReadSession, view: MetadataPart) -> OffsetsPart:
        asked_at, monotonic = self._clock.now(), self._clock.monotonic()
        bounds = await self._bounds.read(
            session, self._pool, view.topology, view.wanted, self._committed_row, self._committed, monotonic
        )
        return OffsetsPart(bounds, asked_at, monotonic, self._clock.now())

    async def _read_positions(
        self, session: ReadSession, view: MetadataPart, groups: GroupsPart, offsets: OffsetsPart
    ) -> Positions:
        """Read what share groups have left, after the end offsets, and join it with the others' commits."""
        shared = await self._share.read(session, self._pool, groups.share_coordinators)
        keys, committed = self._commits.columns(session, [*groups.batches, *shared], groups.table, view.topology)
        bounds = offsets.bounds
        committed, completed = self._share.columns(shared, keys, committed, bounds.end, bounds.start)
        self._committed_row, self._committed = keys.row, committed
        return Positions(keys, committed, completed)

    async def _read_log_dirs(self, view: MetadataPart) -> LogSizes:
        """Return sizes of logs; of a directory, what its logs take is known only where all topics are looked at."""
        everything, topology = self._config.topics.everything, view.topology
        names = None if everything else [topology.topics[i] for i in np.flatnonzero(view.selected).tolist()]
        await self._log_dirs.refresh(self._pool, topology, names)
        sizes = self._log_dirs.columns(topology, self._pool.connections)
        return sizes if everything else sizes.without_totals()

    async def _look_up(
        self, session: ReadSession, offsets: OffsetsPart, positions: Positions, settings: TopicSettings
    ) -> LookedUp:
        bounds, monotonic = offsets.bounds, offsets.asked_monotonic
        compacted = np.isin(settings.cleanup_policy, (CleanupPolicy.COMPACT, CleanupPolicy.COMPACT_DELETE))
        unread_at = await self._record_times.read(
            session, self._pool, bounds, positions.keys, positions.done, compacted, offsets.seen_at, monotonic
        )
        transactions = await self._transactions.read(session, self._pool, bounds, offsets.asked_at, monotonic)
        return LookedUp(unread_at, transactions)

    def _resolve(self, groups: dict[str, Group], topology: Topology) -> GroupTable:
        """Return the table of groups; the last one's object where nothing changed."""
        ordered = tuple(groups[name] for name in sorted(groups))
        if self._table is not None and self._table[0] is topology and self._table[1].groups == ordered:
            return self._table[1]
        index = topology.topic_index
        held = [(g, index.get(topic, -1), ps) for g, group in enumerate(ordered) for topic, ps in group.assigned]
        counts = [len(partitions) for _, _, partitions in held]
        topic = np.repeat(np.array([t for _, t, _ in held], dtype=np.int64), counts)
        partition = np.array([p for _, _, partitions in held for p in partitions], dtype=np.int64)
        owner = np.repeat(np.array([g for g, _, _ in held], dtype=np.int32), counts)
        table = GroupTable(ordered, owner, topology.rows(topic, partition))
        self._table = (topology, table)
        return table


def _coordinators(
    found: KnownGroups, table: GroupTable
) -> tuple[dict[str, BrokerConnection], dict[str, BrokerConnection]]:
    """Return who is asked for the positions of share groups, and of all other groups."""
    of_share: dict[str, BrokerConnection] = {}
    of_others: dict[str, BrokerConnection] = {}
    for group in table.groups:
        if group.name in found.coordinator:
            (of_share if group.type == "share" else of_others)[group.name] = found.coordinator[group.name]
    return of_share, of_others
