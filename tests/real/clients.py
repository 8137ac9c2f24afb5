"""What a test does to a running cluster as a client: topics, records, commits, consumers."""

import socket
import struct
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from threading import Event, Thread
from types import TracebackType
from typing import Any, Final, Self

from kafka import ConsumerRebalanceListener, KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError
from kafka.protocol.metadata import MetadataRequest
from kafka.protocol.parser import KafkaProtocol
from kafka.structs import OffsetAndMetadata

from streamwatch.reference.load import poll_ms
from tests.waiting import wait_for

_SECONDS: Final = 30.0
_PROBE_SECONDS: Final = 2.0
_METADATA_VERSION: Final = 9
"""Spoken by 2.8 and by 4.3."""


def brokers_seen_by(port: int) -> frozenset[int]:
    """The brokers that the one on this port believes to be alive; none if it does not answer."""
    metadata = ask_broker(port, MetadataRequest(version=_METADATA_VERSION, topics=[]))
    return frozenset() if metadata is None else frozenset(broker.node_id for broker in metadata.brokers)


def ask_broker(port: int, request: Any) -> Any | None:
    """Ask the broker on this port and no other one, which clients do not promise; None if it does not answer."""
    try:
        return _answer(port, request)
    except OSError:
        return None


def _answer(port: int, request: Any) -> Any | None:
    protocol = KafkaProtocol(client_id="harness")
    protocol.send_request(request)
    with socket.create_connection(("127.0.0.1", port), timeout=_PROBE_SECONDS) as connection:
        connection.sendall(protocol.send_bytes())
        with connection.makefile("rb") as answers:
            size = answers.read(4)
            if len(size) < 4:
                return None
            answer = answers.read(*struct.unpack(">i", size))
    ((_, message),) = protocol.receive_bytes(size + answer)
    return message


class _Pause(ConsumerRebalanceListener):  # type: ignore[misc]  # kafka-python has no types
    """Pauses what a rebalance assigns before the first fetch of it, while its consumer is to hold."""

    def __init__(self, consumer: KafkaConsumer, holding: Event) -> None:
        self._consumer, self._holding = consumer, holding

    def on_partitions_revoked(self, revoked: object) -> None:
        """Leave it all as it is."""

    def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        if self._holding.is_set():
            self._consumer.pause(*assigned)


class LiveConsumer:
    """A member of a group of the classic protocol, reading and committing in a thread."""

    def __init__(self, group: str, topics: tuple[str, ...], settings: Mapping[str, Any]) -> None:
        self.assigned: frozenset[tuple[str, int]] = frozenset()
        self.records = 0
        """How many it has read."""
        self._done = Event()
        self._holding, self._held = Event(), Event()
        self._topics = topics
        self._settings = {
            "group_id": group,
            "auto_offset_reset": "earliest",
            "auto_commit_interval_ms": 200,
            "session_timeout_ms": 10_000,
            # It may join before it knows the partitions of a topic that was just made, and looks again this often.
            "metadata_max_age_ms": 1000,
            **settings,
        }
        self._thread = Thread(target=self._run, name=f"consumer {group}", daemon=True)

    def hold(self) -> None:
        """Stay in the group, and read nothing more: what is written after this returns stays unread."""
        self._holding.set()
        wait_for(self._held.is_set, _SECONDS, "the fetch that is under way is over")

    def go_on(self) -> None:
        """Read again."""
        self._holding.clear()
        self._held.clear()

    def start(self) -> None:
        """Begin, without waiting for partitions: with more members than partitions some never get one."""
        self._thread.start()

    def stop(self) -> None:
        """Leave the group."""
        self._done.set()
        self._thread.join(_SECONDS)

    def __enter__(self) -> Self:
        self.start()
        try:
            wait_for(lambda: self.assigned or not self._thread.is_alive(), _SECONDS, "the consumer has partitions")
        except TimeoutError:
            self.stop()
            raise
        if not self.assigned:
            raise RuntimeError("the consumer ended before it had partitions")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        with closing(KafkaConsumer(**self._settings)) as consumer:
            consumer.subscribe(self._topics, listener=_Pause(consumer, self._holding))
            while not self._done.is_set():
                if self._holding.is_set():
                    consumer.pause(*consumer.assignment())
                    self._held.set()
                else:
                    consumer.resume(*consumer.assignment())
                self.records += sum(map(len, consumer.poll(timeout_ms=poll_ms(consumer)).values()))
                self.assigned = frozenset((at.topic, at.partition) for at in consumer.assignment())


class Clients(ABC):
    """Conveniences over kafka-python, by the listener that asks for no password."""

    @property
    @abstractmethod
    def internal_bootstrap(self) -> str:
        """The live brokers' addresses for the harness itself."""

    @contextmanager
    def admin(self) -> Iterator[KafkaAdminClient]:
        """An admin client of kafka-python."""
        with closing(KafkaAdminClient(**self._connection())) as client:
            yield client

    def create_topic(self, name: str, partitions: int = 1, replication: int = 3, **configs: str | int) -> None:
        """Create a topic and wait for its leaders; configs by their names with _ for the dots."""
        named = {key.replace("_", "."): str(value) for key, value in configs.items()}
        shape = {"num_partitions": partitions, "replication_factor": replication, "configs": named}
        with self.admin() as admin:
            admin.create_topics({name: shape}, wait_for_metadata=True)

    def create_topic_on(self, name: str, brokers: Mapping[int, Sequence[int]], **configs: str | int) -> None:
        """Create a topic whose replicas are on these brokers, by partition, and wait for its leaders."""
        named = {key.replace("_", "."): str(value) for key, value in configs.items()}
        with self.admin() as admin:
            admin.create_topics({name: {"assignments": dict(brokers), "configs": named}}, wait_for_metadata=True)

    def delete_topic(self, name: str) -> None:
        with self.admin() as admin:
            admin.delete_topics([name])

    def topic_names(self) -> frozenset[str]:
        with self.admin() as admin:
            return frozenset(admin.list_topics())

    def produce(self, topic: str, partition: int, count: int, size: int = 100, **settings: Any) -> None:
        """Append records to a partition, and wait until they are there."""
        with closing(KafkaProducer(**{**self._connection(), **settings})) as producer:
            sent = [producer.send(topic, b"x" * size, partition=partition) for _ in range(count)]
            producer.flush(timeout=_SECONDS)
            for each in sent:
                each.get(timeout=_SECONDS)

    def send(self, topic: str, partition: int, *values: str) -> None:
        """Append these records to a partition, and wait until they are there."""
        with closing(KafkaProducer(**self._connection())) as producer:
            for each in [producer.send(topic, value.encode(), partition=partition) for value in values]:
                each.get(timeout=_SECONDS)

    def delete_records(self, before: Mapping[tuple[str, int], int]) -> None:
        """Delete what stands before these offsets, as retention does."""
        with self.admin() as admin:
            admin.delete_records({TopicPartition(*at): offset for at, offset in before.items()})

    def commit(self, group: str, offsets: Mapping[tuple[str, int], int]) -> None:
        """Commit for a group that has no members."""
        wanted = {TopicPartition(*at): OffsetAndMetadata(offset, "", -1) for at, offset in offsets.items()}

        def commit() -> bool:
            try:
                refused = [why for why in admin.alter_group_offsets(group, wanted).values() if why.errno]
            except KafkaError as why:
                refused = [why]
            if not all(why.retriable for why in refused):
                raise RuntimeError(f"commits of {group} refused: {refused}")
            return not refused

        with self.admin() as admin:  # the first commit of a cluster makes the topic for the others
            wait_for(commit, _SECONDS, f"commits of {group}")

    def consumer(self, group: str, *topics: str) -> LiveConsumer:
        """A live member of a group; a context manager that returns once it has partitions."""
        return LiveConsumer(group, topics, self._connection())

    def group_states(self) -> dict[str, str]:
        """The state of every group, by KIP-518 (from 2.6 on): quicker than the tool."""
        with self.admin() as admin:
            return {each["group_id"]: each["group_state"] for each in admin.list_groups()}

    def _connection(self) -> dict[str, Any]:
        return {"bootstrap_servers": self.internal_bootstrap.split(",")}
