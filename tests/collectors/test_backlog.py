"""What is left unread: records that can be read, and not a distance between two numbers."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamwatch.catalogue import kafka_exporter as k
from streamwatch.catalogue import kafka_groups as c
from streamwatch.collectors.groups import GroupCollector
from streamwatch.collectors.kafka_exporter import KafkaExporterCollector
from streamwatch.collectors.lag import EndOffsetHistory
from streamwatch.collectors.partitions import PartitionCollector
from streamwatch.model.kafka import NOT_KNOWN, CleanupPolicy, ClusterSnapshot
from streamwatch.model.metric import Metric, Samples
from tests.snapshots import group, snapshot, topology, values

P = (1, (1,), (1,))
TOPICS = {"t": [P, P]}
SHAPE = topology(TOPICS)
MEMBERLESS = group("g", "Empty", members=0)


def see(first: int, second: int | None = 100, **facts: Any) -> ClusterSnapshot:
    """Build a read of a group that has read all of partition 1, or what is said; both end at 100."""
    plain: dict[str, Any] = {
        "of": SHAPE,
        "end": {("t", 0): 100, ("t", 1): 100},
        "start": {("t", 0): 0, ("t", 1): 0},
        "groups": [MEMBERLESS],
        "commits": {("g", "t", 0): first} | ({} if second is None else {("g", "t", 1): second}),
    }
    return snapshot(TOPICS, **(plain | facts))


def collect(*reads: ClusterSnapshot) -> list[Samples]:
    collector = GroupCollector(EndOffsetHistory(86400, 15))
    return [collector.collect(now) for now in reads][-1]


def start(first: int) -> dict[str, Any]:
    return {"start": {("t", 0): first, ("t", 1): 0}}


CASES: list[Any] = [
    pytest.param(see(60), c.GROUP_TOPIC_LAG, 40, id="to_the_end"),
    pytest.param(see(60, **start(90)), c.GROUP_TOPIC_LAG, 10, id="what_is_deleted_is_not_lag"),
    pytest.param(see(60, **start(100)), c.GROUP_TOPIC_LAG, 0, id="all_unread_is_deleted"),
    pytest.param(see(60, **start(100)), c.GROUP_TOPIC_LAG_SECONDS, 0, id="and_has_no_age"),
    pytest.param(see(60, **start(100)), c.GROUP_TOPIC_EXPIRES, np.inf, id="and_cannot_expire"),
    pytest.param(see(60, **start(100)), c.GROUP_TOPIC_LOST, 40, id="but_is_lost"),
    pytest.param(see(60, **start(120)), c.GROUP_TOPIC_LAG, 0, id="a_start_read_after_the_end"),
    pytest.param(see(60, **start(120)), c.GROUP_TOPIC_LAG_SECONDS, 0, id="is_no_commit_ahead"),
    pytest.param(see(60, **start(NOT_KNOWN)), c.GROUP_TOPIC_LAG, 40, id="start_unknown_an_upper_bound"),
    pytest.param(see(60, completed=np.array([15, 0])), c.GROUP_TOPIC_LAG, 25, id="completed_records"),
    pytest.param(see(60, completed=np.array([NOT_KNOWN, 0])), c.GROUP_TOPIC_LAG, None, id="completed_unknown"),
    pytest.param(see(60, completed=np.array([0, NOT_KNOWN])), c.GROUP_TOPIC_LAG, 40, id="nothing_left_all_the_same"),
    pytest.param(see(60, completed=np.array([99, 0])), c.GROUP_TOPIC_LAG, 0, id="never_negative"),
    pytest.param(see(60, 160), c.GROUP_TOPIC_LAG, 40, id="ahead_takes_nothing_off"),
    pytest.param(see(60, 160), c.GROUP_TOPIC_AHEAD, 60, id="ahead"),
    pytest.param(see(60, 160), c.GROUP_TOPIC_MAX_LAG, 40, id="worst_of_the_others"),
    pytest.param(see(60, NOT_KNOWN), c.GROUP_TOPIC_LAG, None, id="no_sum_with_a_missing_addend"),
    pytest.param(see(60, NOT_KNOWN), c.GROUP_TOPIC_MAX_LAG, 40, id="the_most_of_those_known"),
    pytest.param(see(60, None, **start(100)), c.GROUP_TOPIC_UNCOMMITTED, 1, id="an_empty_partition_needs_no_commit"),
    pytest.param(
        see(60, unread_at=np.array([970.0, np.nan])), c.GROUP_TOPIC_LAG_SECONDS, 30, id="the_leader_knows_the_age"
    ),
    pytest.param(
        see(60, unread_at=np.array([1300.0, np.nan])), c.GROUP_TOPIC_LAG_SECONDS, 0, id="a_timestamp_of_the_future"
    ),
    pytest.param(
        see(60, 160, unread_at=np.array([np.nan, 970.0])), c.GROUP_TOPIC_LAG_SECONDS, None, id="no_age_for_who_is_ahead"
    ),
    pytest.param(
        see(60, stable={("t", 0): 60, ("t", 1): 100}), c.GROUP_TOPIC_LAG_SECONDS, 0, id="an_open_transaction_is_no_age"
    ),
    pytest.param(see(60, stable={("t", 0): 60, ("t", 1): 100}), c.GROUP_TOPIC_LAG, 40, id="and_still_records"),
]


@pytest.mark.parametrize(("now", "metric", "expected"), CASES)
def test_what_is_left(now: ClusterSnapshot, metric: Metric, expected: float | None) -> None:
    assert values(collect(now), metric).get("g t") == expected


@pytest.mark.parametrize("now", [one.values[0] for one in CASES])
def test_every_collector_counts_alike(now: ClusterSnapshot) -> None:
    history = EndOffsetHistory(86400, 15)
    groups = GroupCollector(history).collect(now)
    each = values(PartitionCollector(history).collect(now), c.GROUP_PARTITION_LAG)
    other = KafkaExporterCollector().collect(now)

    assert values(other, k.LAG) == each
    assert values(other, k.LAG_SUM) == values(groups, c.GROUP_TOPIC_LAG)
    assert values(other, k.COMMITTED_SUM) == values(groups, c.GROUP_TOPIC_COMMITTED)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        pytest.param(CleanupPolicy.DELETE, 30.0, id="delete"),
        pytest.param(CleanupPolicy.COMPACT_DELETE, 30.0, id="compact_and_delete"),
        pytest.param(CleanupPolicy.COMPACT, np.inf, id="compact"),
        pytest.param(CleanupPolicy.NONE, np.inf, id="none"),
        pytest.param(-2, 30.0, id="unknown"),
    ],
)
def test_what_is_not_deleted_never_expires(policy: int, expected: float) -> None:
    facts: dict[str, Any] = {"retention_ms": np.array([60_000]), "unread_at": np.array([970.0, np.nan])}

    samples = collect(see(60, cleanup_policy=np.array([int(policy)]), **facts))

    assert values(samples, c.GROUP_TOPIC_EXPIRES) == {"g t": expected}


def test_how_each_age_is_known_is_counted() -> None:
    samples = collect(see(60, None, unread_at=np.array([970.0])))

    methods = {key.split()[-1]: count for key, count in values(samples, c.GROUP_TOPIC_LAG_METHOD).items() if count}
    assert methods == {"looked_up": 1}


def test_a_topic_left_long_ago_hides_nothing() -> None:
    topics = {"left": [P], "read": [P]}
    shape = topology(topics)
    collector = GroupCollector(EndOffsetHistory(86400, 15))
    for at in (0.0, 15.0, 30.0):
        samples = collector.collect(
            snapshot(
                topics,
                of=shape,
                end={("left", 0): 100, ("read", 0): 100 + int(at)},
                start={("left", 0): 0, ("read", 0): 0},
                commits={("g", "left", 0): 10, ("g", "read", 0): 100},
                groups=[MEMBERLESS],
                offsets_at=at,
            )
        )

    assert values(samples, c.GROUP_LAG_SECONDS) == {"g": 30.0}
    assert values(samples, c.GROUP_TOPIC_LAG_SECONDS) == {"g read": 30.0}


@given(
    growth=st.lists(st.integers(0, 50), min_size=2, max_size=30),
    jumps=st.lists(st.floats(-1e7, 1e7), min_size=30, max_size=30),
    behind=st.integers(0, 200),
)
def test_a_wall_clock_that_jumps_changes_no_age(growth: list[int], jumps: list[float], behind: int) -> None:
    def told(wall: list[float]) -> list[dict[str, float]]:
        collector = GroupCollector(EndOffsetHistory(86400, 15))
        seen, end = [], 100
        for i, more in enumerate(growth):
            end += more
            now = see(max(end - behind, 0), end={("t", 0): end, ("t", 1): 100})
            samples = collector.collect(replace(now, offsets_at=wall[i], offsets_monotonic=15.0 * i))
            seen.append(
                values(samples, c.GROUP_TOPIC_LAG_SECONDS)
                | values(samples, c.GROUP_TOPIC_LAG_METHOD)
                | values(samples, c.GROUP_TOPIC_STATE)
            )
        return seen

    assert told([15.0 * i + sum(jumps[: i + 1]) for i in range(len(growth))]) == told([15.0 * i for i in range(30)])


def test_a_share_group_is_as_late_as_what_it_may_not_be_done_with() -> None:
    """100 records at 1000 s, 100 more at 1015 s; the group is done with 110 of them, in whatever order."""
    later: dict[str, Any] = {"end": {("t", 0): 200, ("t", 1): 100}, "offsets_at": 1015.0, "offsets_monotonic": 1015.0}
    done: dict[str, Any] = {"completed": np.array([50, 0])}

    samples = collect(see(60), see(60, **later, **done))

    assert values(samples, c.GROUP_TOPIC_LAG_SECONDS)["g t"] == pytest.approx(13.5, abs=2)
