"""Producers and consumers on a cluster, by a real client library (kafka-python), that take orders while they run.

    python -m streamwatch.reference.load HOST:PORT,... [--rate RECORDS_PER_SECOND]

Orders come as lines of JSON on standard input: ``{"order": "pace", "group": "orders-readers", "seconds": 0.05}``.
It ends when its standard input does.
"""

import logging
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from streamwatch.reference.orders import serve

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
    from kafka.errors import KafkaError

log = logging.getLogger("load")

TOPICS: Final = ("orders", "payments", "clicks")
PARTITIONS: Final = 6
MEMBERS: Final = 2
_REPLICAS: Final = 3
_BODY: Final = b"x" * 200
_POLL_MS: Final = 200
# kafka-python 3.0.12 forgets a rebalance that new metadata starts and that ends after the poll it started in: the
# member stays in the group without a partition. So it polls for longer than a rebalance takes until it has some.
_JOIN_MS: Final = 4000
_RETRY_SECONDS: Final = 1.0
_END_SECONDS: Final = 5.0


@dataclass(slots=True)
class TopicFlow:
    """How one topic is produced and read; changed by orders."""

    topic: str
    rate: float
    only: int | None = None
    hot: int | None = None
    times: int = 1
    pace: float = 0.0
    members: list["LoadConsumer"] = field(default_factory=list)

    @property
    def group(self) -> str:
        """The group that reads it."""
        return f"{self.topic}-readers"


class KafkaLoad:
    """All flows of a cluster."""

    def __init__(self, bootstrap: str, rate: float) -> None:
        self._bootstrap = bootstrap.split(",")
        self._flows = {topic: TopicFlow(topic, rate) for topic in TOPICS}
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._produce, args=(flow,)) for flow in self._flows.values()]

    def start(self) -> None:
        """Make the topics, and begin."""
        self._make_topics()
        for thread in self._threads:
            thread.start()
        for flow in self._flows.values():
            self._set_members(flow, MEMBERS)

    def stop(self) -> None:
        """End all threads."""
        self._ended.set()
        for flow in self._flows.values():
            for member in flow.members:
                member.ended.set()
        for thread in self._threads + [m.thread for flow in self._flows.values() for m in flow.members]:
            thread.join(_END_SECONDS)

    def obey(self, order: dict[str, Any]) -> None:
        """Do what an order says; raises KeyError or ValueError for one that makes no sense."""
        name = order.pop("order")
        flow = next(
            flow for flow in self._flows.values() if order.get("group", order.get("topic")) in {flow.group, flow.topic}
        )
        if name == "pace":
            flow.pace = float(order["seconds"])
        elif name == "members":
            self._set_members(flow, int(order["count"]))
        elif name == "only":
            flow.only = order["partition"]
        elif name == "hot":
            flow.hot, flow.times = order["partition"], int(order["times"])
        elif name == "rate":
            flow.rate = float(order["records_per_second"])
        else:
            raise ValueError(f"{name!r} is no order: pace, members, only, hot or rate")

    def _make_topics(self) -> None:
        shape = {"num_partitions": PARTITIONS, "replication_factor": _REPLICAS, "configs": {"min.insync.replicas": "2"}}
        admin = self._patiently(lambda: KafkaAdminClient(bootstrap_servers=self._bootstrap))
        if admin is not None:
            known = admin.list_topics()
            wanted = {topic: shape for topic in TOPICS if topic not in str(known)}
            if wanted:
                admin.create_topics(wanted)
            admin.close()

    def _patiently(self, make: Callable[[], Any]) -> Any:  # noqa: ANN401 - a client
        """Return a client, however long the cluster keeps it waiting; None when the load ended."""
        while not self._ended.is_set():
            try:
                return make()
            except (KafkaError, OSError) as error:
                log.info("no client yet: %s", error)
                self._ended.wait(_RETRY_SECONDS)
        return None

    def _produce(self, flow: TopicFlow) -> None:
        producer = self._patiently(
            lambda: KafkaProducer(bootstrap_servers=self._bootstrap, acks="all", linger_ms=20, client_id=flow.topic)
        )
        sent = 0
        while producer is not None and not self._ended.is_set():
            target = sent % PARTITIONS if flow.only is None else flow.only
            times = flow.times if target == flow.hot else 1
            try:
                for _ in range(times):
                    producer.send(flow.topic, _BODY, partition=target)
            except (KafkaError, OSError) as error:
                log.info("not sent: %s", error)
            sent += 1
            self._ended.wait(1 / flow.rate)
        if producer is not None:
            with suppress(KafkaError):  # what a broken cluster has not taken by now is lost with the load
                producer.close(timeout=1)

    def _set_members(self, flow: TopicFlow, count: int) -> None:
        while len(flow.members) > count:
            flow.members.pop().ended.set()
        while len(flow.members) < count:
            member = LoadConsumer(self._patiently, self._bootstrap, flow)
            flow.members.append(member)
            member.thread.start()


def poll_ms(consumer: KafkaConsumer) -> int:
    """How long a member of a group polls, ms: until it has partitions, for longer than a rebalance takes."""
    return _POLL_MS if consumer.assignment() else _JOIN_MS


class LoadConsumer:
    """One consumer of a flow's group, in a thread."""

    def __init__(self, patiently: Callable[[Callable[[], Any]], Any], bootstrap: list[str], flow: TopicFlow) -> None:
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._consume, args=(patiently, bootstrap, flow))

    def _consume(self, patiently: Callable[[Callable[[], Any]], Any], bootstrap: list[str], flow: TopicFlow) -> None:
        consumer = patiently(
            lambda: KafkaConsumer(
                flow.topic,
                bootstrap_servers=bootstrap,
                group_id=flow.group,
                client_id=flow.group,
                auto_offset_reset="earliest",
                auto_commit_interval_ms=1000,
                session_timeout_ms=6000,
                heartbeat_interval_ms=1000,
                max_poll_records=100,
            )
        )
        while consumer is not None and not self.ended.is_set():
            try:
                limit = 20 if flow.pace else 500
                for records in consumer.poll(timeout_ms=poll_ms(consumer), max_records=limit).values():
                    if flow.pace:
                        self.ended.wait(flow.pace * len(records))
            except (KafkaError, OSError) as error:
                log.info("not read: %s", error)
                self.ended.wait(_RETRY_SECONDS)
        if consumer is not None:
            consumer.close(timeout_ms=1000)


def main() -> None:
    """Run until standard input ends."""
    serve(KafkaLoad, "HOST:PORT,...", "Producers and consumers on a cluster.")


if __name__ == "__main__":
    main()
