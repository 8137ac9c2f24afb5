from typing import Any

import pytest

from streamwatch.catalogue import kafka_controllers as c
from streamwatch.collectors.cluster import ClusterCollector
from streamwatch.model.kafka import Quorum, QuorumReplica
from streamwatch.model.metric import Metric
from tests.snapshots import snapshot, values

NAN = float("nan")
TOPICS = {"t": [(1, (1, 2), (1, 2))]}
QUORUM = Quorum(
    leader=101,
    epoch=7,
    high_watermark=500,
    replicas=(
        QuorumReplica(100, voter=True, log_end_offset=-1, last_caught_up_at=NAN),
        QuorumReplica(101, voter=True, log_end_offset=510, last_caught_up_at=2000.0),
        QuorumReplica(102, voter=True, log_end_offset=480, last_caught_up_at=1985.5),
        QuorumReplica(1, voter=False, log_end_offset=510, last_caught_up_at=1999.9),
        QuorumReplica(2, voter=False, log_end_offset=512, last_caught_up_at=2000.1),
    ),
)
OLD = Quorum(
    0,
    3,
    90,
    (
        QuorumReplica(0, voter=True, log_end_offset=100, last_caught_up_at=NAN),
        QuorumReplica(1, voter=True, log_end_offset=99, last_caught_up_at=NAN),
    ),
)
COMBINED = Quorum(
    1,
    3,
    90,
    (
        QuorumReplica(1, voter=False, log_end_offset=90, last_caught_up_at=90.0),
        QuorumReplica(1, voter=True, log_end_offset=100, last_caught_up_at=100.0),
    ),
)

CASES: list[Any] = [
    pytest.param({"quorum": QUORUM}, c.CONTROLLER_ID, {"": 101}, id="who_is_active"),
    pytest.param({"quorum": QUORUM}, c.CONTROLLER_EPOCH, {"": 7}, id="epoch"),
    pytest.param(
        {"quorum": QUORUM},
        c.QUORUM_LAG,
        {"101 leader": 0, "102 follower": 30, "1 observer": 0, "2 observer": 0},
        id="lag_behind_the_leader_never_negative_and_absent_where_unknown",
    ),
    pytest.param(
        {"quorum": QUORUM},
        c.QUORUM_LAG_SECONDS,
        {"101 leader": 0, "102 follower": 14.5, "1 observer": pytest.approx(0.1), "2 observer": 0},
        id="time_by_the_leaders_clock",
    ),
    pytest.param(
        {"quorum": QUORUM},
        c.QUORUM_FETCHED,
        {"100 follower": 0, "101 leader": 1, "102 follower": 1, "1 observer": 1, "2 observer": 1},
        id="one_that_never_fetched_is_named",
    ),
    pytest.param({"quorum": OLD}, c.QUORUM_LAG_SECONDS, {}, id="before_3_3_there_are_no_times"),
    pytest.param({"quorum": OLD}, c.QUORUM_LAG, {"0 leader": 0, "1 follower": 1}, id="before_3_3_there_is_lag"),
    pytest.param(
        {"quorum": COMBINED},
        c.QUORUM_LAG,
        {"1 leader": 0, "1 observer": 10},
        id="a_leader_that_also_observes_is_a_voter",
    ),
    pytest.param({"quorum": Quorum(2)}, c.CONTROLLER_ID, {"": 2}, id="with_zookeeper"),
    pytest.param({"quorum": Quorum(2)}, c.CONTROLLER_EPOCH, {}, id="with_zookeeper_no_epoch"),
    pytest.param({"quorum": Quorum(2)}, c.QUORUM_FETCHED, {}, id="with_zookeeper_no_quorum"),
    pytest.param({}, c.CONTROLLER_ID, {}, id="nobody_is_active"),
    pytest.param(
        {"version": "3.9", "metadata_version": "3.9-IV0"}, c.VERSION_INFO, {"3.9 3.9-IV0": 1}, id="the_clusters_version"
    ),
    pytest.param({"version": "2.8"}, c.VERSION_INFO, {"2.8 ": 1}, id="version_with_zookeeper"),
    pytest.param({"metadata_version": "31"}, c.VERSION_INFO, {" 31": 1}, id="a_metadata_version_without_a_release"),
    pytest.param({}, c.VERSION_INFO, {}, id="version_not_known"),
    pytest.param({"releases": {1: "4.2", 2: "4.3"}}, c.BROKER_VERSION_INFO, {"1 4.2": 1, "2 4.3": 1}, id="by_broker"),
    pytest.param({"releases": {2: "4.3"}}, c.BROKER_VERSION_INFO, {"2 4.3": 1}, id="one_brokers_is_not_known"),
]


@pytest.mark.parametrize(("facts", "metric", "expected"), CASES)
def test_controllers_and_versions(facts: dict[str, Any], metric: Metric, expected: dict[str, float]) -> None:
    assert values(ClusterCollector(4000).collect(snapshot(TOPICS, **facts)), metric) == expected
