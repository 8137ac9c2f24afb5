"""Every series of the reference's JMX page is on a real broker's too, by name and labels; promtool reads both pages."""

import subprocess
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest

from streamwatch.reference.kafka.server import ReferenceKafka
from streamwatch.reference.kafka.spec import Spec
from tests.real.kafka import KafkaCluster
from tests.real.reference_clients import KafkaPython
from tests.reference.acting import QUICK
from tests.reference.test_pages import samples
from tests.waiting import wait_for

# kafka-python leaves a socket to the collector when a coordinator moves while it connects: on slow machines.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
OBJECTS = (
    "kafka.server:*", "kafka.network:*", "kafka.log:*", "kafka.cluster:*", "kafka.coordinator.group:*",
    "java.lang:type=OperatingSystem",
)  # fmt: skip
SOCKET = "kafka_server_socket_server_metrics"
MSK = {
    "kafka_consumer_group_ConsumerLagMetrics_Value", f"{SOCKET}_connection_creation_total",
    f"{SOCKET}_connection_close_total", f"{SOCKET}_failed_authentication_total",
}  # fmt: skip
"""As MSK has them: a lag that is Amazon's own, and names that the exporter of today writes without the suffix."""

Shape = tuple[str, frozenset[str], str]
"""A series' name, the names of its labels, and what its label ``name`` says."""


def shapes(page: str) -> set[Shape]:
    return {(name, frozenset(key for key, _ in labels), dict(labels).get("name", "")) for name, labels in samples(page)}


def fetched(address: str) -> str:
    with closing(HTTPConnection(address, timeout=30)) as connection:
        connection.request("GET", "/metrics")
        return connection.getresponse().read().decode()


def used(bootstrap: str) -> None:
    """Let a client do what makes the brokers' meters appear."""
    client = KafkaPython(bootstrap)
    client.produce("pages", ["a", "b", "c"])
    assert sorted(client.consume("pages", "pages-readers", 3)) == ["a", "b", "c"]


def test_every_series_is_one_of_a_real_brokers(kafka_cluster: Callable[..., KafkaCluster], promtool: Path) -> None:
    real = kafka_cluster(jmx_objects=OBJECTS)
    real.create_topic("pages", 3, 3)
    used(real.bootstrap)
    known = set().union(*(shapes(fetched(f"127.0.0.1:{real.jmx_port(broker)}")) for broker in real.broker_ids))
    with ReferenceKafka(Spec(settings={**QUICK, "num.partitions": "3", "default.replication.factor": "3"})) as kafka:
        used(kafka.bootstrap)
        addresses = kafka.serve_pages()
        wait_for(lambda: "ConsumerLag" in "".join(fetched(jmx) for jmx, _ in addresses.values()), 10, "the lag is told")
        pages = [fetched(jmx) for jmx, _ in addresses.values()]
        node = fetched(addresses[1][1])
    strange = {shape for page in pages for shape in shapes(page) if shape not in known and shape[0] not in MSK}

    assert strange == set()
    assert len(set().union(*map(shapes, pages))) > 150
    for page in (pages[0], node):
        ran = subprocess.run(
            [promtool, "check", "metrics"], input=page, capture_output=True, text=True, check=False, timeout=30
        )
        assert "error while linting" not in ran.stderr, ran.stderr[:500]
