"""What the brokers' logs take on disk: the slowest question for a broker with many, so it is asked rarely.

A broker walks every log to answer. The question goes out between reads, one broker's answer holds up nobody, and an
answer counts until it is too old. A topic that was made anew since it was asked is another topic: its sizes are not
known, and where logs are few they are asked for at once.

Services that keep records in an object store show it as one more directory (``remote://...``). That is no disk of the
broker's, and what is there of a replica is not what the broker holds of it.
"""

import asyncio
import re
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from streamwatch.core.errors import SourceError, SourceMisread
from streamwatch.model.distinct import distinct
from streamwatch.model.kafka import NOT_KNOWN, Bools, ClusterSnapshot, Int32s, Int64s, LogDir, Topology
from streamwatch.model.snapshot import Problem
from streamwatch.sources.kafka import codes
from streamwatch.sources.kafka.apis import DESCRIBE_LOG_DIRS, Message, decoding
from streamwatch.sources.kafka.broker_connection import BrokerConnection
from streamwatch.sources.kafka.broker_pool import BrokerPool
from streamwatch.sources.kafka.config import Config
from streamwatch.sources.kafka.layout import REPLICA, UNWALKABLE, Layout, Records, Run, Volume, walk_log_dirs
from streamwatch.sources.kafka.problems import problem, refusal
from streamwatch.sources.kafka.versions import LOG_DIRS_WITH_ERROR, LOG_DIRS_WITH_VOLUMES

_KEEP: Final = 2.5
"""An answer counts for so many intervals."""
_FEW: Final = 10_000
"""So many replicas in the cluster can be asked about out of turn."""
_METADATA: Final = "__cluster_metadata"
"""The controllers' own log, which Metadata never has."""
_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


@dataclass(frozen=True, slots=True)
class _Directory:
    """A log directory as a broker describes it; sizes in bytes, negative where they are not given."""

    path: str
    error: int
    total: int
    usable: int


@dataclass(slots=True)
class _Sizes:
    """One broker's last answer."""

    at: float
    asked: Topology
    """The topics of the time when it was asked."""
    dirs: tuple[LogDir, ...]
    runs: tuple[Run, ...]
    records: Records
    local: Bools
    """Which records are of directories of the broker's own."""
    problems: list[Problem]
    placed: "_Placed | None" = None


@dataclass(frozen=True, slots=True)
class _Placed:
    """Where the records of an answer stand among the replicas of a topology."""

    topology: Topology
    place: Int32s
    """Of each record, -1 for one that is none of the topology's replicas."""
    doubled: int
    """How many replicas are left out, since several directories hold them, each with another size."""
    unseen: frozenset[str]
    """The topics of logs that neither this topology has nor the one of the question."""


@dataclass(frozen=True, slots=True, eq=False)
class LogSizes:
    """What logs take on disk."""

    replica_bytes: Int64s
    """R: each replica's size, or ``NOT_KNOWN``."""
    dirs: tuple[LogDir, ...]
    unseen: tuple[str, ...]
    """Topics whose logs brokers hold, and which the metadata leave out."""
    problems: list[Problem]

    def without_totals(self) -> "LogSizes":
        """Return the same without what each directory's logs take together, where only some topics were asked for."""
        return replace(self, dirs=tuple(replace(one, log_bytes=NOT_KNOWN) for one in self.dirs))

    def into(self, snapshot: ClusterSnapshot) -> ClusterSnapshot:
        """Return the snapshot with its fields of these."""
        return replace(snapshot, replica_bytes=self.replica_bytes, log_dirs=self.dirs, unseen_topics=self.unseen)


class LogDirReader:
    """Asks for log directories in the background, and keeps each broker's last answer while it counts."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._sizes: dict[int, _Sizes] = {}
        self._layouts: dict[int, tuple[Layout, list[Volume]]] = {}
        self._problems: dict[int, Problem] = {}
        self._asked_at: float | None = None
        self._asked: Topology | None = None
        self._replica_bytes: Int64s = np.zeros(0, dtype=np.int64)
        self._task: asyncio.Task[None] | None = None

    async def refresh(self, pool: BrokerPool, topology: Topology, wanted: list[str] | None) -> None:
        """Ask the brokers again where it is due: the first time at once, later without waiting for the answers.

        A broker that came, or came back, since then is asked at once.

        Args:
            pool: the brokers.
            topology: whose partitions are asked about.
            wanted: the topics to ask about; None for all.

        """
        now = asyncio.get_running_loop().time()
        first = self._asked_at is None
        if self._task and not self._task.done():
            return
        up = {node: connection for node, connection in pool.connections.items() if connection.up}
        due = self._asked_at is None or now - self._asked_at >= self._config.log_dirs_interval
        if due or self._out_of_turn(topology):
            self._asked_at, self._asked = now, topology
        else:
            up = {
                node: connection
                for node, connection in up.items()
                if node not in self._sizes and node not in self._problems
            }
        if up:
            self._task = asyncio.create_task(self._ask_all(up, topology, wanted))
        if self._task and first:
            await self._task

    def columns(self, topology: Topology, connections: dict[int, BrokerConnection]) -> LogSizes:
        """Return each replica's size (R; the last one's object while equal), the log directories, and what failed."""
        now = asyncio.get_running_loop().time()
        sizes = np.full(len(topology.replica), NOT_KNOWN, dtype=np.int64)
        dirs: list[LogDir] = []
        unseen: set[str] = set()
        problems = [problem for node, problem in self._problems.items() if node in connections]
        for node, known in sorted(self._sizes.items()):
            if (
                node not in connections
                or not connections[node].up
                or now - known.at > _KEEP * self._config.log_dirs_interval
            ):
                del self._sizes[node]
                continue
            dirs += known.dirs
            if known.placed is None or known.placed.topology is not topology:
                known.placed = _place(node, known, topology)
            places = known.placed.place
            here = places >= 0
            sizes[places[here]] = known.records["size"][here]
            unseen |= known.placed.unseen
            problems += known.problems
            if known.placed.doubled:
                problems.append(_doubled(node, known.placed.doubled))
        if not np.array_equal(sizes, self._replica_bytes):
            self._replica_bytes = sizes
        return LogSizes(self._replica_bytes, tuple(dirs), tuple(sorted(unseen)), problems)

    async def close(self) -> None:
        """Stop asking."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _ask_all(
        self, connections: dict[int, BrokerConnection], topology: Topology, wanted: list[str] | None
    ) -> None:
        await asyncio.gather(
            *(self._ask(node, connection, topology, wanted) for node, connection in connections.items())
        )

    async def _ask(self, node: int, connection: BrokerConnection, topology: Topology, wanted: list[str] | None) -> None:
        what = f"broker {node}: its log directories"
        try:
            version = connection.version(DESCRIBE_LOG_DIRS)
            body = DESCRIBE_LOG_DIRS.encode(version, topics=_topics(topology, wanted, version))
            answer = await connection.ask(DESCRIBE_LOG_DIRS, version, body, self._config.read_seconds)
            with decoding(DESCRIBE_LOG_DIRS):
                code, directories, runs, records = self._read(node, answer, version)
            if not code and not directories:
                if version >= LOG_DIRS_WITH_ERROR:
                    raise SourceMisread("DescribeLogDirs: an answer that names no directory")
                code = codes.CLUSTER_DENIED  # before v3 a broker refuses by naming none of its directories
        except SourceError as error:
            self._problems[node] = problem("broker", error, f"{what}: {error}")
            return
        if code:
            self._problems[node] = refusal("broker", code, f"{what}: DescribeLogDirs")
            return
        self._problems.pop(node, None)
        self._sizes[node] = _sizes(node, topology, directories, runs, records)

    def _out_of_turn(self, topology: Topology) -> bool:
        """Say whether a topic was made anew since the last question, and asking again costs little."""
        if self._asked is None or self._asked is topology or len(topology.replica) > _FEW:
            return False
        return bool(topology.recreated(self._asked).any())

    def _read(self, node: int, answer: bytes, version: int) -> "_Answer":
        layout = self._layouts.get(node)
        if layout is None or layout[0].read(answer) is None:
            try:
                layout = self._layouts[node] = walk_log_dirs(answer, version)
            except UNWALKABLE:
                self._layouts.pop(node, None)
                return _decode(DESCRIBE_LOG_DIRS.decode(version, answer), version)
        read, volumes = layout
        directories = [_Directory(volume.path, volume.error, *volume.sizes(answer)) for volume in volumes]
        return 0, directories, read.runs, read.records


_Answer = tuple[int, list[_Directory], tuple[Run, ...], Records]
"""An answer's own error code, its directories, and the sizes of the replicas in them."""


def _sizes(
    node: int, asked: Topology, directories: list[_Directory], runs: tuple[Run, ...], records: Records
) -> _Sizes:
    remote = _remote(directories, runs, records)
    by_path = dict.fromkeys((directory.path for directory in directories), 0)
    at = 0
    for run in runs:
        by_path[run.owner] += int(records["size"][at : at + run.count].sum())
        at += run.count
    dirs: dict[str, LogDir] = {}
    problems: list[Problem] = []
    for one in directories:
        failed = one.error not in {codes.NONE, codes.STORAGE_ERROR}
        if failed:
            what = f"broker {node}: log directory {one.path!r}: DescribeLogDirs"
            problems.append(refusal("broker", one.error, what))
        if one.path not in remote:
            log_bytes = NOT_KNOWN if failed else by_path[one.path]
            online = None if failed else not one.error
            dirs[one.path] = LogDir(node, one.path, one.total, one.usable, log_bytes, online)
    own = [run.owner not in remote for run in runs]
    # Where there is nothing but an object store, what is there is all that there is of a replica.
    local = np.repeat(np.array(own, dtype=bool), [run.count for run in runs]) if dirs else np.ones(len(records), bool)
    now = asyncio.get_running_loop().time()
    return _Sizes(now, asked, tuple(dirs.values()), runs, records, local, problems)


def _remote(directories: list[_Directory], runs: tuple[Run, ...], records: Records) -> set[str]:
    """Return the paths that are no directory of the broker's own.

    Those that are URLs; and those without the sizes of a volume, where another with sizes holds one of their replicas.
    """
    remote = {directory.path for directory in directories if _URL.match(directory.path)}
    sized = {directory.path for directory in directories if directory.total >= 0} - remote
    unsized = {
        directory.path
        for directory in directories
        if directory.total < 0 and directory.usable < 0 and not directory.error
    } - remote
    if not sized or not unsized:
        return remote
    held: dict[str, set[tuple[str, int]]] = {}
    at = 0
    for run in runs:
        rows = records[at : at + run.count]
        at += run.count
        partitions = rows["partition"][rows["future"] == 0].tolist()
        held.setdefault(run.owner, set()).update((run.topic, partition) for partition in partitions)
    elsewhere = set[tuple[str, int]]().union(*(held.get(path, set()) for path in sized))
    return remote | {path for path in unsized if held.get(path, set()) & elsewhere}


def _decode(message: Message, version: int) -> _Answer:
    """Read an answer by its message class: what the walk does not know."""
    if version >= LOG_DIRS_WITH_ERROR and message.error_code:
        return message.error_code, [], (), np.zeros(0, dtype=REPLICA)
    runs, rows = [], []
    for found in message.results:
        for topic in found.topics:
            runs.append(Run(found.log_dir, topic.name, 0, len(topic.partitions)))
            rows += [(p.partition_index, p.partition_size, p.offset_lag, p.is_future_key, 0) for p in topic.partitions]
    sized = version >= LOG_DIRS_WITH_VOLUMES
    directories = [
        _Directory(r.log_dir, r.error_code, r.total_bytes if sized else -1, r.usable_bytes if sized else -1)
        for r in message.results
    ]
    return 0, directories, tuple(runs), np.array(rows, dtype=REPLICA)


def _topics(topology: Topology, wanted: list[str] | None, version: int) -> list[Message] | None:
    if wanted is None:
        return None
    topic = DESCRIBE_LOG_DIRS.request.DescribableLogDirTopic
    starts = topology.topic_start
    return [
        topic(version=version, topic=name, partitions=topology.partition[starts[i] : starts[i + 1]].tolist())
        for name in wanted
        for i in (topology.topic_index[name],)
    ]


def _place(node: int, sizes: _Sizes, topology: Topology) -> _Placed:
    """Find each record among the topology's replicas: those that are assigned here, of the topics that were asked."""
    counts = [run.count for run in sizes.runs]
    anew = topology.recreated(sizes.asked)
    index = {name: -1 if anew[i] else i for name, i in topology.topic_index.items()}
    topic = np.repeat([index.get(run.topic, -1) for run in sizes.runs], counts).astype(np.int64)
    rows = topology.rows(topic, sizes.records["partition"].astype(np.int64))
    mine = np.flatnonzero(topology.replica == node)
    row_of_mine = np.searchsorted(topology.replica_start, mine, side="right") - 1
    place = np.full(len(topology.partition) + 1, -1, dtype=np.int32)
    place[row_of_mine] = mine
    # A future replica is on its way to another directory of the same broker: the current one is the replica.
    found = np.where((sizes.records["future"] == 0) & sizes.local, place[rows], -1)
    again = _different(found, sizes.records["size"])
    placed = np.where(np.isin(found, again), -1, found)
    return _Placed(topology, placed, len(again), _unseen(sizes, topology))


def _unseen(sizes: _Sizes, topology: Topology) -> frozenset[str]:
    """Return the topics that are only in the logs; not those that have been deleted since the question."""
    before = sizes.asked.topic_index
    names = {run.topic for run in sizes.runs if run.topic not in topology.topic_index and run.topic not in before}
    return frozenset(names - {_METADATA})


def _different(places: Int32s, sizes: Int64s) -> Int32s:
    """Return the places that occur with more than one size."""
    here = np.flatnonzero(places >= 0)
    order = here[np.argsort(places[here], kind="stable")]
    place, size = places[order], sizes[order]
    return distinct(place[1:][(place[1:] == place[:-1]) & (size[1:] != size[:-1])])


def _doubled(node: int, count: int) -> Problem:
    detail = f"broker {node}: DescribeLogDirs: {count} replicas are in several directories, with different sizes"
    return Problem("broker", "misread", detail, count)
