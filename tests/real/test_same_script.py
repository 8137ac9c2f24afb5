"""The same script on real Apache Kafka and on the reference cluster: StreamWatch sees the same."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from kafka import KafkaAdminClient, KafkaProducer

from streamwatch.catalogue import agent as a
from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_groups as g
from streamwatch.model.metric import Metric
from streamwatch.reference.kafka.server import ReferenceKafka
from streamwatch.reference.kafka.spec import Spec
from tests.agent_process import Agent, agent, config_file
from tests.real.kafka import KafkaCluster
from tests.real.reference_clients import KafkaPython
from tests.waiting import wait_for

TOPIC, GROUP = "same", "same-readers"
ASSIGNMENT = {i: [i % 3 + 1, (i + 1) % 3 + 1, (i + 2) % 3 + 1] for i in range(12)}
SETTINGS = {
    "broker.session.timeout.ms": "6000",
    "replica.lag.time.max.ms": "5000",
    "offsets.topic.num.partitions": "10",
    "group.initial.rebalance.delay.ms": "0",
}
TOLD: tuple[Metric, ...] = (
    k.BROKER_UP,
    k.OFFLINE_PARTITIONS,
    k.TOPIC_PARTITIONS,
    k.TOPIC_MIN_ISR,
    k.TOPIC_OFFLINE,
    k.TOPIC_UNDER_REPLICATED,
    k.TOPIC_END_OFFSET,
    k.TOPIC_START_OFFSET,
    k.BROKER_LEADERS,
    k.BROKER_PARTITIONS,
    k.BROKER_UNDER_REPLICATED,
    k.BROKER_UNDER_MIN_ISR,
    k.BROKER_AT_MIN_ISR,
    k.BROKER_OUT_OF_SYNC,
)
SECONDS = 60.0

Picture = dict[tuple[str, frozenset[tuple[str, str]]], float]


class Cluster(Protocol):
    """What the script needs of either."""

    bootstrap: str

    def kill(self, broker: int) -> None: ...

    def restart(self, broker: int) -> None: ...


class Reference:
    def __init__(self, kafka: ReferenceKafka) -> None:
        self._kafka = kafka
        self.bootstrap = kafka.bootstrap

    def kill(self, broker: int) -> None:
        self._kafka.do(lambda site, now: site.cluster.stop(site.cluster.brokers[broker], now))

    def restart(self, broker: int) -> None:
        self._kafka.do(lambda site, now: site.cluster.start(site.cluster.brokers[broker], now))


@contextmanager
def reference() -> Iterator[Cluster]:
    with ReferenceKafka(Spec(settings=SETTINGS)) as kafka:
        yield Reference(kafka)


def picture(running: Agent) -> Picture:
    """What the page says of this topic and the brokers, without what only names the cluster."""
    names = {metric.name for metric in TOLD}
    found = {}
    for (name, labels), value in running.samples().items():
        kept = frozenset((key, text) for key, text in labels if key != "kafka_cluster")
        if name in names and (("topic", TOPIC) in kept or all(key != "topic" for key, _ in kept)):
            found[name, kept] = value
    return found


def script(cluster: Cluster, folder: Path) -> tuple[list[Picture], list[str]]:
    """Create, produce, kill a broker, kill another, revive both, consume; return what is seen at each rest."""
    admin = KafkaAdminClient(bootstrap_servers=cluster.bootstrap.split(","))
    admin.create_topics({TOPIC: {"assignments": ASSIGNMENT, "configs": {"min.insync.replicas": "2"}}})
    admin.close()
    _produce(cluster, 50)
    rests: list[Picture] = []
    order: list[str] = []
    with agent("--config", config_file(folder, cluster.bootstrap, interval="1s", deadline="800ms")) as running:

        def rest(what: str, at: Callable[[], bool]) -> None:
            wait_for(at, SECONDS, what)
            wait_for(lambda: picture(running) == picture_later(running), SECONDS, "calm")
            rests.append(picture(running))

        def seen(metric: Metric, value: float, **labels: str) -> Callable[[], bool]:
            def look() -> bool:
                is_so = running.value(metric.name, **labels) == value
                event = f"{metric.name}{labels} = {value:g}"
                if is_so and event not in order:
                    order.append(event)
                return is_so

            return look

        rest("healthy", seen(k.TOPIC_END_OFFSET, 600, topic=TOPIC))
        cluster.kill(3)
        wait_for(seen(k.BROKER_UP, 0, broker="3"), SECONDS, "broker 3 is down")
        rest("one is gone", seen(k.TOPIC_UNDER_REPLICATED, 12, topic=TOPIC))
        cluster.kill(2)
        wait_for(seen(k.BROKER_UP, 0, broker="2"), SECONDS, "broker 2 is down")
        rest("two are gone", seen(k.BROKER_UNDER_MIN_ISR, 12, broker="1"))
        for broker in (2, 3):
            cluster.restart(broker)
        wait_for(seen(k.BROKER_UP, 1, broker="3"), SECONDS, "broker 3 is back")
        wait_for(lambda: running.value(k.BROKER_UP.name, broker="2") == 1, SECONDS, "broker 2 is back")
        rest("all are back", seen(k.TOPIC_UNDER_REPLICATED, 0, topic=TOPIC))
        client = KafkaPython(cluster.bootstrap)
        client.consume(TOPIC, GROUP, 600)
        _produce(cluster, 5)
        wait_for(seen(g.GROUP_LAG, 60, group=GROUP), SECONDS, "the lag")
    return rests, order


def picture_later(running: Agent) -> Picture:
    """The picture of the next read."""
    before = running.value(a.SOURCE_LAST_SUCCESS.name)
    wait_for(lambda: running.value(a.SOURCE_LAST_SUCCESS.name) != before, SECONDS, "a read")
    return picture(running)


def _produce(cluster: Cluster, count: int) -> None:
    producer = KafkaProducer(bootstrap_servers=cluster.bootstrap.split(","), acks="all")
    for partition in ASSIGNMENT:
        for i in range(count):
            producer.send(TOPIC, b"%d" % i, partition=partition)
    producer.flush()
    producer.close()


def test_the_agent_sees_the_same_on_both(kafka_cluster: Callable[..., KafkaCluster], tmp_path: Path) -> None:
    with reference() as ours:
        expected = script(ours, tmp_path)
    real: Any = kafka_cluster(properties={"offsets.topic.num.partitions": "10"})
    found = script(real, tmp_path)

    for at, one, other in zip(("healthy", "one gone", "two gone", "back"), expected[0], found[0], strict=True):
        assert one == other, at
    assert expected[1] == found[1]
    assert len(found[0][0]) == 28
