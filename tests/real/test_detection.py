"""What happens to a broker is known at once, and costs its own share only."""

import time
from collections.abc import Iterator

import pytest

from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_groups as g
from streamwatch.sources.kafka.config import Pulse
from tests.real.kafka import KafkaCluster
from tests.real.seeing import Eyes, agree, eyes
from tests.waiting import wait_for

LONG = {"interval": 3600.0, "deadline": 10.0}
"""No regular read comes between."""
ONE_DOWN = {"1": 1.0, "2": 0.0, "3": 1.0}


@pytest.fixture
def seen(cluster_43: KafkaCluster) -> Iterator[Eyes]:
    with eyes(cluster_43, pulse=Pulse(interval=0.2, deadline=1.0), **LONG) as found:
        agree(found, cluster_43)
        yield found
    cluster_43.heal()


def test_a_killed_broker_wakes_the_source(cluster_43: KafkaCluster, seen: Eyes) -> None:
    seen.felt.clear()
    cluster_43.kill(2)

    assert seen.felt.wait(60)
    wait_for(lambda: seen.look() and seen.values(k.BROKER_UP) == ONE_DOWN, 10, "it is down, and the others are not")

    seen.felt.clear()
    cluster_43.heal()
    assert seen.felt.wait(30)
    wait_for(lambda: seen.look() and seen.values(k.BROKER_UP)["2"] == 1, 30, "the broker is back")


def test_a_broker_that_hangs_costs_its_own_share(cluster_43: KafkaCluster, seen: Eyes) -> None:
    cluster_43.create_topic("felt", 3, 3)
    for partition in range(3):
        cluster_43.produce("felt", partition, 7)
    wait_for(lambda: seen.look() and seen.values(k.TOPIC_END_OFFSET).get("felt") == 21, 20, "the records are seen")
    seen.felt.clear()
    cluster_43.pause(2)

    assert seen.felt.wait(60), "the pulse was missed"
    wait_for(lambda: seen.look() and seen.values(k.BROKER_UP) == ONE_DOWN, 10, "it is down, and the others are not")
    began = time.monotonic()
    now = seen.look()
    assert time.monotonic() - began < LONG["deadline"]
    assert "felt" not in seen.values(k.TOPIC_END_OFFSET), "no sum with a missing addend"
    ends = seen.values(g.PARTITION_END_OFFSET)
    assert [ends[f"felt {p}"] for p in range(3) if f"felt {p}" in ends] == [7.0, 7.0]
    assert seen.value(k.PARTITIONS) == len(now.topology.partition) if now.topology else False
    assert any(problem.scope == "broker" for problem in now.problems)


def test_a_broker_that_hangs_in_the_middle_of_a_read_does_not_hold_it_up(cluster_43: KafkaCluster) -> None:
    with eyes(cluster_43, pulse=Pulse(enabled=False), request_timeout=1.0, **LONG) as blind:
        blind.look()
        cluster_43.pause(3)
        began = time.monotonic()
        blind.look()

        assert time.monotonic() - began < LONG["deadline"]
        assert blind.values(k.BROKER_UP) == {"1": 1, "2": 1, "3": 0}
        cluster_43.heal()


def test_with_all_brokers_dead_nothing_healthy_is_left(cluster_43: KafkaCluster, seen: Eyes) -> None:
    for broker in cluster_43.broker_ids:
        cluster_43.kill(broker)

    wait_for(lambda: seen.look().topology is None, 20, "nobody answers")
    # A read can fail a moment before the last connection is known to be lost; that wakes the next one.
    wait_for(lambda: not any(one.up for one in seen.look().brokers), 20, "all connections are lost")
    known = {one.metric.name: set(one.known().values()) for one in seen.samples if one.known()}
    assert known == {k.BROKER_UP.name: {0.0}}

    cluster_43.heal()
    agree(seen, cluster_43)
