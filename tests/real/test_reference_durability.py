"""Real producers, and brokers killed, frozen and isolated at random: nothing acknowledged is lost or doubled."""

import itertools
import random
import threading
from contextlib import closing
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from streamwatch.reference.kafka import faults, topics
from streamwatch.reference.kafka.server import ReferenceKafka
from streamwatch.reference.kafka.site import Site
from streamwatch.reference.kafka.spec import Spec

PARTITIONS = 3
SECONDS = 12.0
SETTINGS = {"broker.session.timeout.ms": "1000", "replica.lag.time.max.ms": "1000"}
EVENTS = (("stop", "start"), ("freeze", "thaw"), ("isolate", "reconnect"))


class Writer(threading.Thread):
    """An idempotent producer of numbered records, and what was acknowledged to it."""

    def __init__(self, bootstrap: str) -> None:
        super().__init__()
        self.acknowledged: dict[int, list[int]] = {each: [] for each in range(PARTITIONS)}
        self.ended = threading.Event()
        settings: dict[str, Any] = {
            "bootstrap.servers": bootstrap,
            "enable.idempotence": True,
            "acks": "all",
            "socket.timeout.ms": 2000,
            "delivery.timeout.ms": 60_000,
            "reconnect.backoff.max.ms": 500,
            "log_level": 0,
        }
        self._producer = Producer(settings)

    def run(self) -> None:
        for number in itertools.count():
            if self.ended.is_set():
                break
            self._producer.produce("t", str(number).encode(), partition=number % PARTITIONS, on_delivery=self._told)
            self._producer.poll(0.002)
        self._producer.flush(60)

    def _told(self, error: Any, message: Any) -> None:
        if error is None:
            self.acknowledged[message.partition()].append(int(message.value()))


def read(bootstrap: str, partition: int) -> list[int]:
    settings: dict[str, Any] = {"bootstrap.servers": bootstrap, "group.id": "r", "enable.partition.eof": True}
    with closing(Consumer(settings)) as consumer:
        consumer.assign([TopicPartition("t", partition, 0)])
        found = []
        while (message := consumer.poll(20)) is not None and message.error() is None:
            found.append(int(message.value() or b""))
    return found


def _make(site: Site, now: float) -> None:
    topics.create(site.cluster, "t", topics.assign(site.cluster, PARTITIONS, 3), {"min.insync.replicas": "2"}, now)


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_that_was_acknowledged_is_lost_or_doubled(seed: int) -> None:
    chance = random.Random(seed)
    with ReferenceKafka(Spec(settings=SETTINGS, seed=seed)) as kafka:
        kafka.do(_make)
        writer = Writer(kafka.bootstrap)
        writer.start()
        pause = threading.Event()
        until = kafka.site.clock() + SECONDS
        while kafka.site.clock() < until:
            broker = chance.randint(1, 3)
            hurt, heal = chance.choice(EVENTS)
            kafka.do(lambda site, now: faults.apply(site, now, hurt, {"broker": broker}))  # noqa: B023
            pause.wait(chance.choice([0.2, 0.8, 2.0]))
            kafka.do(lambda site, now: faults.apply(site, now, heal, {"broker": broker}))  # noqa: B023
            pause.wait(0.3)
        kafka.do(faults.heal)
        writer.ended.set()
        writer.join(90)
        found = {each: read(kafka.bootstrap, each) for each in range(PARTITIONS)}

    for partition, acknowledged in writer.acknowledged.items():
        assert len(acknowledged) > 50
        assert sorted(set(found[partition])) == sorted(found[partition]), "doubled"
        assert found[partition] == sorted(found[partition]), "out of order"
        assert set(acknowledged) <= set(found[partition]), "lost"
