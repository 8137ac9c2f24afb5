"""Applications on a real cluster, each a thread that goes on until it is stopped: healthy and ill ones."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any, Final

from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition

_LINGER_SECONDS: Final = 15.0

Life = Callable[[str, Event], None]
"""Lives with the cluster at this address until the event is set."""


@dataclass(frozen=True, slots=True)
class Reader:
    """A consumer that commits what it has worked off."""

    group: str
    topics: tuple[str, ...]
    commit_seconds: float = 1.0
    """How long it works before it commits: a batch."""
    commits: bool = True
    poison: tuple[int, int] | None = None
    """A partition and an offset that it never gets past: it fails there, and begins again at that record."""
    settings: tuple[tuple[str, Any], ...] = ()

    def __call__(self, bootstrap: str, done: Event) -> None:
        plain = {
            "bootstrap.servers": bootstrap, "group.id": self.group, "auto.offset.reset": "earliest",
            "enable.auto.commit": False, "log_level": 0, "topic.metadata.refresh.interval.ms": 5000,
        }  # fmt: skip
        with closing(Consumer({**plain, **dict(self.settings)})) as consumer:
            consumer.subscribe(list(self.topics))
            worked: dict[tuple[str, int], int] = {}
            due = time.monotonic() + self.commit_seconds
            while not done.is_set():
                message = consumer.poll(0.2)
                if message is not None and message.error() is None:
                    self._work(consumer, message, worked)
                if worked and self.commits and time.monotonic() >= due:
                    _commit(consumer, worked)
                    due = time.monotonic() + self.commit_seconds

    def _work(self, consumer: Consumer, message: Message, worked: dict[tuple[str, int], int]) -> None:
        topic, partition, offset = message.topic(), message.partition(), message.offset()
        assert topic is not None
        assert partition is not None
        assert offset is not None
        if self.poison is not None and partition == self.poison[0] and offset >= self.poison[1]:
            consumer.seek(TopicPartition(topic, partition, self.poison[1]))
        else:
            worked[topic, partition] = offset + 1


def _commit(consumer: Consumer, worked: dict[tuple[str, int], int]) -> None:
    """Commit, or lose it: a partition that was taken away meanwhile is another's."""
    try:
        consumer.commit(offsets=[TopicPartition(*at, offset) for at, offset in worked.items()], asynchronous=False)
    except KafkaException:
        return
    finally:
        worked.clear()


@dataclass(frozen=True, slots=True)
class Writer:
    """A producer that writes a record now and then."""

    topic: str
    partitions: int
    seconds: float
    """Between two records."""
    keys: int = 0
    """How many keys its records have in turn; 0 for none."""

    def __call__(self, bootstrap: str, done: Event) -> None:
        producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "log_level": 0})
        written = 0
        while not done.wait(self.seconds):
            key = str(written % self.keys) if self.keys else None
            producer.produce(self.topic, b"x" * 100, key=key, partition=written % self.partitions)
            producer.poll(0)
            written += 1
        producer.flush(_LINGER_SECONDS)


@dataclass(frozen=True, slots=True)
class TransactionalWriter:
    """A producer of transactions; every third is aborted."""

    topic: str
    partitions: int
    seconds: float
    """Between two transactions."""
    records: int = 20
    rest: tuple[float, float] = (0.0, 0.0)
    """From when to when, in seconds from its start, it writes nothing: what is last is a marker then."""
    hangs: bool = False
    """Whether it never ends its first transaction."""
    timeout_ms: int = 60_000
    """After which its coordinator aborts a transaction."""

    def __call__(self, bootstrap: str, done: Event) -> None:
        name = f"{self.topic}-writer"
        producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "transactional.id": name,
                "transaction.timeout.ms": self.timeout_ms,
                "log_level": 0,
            }
        )
        producer.init_transactions(60)
        start, count = time.monotonic(), 0
        while not done.wait(self.seconds):
            if self.rest[0] < time.monotonic() - start < self.rest[1]:
                continue
            producer.begin_transaction()
            for number in range(self.records):
                producer.produce(self.topic, b"x" * 100, partition=number % self.partitions)
            producer.flush(_LINGER_SECONDS)
            if self.hangs:
                done.wait()
                producer.abort_transaction(60)  # or readers of committed data wait for whoever comes next
                return
            self._end(producer, aborted=count % 3 == 2)
            count += 1

    @staticmethod
    def _end(producer: Producer, *, aborted: bool) -> None:
        """End a transaction; one that a restart of its coordinator has spoilt is aborted."""
        try:
            if aborted:
                producer.abort_transaction(60)
            else:
                producer.commit_transaction(60)
        except KafkaException:
            producer.abort_transaction(60)


@contextmanager
def living(bootstrap: str, lives: list[Life]) -> Iterator[None]:
    """Let them live, and stop them in the end."""
    done = Event()
    threads = [Thread(target=life, args=(bootstrap, done), name=repr(life), daemon=True) for life in lives]
    with ExitStack() as stack:
        for thread in threads:
            thread.start()
            stack.callback(thread.join, 60)
        stack.callback(done.set)
        yield
