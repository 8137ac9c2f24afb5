"""What the journal costs at 200,000 partitions: ``python tests/bench/bench_journal.py``."""

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np

from streamwatch.journal.kafka import step
from streamwatch.journal.seen import Seen, packed, unpacked
from streamwatch.model.kafka import Broker, ClusterSnapshot, CommitKeys, Group, GroupTable, Quorum, Topology, blank

TOPICS: Final = 2000
PARTITIONS: Final = 100
BROKERS: Final = 50
GROUPS: Final = 1000
REPEATS: Final = 5


def topology(topics: int, *, gone: int = -1) -> Topology:
    """Return so many topics of 100 partitions with 3 replicas; of one broker the leaders are elsewhere."""
    rows = topics * PARTITIONS
    first = np.arange(rows, dtype=np.int32) % BROKERS
    replica = np.stack([(first + i) % BROKERS for i in range(3)], axis=1).astype(np.int32)
    return Topology(
        topics=tuple(f"topic-{i:05}" for i in range(topics)),
        internal=np.zeros(topics, dtype=bool),
        topic_start=np.arange(topics + 1, dtype=np.int64) * PARTITIONS,
        topic=np.repeat(np.arange(topics, dtype=np.int32), PARTITIONS),
        partition=np.tile(np.arange(PARTITIONS, dtype=np.int32), topics),
        leader=np.where(replica[:, 0] == gone, replica[:, 1], replica[:, 0]),
        replica_start=np.arange(rows + 1, dtype=np.int64) * 3,
        replica=replica.reshape(-1),
        in_sync=np.ones(rows * 3, dtype=bool),
        topic_ids=tuple(f"{i:016}".encode() for i in range(topics)),
    )


def read(shape: Topology, offset: int = 100) -> ClusterSnapshot:
    """Return a read of a cluster in which 1,000 groups read 200 partitions each."""
    rows, topics = len(shape.partition), len(shape.topics)
    groups = tuple(Group(f"group-{i:04}", "classic", "Stable", 1, 3) for i in range(GROUPS))
    table = GroupTable(groups, np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.int64))
    row = np.arange(TOPICS * PARTITIONS, dtype=np.int64)
    keys = CommitKeys(table, shape, (row * GROUPS // len(row)).astype(np.int32), row, np.ones(GROUPS, dtype=bool))
    return replace(
        blank("big", 1000.0, shape),
        cluster_id="a",
        brokers=tuple(Broker(i, f"b{i}", 9092, None, up=True, registered=True) for i in range(BROKERS)),
        controllers=1.0,
        quorum=Quorum(1),
        reassigning=0.0,
        end_offset=np.full(rows, 1_000_000, dtype=np.int64),
        retention_ms=np.full(topics, 86_400_000, dtype=np.int64),
        groups=table,
        groups_complete=True,
        commits=keys,
        committed=np.full(len(row), offset, dtype=np.int64),
    )


def measure(what: str, work: Callable[[], object]) -> None:
    """Print the shortest time of several."""
    times = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    sys.stdout.write(f"{what:58} {min(times) * 1000:8.1f} ms\n")


def main() -> None:
    """Measure comparisons, and what is written of them."""
    first = read(topology(TOPICS))
    seen, _ = step(Seen(), first, is_scope_new=False)
    later = replace(first, committed=first.committed + 1)
    measure("nothing changed but positions", lambda: step(seen, later, is_scope_new=False))
    moved = read(topology(TOPICS, gone=7))
    measure("the leaders of a broker moved", lambda: step(seen, moved, is_scope_new=False))
    one_more = read(topology(TOPICS + 1))
    measure("a topic was made", lambda: step(seen, one_more, is_scope_new=False))
    parts = {name: packed(part) for name, part in seen.parts.items()}
    for name in ("topics", "positions", "groups"):
        part = seen.parts[name]
        measure(f"packing {name}: {len(parts[name]):,} bytes", lambda part=part: packed(part))  # type: ignore[misc]
    measure("unpacking all", lambda: [unpacked(name, body) for name, body in parts.items()])
    again = Seen({name: unpacked(name, body) for name, body in parts.items()})
    measure("the first read after a restart", lambda: step(again, one_more, is_scope_new=False))


if __name__ == "__main__":
    main()
