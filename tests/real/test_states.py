"""How real consumers do: one throws on one record, one never commits, one reads transactions, one is beyond the end."""

from collections.abc import Callable
from contextlib import ExitStack
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self

from confluent_kafka import Consumer, Message, Producer, TopicPartition

from streamwatch.catalogue import kafka_groups as g
from tests.real.kafka import KafkaCluster
from tests.real.seeing import Eyes, eyes
from tests.waiting import wait_for

STALLED_AFTER = 8.0
POISON = b"poison"


class Poisoned(Exception):
    """What an application throws."""


def throws_on_poison(message: Message) -> None:
    if message.value() == POISON:
        raise Poisoned


class Application:
    """A member of a group that handles records one by one; one that throws is tried again, for ever."""

    def __init__(self, cluster: KafkaCluster, group: str, topic: str, *, commits: bool = True) -> None:
        self._settings: dict[str, Any] = {
            "bootstrap.servers": cluster.internal_bootstrap,
            "group.id": group,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
        }
        self._topic, self._commits = topic, commits
        self._handle: Callable[[Message], None] = throws_on_poison
        self._done = Event()
        self._thread = Thread(target=self._run, daemon=True)
        self.thrown = 0

    def _run(self) -> None:
        consumer = Consumer(self._settings)
        consumer.subscribe([self._topic])
        while not self._done.is_set():
            message = consumer.poll(0.1)
            if message is None or message.error() is not None:
                continue
            offset, partition = message.offset(), message.partition()
            assert offset is not None
            assert partition is not None
            at = TopicPartition(self._topic, partition, offset)
            try:
                self._handle(message)
            except Poisoned:
                self.thrown += 1
                consumer.seek(at)
            else:
                if self._commits:
                    # As frameworks do it: the record's offset + 1, whatever lies behind it.
                    at.offset += 1
                    consumer.commit(offsets=[at], asynchronous=False)
        consumer.close()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join(30)


def states(seen: Eyes) -> dict[str, float]:
    return {f"{key}": count for key, count in seen.values(g.GROUP_TOPIC_STATE).items() if key.startswith("states-")}


def test_each_group_is_in_the_state_that_it_is_in(cluster_43: KafkaCluster) -> None:
    for topic, partitions in (("orders", 2), ("transactions", 1), ("unread", 1), ("beyond", 1)):
        cluster_43.create_topic(f"states-{topic}", partitions, 3)
    producer = Producer({"bootstrap.servers": cluster_43.internal_bootstrap})
    ledger = Producer({"bootstrap.servers": cluster_43.internal_bootstrap, "transactional.id": "states-ledger"})
    ledger.init_transactions(30)
    producer.produce("states-beyond", b"x", partition=0)
    producer.produce("states-orders", b"x", partition=1)
    producer.produce("states-orders", POISON, partition=1)
    assert producer.flush(30) == 0
    cluster_43.commit("states-ahead", {("states-beyond", 0): 5000})
    cluster_43.commit("states-nobody", {("states-orders", 0): 0})
    told: set[str] = set()

    def look() -> dict[str, float]:
        for partition in (0, 1):
            producer.produce("states-orders", b"x", partition=partition)
        producer.produce("states-unread", b"x", partition=0)
        producer.flush(30)
        seen.look()
        told.update(states(seen))
        return states(seen)

    with ExitStack() as stack:
        bad = stack.enter_context(Application(cluster_43, "states-shop", "states-orders"))
        stack.enter_context(Application(cluster_43, "states-ledger", "states-transactions"))
        stack.enter_context(Application(cluster_43, "states-reads", "states-unread", commits=False))
        often = {"interval": 1.0, "deadline": 0.9, "stalled_after": STALLED_AFTER}
        seen = stack.enter_context(eyes(cluster_43, **often))
        # One transaction is read; of the next, which is aborted, nothing is; then there are none for a while.
        for commit in (True, False):
            ledger.begin_transaction()
            ledger.produce("states-transactions", b"x", partition=0)
            ledger.flush(30)
            (ledger.commit_transaction if commit else ledger.abort_transaction)(30)

        wait_for(lambda: look().get("states-shop states-orders stalled") == 1, 90, "the poisoned partition is stalled")
        wait_for(
            lambda: look().get("states-ledger states-transactions remainder") == 1, 30, "markers and aborted records"
        )
        found = look()
        assert bad.thrown > 0
        assert seen.values(g.GROUP_PARTITION_STUCK_OFFSET)["states-shop states-orders 1 stalled"] == 1
        assert found["states-reads states-unread uncommitted"] == 1
        assert seen.values(g.GROUP_TOPIC_UNCOMMITTED_RECORDS)["states-reads states-unread"] > 0
        assert found["states-ahead states-beyond ahead"] == 1
        assert seen.values(g.GROUP_TOPIC_AHEAD)["states-ahead states-beyond"] == 4999
        assert found["states-nobody states-orders stopped"] == 1
        wanted = seen.values(g.GROUP_TOPIC_WANTED)
        assert wanted["states-shop states-orders"] == wanted["states-reads states-unread"] == 1
        assert wanted["states-nobody states-orders"] == wanted["states-ahead states-beyond"] == 0
        assert {one for one in told if one.endswith("stalled")} == {"states-shop states-orders stalled"}
