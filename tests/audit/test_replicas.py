"""Findings about replicas: present, absent, not known; and plans that a cluster would take."""

import json
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from streamwatch.model.kafka import NOT_SET
from tests.audit.knowing import ANSWERED, WELL, facts, observed, only, read, unknown

CHECKS = ("replication-factor-one", "one-rack", "min-isr-equals-replication-factor", "min-isr-one", "unclean-election")


def plan(remedy: str) -> dict[int, list[int]]:
    """Return the replicas that a command gives to partitions."""
    match = re.match(r"echo '(\{.*\})' > plan.json && kafka-reassign-partitions.sh --bootstrap-server \S+ ", remedy)
    assert match is not None, remedy
    parts: list[dict[str, Any]] = json.loads(match[1])["partitions"]
    return {part["partition"]: part["replicas"] for part in parts}


@pytest.mark.parametrize("name", CHECKS)
def test_a_cluster_that_is_set_well_has_no_finding(name: str) -> None:
    assert observed(name, facts()) == []


@pytest.mark.parametrize("name", CHECKS)
def test_a_cluster_that_could_not_be_read_is_not_checked(name: str) -> None:
    known = facts()
    cluster = replace(known.clusters[0], snapshot=None)
    assert unknown(name, replace(known, clusters=(cluster,))) == ["the cluster could not be read"]


def test_one_replica() -> None:
    found = only("replication-factor-one", facts(read({"orders": [WELL, (2, (2,), (2,))], "pay": [WELL]})))
    assert (found.severity, found.kind, found.target) == ("critical", "topic", "shop/orders")
    assert found.evidence == ("1 of 2 partitions have one replica",)
    assert plan(found.remedy) == {0: [1, 2, 3], 1: [2, 1, 3]}


def test_one_replica_of_one_broker() -> None:
    found = only("replication-factor-one", facts(read({"orders": [(1, (1,), (1,))]}, racks=["a"])))
    assert (found.severity, found.remedy[:28]) == ("warning", "the cluster has one broker: ")
    assert observed("one-rack", facts(read({"orders": [(1, (1,), (1,))]}, racks=["a"]))) == []


def test_a_replica_that_is_being_added_is_none_yet() -> None:
    now = read({"orders": [(1, (1, 2), (1,))]}, adding=np.array([False, True]))
    assert only("replication-factor-one", facts(now)).target == "shop/orders"


def test_one_rack() -> None:
    now = read({"orders": [WELL, (1, (1, 2), (1, 2))], "pay": [(2, (2,), (2,))]}, racks=("a", "a", "b"))
    found = only("one-rack", facts(now))
    assert found.evidence == ("1 of 2 partitions have all replicas in one rack: a; the cluster has 2",)
    assert plan(found.remedy) == {1: [1, 3]}


def test_all_brokers_in_one_rack() -> None:
    found = only("one-rack", facts(read({"orders": [WELL]}, racks=("a", "a", "a"))))
    assert (found.kind, found.target, found.evidence) == ("cluster", "shop", ("all 3 brokers are in rack a",))


def test_a_rack_of_which_all_brokers_are_dead_is_one() -> None:
    now = read({"orders": [WELL], "close": [(1, (1, 2), (1, 2))]}, racks=("a", "a", "b"))
    dead = replace(now, brokers=(*now.brokers[:2], replace(now.brokers[2], registered=False, up=False)))
    found = only("one-rack", facts(dead))
    assert (found.target, found.evidence) == (
        "shop/close", ("1 of 1 partitions have all replicas in one rack: a; the cluster has 2",)
    )  # fmt: skip
    start, _, command = found.remedy.partition(", then ")
    assert (start, plan(command)) == ("start the brokers that are gone", {0: [1, 3]})
    nameless = replace(dead, brokers=(*now.brokers[:2], replace(dead.brokers[2], rack=None)))
    assert unknown("one-rack", facts(nameless)) == ["the rack of brokers that are gone (3) is not known"]


def test_a_replica_is_moved_onto_a_broker_that_lives_beside_one_that_is_dead() -> None:
    now = read({"orders": [WELL], "close": [(1, (3, 1), (1,))]}, racks=("a", "b", "a"))
    dead = replace(now, brokers=(*now.brokers[:2], replace(now.brokers[2], registered=False, up=False)))
    assert plan(only("one-rack", facts(dead)).remedy) == {0: [3, 2]}


def test_racks_that_are_not_known() -> None:
    assert unknown("one-rack", facts(read({"orders": [WELL]}, racks=(None, None, None)))) == [
        "no broker gives a rack (`broker.rack`)"
    ]
    assert unknown("one-rack", facts(read({"orders": [WELL]}, racks=("a", None, "c")))) == [
        "2 do not give a rack (`broker.rack`)"
    ]


def test_min_isr_as_large_as_the_replication_factor() -> None:
    found = only("min-isr-equals-replication-factor", facts(read({"orders": [WELL]}, min_isr=np.array([3]))))
    assert (found.severity, found.evidence) == ("warning", ("min.insync.replicas is 3, of 3 replicas",))
    assert found.remedy == (
        "kafka-configs.sh --bootstrap-server host1:9092 --alter --entity-type topics --entity-name orders"
        " --add-config min.insync.replicas=2"
    )


def test_min_isr_larger_than_the_replication_factor() -> None:
    now = read({"orders": [(1, (1, 2), (1, 2))]}, min_isr=np.array([3]))
    found = only("min-isr-equals-replication-factor", facts(now))
    assert (found.severity, found.evidence[1]) == ("critical", "no record with acks=all is ever taken")
    assert plan(found.remedy) == {0: [1, 2, 3]}, "two replicas of which both must be in sync want a third"


def test_min_isr_of_one() -> None:
    now = read(
        {"__consumer_offsets": [WELL], "orders": [WELL], "pay": [(1, (1, 2), (1, 2))]}, min_isr=np.array([1, 1, 1])
    )
    offsets, orders, pay = observed("min-isr-one", facts(now))
    assert offsets.evidence == ("min.insync.replicas is 1, of 3 replicas", "brokers write it with acks=all")
    assert (orders.severity, pay.severity) == ("warning", "info")
    assert orders.evidence[1].startswith("whether its producers ask for acks=all is not known")
    assert "kafka-reassign-partitions.sh" in pay.remedy


def test_min_isr_that_is_not_known() -> None:
    now = read({"orders": [WELL]}, min_isr=np.array([NOT_SET]))
    for name in ("min-isr-equals-replication-factor", "min-isr-one"):
        assert unknown(name, facts(now)) == ["min.insync.replicas of 1 topic is not known"]


def test_topics_that_the_configuration_leaves_out_have_no_finding() -> None:
    now = read({"orders": [(1, (1,), (1,))]}, selected=np.array([False]), min_isr=np.array([1]))
    assert all(observed(name, facts(now)) == [] for name in CHECKS)


def test_unclean_election_of_a_topic() -> None:
    settings = replace(ANSWERED, topics={"orders": {"unclean.leader.election.enable": "true"}})
    found = only("unclean-election", facts(settings=settings))
    assert (found.target, found.evidence) == ("shop/orders", ("unclean.leader.election.enable is true for this topic",))


def test_unclean_election_of_all_brokers() -> None:
    on = {"unclean.leader.election.enable": "true"}
    settings = replace(ANSWERED, brokers={1: on, 2: on, 3: on}, topics={"orders": on})
    found = only("unclean-election", facts(settings=settings))
    assert (found.target, found.evidence[1]) == ("shop", "1 of 1 topics have it")
    assert found.remedy.endswith("--entity-default --add-config unclean.leader.election.enable=false")


def test_unclean_election_that_is_not_known() -> None:
    denied = replace(ANSWERED, topics={}, brokers={}, problems=("settings of 1 topics: DescribeConfigs: DENIED (29)",))
    (why,) = unknown("unclean-election", facts(settings=denied))
    assert why.endswith("of 1 topic: settings of 1 topics: DescribeConfigs: DENIED (29)")
    assert unknown("unclean-election", facts(settings=None)) == [
        "unclean.leader.election.enable: its brokers are not asked"
    ]
