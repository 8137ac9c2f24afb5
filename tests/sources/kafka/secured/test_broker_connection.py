"""One broker between reads: how soon it is noticed, and how much it is asked."""

import time
from collections.abc import Iterator
from threading import Event

import pytest

from streamwatch.sources.kafka.config import Pulse
from tests.prepared import Truth
from tests.sources.kafka.secured.locked import LockedCluster, reading
from tests.waiting import wait_for

GRACE = 0.25
PATIENCE = 60.0
"""What a busy machine may take; how soon it is on a free one is what tests/bench/bench_noticed.py prints."""


@pytest.fixture
def cluster() -> Iterator[LockedCluster]:
    with LockedCluster(Truth({"t": 3})) as found:
        yield found


@pytest.fixture
def alone() -> Iterator[LockedCluster]:
    with LockedCluster(Truth({"t": 1}, brokers=(1,), replication=1)) as found:
        yield found


def test_a_broker_that_dies_is_noticed_within_the_grace_and_again_when_it_is_back(cluster: LockedCluster) -> None:
    woken = Event()
    with reading(cluster, woken.set) as source:
        source.read()
        cluster.refuse(2)

        assert woken.wait(PATIENCE)
        assert [broker.up for broker in source.read().brokers] == [True, False, True]
        woken.clear()
        cluster.listen_again(2)
        assert woken.wait(PATIENCE), "a redial is due within two seconds"
        assert [broker.up for broker in source.read().brokers] == [True, True, True]


def test_a_connection_that_flaps_and_is_redialled_each_time_is_never_reported(cluster: LockedCluster) -> None:
    """Where a busy machine redials after the grace it is reported, and rightly so: such a round says nothing."""
    woken, redialled_in_time = Event(), 0
    with reading(cluster, woken.set) as source:
        source.read()
        cluster.delay[2] = 0.02  # so that a connection is lost again before the grace of its last loss is over
        for _ in range(10):
            woken.clear()
            before, began = cluster.asked["ApiVersions"], time.monotonic()
            cluster.cut(2)
            wait_for(lambda: cluster.asked["ApiVersions"] > before, 5, "it was redialled")  # noqa: B023
            wait_for(lambda: source.read().brokers[1].up, 5, "it answers")
            if time.monotonic() - began < GRACE:
                redialled_in_time += 1
                assert not woken.is_set()
    assert redialled_in_time


def test_a_broker_that_throttles_is_not_even_pinged_until_its_time_is_over(alone: LockedCluster) -> None:
    with reading(alone) as source:
        source.read()
        alone.faults[1].throttle_ms = 1500
        source.read()
        alone.faults[1].throttle_ms = 0
        before, quiet_until = sum(alone.asked.values()), time.monotonic() + 1.0
        wait_for(lambda: time.monotonic() > quiet_until, 5, "several pulses would have been due")
        assert sum(alone.asked.values()) == before
        wait_for(lambda: sum(alone.asked.values()) > before, 5, "it is asked again")
        assert source.read().problems == ()


def test_no_more_is_in_flight_than_allowed() -> None:
    commits = {f"group-{i:02}": {("t", 0): i} for i in range(40)}
    truth = Truth({"t": 1}, brokers=(1,), replication=1, release=(2, 8), commits=commits)  # asked group by group
    with LockedCluster(truth) as cluster, reading(cluster, max_in_flight=4, pulse=Pulse(enabled=False)) as source:
        cluster.delay[1] = 0.005
        now = source.read()

    assert now.committed.tolist() == list(range(40))
    assert cluster.most_waiting == 4


def test_answers_that_are_slow_together_are_not_taken_for_a_dead_broker(alone: LockedCluster) -> None:
    woken = Event()
    with reading(alone, woken.set, request_timeout=3.0) as source:
        source.read()
        alone.delay[1] = 0.2
        now = source.read()

        assert now.end_offset.tolist() == [100]
        assert not woken.is_set()


def test_nothing_is_left_of_a_source_that_never_reached_anyone(cluster: LockedCluster) -> None:
    for broker in cluster.truth.brokers:
        cluster.refuse(broker)
    with reading(cluster) as source:
        assert source.read().topology is None
    assert not source._thread.is_alive()
