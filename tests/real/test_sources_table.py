"""The thirteen metrics of MSK, and more, from every source: equal, or different for a reason that is written down."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from streamwatch.agent.config import parse
from streamwatch.agent.targets import Target, TargetFactory
from streamwatch.catalogue import kafka as k
from streamwatch.core.clock import Clock, SystemClock
from streamwatch.model.metric import Samples
from streamwatch.reference.kafka import faults
from streamwatch.reference.kafka.server import ReferenceKafka
from streamwatch.reference.kafka.spec import Spec
from tests.real.artefacts import node_exporter
from tests.real.conftest import had
from tests.real.kafka import KafkaCluster
from tests.real.processes import Server, free_ports
from tests.real.reference_clients import KafkaPython
from tests.real.source_table import MORE, THIRTEEN, Told, Unexplained, table
from tests.reference.acting import QUICK
from tests.reference.kinesis.acting import Time, cloud
from tests.snapshots import values
from tests.waiting import wait_for

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "msk-sources.md"
OBJECTS: Final = (
    "kafka.server:*", "kafka.network:*", "java.lang:type=MemoryPool,*", "java.lang:type=GarbageCollector,*",
    "java.lang:type=OperatingSystem",
)  # fmt: skip
HEAD: Final = """\
# The same metrics, from every source

Made by `tests/real/test_sources_table.py`, which fails where sources differ and nothing says why. Two clusters of
three brokers with one topic of six partitions, RF 3 and min ISR 3, and a group that has read it all: Apache Kafka 4.3
with the JMX exporter in MSK's naming and Debian's node exporter; and the reference cluster, with CloudWatch at
PER_BROKER. Numbers are sums over the series; "known" stands for a value that moves. How to read the sources:
[msk.md](msk.md).
"""
DEAD: Final = 2


class Table:
    """The document as it grows."""

    def __init__(self) -> None:
        self.parts = [HEAD]

    def add(self, title: str, told: Told, dead: str | None = None) -> None:
        """Add a table of what was told."""
        self.parts += [f"## {title}\n", *table(told, (*THIRTEEN, *MORE), dead), ""]

    @property
    def text(self) -> str:
        """All of it."""
        return "\n".join(self.parts)


@contextmanager
def watching(clock: Clock, bootstrap: str, targets: str, msk: str = "") -> Iterator[list[Target]]:
    """All sources of a cluster."""
    servers = ", ".join(f"'{one}'" for one in bootstrap.split(","))
    text = f"kafka: [{{name: k, bootstrap: [{servers}], open_monitoring: {{targets: [{targets}]}}, {msk}}}]"
    parts = TargetFactory(clock).targets(parse(text, "test", Path()).kafka[0], lambda: None)
    try:
        yield parts
    finally:
        for part in parts:
            part.source.close()


def told(parts: list[Target]) -> dict[str, list[Samples]]:
    """What each source says now."""
    found: dict[str, list[Samples]] = {}
    for part in parts:
        now: Any = part.source.read()
        found[part.kind] = [one for each in part.collectors.values() for one in each.collect(now)]
    return found


def used(bootstrap: str) -> None:
    """Let clients use every broker, and a group read everything."""
    client = KafkaPython(bootstrap)
    client.produce("orders", [str(number) for number in range(60)])
    assert len(client.consume("orders", "g", 60)) == 60


def settled(parts: list[Target], dead: str | None, under: int, seconds: float) -> dict[str, list[Samples]]:
    """Return what the sources say once they agree, and so many partitions are under-replicated."""

    def agreed() -> dict[str, list[Samples]] | None:
        found = told(parts)
        counts = values(found["kafka"], k.BROKER_UNDER_REPLICATED)
        with suppress(Unexplained):
            list(table(found, (*THIRTEEN, *MORE), dead))
            return found if counts and sum(counts.values()) >= under else None
        return None

    found: dict[str, list[Samples]] | None = None
    with suppress(TimeoutError):
        found = wait_for(agreed, seconds, "the sources agree")
    return found or told(parts)  # of which the table says what is wrong


def on_kafka(document: Table, cluster: KafkaCluster, node: str) -> None:
    """Apache Kafka itself."""
    cluster.create_topic("orders", 6, 3, min_insync_replicas=3)
    used(cluster.bootstrap)
    targets = ", ".join(
        f"{{broker: {n}, jmx: '127.0.0.1:{cluster.jmx_port(n)}', node: '{node}'}}" for n in cluster.broker_ids
    )
    with watching(SystemClock(), cluster.bootstrap, targets) as parts:
        told(parts)
        document.add("Apache Kafka, healthy", settled(parts, None, 0, 30))
        cluster.kill(DEAD)
        document.add(f"Apache Kafka, broker {DEAD} killed", settled(parts, str(DEAD), 6, 60), str(DEAD))


def on_reference(document: Table) -> None:
    """The reference, which MSK and CloudWatch know too."""
    settings = {**QUICK, "num.partitions": "6", "default.replication.factor": "3", "min.insync.replicas": "3"}
    with ExitStack() as stack:
        kafka = stack.enter_context(ReferenceKafka(Spec(settings=settings)))
        used(kafka.bootstrap)
        pages = kafka.serve_pages()
        time = Time()
        aws = stack.enter_context(cloud(time))
        aws.add_msk(kafka, "shop", "PER_BROKER")
        access = f"{{endpoint_url: '{aws.url}', access_key_id: a, secret_access_key: b}}"
        msk = (
            f"msk: {{cluster: shop, region: us-east-1, metrics: all, topics: {{}}, access: {access},"
            " cloudwatch: {detail_interval: 60s}}"
        )
        targets = ", ".join(f"{{broker: {n}, jmx: '{jmx}', node: '{node}'}}" for n, (jmx, node) in pages.items())
        parts = stack.enter_context(watching(time, kafka.bootstrap, targets, msk))

        def minutes(count: int) -> None:
            for _ in range(count):
                aws.measure_msk()
                time.advance(60)
                told(parts)

        minutes(2)
        document.add("The reference, healthy", told(parts))
        kafka.do(partial(faults.stop, broker=DEAD))
        wait_for(lambda: kafka.do(lambda site, _: site.cluster.brokers[DEAD].is_fenced), 20, "it is fenced")
        minutes(7)
        document.add(f"The reference, broker {DEAD} stopped", told(parts), str(DEAD))


@pytest.fixture
def node(tmp_path: Path) -> Iterator[str]:
    """Where a real node exporter listens."""
    (port,) = free_ports(1)
    address = f"127.0.0.1:{port}"
    server = Server(
        "node exporter", [str(had(node_exporter)), f"--web.listen-address={address}"], tmp_path / "node.log"
    )
    server.start()
    try:
        yield address
    finally:
        server.stop()


def test_the_document_says_what_every_source_says(kafka_cluster: Callable[..., KafkaCluster], node: str) -> None:
    document = Table()
    on_kafka(document, kafka_cluster(jmx_objects=OBJECTS), node)
    on_reference(document)

    assert_thirteen(document)
    if os.environ.get("STREAMWATCH_WRITE_DOCS") == "1":
        DOCUMENT.write_text(document.text, encoding="utf-8")
    assert DOCUMENT.read_text(encoding="utf-8") == document.text, "run with STREAMWATCH_WRITE_DOCS=1 to write it anew"


def assert_thirteen(document: Table) -> None:
    """Each of the thirteen is told by somebody, on every cluster and in every state."""
    for line in THIRTEEN:
        rows = [row for row in document.parts if row.startswith(f"| {line.name} |")]
        assert len(rows) == 4, line.name
        assert all("known" in row or any(letter.isdigit() for letter in row) for row in rows), line.name
