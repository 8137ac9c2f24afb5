"""Standard, Express and Serverless: what a type does not have is absent by design, and nobody's problem."""

from typing import Any

import pytest

from streamwatch.catalogue import agent as c
from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_brokers as b
from streamwatch.catalogue import kafka_groups as g
from streamwatch.catalogue import msk as m
from streamwatch.catalogue.cloudwatch_mappings import MAPPINGS
from streamwatch.model.metric import Metric
from streamwatch.reference.kafka.server import ReferenceKafka
from streamwatch.reference.kafka.spec import Spec
from tests.real.reference_clients import KafkaPython
from tests.snapshots import values
from tests.sources.msk.house import House, read, told
from tests.waiting import wait_for

STANDARD_ONLY = (k.OFFLINE_PARTITIONS, k.BROKER_UNDER_REPLICATED, k.BROKER_UNDER_MIN_ISR, b.DATA_DISK)


def test_express_brokers_lack_what_aws_takes_care_of_and_nothing_is_wrong(house: House) -> None:
    house.become("express.m7g.large")
    house.minute()
    protocol, msk = house.parts()
    (_, kafka), (now, samples) = read(protocol), read(msk)

    assert now.problems == ()
    assert now.described.type == "express"
    assert [metric.name for metric in STANDARD_ONLY if told(samples, metric)] == []
    assert told(samples, m.STORAGE)[""] > 0
    # The brokers themselves are asked about them all the same.
    assert [metric.name for metric in STANDARD_ONLY if not told(kafka, metric)] == []
    assert told(samples, m.PARTITIONS_LIMIT) == {"recommended": 1000, "maximum": 1500}
    assert told(samples, b.HANDLER_IDLE) != {}


def test_serverless_tells_of_topics_and_groups_and_of_no_broker(house: House) -> None:
    house.become("serverless")
    msk = house.msk("cluster: shop, metrics: all, cloudwatch: {detail_interval: 60s}")
    client = KafkaPython(house.kafka.bootstrap)

    def measured() -> Any:
        """Brokers measure their rates every five seconds of their own time."""
        client.produce("orders", [str(number) for number in range(60)])
        house.minute()
        now, samples = read(msk)
        return (now, samples) if told(samples, m.TOPIC_RECORDS_IN).get("orders", 0) > 0 else None

    now, samples = wait_for(measured, 20, "a rate is measured")
    assert now.problems == ()
    assert now.described.type == "serverless"
    assert [one.name for one in MAPPINGS if "broker" in one.metric.labels and told(samples, one.metric)] == []
    assert told(samples, m.TOPIC_BYTES_IN)["orders"] > 0
    assert told(samples, m.PARTITIONS_LIMIT) == {}


def test_lag_is_the_protocols_on_every_type(house: House) -> None:
    KafkaPython(house.kafka.bootstrap).produce("orders", ["late"] * 7)
    for kind in ("kafka.m7g.large", "express.m7g.large", "serverless"):
        house.become(kind)
        house.minute()
        protocol, msk = house.parts("cluster: shop, metrics: all, cloudwatch: {detail_interval: 60s}")
        (_, kafka), (_, samples) = read(protocol), read(msk)
        assert values(samples, g.GROUP_TOPIC_LAG) == values(kafka, g.GROUP_TOPIC_LAG), kind
        assert values(samples, g.GROUP_TOPIC_MAX_LAG) == values(kafka, g.GROUP_TOPIC_MAX_LAG), kind


@pytest.mark.parametrize("kind", ["kafka.m7g.large", "express.m7g.large", "serverless"])
@pytest.mark.parametrize("level", ["DEFAULT", "PER_BROKER"])
def test_what_a_type_and_level_have_is_what_the_catalogue_says(house: House, kind: str, level: str) -> None:
    house.become(kind, level)
    house.minute()
    now, samples = read(house.msk("cluster: shop, metrics: all"))
    found = {metric for metric, _ in now.readings}
    foreseen: set[Metric] = {
        one.metric
        for one in MAPPINGS
        if now.described.type in one.on and (one.level == "DEFAULT" or level != "DEFAULT")
    }

    assert found != set()
    assert sorted(one.name for one in found - foreseen) == []
    assert told(samples, c.SOURCE_UP) == {"": 1}


def test_zookeeper_is_told_of_where_there_is_one(house: House) -> None:
    house.minute()
    now, samples = read(house.msk())
    assert now.described.kraft
    assert told(samples, b.ZOOKEEPER_SESSION) == told(samples, b.ZOOKEEPER_LATENCY) == {}

    with ReferenceKafka(Spec(release=(2, 8))) as kafka:
        old = House(kafka, house.aws, house.time, house.aws.add_msk(kafka, "old"))
        old.minute()
        now, samples = read(old.msk("cluster: old, metrics: all"))
        old.close()
    assert not now.described.kraft
    assert told(samples, b.ZOOKEEPER_SESSION) == {"1": 1, "2": 1, "3": 1}
    assert told(samples, b.ZOOKEEPER_LATENCY) == {"1": 0, "2": 0, "3": 0}
