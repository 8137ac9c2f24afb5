from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from streamwatch.catalogue import kafka as c
from streamwatch.collectors.topics import TopicCollector
from streamwatch.model.kafka import NOT_KNOWN, NOT_SET, CleanupPolicy, OpenTransaction
from streamwatch.model.metric import Metric
from tests.snapshots import Partition, snapshot, topology, values

TOPICS: dict[str, list[Partition]] = {"a": [(1, (1, 2), (1, 2)), (2, (2, 1), (2,))], "b": [(-1, (3,), ())]}
END = {("a", 0): 5, ("a", 1): 7, ("b", 0): 9}
SIZES = np.array([10, 11, 20, 21, 30])
HELD = (
    OpenTransaction("a", 1, 7, 40, 500.0, "shop-1", coordinated=False),
    OpenTransaction("b", 0, NOT_KNOWN, 9, 600.0, "", coordinated=None),
)

CASES: list[Any] = [
    pytest.param({"end": END}, c.TOPIC_END_OFFSET, {"a": 12, "b": 9}, id="end_offsets"),
    pytest.param({"end": {("a", 0): 5, ("b", 0): 9}}, c.TOPIC_END_OFFSET, {"b": 9}, id="no_sum_with_a_missing_addend"),
    pytest.param({"start": END}, c.TOPIC_START_OFFSET, {"a": 12, "b": 9}, id="start_offsets"),
    pytest.param(
        {"end": END, "stable": {("a", 0): 3, ("a", 1): 7, ("b", 0): 9}},
        c.TOPIC_UNDECIDED_RECORDS,
        {"a": 2, "b": 0},
        id="records_that_readers_of_committed_data_cannot_read_yet",
    ),
    pytest.param(
        {"end": END, "stable": {("a", 0): 3, ("b", 0): 9}},
        c.TOPIC_UNDECIDED_RECORDS,
        {"b": 0},
        id="no_sum_without_all",
    ),
    pytest.param(
        {"end": END, "stable": END, "stable_since": np.array([900.0, 950.0, np.nan])},
        c.TOPIC_UNDECIDED_SECONDS,
        {"a": 100, "b": 0},
        id="the_longest_that_one_stands",
    ),
    pytest.param(
        {"end": END, "stable": {("a", 0): 3}, "stable_since": np.array([900.0, np.nan, np.nan])},
        c.TOPIC_UNDECIDED_SECONDS,
        {"a": 100},
        id="the_longest_of_those_that_are_known",
    ),
    pytest.param(
        {"transactions": HELD},
        c.TRANSACTION_START,
        {"a 1 40 shop-1 7": 500.0, "b 0 9  ": 600.0},
        id="who_holds_back",
    ),
    pytest.param(
        {"transactions": HELD},
        c.TRANSACTION_COORDINATED,
        {"a 1 40 shop-1 7": 0.0},
        id="hangs_for_good_or_not_known",
    ),
    pytest.param(
        {"transactions": HELD, "selected": np.array([False, True])},
        c.TRANSACTION_START,
        {"b 0 9  ": 600.0},
        id="who_holds_back_where_we_look",
    ),
    pytest.param({"replica_bytes": SIZES}, c.TOPIC_LOG_BYTES, {"a": 30}, id="one_replica_counts_and_it_is_the_leaders"),
    pytest.param({}, c.TOPIC_PARTITIONS, {"a": 2, "b": 1}, id="partitions"),
    pytest.param({}, c.TOPIC_REPLICATION, {"a": 2, "b": 1}, id="replication"),
    pytest.param({}, c.TOPIC_OFFLINE, {"a": 0, "b": 1}, id="offline"),
    pytest.param({}, c.TOPIC_UNDER_REPLICATED, {"a": 1, "b": 0}, id="under_replicated"),
    pytest.param({"controllers": 0.0}, c.TOPIC_UNDER_REPLICATED, {}, id="frozen_metadata_is_not_believed"),
    pytest.param({"min_isr": np.array([2, -2])}, c.TOPIC_MIN_ISR, {"a": 2}, id="setting_unknown"),
    pytest.param(
        {"retention_ms": np.array([60_000, -1])}, c.TOPIC_RETENTION_SECONDS, {"a": 60, "b": np.inf}, id="kept_for_ever"
    ),
    pytest.param({"retention_bytes": np.array([7, -2])}, c.TOPIC_RETENTION_BYTES, {"a": 7}, id="retention_unknown"),
    pytest.param(
        {"cleanup_policy": np.array([CleanupPolicy.COMPACT, NOT_SET])},
        c.TOPIC_CLEANUP_POLICY,
        {"a compact": 1},
        id="cleanup_policy",
    ),
    pytest.param(
        {"cleanup_policy": np.array([CleanupPolicy.COMPACT_DELETE, CleanupPolicy.NONE])},
        c.TOPIC_CLEANUP_POLICY,
        {"a compact,delete": 1, "b none": 1},
        id="both_policies_and_none",
    ),
    pytest.param(
        {"cleanup_policy": np.array([0, 0]), "selected": np.array([False, True])},
        c.TOPIC_CLEANUP_POLICY,
        {"b delete": 1},
        id="policies_of_the_selected",
    ),
    pytest.param({"end": END, "selected": np.array([False, True])}, c.TOPIC_END_OFFSET, {"b": 9}, id="only_selected"),
]


@pytest.mark.parametrize(("facts", "metric", "expected"), CASES)
def test_topics(facts: dict[str, Any], metric: Metric, expected: dict[str, float]) -> None:
    assert values(TopicCollector().collect(snapshot(TOPICS, **facts)), metric) == expected


def test_the_sums_of_a_topic_made_anew_are_absent_for_one_read() -> None:
    """The agent's step from the old topic to the new one is no rate of anything."""
    collector = TopicCollector()

    def sums(a: bytes, end: int) -> dict[str, float]:
        shape = replace(topology(TOPICS), topic_ids=(a, bytes(15) + b"b"))
        ends = {("a", 0): end, ("a", 1): 0, ("b", 0): 9}
        return values(collector.collect(snapshot(TOPICS, of=shape, end=ends, start=ends)), c.TOPIC_END_OFFSET)

    first, second, unnamed = bytes(15) + b"1", bytes(15) + b"2", bytes(16)
    assert sums(first, 1000) == {"a": 1000, "b": 9}
    assert sums(second, 3000) == {"b": 9}
    assert sums(second, 3010) == {"a": 3010, "b": 9}
    assert sums(unnamed, 3020) == {"a": 3020, "b": 9}, "an answer without ids proves nothing"


def test_a_cluster_without_topics_has_no_topic_series() -> None:
    assert all(not one.known() for one in TopicCollector().collect(snapshot({})))


def test_nothing_is_said_of_topics_that_could_not_be_read() -> None:
    assert TopicCollector().collect(snapshot(TOPICS, topology=None)) == []
