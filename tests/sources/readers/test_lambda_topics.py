"""Functions on topics of a reference cluster: mappings are joined to real groups, and the group's lag is read once."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from streamwatch.agent.config import parse
from streamwatch.agent.targets import Target, TargetFactory
from streamwatch.catalogue import kafka_groups as g
from streamwatch.catalogue import readers as r
from streamwatch.model.metric import Metric
from streamwatch.reference.aws.lambda_topic_poller import TopicPoller
from streamwatch.reference.aws.server import ReferenceAws
from streamwatch.reference.kafka.server import ReferenceKafka
from streamwatch.reference.kafka.spec import Spec
from tests.real.reference_clients import KafkaPython
from tests.reference.acting import QUICK
from tests.reference.kinesis.acting import Time, cloud
from tests.waiting import wait_for

Row = tuple[str, ...]
_CONFIG: Final = """
{kafka}
kinesis:
  - name: mine
    regions: [us-east-1]
    access: {access}
    readers: {{functions: {{enabled: true}}}}
    cloudwatch: {{monthly_dollars: 1000000}}
"""


class World:
    """A topic, a function that reads it, and an agent that watches both sides."""

    def __init__(self, kafka: ReferenceKafka, aws: ReferenceAws, time: Time, *, by_brokers: bool) -> None:
        self.kafka, self.aws, self.time = kafka, aws, time
        self.client = KafkaPython(kafka.bootstrap)
        self.cluster = aws.add_msk(kafka, "shop", "PER_BROKER")
        access = f"{{endpoint_url: '{aws.url}', access_key_id: a, secret_access_key: b}}"
        servers = ", ".join(f"'{one}'" for one in kafka.bootstrap.split(","))
        shop = f"kafka: [{{name: shop, bootstrap: [{servers}]}}]" if by_brokers else ""
        text = _CONFIG.format(kafka=shop, access=access)
        config = parse(text, "test", Path())
        factory = TargetFactory(time, (), lambda: config.sources)
        self.parts: list[Target] = factory.targets(config.kinesis[0], lambda: None)
        if by_brokers:
            self.parts += factory.targets(config.kafka[0], lambda: None)
        self.found: dict[Metric, dict[Row, float]] = {}

    def map(self, topic: str, function: str = "ship", **given: Any) -> TopicPoller:
        """Make a mapping on a topic, and what polls it."""
        source: dict[str, Any] = {"EventSourceArn": self.cluster.arn, "Topics": [topic]}
        if group := given.pop("group", ""):
            source["AmazonManagedKafkaEventSourceConfig"] = {"ConsumerGroupId": group}
        mapping = self.aws.do(lambda cloud, now: cloud.lambdas().add(function, source, now, **given))
        return TopicPoller(self.aws, self.kafka, mapping)

    def write(self, topic: str, count: int) -> None:
        """Write records, and wait until every replica has them."""
        self.client.produce(topic, ["x"] * count)
        wait_for(lambda: self.kafka.do(lambda site, _: all(
            one.is_even for one in site.cluster.topics[topic].partitions
        )), 60, "all have it")  # fmt: skip

    def read(self) -> None:
        """Let a minute pass, and read all."""
        self.time.advance(60)
        self.found = {}
        for part in self.parts:
            now: Any = part.source.read()
            for samples in (one for each in part.collectors.values() for one in each.collect(now)):
                self.found.setdefault(samples.metric, {}).update(samples.known())

    def joined(self) -> dict[str, float]:
        """The lag of the groups that functions are, by function: what the labels in common join."""
        lags: dict[Row, float] = {
            (row[0], row[2], row[1]): value for row, value in self.found.get(g.GROUP_TOPIC_LAG, {}).items()
        }
        return {row[-1]: lags[row[3:6]] for row in self.found[r.UP] if row[3:6] in lags}

    def close(self) -> None:
        """Leave nothing behind."""
        for part in self.parts:
            part.source.close()


@pytest.fixture(scope="module")
def kafka() -> Iterator[ReferenceKafka]:
    settings = {**QUICK, "num.partitions": "2", "default.replication.factor": "3"}
    with ReferenceKafka(Spec(settings=settings)) as running:
        yield running


@contextmanager
def world(kafka: ReferenceKafka, *, by_brokers: bool = True) -> Iterator[World]:
    time = Time()
    with cloud(time) as aws:
        made = World(kafka, aws, time, by_brokers=by_brokers)
        try:
            yield made
        finally:
            made.close()


@pytest.mark.parametrize("group", ["", "billing:eu"])
def test_a_function_is_joined_to_its_group_whose_lag_is_known(kafka: ReferenceKafka, group: str) -> None:
    topic = f"orders{len(group)}"
    with world(kafka) as it:
        it.write(topic, 10)
        consumer = it.map(topic, group=group)
        consumer.function.records_a_call = 1
        for _ in range(3):
            consumer.live()
        it.read()

        assert it.joined() == {"ship": consumer.lag()}
        assert 0 < consumer.lag() < 10
        assert consumer.group == (group or consumer.mapping.uuid)
        consumer.function.records_a_call = 100
        consumer.live()
        it.read()
        assert it.joined() == {"ship": 0}


def test_the_offset_lag_is_not_asked_of_cloudwatch_where_brokers_say_it(kafka: ReferenceKafka) -> None:
    for by_brokers in (True, False):
        with world(kafka, by_brokers=by_brokers) as it:
            it.write("asked", 4)
            consumer = it.map("asked")
            consumer.function.fails = True
            for _ in range(2):
                consumer.live()
                it.read()

            known = {row[4:]: value for row, value in it.found[r.LAG_RECORDS].items()}
            group = (consumer.mapping.uuid, "lambda", "ship")
            assert known == ({} if by_brokers else {("asked", *group): float(consumer.lag())})
            assert it.found[r.FAILED_CALLS]


def test_a_poison_pill_holds_one_partition_and_the_others_go_on(kafka: ReferenceKafka) -> None:
    with world(kafka) as it:
        it.write("pills", 40)
        consumer = it.map("pills")
        consumer.live()
        it.write("pills", 40)
        consumer.poison.add(("pills", 0))
        for _ in range(4):
            consumer.live()
        it.read()

        left = consumer.lag()
        assert 0 < left < 40
        assert it.joined() == {"ship": left}
        assert consumer.mapping.result in {"OK", "PROBLEM: Function call failed"}


def test_what_is_tried_as_often_as_the_policy_allows_is_given_up(kafka: ReferenceKafka) -> None:
    with world(kafka) as it:
        it.write("spent", 6)
        consumer = it.map("spent", attempts=2)
        consumer.function.fails = True
        for _ in range(3):
            consumer.live()

        assert consumer.lag() == 0
        assert consumer.abandoned == 6


def test_a_mapping_that_is_enabled_and_polls_nothing_has_an_empty_group(kafka: ReferenceKafka) -> None:
    with world(kafka) as it:
        it.write("left", 6)
        consumer = it.map("left")
        consumer.live()
        it.read()
        members = {row[1]: value for row, value in it.found[g.GROUP_MEMBERS].items()}
        assert members[consumer.group] == 1
        consumer.is_dead = True
        consumer.live()
        it.read()

        members = {row[1]: value for row, value in it.found[g.GROUP_MEMBERS].items()}
        assert members[consumer.group] == 0
        assert list(it.found[r.UP].values()) == [1.0]
