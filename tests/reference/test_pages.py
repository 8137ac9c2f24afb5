"""What a broker's exporters serve: parsed by Prometheus's own library, and the same as the model says."""

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from http.client import HTTPConnection

import pytest
from kafka import KafkaProducer
from prometheus_client.parser import text_string_to_metric_families

from streamwatch.reference.http import Asked
from streamwatch.reference.kafka import faults
from streamwatch.reference.kafka.exposition import ExpositionText
from streamwatch.reference.kafka.jmx_page import jmx_page
from streamwatch.reference.kafka.meters import Histogram, Meter
from streamwatch.reference.kafka.node_page import node_page
from streamwatch.reference.kafka.server import ReferenceKafka
from streamwatch.reference.kafka.spec import Spec
from tests.reference.acting import QUICK, Stage

ASKED = Asked("GET", "/metrics", "", b"")
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples(page: str) -> Samples:
    families = text_string_to_metric_families(page)
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def value(found: Samples, metric: str, /, **labels: str) -> float:
    return found[metric, frozenset(labels.items())]


def jmx(stage: Stage, broker: int) -> Samples:
    page = jmx_page(stage.site, broker, ASKED)
    assert page is not None
    return samples(str(page.body))


def test_counts_of_a_broker_are_those_of_its_partitions() -> None:
    stage = Stage()
    stage.topic("t", (1, 2, 3), (2, 3, 1), (1, 3, 2), min_insync_replicas="2")
    stage.cluster.stop(stage.cluster.brokers[3], stage.now)
    stage.advance(7)
    one, two = jmx(stage, 1), jmx(stage, 2)
    prefix = "kafka_server_ReplicaManager_Value"

    assert [value(page, prefix, name="LeaderCount") for page in (one, two)] == [2, 1]
    assert [value(page, prefix, name="PartitionCount") for page in (one, two)] == [3, 3]
    assert [value(page, prefix, name="UnderReplicatedPartitions") for page in (one, two)] == [2, 1]
    assert [value(page, prefix, name="UnderMinIsrPartitionCount") for page in (one, two)] == [0, 0]
    assert [value(page, prefix, name="AtMinIsrPartitionCount") for page in (one, two)] == [2, 1]
    assert value(one, "kafka_cluster_Partition_Value", name="InSyncReplicasCount", topic="t", partition="0") == 2


def test_the_controllers_mbeans_are_on_brokers_with_zookeeper_only() -> None:
    kraft, old = Stage(), Stage(Spec(release=(2, 8), settings=QUICK))
    old.topic("t", (1, 2, 3))

    assert value(jmx(kraft, 1), "kafka_server_MetadataLoader_Value", name="CurrentControllerId") == 100
    assert not [name for name, _ in jmx(kraft, 1) if name.startswith("kafka_controller")]
    prefix = "kafka_controller_KafkaController_Value"
    assert [value(jmx(old, each), prefix, name="ActiveControllerCount") for each in (1, 2, 3)] == [1, 0, 0]
    assert [value(jmx(old, each), prefix, name="GlobalPartitionCount") for each in (1, 2, 3)] == [1, 0, 0]


def test_the_node_page_tells_of_volumes_and_lost_packets() -> None:
    stage = Stage()
    broker = stage.cluster.brokers[1]
    broker.dirs[0].other = broker.dirs[0].capacity // 4
    faults.drop_packets(stage.site, stage.now, broker=1, share=0.5)
    stage.site.measures[1].network(14_480, 0, broker.dropped_share)
    found = samples(str(node_page(stage.site, 1, ASKED).body))
    labels = {"device": "/dev/kafka0", "fstype": "ext4", "mountpoint": "/kafka/data-0"}

    assert value(found, "node_filesystem_avail_bytes", **labels) == broker.dirs[0].capacity * 3 // 4
    assert value(found, "node_network_receive_drop_total", device="eth0") == 5
    assert value(found, "node_memory_MemTotal_bytes") > 0
    disks = {dict(labels)["device"] for name, labels in found if name == "node_disk_written_bytes_total"}
    assert all(value(found, "node_disk_io_time_seconds_total", device=device) >= 0 for device in disks)
    assert {dict(labels)["mode"] for name, labels in found if name == "node_cpu_seconds_total"} >= {"user", "idle"}


def test_labels_are_escaped() -> None:
    text = ExpositionText()
    text.add("x", 1, group='a"b\\c\nd')

    assert samples(text.page()) == {("x", frozenset({("group", 'a"b\\c\nd')})): 1.0}


def test_meters_and_histograms_have_the_attributes_that_kafka_gives_them() -> None:
    text, meter, histogram = ExpositionText(), Meter(0.0), Histogram()
    meter.mark(10, 1.0)
    histogram.update(3.0)
    text.meter("m", meter, 10.0, name="n")
    text.histogram("h", histogram, name="n")
    names = {name for name, _ in samples(text.page())}

    assert names == {
        *(f"m_{one}" for one in ("Count", "MeanRate", "OneMinuteRate", "FiveMinuteRate", "FifteenMinuteRate")),
        *(f"h_{one}" for one in ("Count", "Mean", "Min", "Max", "StdDev")),
        *(f"h_{one}thPercentile" for one in ("50", "75", "95", "98", "99", "999")),
    }


@pytest.fixture(scope="module")
def kafka() -> Iterator[ReferenceKafka]:
    with ReferenceKafka(Spec(settings=QUICK)) as running:
        yield running


def test_pages_are_served_and_tell_of_requests(kafka: ReferenceKafka) -> None:
    with closing(KafkaProducer(bootstrap_servers=kafka.bootstrap.split(","))) as producer:
        sent = [producer.send("t", b"x" * 100).get(10) for _ in range(5)]
    leader = kafka.do(lambda site, _: site.cluster.topics["t"].partitions[0].state.leader)
    pages = {}
    for kind, address in zip(("jmx", "node"), kafka.serve_pages()[leader], strict=True):
        with closing(HTTPConnection(address, timeout=60)) as connection:
            for _ in range(2):  # the connection is kept
                connection.request("GET", "/metrics")
                pages[kind] = samples(connection.getresponse().read().decode())
    prefix = "kafka_network_RequestMetrics"

    assert len(sent) == 5
    assert value(pages["jmx"], f"{prefix}_Count", name="TotalTimeMs", request="Produce") == 5
    assert value(pages["jmx"], f"{prefix}_Mean", name="TotalTimeMs", request="Produce") > 0
    assert value(pages["jmx"], "kafka_server_BrokerTopicMetrics_Count", name="MessagesInPerSec", topic="t") == 5
    assert value(pages["jmx"], "kafka_log_Log_Value", name="LogEndOffset", topic="t", partition="0") == 5
    assert value(pages["node"], "node_network_receive_bytes_total", device="eth0") > 500


def test_the_exporter_ends_and_hangs_with_its_broker_and_the_hosts_does_not(kafka: ReferenceKafka) -> None:
    jmx, node = kafka.serve_pages()[2]

    def had(address: str) -> bool:
        with closing(HTTPConnection(address, timeout=0.5)) as connection:
            try:
                connection.request("GET", "/metrics")
                return bool(connection.getresponse().read())
            except OSError:
                return False

    assert (had(jmx), had(node)) == (True, True)
    kafka.do(partial(faults.stop, broker=2))
    assert (had(jmx), had(node)) == (False, True)
    kafka.do(partial(faults.start, broker=2))
    assert had(jmx)
    kafka.do(partial(faults.freeze, broker=2))
    assert (had(jmx), had(node)) == (False, True)
    kafka.do(partial(faults.thaw, broker=2))
    assert had(jmx)
