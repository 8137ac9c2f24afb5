"""MSK's counters count each minute once, and what MSK said stays known until it is old."""

from functools import partial
from random import Random

import pytest

from streamwatch.catalogue import kafka_brokers as b
from streamwatch.catalogue import msk as m
from streamwatch.reference.aws import faults
from streamwatch.reference.aws.cloud import Cloud
from streamwatch.reference.metrics import Realism
from tests.sources.msk.house import House, read, told


def put(cloud: Cloud, now: float, *, topic: str, rate: float) -> None:
    """Let a broker have taken so many bytes a second."""
    of = (("Broker ID", "1"), ("Cluster Name", "shop"), ("Topic", topic))
    cloud.metrics().put("AWS/Kafka", "BytesInPerSec", of, rate, "Bytes/Second", now)


@pytest.mark.parametrize("lateness", [0, 60, 1800])
def test_topics_that_come_and_fall_quiet_are_counted_once(house: House, lateness: float) -> None:
    random = Random(lateness)
    house.aws.do(lambda cloud, _: setattr(cloud.metrics(), "realism", Realism(lateness=lateness)))
    written = dict.fromkeys(("a", "b", "c"), 0.0)
    house.aws.do(partial(put, topic="a", rate=1.0))  # of before the agent
    house.time.advance(60)
    msk = house.msk("cluster: shop, metrics: all, cloudwatch: {monthly_dollars: 100000}")
    for minute in range(200):
        for topic, lives in {"a": True, "b": minute > 70, "c": 30 < minute < 35 or minute > 150}.items():
            rate = random.randint(1, 9)
            if lives and minute < 180 - lateness / 60:
                house.aws.do(partial(put, topic=topic, rate=rate))
                # A topic counts from the agent's beginning on: one that is new, from the read before the next listing.
                written[topic] += 60 * rate * (minute >= {"a": 0, "b": 120, "c": 60}[topic])
        house.time.advance(60)
        _, samples = read(msk)

    found = told(samples, b.TOPIC_BYTES_IN)
    assert {topic: found[f"1 {topic}"] for topic in written} == written


def test_what_msk_said_is_known_for_two_intervals(house: House) -> None:
    house.minute()
    msk = house.msk()
    known = told(read(msk)[1], m.CLUSTER_STATE)
    house.aws.do(partial(faults.deny, operation="DescribeClusterV2"))
    for _ in range(2):
        house.minute()
        now, samples = read(msk)
        assert [one.reason for one in now.problems] == ["denied"]
        assert told(samples, m.CLUSTER_STATE) == known != {}
        assert told(samples, b.CPU) != {}, "CloudWatch is asked as before"
    house.minute()
    now, samples = read(msk)

    assert told(samples, m.CLUSTER_STATE) == {}
    assert not now.is_up


def test_what_a_change_of_the_cluster_brings_is_asked_for_when_cloudwatch_lists_it(house: House) -> None:
    house.become("kafka.m7g.large", "DEFAULT")
    house.minute()
    msk = house.msk("cluster: shop, metrics: all, cloudwatch: {detail_interval: 60s}")
    assert told(read(msk)[1], b.CPU) != {}
    house.aws.do(partial(faults.lag_cloudwatch, listed=900))
    house.become("kafka.m7g.large", "PER_BROKER")
    for _ in range(22):
        house.minute()
        _, samples = read(msk)

    assert set(told(samples, b.HANDLER_IDLE)) == {"1", "2", "3"}
