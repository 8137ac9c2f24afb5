"""A cluster that is not one: brokers on loopback that answer what the agent asks, from a truth that a test sets.

It has no logs, no replication and no clock. What it knows stands in ``Truth``; what it can do wrong, in ``Fault``. How
a real Kafka behaves is tested in tests/real. As a program it serves a large cluster, for the benches:

    python -m tests.prepared PARTITIONS GROUPS COMMITS
"""

import asyncio
import struct
import sys
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Self

from streamwatch.reference.http import end_tasks, stop
from streamwatch.sources.kafka.apis import API_VERSIONS, APIS, LIST_OFFSETS, KafkaApi
from tests.prepared_answers import ANSWERS, Message, offered
from tests.prepared_groups import GROUP_ANSWERS
from tests.prepared_transactions import TRANSACTION_ANSWERS

Directory = tuple[str, int, int, int, dict[tuple[str, int], int]]
"""A log directory: path, error code, total and usable bytes, sizes by topic and partition."""

BY_KEY = {api.key: api for api in APIS}
ALL_ANSWERS = ANSWERS | GROUP_ANSWERS | TRANSACTION_ANSWERS


@dataclass
class Truth:
    """What the cluster is, to be changed by a test at any time."""

    topics: dict[str, int]
    """Partitions of each topic."""
    brokers: tuple[int, ...] = (1, 2, 3)
    replication: int = 3
    release: tuple[int, int] = (4, 1)
    """The release of Kafka whose versions are offered."""
    leader: dict[tuple[str, int], int] = field(default_factory=dict)
    """Where it is not the partition's number modulo the brokers."""
    end: dict[tuple[str, int], int] = field(default_factory=dict)
    """End offsets, 100 where nothing is said."""
    start: dict[tuple[str, int], int] = field(default_factory=dict)
    """Start offsets, 0 where nothing is said."""
    stable: dict[tuple[str, int], int] = field(default_factory=dict)
    """Last stable offsets, the end where nothing is said."""
    written: dict[tuple[str, int], dict[int, int]] = field(default_factory=dict)
    """Timestamps (ms) of records by their offsets; where nothing is said, none has one."""
    producers: dict[tuple[str, int], list[tuple[int, int, int]]] = field(default_factory=dict)
    """Producer id, first offset of its open transaction (-1: none) and last timestamp of those that wrote there."""
    transactional: dict[str, tuple[int, int, int, list[tuple[str, int]]]] = field(default_factory=dict)
    """Of each transactional id: its coordinator, its producer id, since when (ms) and where its transaction is open."""
    commits: dict[str, dict[tuple[str, int], int]] = field(default_factory=dict)
    """Committed offsets of each group."""
    coordinator: dict[str, int] = field(default_factory=dict)
    """Of each group, the first broker where nothing is said."""
    listed_by: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """Which brokers list a group, where it is not its coordinator alone."""
    consumer_type: set[str] = field(default_factory=set)
    """Groups that use the KIP-848 protocol."""
    streams_type: set[str] = field(default_factory=set)
    """Groups of Kafka Streams (KIP-1071), which read the topics that they have commits of."""
    share: dict[str, dict[tuple[str, int], tuple[int, int]]] = field(default_factory=dict)
    """Share groups (KIP-932): start offset and what is left of each partition."""
    unreadable: set[tuple[str, int]] = field(default_factory=set)
    """Partitions of which no coordinator can say what share groups have left."""
    members: dict[str, str] = field(default_factory=dict)
    """The host of the one member of a classic group."""
    words: str = ""
    """The metadata of every commit."""
    controller: bool = True
    features_epoch: int = 1
    metadata_level: int = 0
    """The metadata version that is finalized: the release's own, if none is given."""
    denied: set[str] = field(default_factory=set)
    """APIs that the agent may not use."""
    cluster_id: str | None = "prepared"
    ids: dict[str, int] = field(default_factory=dict)
    """Of topics, as numbers; 0, which is no id, where nothing else is given."""
    missing: set[str] = field(default_factory=set)
    """APIs that are not offered: the connection of whoever asks all the same is closed."""
    more: set[int] = field(default_factory=set)
    """Keys of APIs that are offered besides."""
    codes: dict[str, int] = field(default_factory=dict)
    """Error codes by API; ``OffsetFetch partition``, ``DescribeQuorum partition``, ``DescribeLogDirs directory``."""
    quorum_leader: int = 100
    controller_id: int | None = None
    """As the metadata names it; None for whichever broker is asked."""
    settings_on: dict[int, dict[str, str]] = field(default_factory=dict)
    """What a broker says of every topic's settings, where it is not what the others say."""
    log_dirs: dict[int, list[Directory]] = field(default_factory=dict)
    """Of a broker, where it is not one directory with 1000 bytes of every partition."""
    mangle: Callable[[str, bytes], bytes] | None = None
    """From an API and the bytes of its answer to other bytes."""
    ports: dict[int, int] = field(default_factory=dict)

    def leads(self, topic: str, partition: int) -> int:
        return self.leader.get((topic, partition), self.brokers[partition % len(self.brokers)])

    def type_of(self, group: str) -> str:
        """Return the word that ListGroups has for a group's type."""
        of_commits = {"consumer": self.consumer_type, "streams": self.streams_type, "share": set(self.share)}
        return next((kind for kind, names in of_commits.items() if group in names), "classic")

    def coordinates(self, group: str) -> int:
        return self.coordinator.get(group, self.brokers[0])


@dataclass
class Fault:
    """What one broker does wrong."""

    hang: bool = False
    """Accept and never answer."""
    drop: bool = False
    """Close the connection at every request but the first ones that make a session."""
    garbage: set[str] = field(default_factory=set)
    """APIs that are answered by bytes without a meaning."""
    slow: set[str] = field(default_factory=set)
    """APIs that are never answered, while others are, on other connections."""
    held: int = 0
    """How many requests wait for such an answer."""
    no_times: bool = False
    """Answer ListOffsets by timestamp with bytes without a meaning."""
    throttle_ms: int = 0
    moved_once: set[str] = field(default_factory=set)
    """Groups that answer NOT_COORDINATOR once."""
    codes: dict[str, int] = field(default_factory=dict)
    """As a truth's, of this broker alone."""
    taken_by: Truth | None = None
    """Another cluster, whose broker answers at this one's address."""


class PreparedCluster:
    """The brokers of a truth, served by a thread, as a context manager."""

    def __init__(self, truth: Truth) -> None:
        self.truth = truth
        self.faults = {broker: Fault() for broker in truth.brokers}
        self.asked: Counter[str] = Counter()
        """Requests by API."""
        self.not_offered: list[str] = []
        """What was asked though it is not offered."""
        self.bodies: dict[str, list[bytes]] = {}
        """The last bodies of each API."""
        self.cache: dict[tuple[int, int, int, bytes], bytes] | None = None
        """Answers kept for ever, for a truth that does not change."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._servers: list[asyncio.Server] = []
        self._writers: set[tuple[int, asyncio.StreamWriter]] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(30)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._loop.close()

    @property
    def bootstrap(self) -> tuple[str, ...]:
        return tuple(f"127.0.0.1:{port}" for port in self.truth.ports.values())

    def cut(self, broker: int) -> None:
        """Close every connection to a broker; it goes on accepting new ones."""
        for at, writer in list(self._writers):
            if at == broker:
                self._loop.call_soon_threadsafe(writer.close)

    async def _start(self) -> None:
        for broker in self.truth.brokers:
            server = await asyncio.start_server(partial(self._serve, broker), "127.0.0.1", 0)
            self._servers.append(server)
            self.truth.ports[broker] = server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        await stop(self._servers)
        for _, writer in list(self._writers):
            writer.transport.abort()
        await end_tasks()

    async def _serve(self, broker: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add((broker, writer))
        try:
            while True:
                frame = await reader.readexactly(struct.unpack(">i", await reader.readexactly(4))[0])
                await self._answer(broker, frame, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._writers.discard((broker, writer))
            writer.close()

    async def _answer(self, broker: int, frame: bytes, writer: asyncio.StreamWriter) -> None:
        key, version, correlation, size = struct.unpack_from(">hhih", frame)
        api, fault = BY_KEY[key], self.faults[broker]
        flexible = api.flexible(version)
        body = frame[10 + size + flexible :]
        self.asked[api.name] += 1
        self.bodies.setdefault(api.name, []).append(body)
        if fault.hang or api.name in fault.slow:
            fault.held += 1
            await asyncio.Event().wait()
        if fault.drop and api is not API_VERSIONS and b"\1\0\0" not in body[:3]:
            writer.close()
            raise ConnectionError
        low, high = offered(self.truth).get(api.key, (0, -1))
        if api is not API_VERSIONS and not low <= version <= high:
            self.not_offered.append(api.name)
            writer.close()
            raise ConnectionError
        answer = self._body(broker, api, version, body)
        if answer is None:
            await asyncio.Event().wait()
        header = struct.pack(">i", correlation) + (b"\0" if flexible and api is not API_VERSIONS else b"")
        writer.write(struct.pack(">i", len(header) + len(answer or b"")) + header)
        writer.write(answer or b"")
        await writer.drain()

    def _body(self, broker: int, api: KafkaApi, version: int, body: bytes) -> bytes | None:
        """Return the answer's body; None for no answer at all."""
        fault = self.faults[broker]
        if api.name in fault.garbage:
            return b"\0\0\0\0\xff\xff\xff\xff\x07garbage"
        key = (broker, api.key, version, body)
        if self.cache is not None and key in self.cache:
            return self.cache[key]
        if fault.no_times and api is LIST_OFFSETS and _by_time(_decode(api, version, body)):
            return b"\0\0\0\0\xff\xff\xff\xff\x07garbage"
        truth = fault.taken_by or self.truth
        answer = ALL_ANSWERS[api.name](truth, fault, broker, version, _decode(api, version, body))
        if answer is None:
            return None
        encoded = bytes(answer.encode())
        if truth.mangle:
            encoded = truth.mangle(api.name, encoded)
        if api.throttle and fault.throttle_ms:
            encoded = struct.pack(">i", fault.throttle_ms) + encoded[4:]
        if self.cache is not None:
            self.cache[key] = encoded
        return encoded


def _by_time(asked: Message) -> bool:
    return any(partition.timestamp not in {-1, -2} for topic in asked.topics for partition in topic.partitions)


def _decode(api: KafkaApi, version: int, body: bytes) -> Message:
    return api.request.decode(body, version=version)


def main() -> None:
    """Serve a large cluster until standard input ends; print its address first."""
    partitions, groups, commits = map(int, sys.argv[1:4])
    topics = {f"topic-{i:05}": 50 for i in range(partitions // 50)}
    names = list(topics)
    truth = Truth(topics)
    for g in range(groups):
        own = [(names[(g * 7 + i // 50) % len(names)], i % 50) for i in range(commits)]
        truth.commits[f"group-{g:05}"] = dict.fromkeys(own, 40)
        truth.coordinator[f"group-{g:05}"] = truth.brokers[g % 3]
    with PreparedCluster(truth) as cluster:
        cluster.cache = {}
        print(",".join(cluster.bootstrap), flush=True)  # noqa: T201 - this is its answer
        for moved, _ in enumerate(sys.stdin):
            move(cluster.cache, 100 + moved)
            print("moved", flush=True)  # noqa: T201


def move(cache: dict[tuple[int, int, int, bytes], bytes], end: int) -> None:
    """Add one to every end offset in the answers that are kept: as if a record had come everywhere."""
    for key, body in cache.items():
        if key[1] == LIST_OFFSETS.key:
            cache[key] = body.replace(_offset(end), _offset(end + 1))


def _offset(value: int) -> bytes:
    return b"\0\0" + struct.pack(">qqi", -1, value, 0)


if __name__ == "__main__":
    main()
