"""Snapshots written down by hand: a cluster in a few readable lines."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from streamwatch.model.kafka import (
    NOT_KNOWN,
    NOT_SET,
    Broker,
    ClusterSnapshot,
    CommitKeys,
    Group,
    GroupTable,
    Topology,
)
from streamwatch.model.metric import Metric, Samples

Partition = tuple[int, Sequence[int], Sequence[int]]
"""Leader, replicas, ISR."""


def topology(topics: Mapping[str, Sequence[Partition]], internal: Sequence[str] = ()) -> Topology:
    """Build a topology: for each topic its partitions from 0 on."""
    names = tuple(sorted(topics))
    rows = [(t, p, *topics[name][p]) for t, name in enumerate(names) for p in range(len(topics[name]))]
    sizes = [len(replicas) for *_, replicas, _ in rows]
    return Topology(
        topics=names,
        internal=np.array([name in internal for name in names], dtype=bool),
        topic_start=np.concatenate(([0], np.cumsum([len(topics[name]) for name in names]))).astype(np.int64),
        topic=np.array([row[0] for row in rows], dtype=np.int32),
        partition=np.array([row[1] for row in rows], dtype=np.int32),
        leader=np.array([row[2] for row in rows], dtype=np.int32),
        replica_start=np.concatenate(([0], np.cumsum(sizes))).astype(np.int64),
        replica=np.array([r for *_, replicas, _ in rows for r in replicas], dtype=np.int32),
        in_sync=np.array([r in isr for *_, replicas, isr in rows for r in replicas], dtype=bool),
    )


def snapshot(  # noqa: PLR0913 - each fact by its name
    topics: Mapping[str, Sequence[Partition]],
    *,
    down: Sequence[int] = (),
    groups: Sequence[Group] = (),
    commits: Mapping[tuple[str, str, int], int] | None = None,
    end: Mapping[tuple[str, int], int] | None = None,
    start: Mapping[tuple[str, int], int] | None = None,
    stable: Mapping[tuple[str, int], int] | None = None,
    of: Topology | None = None,
    **others: Any,
) -> ClusterSnapshot:
    """Build a snapshot of a healthy cluster but for what is said otherwise; offsets not given are not known."""
    shape = of or topology(topics)
    partitions, replicas, count = len(shape.partition), len(shape.replica), len(shape.topics)
    ids = sorted(set(shape.replica.tolist()))
    table = _table(tuple(groups), shape)
    keys, committed = _commits(commits or {}, table, shape)
    ends = _offsets(end or {}, shape)
    plain = ClusterSnapshot(
        cluster="test",
        taken_at=1000.0,
        read_seconds=0.1,
        cluster_id="id",
        brokers=tuple(Broker(i, f"host{i}", 9092, None, i not in down, registered=True) for i in ids),
        controllers=1.0,
        topology=shape,
        selected=np.ones(count, dtype=bool),
        start_offset=_offsets(start or {}, shape),
        end_offset=ends,
        stable_offset=ends if stable is None else _offsets(stable, shape),
        stable_since=np.full(partitions, np.nan),
        offsets_at=1000.0,
        offsets_monotonic=others.get("offsets_at", 1000.0),
        replica_bytes=np.full(replicas, NOT_KNOWN, dtype=np.int64),
        log_dirs=(),
        reassigning=0.0,
        adding=np.zeros(replicas, dtype=bool),
        min_isr=np.full(count, 1, dtype=np.int64),
        retention_ms=np.full(count, NOT_SET, dtype=np.int64),
        retention_bytes=np.full(count, NOT_SET, dtype=np.int64),
        cleanup_policy=np.full(count, NOT_SET, dtype=np.int64),
        groups=table,
        groups_complete=True,
        commits=keys,
        committed=committed,
        completed=np.zeros(len(committed), dtype=np.int64),
        unread_at=np.full(len(committed), np.nan),
        problems=(),
        requests=(),
    )
    assert len(plain.end_offset) == partitions
    return replace(plain, **others)


def group(name: str, state: str = "Stable", **others: Any) -> Group:
    """Build a classic group."""
    facts: dict[str, Any] = {"type": "classic", "coordinator": 1, "members": 1, "idle_members": 0}
    return Group(name=name, state=state, **(facts | others))


def values(samples: Sequence[Samples], metric: Metric) -> dict[str, float]:
    """Return what is known of one metric, by its labels but the cluster's, joined by a space."""
    found: dict[str, float] = {}
    for one in samples:
        if one.metric is metric:
            for row, value in one.known().items():
                found[" ".join(row[1:])] = value
    return found


def value(samples: Sequence[Samples], metric: Metric) -> float | None:
    """Return the value of a metric of the whole cluster, None where it is not known."""
    return values(samples, metric).get("")


def _offsets(given: Mapping[tuple[str, int], int], shape: Topology) -> Any:
    column = np.full(len(shape.partition), NOT_KNOWN, dtype=np.int64)
    for (topic, partition), offset in given.items():
        column[shape.topic_start[shape.topic_index[topic]] + partition] = offset
    return column


def _table(groups: tuple[Group, ...], shape: Topology) -> GroupTable:
    held = [(g, t, p) for g, one in enumerate(groups) for t, numbers in one.assigned for p in numbers]
    rows = [shape.topic_start[shape.topic_index[t]] + p for _, t, p in held]
    return GroupTable(groups, np.array([g for g, *_ in held], dtype=np.int32), np.array(rows, dtype=np.int64))


def _commits(given: Mapping[tuple[str, str, int], int], table: GroupTable, shape: Topology) -> tuple[CommitKeys, Any]:
    index = {one.name: i for i, one in enumerate(table.groups)}
    topic = np.array([shape.topic_index.get(t, -1) for _, t, _ in given], dtype=np.int64)
    partition = np.array([p for *_, p in given], dtype=np.int64)
    owner = np.array([index[g] for g, *_ in given], dtype=np.int32)
    answered = np.ones(len(table.groups), dtype=bool)
    keys = CommitKeys(table, shape, owner, shape.rows(topic, partition), answered)
    return keys, np.array(list(given.values()), dtype=np.int64)
