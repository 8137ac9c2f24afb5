"""Independent clients, each doing the same to a cluster: what a real Kafka lets them do, the reference must too."""

import asyncio
import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Protocol

import aiokafka
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin import NewTopic as AioTopic
from confluent_kafka import Consumer as RdConsumer
from confluent_kafka import Producer as RdProducer
from confluent_kafka import TopicPartition as RdPartition
from confluent_kafka.admin import AdminClient as RdAdmin
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.admin import ConfigResource as KafkaResource
from kafka.admin import ConfigResourceType as KafkaResourceType

from streamwatch.reference.load import poll_ms
from tests.real import artefacts
from tests.real.classes import archive
from tests.real.java import Java, Parts
from tests.waiting import wait_for

PARTITIONS = 6
_SECONDS = 40.0


class Client(Protocol):
    """What each client does; it raises where it fails."""

    def produce(self, topic: str, values: list[str]) -> None:
        """Write values, and wait until all are acknowledged."""

    def consume(self, topic: str, group: str, count: int) -> list[str]:
        """Read so many values as the only member of a group, commit, and leave."""

    def share(self, topic: str, group: str) -> list[int]:
        """Let two members share a topic; return how many partitions each got in the end."""

    def administer(self, topic: str) -> str:
        """Make a topic, change its retention, read that back, delete the topic; return the retention."""


class KafkaPython:
    def __init__(self, bootstrap: str) -> None:
        self._servers = {"bootstrap_servers": bootstrap.split(",")}

    def produce(self, topic: str, values: list[str]) -> None:
        with closing(KafkaProducer(acks="all", **self._servers)) as producer:
            sent = [producer.send(topic, value.encode()) for value in values]
            for each in sent:
                each.get(_SECONDS)

    def _consumer(self, topic: str, group: str) -> Any:
        # Who leads the group may be told of it before it knows the topic: it assigns nothing until it asks again.
        return KafkaConsumer(
            topic,
            group_id=group,
            auto_offset_reset="earliest",
            heartbeat_interval_ms=500,
            metadata_max_age_ms=1000,
            **self._servers,
        )

    def consume(self, topic: str, group: str, count: int) -> list[str]:
        read: list[str] = []
        with closing(self._consumer(topic, group)) as consumer:
            wait_for(lambda: _polled(consumer, read) >= count, _SECONDS, f"{count} records")
            consumer.commit()
        return read

    def share(self, topic: str, group: str) -> list[int]:
        with closing(self._consumer(topic, group)) as one, closing(self._consumer(topic, group)) as two:
            both, ended = (one, two), threading.Event()
            threads = [threading.Thread(target=_poll_until, args=(each, ended)) for each in both]
            for thread in threads:
                thread.start()
            try:
                fair = [PARTITIONS // 2] * 2
                wait_for(lambda: [len(each.assignment()) for each in both] == fair, _SECONDS, "they share")
                return [len(each.assignment()) for each in both]
            finally:
                ended.set()
                for thread in threads:
                    thread.join()

    def administer(self, topic: str) -> str:
        with closing(KafkaAdminClient(**self._servers)) as admin:
            admin.create_topics({topic: {"num_partitions": 2, "replication_factor": 3}})
            admin.alter_configs([KafkaResource(KafkaResourceType.TOPIC, topic, {"retention.ms": "1234567"})])
            found = str(admin.describe_configs([KafkaResource(KafkaResourceType.TOPIC, topic)], config_filter="all"))
            admin.delete_topics([topic])
        return "1234567" if "1234567" in found else found


def _poll_until(consumer: Any, ended: threading.Event) -> None:
    while not ended.is_set():
        consumer.poll(timeout_ms=poll_ms(consumer))


def _polled(consumer: Any, read: list[str]) -> int:
    for records in consumer.poll(timeout_ms=poll_ms(consumer)).values():
        read += [record.value.decode() for record in records]
    return len(read)


class Librdkafka:
    def __init__(self, bootstrap: str, protocol: str) -> None:
        self._servers: dict[str, str | int | float | bool] = {"bootstrap.servers": bootstrap}
        self._protocol = protocol

    def produce(self, topic: str, values: list[str]) -> None:
        failed: list[Any] = []
        producer = RdProducer({**self._servers, "enable.idempotence": True, "compression.type": "gzip"})
        for value in values:
            producer.produce(topic, value.encode(), on_delivery=lambda error, _: failed.append(error))
        left = producer.flush(_SECONDS)
        assert (left, [one for one in failed if one is not None]) == (0, [])

    def _consumer(self, topic: str, group: str, **others: str | float | bool) -> Any:
        settings = {"group.id": group, "auto.offset.reset": "earliest", "group.protocol": self._protocol, **others}
        consumer = RdConsumer({**self._servers, **settings})
        consumer.subscribe([topic])
        return consumer

    def consume(self, topic: str, group: str, count: int) -> list[str]:
        read: list[str] = []
        with closing(self._consumer(topic, group)) as consumer:

            def enough() -> bool:
                message = consumer.poll(0.2)
                if message is not None:
                    assert message.error() is None, message.error()
                    read.append(message.value().decode())
                return len(read) >= count

            wait_for(enough, _SECONDS, f"{count} records")
            consumer.commit(asynchronous=False)
        return read

    def share(self, topic: str, group: str) -> list[int]:
        with closing(self._consumer(topic, group)) as one, closing(self._consumer(topic, group)) as two:
            both = (one, two)

            def shared() -> bool:
                for each in both:
                    each.poll(0.1)
                return all(len(each.assignment()) == PARTITIONS // 2 for each in both)

            wait_for(shared, _SECONDS, "the partitions are shared")
            return [len(each.assignment()) for each in both]

    def administer(self, topic: str) -> str:
        admin = RdAdmin(self._servers)
        change = ConfigEntry("retention.ms", "1234567", incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource("topic", topic, incremental_configs=[change])
        for future in admin.create_topics([NewTopic(topic, 2, 3)]).values():
            future.result(_SECONDS)
        for future in admin.incremental_alter_configs([resource]).values():
            future.result(_SECONDS)
        (found,) = admin.describe_configs([ConfigResource("topic", topic)]).values()
        retention = str(found.result(_SECONDS)["retention.ms"].value)
        for future in admin.delete_topics([topic]).values():
            future.result(_SECONDS)
        return retention

    def transact(self, topic: str, group: str) -> tuple[int, int]:
        """Commit ten records and an offset, abort ten others; return what a reader of committed records gets."""
        producer = RdProducer({**self._servers, "transactional.id": f"{topic}-writer"})
        producer.init_transactions(_SECONDS)
        # Only what the transaction commits counts, of a member whose generation stays.
        with closing(self._consumer(topic, group, **{"enable.auto.commit": False})) as consumer:

            def is_member() -> bool:
                consumer.poll(0.2)
                return bool(consumer.assignment())

            wait_for(is_member, _SECONDS, "it is a member")
            for word in ("kept", "dropped"):
                producer.begin_transaction()
                for i in range(10):
                    producer.produce(topic, f"{word}-{i}".encode())
                offset = RdPartition(topic, 0, 7 if word == "kept" else 9)
                producer.send_offsets_to_transaction([offset], consumer.consumer_group_metadata(), _SECONDS)
                if word == "kept":
                    producer.commit_transaction(_SECONDS)
                else:
                    producer.abort_transaction(_SECONDS)
        read = self.consume(topic, f"{group}-reader", 10)
        (committed,) = RdConsumer({**self._servers, "group.id": group}).committed([RdPartition(topic, 0)], _SECONDS)
        return sum(one.startswith("kept") for one in read), committed.offset


class Aiokafka:
    def __init__(self, bootstrap: str) -> None:
        self._servers = bootstrap

    def produce(self, topic: str, values: list[str]) -> None:
        async def run() -> None:
            async with aiokafka.AIOKafkaProducer(bootstrap_servers=self._servers, acks="all") as producer:
                await asyncio.gather(*[await producer.send(topic, value.encode()) for value in values])

        asyncio.run(run())

    def _consumer(self, topic: str, group: str) -> Any:
        return aiokafka.AIOKafkaConsumer(
            topic,
            bootstrap_servers=self._servers,
            group_id=group,
            auto_offset_reset="earliest",
            heartbeat_interval_ms=500,
            metadata_max_age_ms=1000,
        )

    def consume(self, topic: str, group: str, count: int) -> list[str]:
        async def run() -> list[str]:
            async with asyncio.timeout(_SECONDS), self._consumer(topic, group) as consumer:
                read = [(await consumer.getone()).value.decode() for _ in range(count)]
                await consumer.commit()
                return read

        return asyncio.run(run())

    def share(self, topic: str, group: str) -> list[int]:
        async def run() -> list[int]:
            made = self._consumer(topic, group), self._consumer(topic, group)
            async with asyncio.timeout(_SECONDS), made[0] as one, made[1] as two:
                while any(len(each.assignment()) != PARTITIONS // 2 for each in made):
                    await asyncio.gather(one.getmany(timeout_ms=100), two.getmany(timeout_ms=100))
                return [len(each.assignment()) for each in made]

        return asyncio.run(run())

    def administer(self, topic: str) -> str:
        async def run() -> str:
            admin = AIOKafkaAdminClient(bootstrap_servers=self._servers)
            await admin.start()
            try:
                made = AioTopic(topic, 2, 3, topic_configs={"retention.ms": "1234567"})
                answer = await admin.create_topics([made])
                assert answer.topic_errors[0][1] == 0, answer
                described = await admin.describe_topics([topic])
                assert len(described[0]["partitions"]) == 2
                await admin.delete_topics([topic])
            finally:
                await admin.close()
            return "1234567"

        return asyncio.run(run())


_SCRIPT = Path(__file__).parent / "kafkajs_client.js"


class Kafkajs:
    def __init__(self, bootstrap: str, modules: Path) -> None:
        self._bootstrap = bootstrap
        self._environment = {**os.environ, "NODE_PATH": str(modules)}

    def _act(self, *what: Any) -> Any:
        command = [artefacts.program("node"), str(_SCRIPT), json.dumps([self._bootstrap, *what])]
        ran = subprocess.run(
            command, capture_output=True, text=True, timeout=_SECONDS * 2, check=False, env=self._environment
        )
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)

    def produce(self, topic: str, values: list[str]) -> None:
        self._act("produce", topic, "", values)

    def consume(self, topic: str, group: str, count: int) -> list[str]:
        return list(self._act("consume", topic, group, count))

    def share(self, topic: str, group: str) -> list[int]:
        return list(self._act("share", topic, group, 0))

    def administer(self, topic: str) -> str:
        return str(self._act("administer", topic, "", 0))


class KafkaTools:
    """Apache Kafka's own command-line tools: the Java client."""

    def __init__(self, bootstrap: str, folder: Path, protocol: str = "", version: str = "4.3.0") -> None:
        self._java = Java(Parts.of(version), folder, archive(version))
        self._way_in = ("--bootstrap-server", bootstrap)
        self._protocol = ("--command-property", f"group.protocol={protocol}") if protocol else ()

    def run(self, tool: str, *args: str) -> str:
        return self._java.run_tool(tool, *self._way_in, *args)

    def _console(self, topic: str, group: str) -> list[str]:
        rest = ("--topic", topic, "--group", group, "--from-beginning", *self._protocol)
        return self._java.tool("ConsoleConsumer", *self._way_in, *rest)

    def produce(self, topic: str, values: list[str]) -> None:
        command = self._java.tool("ConsoleProducer", *self._way_in, "--topic", topic)
        ran = subprocess.run(
            command, input="\n".join(values) + "\n", capture_output=True, text=True, timeout=_SECONDS, check=False
        )
        assert (ran.returncode, "ERROR" in ran.stderr) == (0, False), ran.stderr

    def consume(self, topic: str, group: str, count: int) -> list[str]:
        command = [*self._console(topic, group), "--max-messages", str(count), "--timeout-ms", "30000"]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS * 2, check=False)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout.splitlines()

    def share(self, topic: str, group: str) -> list[int]:
        with running(self._console(topic, group)), running(self._console(topic, group)):
            wait_for(lambda: self._owned(group) == [PARTITIONS // 2] * 2, _SECONDS, "the partitions are shared")
            return self._owned(group)

    def _owned(self, group: str) -> list[int]:
        said = self.run("ConsumerGroupCommand", "--describe", "--group", group, "--members")
        return [int(line.split()[-1]) for line in said.splitlines() if line.startswith(group)]

    def administer(self, topic: str) -> str:
        self.run("TopicCommand", "--create", "--topic", topic, "--partitions", "2", "--replication-factor", "3")
        named = ("--entity-type", "topics", "--entity-name", topic)
        self.run("ConfigCommand", "--alter", *named, "--add-config", "retention.ms=1234567")
        said = self.run("ConfigCommand", "--describe", *named)
        self.run("TopicCommand", "--delete", "--topic", topic)
        return said.partition("retention.ms=")[2].split()[0]


class Kcat:
    def __init__(self, bootstrap: str, folder: Path) -> None:
        self._command = [str(folder / "usr/bin/kcat"), "-b", bootstrap, "-q"]
        self._environment = {**os.environ, "LD_LIBRARY_PATH": str(folder / "usr/lib/x86_64-linux-gnu")}

    def _run(self, *args: str, given: str = "", seconds: float = _SECONDS) -> str:
        ran = subprocess.run(
            [*self._command, *args],
            input=given,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
            env=self._environment,
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    def produce(self, topic: str, values: list[str]) -> None:
        self._run("-P", "-t", topic, "-X", "acks=all", given="\n".join(values) + "\n")

    def consume(self, topic: str, group: str, count: int) -> list[str]:
        return self._run("-G", group, "-c", str(count), "-X", "auto.offset.reset=earliest", topic).splitlines()

    def share(self, topic: str, group: str) -> list[int]:
        raise NotImplementedError

    def administer(self, topic: str) -> str:
        raise NotImplementedError


@contextmanager
def running(command: list[str]) -> Iterator[None]:
    """Run a process for as long as a block lasts."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait()


Make = Callable[[str, Path], Client]

CLIENTS: dict[str, Make] = {
    "kafka-python": lambda bootstrap, _: KafkaPython(bootstrap),
    "confluent-kafka (librdkafka)": lambda bootstrap, _: Librdkafka(bootstrap, "classic"),
    "confluent-kafka, KIP-848": lambda bootstrap, _: Librdkafka(bootstrap, "consumer"),
    "aiokafka": lambda bootstrap, _: Aiokafka(bootstrap),
    "kafkajs": lambda bootstrap, _: Kafkajs(bootstrap, artefacts.node_modules("kafkajs")),
    "Kafka's tools (Java)": KafkaTools,
    "Kafka's tools (Java), KIP-848": lambda bootstrap, folder: KafkaTools(bootstrap, folder, "consumer"),
    "kcat": lambda bootstrap, _: Kcat(bootstrap, artefacts.kcat()),
}

CAPABILITIES = ("produce", "consume in a group", "rebalance", "administer")
CANNOT = {("kcat", "rebalance"), ("kcat", "administer")}
