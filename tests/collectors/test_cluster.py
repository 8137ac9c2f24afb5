"""Each semantic trap of the brokers' own counters is a case here."""

from typing import Any

import numpy as np
import pytest

from streamwatch.catalogue import kafka as c
from streamwatch.collectors.cluster import ClusterCollector
from streamwatch.model.kafka import NOT_KNOWN, NOT_SET, ClusterSnapshot, LogDir
from streamwatch.model.metric import Metric, Samples
from tests.snapshots import snapshot, value, values

R3 = (1, 2, 3)
HEALTHY = {"orders": [(1, R3, R3), (2, (2, 3, 1), R3), (3, (3, 1, 2), R3)]}
ONE_DEAD = {"orders": [(1, R3, (1, 2)), (2, (2, 3, 1), (1, 2)), (1, (3, 1, 2), (1, 2))]}


def collect(now: ClusterSnapshot) -> list[Samples]:
    return ClusterCollector(partitions_per_broker=10).collect(now)


CLUSTER_CASES: list[Any] = [
    pytest.param(HEALTHY, {}, {c.OFFLINE_PARTITIONS: 0, c.UNREACHABLE_PARTITIONS: 0}, id="healthy"),
    pytest.param(HEALTHY, {}, {c.PARTITIONS: 3, c.TOPICS: 1, c.BROKERS: 3}, id="replicas_are_not_partitions"),
    pytest.param(HEALTHY, {"down": [2]}, {c.UNREACHABLE_PARTITIONS: 1}, id="leader_unreachable_before_it_is_offline"),
    pytest.param({"t": [(-1, (2,), ())]}, {"down": [2]}, {c.OFFLINE_PARTITIONS: 1}, id="no_leader_is_offline"),
    pytest.param({"t": [(-1, (2,), ())]}, {"down": [2]}, {c.UNREACHABLE_PARTITIONS: 1}, id="no_leader_is_unreachable"),
    pytest.param(HEALTHY, {}, {c.NON_PREFERRED_LEADERS: 0, c.LEADER_SKEW: 0}, id="balanced"),
    pytest.param(ONE_DEAD, {}, {c.NON_PREFERRED_LEADERS: 1 / 3}, id="a_leader_that_is_not_preferred"),
    pytest.param(ONE_DEAD, {}, {c.LEADER_SKEW: 1.0}, id="two_of_three_leaders_on_one_of_three_brokers"),
    pytest.param(HEALTHY, {"controllers": 0.0}, {c.ACTIVE_CONTROLLERS: 0, c.OFFLINE_PARTITIONS: None}, id="frozen"),
    pytest.param(
        HEALTHY, {"controllers": 0.0}, {c.PARTITIONS: 3, c.NON_PREFERRED_LEADERS: None}, id="frozen_keeps_size"
    ),
    pytest.param(
        HEALTHY, {"controllers": float("nan")}, {c.ACTIVE_CONTROLLERS: None, c.OFFLINE_PARTITIONS: 0}, id="may_not_ask"
    ),
    pytest.param(HEALTHY, {"reassigning": float("nan")}, {c.REASSIGNING_PARTITIONS: None}, id="reassignments_unknown"),
    pytest.param(HEALTHY, {"groups_complete": False}, {c.GROUPS: None}, id="no_sum_with_a_missing_addend"),
    pytest.param({}, {}, {c.PARTITIONS: 0, c.NON_PREFERRED_LEADERS: None, c.LEADER_SKEW: None}, id="empty_cluster"),
]


@pytest.mark.parametrize(("topics", "facts", "expected"), CLUSTER_CASES)
def test_cluster(topics: Any, facts: dict[str, Any], expected: dict[Metric, float | None]) -> None:
    samples = collect(snapshot(topics, **facts))

    assert {metric: value(samples, metric) for metric in expected} == pytest.approx(expected)


def min_isr(least: int) -> dict[str, Any]:
    return {"min_isr": np.array([least])}


BROKER_CASES: list[Any] = [
    pytest.param(
        HEALTHY, {}, c.BROKER_PARTITIONS, {"1": 3, "2": 3, "3": 3}, id="replicas_count_as_partitions_of_a_broker"
    ),
    pytest.param(HEALTHY, {}, c.BROKER_PARTITIONS_LIMIT, {"1": 0.3, "2": 0.3, "3": 0.3}, id="share_of_the_limit"),
    pytest.param(HEALTHY, {}, c.BROKER_LEADERS, {"1": 1, "2": 1, "3": 1}, id="leaders"),
    pytest.param(HEALTHY, {}, c.BROKER_UNDER_REPLICATED, {"1": 0, "2": 0, "3": 0}, id="in_sync"),
    pytest.param(ONE_DEAD, {}, c.BROKER_UNDER_REPLICATED, {"1": 2, "2": 1, "3": 0}, id="counted_at_the_leader"),
    pytest.param(ONE_DEAD, {}, c.BROKER_OUT_OF_SYNC, {"1": 0, "2": 0, "3": 3}, id="caused_by_the_follower"),
    pytest.param(
        {"t": [(-1, (1,), ())]}, {}, c.BROKER_UNDER_REPLICATED, {"1": 0}, id="offline_is_not_under_replicated"
    ),
    pytest.param({"t": [(1, (1,), (1,))]}, {}, c.BROKER_UNDER_REPLICATED, {"1": 0}, id="one_replica_never_is"),
    pytest.param(ONE_DEAD, min_isr(2), c.BROKER_UNDER_MIN_ISR, {"1": 0, "2": 0, "3": 0}, id="at_min_isr_is_not_under"),
    pytest.param(ONE_DEAD, min_isr(2), c.BROKER_AT_MIN_ISR, {"1": 2, "2": 1, "3": 0}, id="at_min_isr"),
    pytest.param(ONE_DEAD, min_isr(3), c.BROKER_UNDER_MIN_ISR, {"1": 2, "2": 1, "3": 0}, id="under_min_isr"),
    pytest.param(
        {"t": [(1, (1,), (1,))]},
        min_isr(2),
        c.BROKER_UNDER_MIN_ISR,
        {"1": 0},
        id="min_isr_is_no_more_than_the_replicas",
    ),
    pytest.param(ONE_DEAD, min_isr(NOT_SET), c.BROKER_UNDER_MIN_ISR, {"3": 0}, id="unknown_where_a_setting_is_unknown"),
    pytest.param(ONE_DEAD, {"controllers": 0.0}, c.BROKER_UNDER_REPLICATED, {}, id="frozen_metadata_is_not_believed"),
    pytest.param(
        ONE_DEAD, {"controllers": 0.0}, c.BROKER_PARTITIONS, {"1": 3, "2": 3, "3": 3}, id="frozen_assignment_is"
    ),
    pytest.param(HEALTHY, {"down": [3], "controllers": 0.0}, c.BROKER_UP, {"1": 1, "2": 1, "3": 0}, id="up_is_ours"),
]


@pytest.mark.parametrize(("topics", "facts", "metric", "expected"), BROKER_CASES)
def test_broker(topics: Any, facts: dict[str, Any], metric: Metric, expected: dict[str, float]) -> None:
    assert values(collect(snapshot(topics, **facts)), metric) == pytest.approx(expected)


def test_a_replica_being_added_is_not_missed_yet() -> None:
    moving = {"t": [(1, (1, 2, 3), (1, 2))]}

    samples = collect(snapshot(moving, adding=np.array([False, False, True])))

    assert values(samples, c.BROKER_UNDER_REPLICATED) == {"1": 0, "2": 0, "3": 0}
    assert values(samples, c.BROKER_OUT_OF_SYNC) == {"1": 0, "2": 0, "3": 0}


def log_dir(broker: int, **facts: Any) -> LogDir:
    plain: dict[str, Any] = {"path": "/data", "total_bytes": 100, "usable_bytes": 25, "log_bytes": 60, "online": True}
    return LogDir(broker=broker, **(plain | facts))


def test_disk_use_is_a_ratio_of_the_volume() -> None:
    samples = collect(
        snapshot(HEALTHY, log_dirs=(log_dir(1), log_dir(2, total_bytes=NOT_KNOWN, usable_bytes=NOT_KNOWN)))
    )

    assert values(samples, c.LOG_DIR_USED) == {"1 /data": 0.75}


def test_a_directory_with_another_error_than_a_failed_disks_is_neither_online_nor_offline() -> None:
    dirs = (log_dir(1), log_dir(1, path="/odd", online=None, log_bytes=NOT_KNOWN))
    samples = collect(snapshot(HEALTHY, log_dirs=dirs))

    assert set(values(samples, c.LOG_DIR_ONLINE)) == {f"1 {dirs[0].path}"}
    assert "1" not in values(samples, c.BROKER_LOG_BYTES), "no sum with a missing addend"


def test_log_bytes_are_unknown_for_a_broker_with_a_directory_that_is_offline() -> None:
    dirs = (log_dir(1), log_dir(1, path="/more", log_bytes=1), log_dir(2, online=False), log_dir(2, path="/more"))

    samples = collect(snapshot(HEALTHY, log_dirs=dirs))

    assert values(samples, c.BROKER_LOG_BYTES) == {"1": 61}
    assert value(samples, c.BYTES_SKEW) is None
    assert values(samples, c.LOG_DIR_ONLINE) == {"1 /data": 1, "1 /more": 1, "2 /data": 0, "2 /more": 1}


def test_nothing_healthy_is_said_of_a_cluster_that_nobody_could_read() -> None:
    blind = snapshot(HEALTHY, down=[1, 2, 3], topology=None, controllers=float("nan"))

    known = {one.metric.name: one.known() for one in collect(blind) if one.known()}

    assert known == {c.BROKER_UP.name: {("test", "1"): 0.0, ("test", "2"): 0.0, ("test", "3"): 0.0}}
