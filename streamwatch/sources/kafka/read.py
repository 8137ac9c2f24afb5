"""One read of a cluster, from the metadata to a snapshot.

The order matters and is stated here once:

1. metadata, together with proof that a controller stands behind it;
2. groups, then their committed offsets, *before* the end offsets: a race can only overstate lag;
3. end offsets, and in turns start and last stable offsets, each leader asked once for each;
4. what is slow or rarely changes: topics' settings, reassignments, log directories;
5. what is looked up within a budget: when the records were written that groups have not read, and whose transactions
   hold readers back.
"""

import math
from dataclasses import replace

import numpy as np

from streamwatch.core.clock import Clock
from streamwatch.core.errors import SourceError, SourceForeign, SourceUnsupported
from streamwatch.model.kafka import (
    NOT_KNOWN,
    Bools,
    CleanupPolicy,
    ClusterSnapshot,
    Group,
    GroupTable,
    Int64s,
    Topology,
    blank,
)
from streamwatch.model.snapshot import Problem
from streamwatch.sources.kafka.apis import DESCRIBE_QUORUM, LIST_REASSIGNMENTS, METADATA, decoding
from streamwatch.sources.kafka.bounds import BoundReader
from streamwatch.sources.kafka.broker_connection import BrokerConnection
from streamwatch.sources.kafka.broker_pool import BrokerPool
from streamwatch.sources.kafka.commits import CommitReader
from streamwatch.sources.kafka.config import Config
from streamwatch.sources.kafka.groups import Found, GroupReader
from streamwatch.sources.kafka.logdirs import LogDirReader
from streamwatch.sources.kafka.metadata import Metadata, MetadataReader
from streamwatch.sources.kafka.problems import problem, refusal
from streamwatch.sources.kafka.quorum import Opinion, ask_quorum
from streamwatch.sources.kafka.read_session import ReadSession
from streamwatch.sources.kafka.record_times import RecordTimes
from streamwatch.sources.kafka.releases import ReleaseReader
from streamwatch.sources.kafka.share import ShareReader
from streamwatch.sources.kafka.topicsettings import TopicSettingsReader
from streamwatch.sources.kafka.transactions import TransactionReader

_WITNESSES = 3
"""How many more brokers are asked when one finds no controller, before we say that there is none."""
_REASSIGNMENT_TIMEOUT_MS = 1000


class Reader:
    """Reads one cluster again and again, and remembers what makes the next read cheap. Lives on one event loop."""

    def __init__(self, config: Config, pool: BrokerPool, clock: Clock) -> None:
        self._config = config
        self._pool = pool
        self._clock = clock
        self._metadata = MetadataReader()
        self._groups = GroupReader(config)
        self._commits = CommitReader()
        self._share = ShareReader()
        self._bounds = BoundReader(self._newer)
        self._record_times = RecordTimes(config)
        self._transactions = TransactionReader(config)
        self._settings = TopicSettingsReader(config)
        self._log_dirs = LogDirReader(config)
        self._releases = ReleaseReader(config)
        self._held: tuple[Int64s, Int64s] = (np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))
        """The rows and offsets of the last read's commits: they tell which log starts matter in the next."""
        self._authority: BrokerConnection | None = None
        self._selection: tuple[Topology, Bools, Bools] | None = None
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
        session = ReadSession(self._config, self._pool.stats)
        metadata, opinion = await self._cluster(session)
        topology = metadata.topology
        holders = set(np.unique(topology.replica).tolist())
        await self._pool.follow(metadata.brokers, holders)
        selected, wanted = self._select(topology)
        found = await self._groups.read(session, self._pool)
        table = self._resolve(found.groups, topology)
        of_share, of_others = _coordinators(found, table)
        batches = await self._commits.read(session, self._pool, of_others)
        offsets_at, offsets_monotonic = self._clock.now(), self._clock.monotonic()
        bounds = await self._bounds.read(session, self._pool, topology, wanted, *self._held, offsets_monotonic)
        seen_at = self._clock.now()
        shared = await self._share.read(session, self._pool, of_share)
        await self._settings.refresh(session, self._pool, topology)
        reassigning, adding = await self._reassigning(session, metadata, opinion.active)
        everything = self._config.topics.everything
        names = None if everything else [topology.topics[i] for i in np.flatnonzero(selected).tolist()]
        await self._log_dirs.refresh(self._pool, topology, names)
        await self._releases.refresh(session, self._pool)
        replica_bytes, log_dirs, problems = self._log_dirs.columns(topology, self._pool.connections)
        if not everything:
            log_dirs = tuple(replace(log_dir, log_bytes=NOT_KNOWN) for log_dir in log_dirs)
        min_isr, retention_ms, retention_bytes, cleanup_policy = self._settings.columns(topology)
        version, metadata_version = self._releases.cluster(self._pool)
        keys, committed = self._commits.columns(session, [*batches, *shared], table, topology)
        committed, completed = self._share.columns(shared, keys, committed, bounds.end, bounds.start)
        self._held = (keys.row, committed)
        compacted = np.isin(cleanup_policy, (CleanupPolicy.COMPACT, CleanupPolicy.COMPACT_DELETE))
        unread_at = await self._record_times.read(
            session, self._pool, bounds, keys, _done(committed, completed), compacted, seen_at, offsets_monotonic
        )
        transactions = await self._transactions.read(session, self._pool, bounds, offsets_at, offsets_monotonic)
        return ClusterSnapshot(
            cluster=self._config.name,
            taken_at=taken_at,
            read_seconds=self._clock.monotonic() - started,
            cluster_id=metadata.cluster_id,
            brokers=self._pool.brokers(holders),
            controllers=opinion.active,
            topology=topology,
            selected=selected,
            start_offset=bounds.start,
            end_offset=bounds.end,
            stable_offset=bounds.stable,
            stable_since=bounds.stable_since,
            offsets_at=offsets_at,
            offsets_monotonic=offsets_monotonic,
            replica_bytes=replica_bytes,
            log_dirs=log_dirs,
            reassigning=reassigning,
            adding=adding,
            min_isr=min_isr,
            retention_ms=retention_ms,
            retention_bytes=retention_bytes,
            cleanup_policy=cleanup_policy,
            groups=table,
            groups_complete=found.complete,
            commits=keys,
            committed=committed,
            completed=completed,
            unread_at=np.minimum(unread_at, offsets_at),
            transactions=transactions,
            problems=(*session.problems, *problems, *self._pool.down()),
            requests=self._pool.stats.counts(),
            quorum=opinion.quorum,
            version=version,
            metadata_version=metadata_version,
            releases=self._releases.releases(self._pool),
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

    async def _cluster(self, session: ReadSession) -> tuple[Metadata, Opinion]:
        """Ask a broker for the metadata, and for proof that a controller stands behind it.

        A broker that is cut off from the controllers goes on giving the metadata that it had; its word is taken only
        when no other finds a controller. Returns the metadata, and what is known of the controllers.
        """
        connections = await self._pool.first()
        connections.sort(key=lambda connection: connection is not self._authority)
        errors: list[SourceError] = []
        for connection in connections:
            try:
                metadata = await self._metadata_of(session, connection)
            except SourceForeign as error:  # and a problem of the connection's, for as long as it lasts
                errors.append(error)
                continue
            except SourceError as error:
                errors.append(error)
                session.problems.append(problem("broker", error, f"broker {connection.name}: metadata: {error}"))
                continue
            self._authority = connection
            others = [other for other in connections if other is not connection and other.up]
            opinion = await self._quorum(session, connection, metadata)
            if not opinion.final:
                metadata, opinion = await self._second_opinion(session, metadata, opinion, others)
            if opinion.problem:
                session.problems.append(opinion.problem)
            session.problems += metadata.problems
            return metadata, opinion
        raise errors[0]

    async def _second_opinion(
        self, session: ReadSession, metadata: Metadata, first: Opinion, connections: list[BrokerConnection]
    ) -> tuple[Metadata, Opinion]:
        """Ask other brokers, all at once, when one finds no controller, or cannot say whether there is one."""
        calls = {connection: ask_quorum(session, connection, metadata) for connection in connections[:_WITNESSES]}
        opinions = await session.all(
            calls, lambda connection, e: problem("broker", e, f"broker {connection.name}: controller: {e}")
        )
        for connection in [connection for connection, opinion in opinions.items() if opinion.active == 1]:
            try:
                newer = await self._metadata_of(session, connection)
            except SourceError as error:
                session.problems.append(problem("broker", error, f"broker {connection.name}: metadata: {error}"))
            else:
                self._authority = connection
                return newer, opinions[connection]
        unsure = [opinion for opinion in (first, *opinions.values()) if opinion.active != 0]
        if unsure:
            return metadata, unsure[0]
        detail = f"{1 + len(opinions)} brokers find no active controller: the metadata is as it was when there was one"
        return metadata, Opinion(0.0, problem=Problem("cluster", "unreachable", detail))

    async def _metadata_of(self, session: ReadSession, connection: BrokerConnection) -> Metadata:
        version = connection.version(METADATA)
        metadata = self._metadata.read(await session.ask(connection, METADATA, _all_topics(connection)), version)
        self._pool.accept(metadata.cluster_id, connection)
        return metadata

    async def _quorum(self, session: ReadSession, connection: BrokerConnection, metadata: Metadata) -> Opinion:
        """Return what this broker knows of the controllers; that it did not answer is no word about them."""
        try:
            return await ask_quorum(session, connection, metadata)
        except SourceError as error:
            detail = f"broker {connection.name}: whether a controller is active: {error}"
            return Opinion(math.nan, problem=problem("cluster", error, detail))

    def _select(self, topology: Topology) -> tuple[Bools, Bools]:
        """Return which topics (T) and which rows (P) the configuration looks at; kept while the topology stays."""
        if self._selection is None or self._selection[0] is not topology:
            selected = np.array([self._config.topics.admits(name) for name in topology.topics], dtype=bool)
            self._selection = (topology, selected, selected[topology.topic])
        return self._selection[1], self._selection[2]

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

    async def _newer(self, session: ReadSession) -> Topology | None:
        """Return the topology as it is by now; None where nobody says."""
        try:
            connection = (await self._pool.first())[0]
            body = await session.ask(connection, METADATA, _all_topics(connection))
            return MetadataReader().read(body, connection.version(METADATA)).topology
        except SourceError as error:
            session.problems.append(problem("cluster", error, f"metadata again: {error}"))
            return None

    async def _reassigning(self, session: ReadSession, metadata: Metadata, controllers: float) -> tuple[float, Bools]:
        """Return how many partitions are being moved (NaN: nobody can tell), and which replicas (R) that adds."""
        topology, connections = metadata.topology, self._pool.connections
        adding = np.zeros(len(topology.replica), dtype=bool)
        connection = (
            self._authority if self._authority in connections.values() else next(iter(connections.values()), None)
        )
        if connection is not None and DESCRIBE_QUORUM.key not in connection.versions:
            connection = connections.get(metadata.controller_id)  # Before KRaft only the controller answers.
        if controllers == 0:
            return math.nan, adding  # and that is a problem already
        try:
            if connection is None:
                raise SourceUnsupported("ListPartitionReassignments: Metadata names no controller to ask")
            version = connection.version(LIST_REASSIGNMENTS)
            body = LIST_REASSIGNMENTS.encode(version, timeout_ms=_REASSIGNMENT_TIMEOUT_MS, topics=None)
            answer = await session.ask(connection, LIST_REASSIGNMENTS, body)
            message = LIST_REASSIGNMENTS.decode(version, answer)
            with decoding(LIST_REASSIGNMENTS):
                moving = [(topic.name, partition) for topic in message.topics for partition in topic.partitions]
        except SourceError as error:
            session.problems.append(problem("cluster", error, f"reassignments: {error}"))
            return math.nan, adding
        if message.error_code:
            session.problems.append(refusal("cluster", message.error_code, "reassignments: ListPartitionReassignments"))
            return math.nan, adding
        for name, partition in moving:
            index = np.array([topology.topic_index.get(name, -1)])
            row = int(topology.rows(index, np.array([partition.partition_index]))[0])
            if row >= 0:
                start, end = topology.replica_start[row : row + 2]
                adding[start:end] = np.isin(topology.replica[start:end], partition.adding_replicas)
        return float(len(moving)), adding


def _coordinators(found: Found, table: GroupTable) -> tuple[dict[str, BrokerConnection], dict[str, BrokerConnection]]:
    """Return who is asked for the positions of share groups, and of all other groups."""
    of_share: dict[str, BrokerConnection] = {}
    of_others: dict[str, BrokerConnection] = {}
    for group in table.groups:
        if group.name in found.coordinator:
            (of_share if group.type == "share" else of_others)[group.name] = found.coordinator[group.name]
    return of_share, of_others


def _done(committed: Int64s, completed: Int64s) -> Int64s:
    """Return up to which offset (C) groups are done at most: share groups are done with records in no order."""
    return np.where((committed >= 0) & (completed > 0), committed + completed, committed)


def _all_topics(connection: BrokerConnection) -> bytes:
    return METADATA.encode(connection.version(METADATA), topics=None, allow_auto_topic_creation=False)
