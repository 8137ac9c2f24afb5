"""What an exporter's page says, in the namings that are about."""

from typing import Any

import pytest

from streamwatch.catalogue import kafka_brokers as b
from streamwatch.catalogue.exporter_mappings import NAMES
from streamwatch.collectors.broker_pages import PageCollector
from streamwatch.model.metric import Metric
from streamwatch.model.pages import BrokerPages, Page, PagesSnapshot
from streamwatch.sources.open_monitoring.parse import ExpositionParser, wanted
from tests.snapshots import values

AGENT = 'jmx_exporter_build_info{name="jmx_prometheus_javaagent",version="1.0.1"} 1\n'
SERVER = 'jmx_exporter_build_info{version="0.12.0",name="jmx_prometheus_httpserver",} 1.0\n'
SOCKET = "kafka_server_socket_server_metrics"


def page(text: str, kind: str) -> Page:
    reader = ExpositionParser(wanted(NAMES[kind]))
    reader.feed(f"{text}\n".encode())
    return {name: tuple(series) for name, series in reader.end().items()}


def told(metric: Metric, jmx: str = "", node: str = "") -> dict[str, float]:
    one = BrokerPages(1, page(jmx, "jmx") if jmx else None, page(node, "node") if node else None)
    snapshot = PagesSnapshot(source="k/pages", cluster="k", taken_at=0.0, read_seconds=0.0, brokers=(one,))
    return values(PageCollector(topics=True, app_logs_mount="/").collect(snapshot), metric)


def of_jmx(name: str, text: str, metric: Metric, expected: dict[str, float]) -> Any:
    return pytest.param(text, metric, expected, id=name)


@pytest.mark.parametrize(
    ("text", "metric", "expected"),
    [
        of_jmx(
            "collectors_as_4_3_names_them",
            'java_lang_Copy_CollectionTime{type="GarbageCollector"} 123.0\n'
            'java_lang_G1_Young_Generation_CollectionTime{type="GarbageCollector"} 7.0',
            b.GC_SECONDS,
            {"1 Copy": 0.123, "1 G1 Young Generation": 0.007},
        ),
        of_jmx(
            "collectors_as_msk_names_them",
            'java_lang_GarbageCollector_CollectionTime{name="G1 Young Generation",} 7.0\n'
            'java_lang_GarbageCollector_CollectionTime{name="G1 Old Generation",} 0.0',
            b.GC_SECONDS,
            {"1 G1 Young Generation": 0.007, "1 G1 Old Generation": 0},
        ),
        of_jmx(
            "an_agent_tells_them_twice",
            f'{AGENT}java_lang_Copy_CollectionCount{{type="GarbageCollector"}} 2.0\n'
            'jvm_gc_collection_seconds_count{gc="Copy"} 2',
            b.GC_COLLECTIONS,
            {"1 Copy": 2},
        ),
        of_jmx(
            "an_agent_whose_rules_leave_the_beans_out",
            f'{AGENT}jvm_gc_collection_seconds_sum{{gc="Copy"}} 0.25',
            b.GC_SECONDS,
            {"1 Copy": 0.25},
        ),
        of_jmx("a_server_tells_of_itself", f'{SERVER}jvm_gc_collection_seconds_sum{{gc="Copy"}} 9', b.GC_SECONDS, {}),
        of_jmx(
            "descriptors_of_the_broker_and_not_of_the_exporters_server",
            f"{SERVER}process_open_fds 900\njava_lang_OperatingSystem_OpenFileDescriptorCount 142.0",
            b.OPEN_FILES,
            {"1": 142},
        ),
        of_jmx(
            "descriptors_of_an_agent", f"{AGENT}process_open_fds 140\nprocess_max_fds 2e4", b.FILES_LIMIT, {"1": 2e4}
        ),
        of_jmx(
            "isr_shrinks",
            'kafka_server_ReplicaManager_Count{name="IsrShrinksPerSec"} 3\n'
            'kafka_server_ReplicaManager_Count{name="IsrExpandsPerSec"} 2',
            b.ISR_SHRINKS,
            {"1": 3},
        ),
        of_jmx(
            "isr_expands_by_the_usual_rules", "kafka_server_replicamanager_isrexpands_total 2", b.ISR_EXPANDS, {"1": 2}
        ),
        of_jmx(
            "unclean_elections",
            'kafka_controller_ControllerStats_Count{name="UncleanLeaderElectionsPerSec"} 4',
            b.UNCLEAN_ELECTIONS,
            {"1": 4},
        ),
        of_jmx(
            "unclean_elections_by_the_usual_rules",
            "kafka_controller_controllerstats_uncleanleaderelections_total 4",
            b.UNCLEAN_ELECTIONS,
            {"1": 4},
        ),
        of_jmx(
            "connections_of_all_network_threads_of_a_listener",
            f'{SOCKET}_connection_count{{listener="CLIENT",networkProcessor="0",}} 2\n'
            f'{SOCKET}_connection_count{{listener="CLIENT",networkProcessor="1",}} 3\n'
            f'{SOCKET}_connection_count{{listener="REPLICATION",networkProcessor="2",}} 1',
            b.CONNECTIONS,
            {"1 CLIENT": 5, "1 REPLICATION": 1},
        ),
        of_jmx(
            "closed_connections_as_4_3_names_them",
            f'{SOCKET}_connection_close{{listener="CLIENT",networkProcessor="0"}} 2',
            b.CONNECTIONS_CLOSED,
            {"1 CLIENT": 2},
        ),
        of_jmx(
            "closed_connections_as_msk_names_them",
            f'{SOCKET}_connection_close_total{{listener="CLIENT",networkProcessor="0",}} 2',
            b.CONNECTIONS_CLOSED,
            {"1 CLIENT": 2},
        ),
        of_jmx(
            "expired_connections",
            f'{SOCKET}_expired_connections_killed_count{{listener="CLIENT",networkProcessor="0"}} 2',
            b.CONNECTIONS_EXPIRED,
            {"1 CLIENT": 2},
        ),
        of_jmx(
            "failed_logins_of_clients_only",
            f'{SOCKET}_failed_authentication{{listener="CLIENT",networkProcessor="0"}} 2\n'
            'kafka_server_heartbeat_metrics_failed_authentication{BrokerId="1"} 5',
            b.FAILED_AUTHENTICATIONS,
            {"1 CLIENT": 2},
        ),
    ],
)
def test_a_brokers_page(text: str, metric: Metric, expected: dict[str, float]) -> None:
    assert told(metric, jmx=text) == expected


def test_a_hosts_disks() -> None:
    text = (
        'node_disk_read_bytes_total{device="nvme1n1"} 4096\nnode_disk_written_bytes_total{device="nvme1n1"} 8192\n'
        'node_disk_read_bytes_total{device="dm-0"} 512\nnode_disk_io_time_seconds_total{device="nvme1n1"} 1.5'
    )

    assert told(b.DISK_BYTES, node=text) == {"1 nvme1n1 read": 4096, "1 dm-0 read": 512, "1 nvme1n1 write": 8192}
    assert told(b.DISK_BUSY, node=text) == {"1 nvme1n1": 1.5}
