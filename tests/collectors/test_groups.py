from typing import Any

import numpy as np
import pytest

from streamwatch.catalogue import kafka_groups as c
from streamwatch.collectors.groups import GroupCollector
from streamwatch.collectors.lag import EndOffsetHistory
from streamwatch.collectors.partitions import PartitionCollector
from streamwatch.model.kafka import ClusterSnapshot
from streamwatch.model.metric import Metric, Samples
from tests.snapshots import group, snapshot, topology, values

P = (1, (1,), (1,))
TOPICS = {"orders": [P, P], "clicks": [P]}
SHAPE = topology(TOPICS)
END = {("orders", 0): 100, ("orders", 1): 200, ("clicks", 0): 50}
START = {("orders", 0): 10, ("orders", 1): 0, ("clicks", 0): 0}
COMMITS = {("g", "orders", 0): 90, ("g", "orders", 1): 150, ("g", "clicks", 0): 50}


def see(**facts: Any) -> ClusterSnapshot:
    plain: dict[str, Any] = {"of": SHAPE, "end": END, "start": START, "groups": [group("g")], "commits": COMMITS}
    return snapshot(TOPICS, **(plain | facts))


def collect(*seen: ClusterSnapshot) -> list[Samples]:
    collector = GroupCollector(EndOffsetHistory(86400, 15))
    samples: list[Samples] = []
    for now in seen:
        samples = collector.collect(now)
    return samples


CASES: list[Any] = [
    pytest.param({}, c.GROUP_TOPIC_LAG, {"g clicks": 0, "g orders": 60}, id="lag"),
    pytest.param({}, c.GROUP_TOPIC_MAX_LAG, {"g clicks": 0, "g orders": 50}, id="worst_partition"),
    pytest.param({}, c.GROUP_LAG, {"g": 60}, id="lag_of_the_group"),
    pytest.param({}, c.GROUP_TOPIC_COMMITTED, {"g clicks": 50, "g orders": 240}, id="committed"),
    pytest.param(
        {"end": END | {("orders", 1): -1}}, c.GROUP_TOPIC_LAG, {"g clicks": 0}, id="no_sum_with_a_missing_addend"
    ),
    pytest.param({"end": END | {("orders", 1): -1}}, c.GROUP_LAG, {}, id="nor_a_sum_of_such_sums"),
    pytest.param({"commits": COMMITS | {("g", "clicks", 0): 70}}, c.GROUP_LAG, {"g": 60}, id="never_negative"),
    pytest.param({"commits": {}}, c.GROUP_LAG, {}, id="no_commits_is_not_zero_lag"),
    pytest.param({"commits": COMMITS | {("g", "gone", 0): 5}}, c.GROUP_LAG, {"g": 60}, id="a_deleted_topic_has_no_lag"),
    pytest.param(
        {"commits": {("g", "orders", 0): 90}}, c.GROUP_TOPIC_UNCOMMITTED, {"g orders": 1}, id="uncommitted_partitions"
    ),
    pytest.param(
        {"start": START | {("orders", 0): 95}}, c.GROUP_TOPIC_LOST, {"g clicks": 0, "g orders": 5}, id="lost_unread"
    ),
    pytest.param({}, c.GROUP_STATE, {"g classic Stable": 1}, id="state"),
    pytest.param({}, c.GROUP_MEMBERS, {"g": 1}, id="members"),
    pytest.param({"groups": [group("g", "", members=None)]}, c.GROUP_MEMBERS, {}, id="members_unknown"),
    pytest.param({"groups": [group("g", "")]}, c.GROUP_STATE, {}, id="state_unknown"),
    pytest.param({"selected": np.array([True, False])}, c.GROUP_TOPIC_LAG, {"g clicks": 0}, id="only_selected_topics"),
]


@pytest.mark.parametrize(("facts", "metric", "expected"), CASES)
def test_groups(facts: dict[str, Any], metric: Metric, expected: dict[str, float]) -> None:
    assert values(collect(see(**facts)), metric) == expected


def holding(**facts: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {"assigned": (("orders", (0,)),), "subscribed": frozenset({"orders"})}
    return {"groups": [group("g", **(plain | facts))], "commits": {}}


MISMATCH: list[Any] = [
    pytest.param(holding(), c.GROUP_TOPIC_UNASSIGNED, {"g orders": 1}, id="a_partition_that_nobody_reads"),
    pytest.param(holding(), c.GROUP_TOPIC_UNCOMMITTED, {"g orders": 2}, id="held_and_never_committed"),
    pytest.param(holding(members=3, idle_members=2), c.GROUP_IDLE_MEMBERS, {"g": 2}, id="more_members_than_partitions"),
    pytest.param(
        holding(subscribed=frozenset({"orders", "clicks"})),
        c.GROUP_TOPIC_UNASSIGNED,
        {"g clicks": 1, "g orders": 1},
        id="a_topic_asked_for_and_held_by_nobody",
    ),
    pytest.param(
        holding(idle_members=None, assigned=()), c.GROUP_TOPIC_UNASSIGNED, {}, id="rebalancing_is_not_a_mismatch"
    ),
    pytest.param(holding(members=0), c.GROUP_TOPIC_UNASSIGNED, {}, id="an_empty_group_asks_for_nothing"),
]


@pytest.mark.parametrize(("facts", "metric", "expected"), MISMATCH)
def test_consumers_against_partitions(facts: dict[str, Any], metric: Metric, expected: dict[str, float]) -> None:
    assert values(collect(see(**facts)), metric) == expected


def later(**facts: Any) -> ClusterSnapshot:
    more = {("orders", 0): 200, ("orders", 1): 300, ("clicks", 0): 50}
    return see(taken_at=1015.0, offsets_at=1015.0, end=more, **facts)


def test_lag_in_seconds_is_the_oldest_unread_records_age() -> None:
    samples = collect(see(), later(commits=COMMITS | {("g", "orders", 0): 100, ("g", "orders", 1): 275}))

    assert values(samples, c.GROUP_TOPIC_LAG_SECONDS) == {"g clicks": 0.0, "g orders": 15.0}
    assert values(samples, c.GROUP_LAG_SECONDS) == {"g": 15.0}


def test_a_partition_that_is_older_than_what_was_seen_hides_nothing() -> None:
    samples = collect(see(), later(commits=COMMITS | {("g", "orders", 0): 100}))

    assert values(samples, c.GROUP_TOPIC_LAG_SECONDS) == {"g clicks": 0.0, "g orders": 15.0}
    assert values(samples, c.GROUP_LAG_SECONDS) == {"g": 15.0}
    methods = {k: v for k, v in values(samples, c.GROUP_TOPIC_LAG_METHOD).items() if v}
    assert methods == {"g clicks idle": 1, "g orders measured": 1, "g orders unknown": 1}


@pytest.mark.parametrize(
    ("retention_ms", "expected"),
    [
        pytest.param(60_000, {"g clicks": np.inf, "g orders": 45.0}, id="retention_less_the_age"),
        pytest.param(10_000, {"g clicks": np.inf, "g orders": 0.0}, id="overdue"),
        pytest.param(-1, {"g clicks": np.inf, "g orders": np.inf}, id="kept_for_ever"),
        pytest.param(-2, {"g clicks": np.inf}, id="retention_unknown"),
    ],
)
def test_time_until_unread_records_expire(retention_ms: int, expected: dict[str, float]) -> None:
    commits = COMMITS | {("g", "orders", 0): 100, ("g", "orders", 1): 300}

    samples = collect(see(), later(commits=commits, retention_ms=np.array([retention_ms, retention_ms])))

    assert values(samples, c.GROUP_TOPIC_EXPIRES) == pytest.approx(expected)


def test_commits_that_were_not_told_are_not_counted_as_uncommitted() -> None:
    now = see(**holding())
    now.commits.answered[:] = False

    assert values(collect(now), c.GROUP_TOPIC_UNCOMMITTED) == {}


def test_keys_stay_the_same_objects_while_nothing_changes() -> None:
    collector = GroupCollector(EndOffsetHistory(86400, 15))
    now = see()

    first, second = collector.collect(now), collector.collect(now)

    assert all(a.keys is b.keys for a, b in zip(first, second, strict=True))


def test_partitions_are_given_one_by_one_where_asked_for() -> None:
    history = EndOffsetHistory(86400, 15)
    now = see()
    GroupCollector(history).collect(now)

    samples = PartitionCollector(history).collect(now)

    assert values(samples, c.GROUP_PARTITION_LAG) == {"g clicks 0": 0, "g orders 0": 10, "g orders 1": 50}
    assert values(samples, c.PARTITION_END_OFFSET) == {"clicks 0": 50, "orders 0": 100, "orders 1": 200}
    assert values(samples, c.PARTITION_LEADER) == {"clicks 0": 1, "orders 0": 1, "orders 1": 1}
