"""What docs/msk.md says that CloudWatch costs is what the agent pays."""

from contextlib import closing

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from streamwatch.agent.wanted_mappings import cloudwatch_mappings
from streamwatch.model.msk import Level
from streamwatch.tools.docs_msk import Size, month
from tests.sources.msk.house import House, read
from tests.waiting import wait_for

HOURS = 30 * 24


def use_every_broker(bootstrap: str) -> None:
    """Produce to each partition and fetch from it: a broker tells of a kind of request once there was one."""
    partitions = [TopicPartition("orders", number) for number in range(3)]
    with closing(KafkaProducer(bootstrap_servers=bootstrap)) as producer:
        for one in partitions:
            producer.send(one.topic, b"x", partition=one.partition).get(10)
    with closing(KafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")) as consumer:
        consumer.assign(partitions)
        seen: set[int] = set()

        def all_seen() -> bool:
            seen.update(one.partition for one in consumer.poll(timeout_ms=200))
            return len(seen) == len(partitions)

        wait_for(all_seen, 20, "something of every partition")


@pytest.mark.parametrize("level", ["DEFAULT", "PER_BROKER"])
@pytest.mark.parametrize("more", ["bootstrap: {servers},", "protocol: false,"])
def test_an_hour_costs_what_the_documents_say(house: House, level: Level, more: str) -> None:
    use_every_broker(house.kafka.bootstrap)
    house.become("kafka.m7g.large", level)
    msk = "cluster: shop, topics: {}, cloudwatch: {monthly_dollars: 1000}"
    source = house.parts(msk, more)[-1]
    house.minute()
    names = house.aws.do(lambda cloud, now: {key.name for key in cloud.metrics().keys(now, 60)})
    there = [twin for twin in cloudwatch_mappings(house.config(msk, more)) if twin.name in names]
    before = read(source)[0].cost.dollars
    for _ in range(60):
        house.minute()
        now, _ = read(source)

    foreseen = month(there, level, Size(brokers=3, topics=2, group_topics=1)) / HOURS
    assert now.problems == ()
    assert now.cost.dollars - before == pytest.approx(foreseen)
    assert foreseen > 0
