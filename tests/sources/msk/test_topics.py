"""Partitions by MSK's topic calls: as the protocol tells it; what has not changed is not asked again."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from kafka import KafkaAdminClient

from streamwatch.agent.targets import Target
from streamwatch.catalogue import agent as c
from streamwatch.catalogue import kafka as k
from streamwatch.core.errors import ConfigError
from streamwatch.reference.aws import faults as cloud_faults
from streamwatch.reference.kafka import faults
from tests.real.reference_clients import KafkaPython
from tests.snapshots import values
from tests.sources.msk.house import House, read, told
from tests.waiting import wait_for

TOPICS = "cluster: shop, topics: {}"
TOLD = (
    k.OFFLINE_PARTITIONS, k.PARTITIONS, k.TOPICS, k.NON_PREFERRED_LEADERS, k.BROKER_PARTITIONS, k.BROKER_LEADERS,
    k.BROKER_UNDER_REPLICATED, k.BROKER_OUT_OF_SYNC, k.TOPIC_PARTITIONS, k.TOPIC_REPLICATION, k.TOPIC_OFFLINE,
    k.TOPIC_UNDER_REPLICATED,
)  # fmt: skip


def calls(part: Target) -> Counter[str]:
    """How often each operation was called so far."""
    source: Any = part.source
    return Counter({one.operation: one.calls for one in source._control._caller.counts()})


def test_the_topic_calls_tell_what_the_protocol_tells(house: House) -> None:
    protocol, topics, _ = house.parts(TOPICS)
    (_, kafka), (now, samples) = read(protocol), read(topics)

    assert now.problems == ()
    for metric in TOLD:
        assert values(samples, metric) == values(kafka, metric) != {}, metric.name
    assert told(samples, k.BROKER_UP) == {}, "nobody has connected to them"
    assert told(samples, k.BROKERS) == {}
    assert told(samples, k.ACTIVE_CONTROLLERS) == {}
    assert told(samples, k.TOPIC_END_OFFSET) == {}
    assert told(samples, k.BROKER_INFO) == {f"{one} 127.0.0.1 ": 1 for one in (1, 2, 3)}
    assert told(samples, c.SOURCE_UP) == {"": 1}


def test_they_agree_with_a_broker_down_and_when_it_is_back(house: House) -> None:
    protocol, topics, _ = house.parts(TOPICS)
    read(topics)
    house.kafka.do(lambda site, now: faults.stop(site, now, broker=2))
    wait_for(lambda: house.kafka.do(lambda site, _: site.cluster.brokers[2].is_fenced), 20, "broker 2 is fenced")
    (_, kafka), (_, samples) = read(protocol), read(topics)
    under = told(samples, k.BROKER_UNDER_REPLICATED)
    for metric in TOLD:
        assert values(samples, metric) == values(kafka, metric), metric.name
    assert under["2"] == 0 < under["1"] + under["3"]

    house.kafka.do(lambda site, now: faults.start(site, now, broker=2))

    def healed() -> bool:
        return sum(told(read(topics)[1], k.BROKER_UNDER_REPLICATED).values()) == 0

    wait_for(healed, 20, "all replicas are in sync")


def test_what_has_not_changed_is_listed_and_not_described(house: House) -> None:
    topics = house.parts(TOPICS)[1]
    first, _ = read(topics)
    before = calls(topics)
    for _ in range(3):
        house.time.advance(30)
        now, samples = read(topics)
    after = calls(topics)

    assert before["DescribeTopicPartitions"] == len(first.topology.topics)
    assert after - before == Counter({"ListTopics": 3})
    assert now.topology is first.topology
    house.time.advance(300)
    read(topics)
    assert calls(topics)["DescribeTopicPartitions"] == 2 * before["DescribeTopicPartitions"], "all of them, in turn"
    assert told(samples, k.TOPICS)[""] == len(first.topology.topics)


def test_a_new_topic_is_described_and_one_that_is_gone_is_not_told(house: House) -> None:
    topics = house.parts(TOPICS)[1]
    read(topics)
    before = calls(topics)["DescribeTopicPartitions"]
    KafkaPython(house.kafka.bootstrap).produce("fresh", ["a"])
    _, samples = read(topics)

    assert told(samples, k.TOPIC_PARTITIONS)["fresh"] == 3
    assert calls(topics)["DescribeTopicPartitions"] == before + 1

    with KafkaAdminClient(bootstrap_servers=house.kafka.bootstrap) as client:
        client.delete_topics(["fresh"])
    _, samples = read(topics)

    assert "fresh" not in told(samples, k.TOPIC_PARTITIONS)
    assert "orders" in told(samples, k.TOPIC_PARTITIONS)
    assert calls(topics)["DescribeTopicPartitions"] == before + 1


def test_nothing_is_told_of_leaders_until_every_topic_is_known(house: House) -> None:
    topics = house.parts(TOPICS)[1]
    house.aws.do(partial(cloud_faults.deny, operation="DescribeTopicPartitions"))
    now, samples = read(topics)

    assert {(one.scope, one.reason) for one in now.problems} == {("topic", "denied"), ("topic", "timeout")}
    assert "topics are not described yet" in now.problems[1].detail
    assert [metric.name for metric in TOLD if told(samples, metric)] == []
    assert told(samples, c.SOURCE_UP) == {"": 0}
    house.aws.do(lambda cloud, now: cloud_faults.apply(cloud, now, "heal", {}))
    assert told(read(topics)[1], k.OFFLINE_PARTITIONS) == {"": 0}


def test_what_cannot_be_listed_is_shown_for_twice_its_interval_and_then_no_longer(house: House) -> None:
    topics = house.parts(TOPICS)[1]
    known = told(read(topics)[1], k.PARTITIONS)
    house.aws.do(partial(cloud_faults.deny, operation="ListTopics"))
    for _ in range(2):
        house.time.advance(30)
        now, samples = read(topics)
        assert [one.reason for one in now.problems] == ["denied"]
        assert told(samples, k.PARTITIONS) == known != {}
    house.time.advance(30)
    now, samples = read(topics)

    assert [one.reason for one in now.problems] == ["denied"]
    assert told(samples, k.PARTITIONS) == {}
    assert not now.is_up


def test_the_brokers_addresses_are_kept_for_twice_their_interval(house: House) -> None:
    topics = house.parts(TOPICS)[1]
    known = told(read(topics)[1], k.BROKER_INFO)
    house.aws.do(partial(cloud_faults.deny, operation="ListNodes"))
    for passed, shown in ((590, known), (20, known), (590, known)):
        house.time.advance(passed)
        now, samples = read(topics)
        assert told(samples, k.BROKER_INFO) == shown
        assert bool(now.problems) == (house.time.passed > 600), "asked again at every read, and said"
    house.time.advance(30)

    assert told(read(topics)[1], k.BROKER_INFO) == {f"{one}  ": 1 for one in (1, 2, 3)}


def test_a_change_that_could_not_be_looked_into_is_not_shown_as_it_was(house: House) -> None:
    topics = house.parts(TOPICS)[1]
    read(topics)
    house.aws.do(partial(cloud_faults.deny, operation="DescribeTopicPartitions"))
    house.kafka.do(lambda site, now: faults.stop(site, now, broker=2))
    wait_for(lambda: house.kafka.do(lambda site, _: site.cluster.brokers[2].is_fenced), 20, "broker 2 is fenced")
    _, samples = read(topics)
    house.kafka.do(lambda site, now: faults.start(site, now, broker=2))

    assert told(samples, k.BROKER_UNDER_REPLICATED) == {}
    assert told(samples, k.OFFLINE_PARTITIONS) == {}


def spoil_orders(source: Any, spoil: Callable[[dict[str, Any]], None]) -> None:
    """Let what MSK says of the partitions of orders be spoilt."""
    call = source._control._caller.call

    def spoilt(service: str, region: str, operation: str, given: Any, **how: Any) -> Any:
        answer = call(service, region, operation, given, **how)
        if operation == "DescribeTopicPartitions" and given["TopicName"] == "orders":
            spoil(answer)
        return answer

    source._control._caller.call = spoilt


@pytest.mark.parametrize("field", ["Leader", "Isr", "Replicas", "Partition"])
def test_a_partition_that_lacks_a_field_is_misread_but_for_its_leader(house: House, field: str) -> None:
    topics = house.parts(TOPICS)[1]
    spoil_orders(topics.source, lambda answer: answer["Partitions"][0].pop(field))
    now, samples = read(topics)

    if field == "Leader":
        assert told(samples, k.TOPIC_OFFLINE)["orders"] == 1, "AWS does not say how it tells a missing leader"
    else:
        assert [one.reason for one in now.problems] == ["misread", "timeout"]
        assert told(samples, k.PARTITIONS) == {}


@pytest.mark.parametrize("partitions", [[], [{"Partition": 0, "Leader": 1, "Replicas": [], "Isr": []}]])
def test_while_a_topic_has_no_partitions_or_one_without_replicas_none_are_known(
    house: House, partitions: list[Any]
) -> None:
    topics = house.parts(TOPICS)[1]
    spoil_orders(topics.source, lambda answer: answer.update(Partitions=partitions))
    now, samples = read(topics)

    assert [one.reason for one in now.problems] == ["misread", "timeout"]
    assert told(samples, k.PARTITIONS) == {}


def test_without_the_protocol_msk_alone_tells_of_the_cluster(house: House) -> None:
    house.minute()
    parts = house.parts("cluster: shop, topics: {}", "protocol: false,")
    assert [one.kind for one in parts] == ["topics", "cloudwatch"]
    samples = {one.kind: read(one)[1] for one in parts}

    assert told(samples["topics"], k.OFFLINE_PARTITIONS) == {"": 0}
    # What pages people is asked of CloudWatch too: topics are described at the pace that AWS allows.
    for metric in (k.OFFLINE_PARTITIONS, k.BROKER_UNDER_REPLICATED, k.BROKER_UNDER_MIN_ISR):
        assert told(samples["cloudwatch"], metric) != {}, metric.name
    for metric in (k.BROKER_LEADERS, k.PARTITIONS, k.ACTIVE_CONTROLLERS):
        assert told(samples["cloudwatch"], metric) == {}, metric.name


def test_without_the_protocol_msk_tells_where_the_pages_are(house: House) -> None:
    house.kafka.serve_pages()
    parts = house.parts(TOPICS, "protocol: false, open_monitoring: {},")
    topics, pages = parts[0], parts[1]
    assert pages.kind == "pages"
    assert read(pages)[0].problems[0].detail.startswith("no broker is known yet")
    read(topics)
    assert [one.broker for one in read(pages)[0].brokers] == [1, 2, 3]


def test_without_the_protocol_somebody_must_tell_of_the_partitions(house: House) -> None:
    with pytest.raises(ConfigError, match=r"topics: \{\}"):
        house.config("cluster: shop", "protocol: false,")
