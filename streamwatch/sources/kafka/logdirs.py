"""What the brokers' logs take on disk: the slowest question for a broker with many, so it is asked rarely.

A broker walks every log to answer. The question goes out between reads, one broker's answer holds up nobody, and an
answer counts until it is too old.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

import numpy as np

from streamwatch.errors import SourceError
from streamwatch.model.kafka import NOT_KNOWN, Int64s, LogDir, Topology
from streamwatch.model.snapshot import Problem
from streamwatch.sources.kafka import codes
from streamwatch.sources.kafka.apis import DESCRIBE_LOG_DIRS, Message, sensible
from streamwatch.sources.kafka.config import Config
from streamwatch.sources.kafka.fanout import Fanout
from streamwatch.sources.kafka.layout import REPLICA, UNWALKABLE, Layout, Records, Run, Volume, walk_log_dirs
from streamwatch.sources.kafka.link import Link
from streamwatch.sources.kafka.problems import problem, refusal

_KEEP: Final = 2.5
"""An answer counts for so many intervals."""


@dataclass(slots=True)
class _Sizes:
    """One broker's last answer."""

    at: float
    dirs: tuple[LogDir, ...]
    runs: tuple[Run, ...]
    records: Records
    placed: tuple[Topology, Int64s] | None = None
    """Where each record stands among the replicas of a topology."""


class LogDirReader:
    """Asks for log directories in the background, and keeps each broker's last answer while it counts."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._sizes: dict[int, _Sizes] = {}
        self._layouts: dict[int, tuple[Layout, list[Volume]]] = {}
        self._problems: dict[int, Problem] = {}
        self._asked_at: float | None = None
        self._task: asyncio.Task[None] | None = None

    async def refresh(self, fanout: Fanout, topology: Topology, wanted: list[str] | None) -> None:
        """Ask the brokers again where it is due: the first time at once, later without waiting for the answers.

        Args:
            fanout: the brokers.
            topology: whose partitions are asked about.
            wanted: the topics to ask about; None for all.

        """
        now = asyncio.get_running_loop().time()
        first = self._asked_at is None
        if self._task and not self._task.done():
            return
        if not first and now - (self._asked_at or 0) < self._config.log_dirs_interval:
            return
        self._asked_at = now
        self._task = asyncio.create_task(self._ask_all(fanout, topology, wanted))
        if first:
            await self._task

    def columns(self, topology: Topology, links: dict[int, Link]) -> tuple[Int64s, tuple[LogDir, ...], list[Problem]]:
        """Return each replica's size (R), the log directories, and what could not be read."""
        now = asyncio.get_running_loop().time()
        sizes = np.full(len(topology.replica), NOT_KNOWN, dtype=np.int64)
        dirs: list[LogDir] = []
        for node, known in list(self._sizes.items()):
            if node not in links or not links[node].up or now - known.at > _KEEP * self._config.log_dirs_interval:
                del self._sizes[node]
                continue
            dirs += known.dirs
            if known.placed is None or known.placed[0] is not topology:
                known.placed = (topology, _place(node, known, topology))
            places = known.placed[1]
            here = places >= 0
            sizes[places[here]] = known.records["size"][here]
        return sizes, tuple(dirs), [p for node, p in self._problems.items() if node in links]

    async def close(self) -> None:
        """Stop asking."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _ask_all(self, fanout: Fanout, topology: Topology, wanted: list[str] | None) -> None:
        up = {node: link for node, link in fanout.links.items() if link.up and DESCRIBE_LOG_DIRS.key in link.versions}
        await asyncio.gather(*(self._ask(node, link, topology, wanted) for node, link in up.items()))

    async def _ask(self, node: int, link: Link, topology: Topology, wanted: list[str] | None) -> None:
        version = link.versions[DESCRIBE_LOG_DIRS.key]
        body = DESCRIBE_LOG_DIRS.encode(version, topics=_topics(topology, wanted, version))
        self._problems.pop(node, None)
        try:
            answer = await link.ask(DESCRIBE_LOG_DIRS, version, body, self._config.read_seconds)
            with sensible(DESCRIBE_LOG_DIRS):
                sizes = self._read(node, answer, version)
        except SourceError as error:
            self._problems[node] = problem("broker", error, f"broker {node}: its log directories: {error}")
            return
        if not sizes.dirs:
            # Before v3 a broker that refuses says so by naming none of its directories.
            self._problems[node] = refusal("broker", codes.CLUSTER_DENIED, f"broker {node}: its log directories")
            return
        self._sizes[node] = sizes

    def _read(self, node: int, answer: bytes, version: int) -> "_Sizes":
        layout = self._layouts.get(node)
        if layout is None or layout[0].read(answer) is None:
            try:
                layout = self._layouts[node] = walk_log_dirs(answer, version)
            except UNWALKABLE:
                self._layouts.pop(node, None)
                return _decode(node, DESCRIBE_LOG_DIRS.decode(version, answer))
        read, volumes = layout
        volumes_read = [(volume.path, volume.error, *volume.sizes(answer)) for volume in volumes]
        return _sizes(node, volumes_read, read.runs, read.records)


def _sizes(node: int, volumes: list[tuple[str, int, int, int]], runs: tuple[Run, ...], records: Records) -> _Sizes:
    by_path = dict.fromkeys((path for path, *_ in volumes), 0)
    at = 0
    for run in runs:
        by_path[run.owner] += int(records["size"][at : at + run.count].sum())
        at += run.count
    dirs = tuple(
        LogDir(node, path, total, usable, by_path[path], online=not error) for path, error, total, usable in volumes
    )
    return _Sizes(asyncio.get_running_loop().time(), dirs, runs, records)


def _decode(node: int, message: Message) -> _Sizes:
    """Read an answer by its message class: what the walk does not know."""
    runs, rows = [], []
    for found in message.results:
        for topic in found.topics:
            runs.append(Run(found.log_dir, topic.name, 0, len(topic.partitions)))
            rows += [(p.partition_index, p.partition_size, p.offset_lag, p.is_future_key, 0) for p in topic.partitions]
    volumes = [(r.log_dir, r.error_code, r.total_bytes or -1, r.usable_bytes or -1) for r in message.results]
    return _sizes(node, volumes, tuple(runs), np.array(rows, dtype=REPLICA))


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


def _place(node: int, sizes: _Sizes, topology: Topology) -> Int64s:
    """Return the index of each record among the topology's replicas, -1 for one that is not assigned here."""
    counts = [run.count for run in sizes.runs]
    topic = np.repeat([topology.topic_index.get(run.topic, -1) for run in sizes.runs], counts).astype(np.int64)
    rows = topology.rows(topic, sizes.records["partition"].astype(np.int64))
    mine = np.flatnonzero(topology.replica == node)
    row_of_mine = np.searchsorted(topology.replica_start, mine, side="right") - 1
    place = np.full(len(topology.partition) + 1, -1, dtype=np.int64)
    place[row_of_mine] = mine
    # A future replica is on its way to another directory of the same broker: the current one is the replica.
    return np.where(sizes.records["future"] == 0, place[rows], -1)
