"""The pages of a reference cluster, against what the cluster itself knows; and the agent that joins both sources."""

import re
from collections.abc import Iterator
from functools import partial
from http.client import HTTPConnection
from pathlib import Path

import numpy as np
import pytest

from streamwatch.agent.app import App
from streamwatch.agent.config import Config, parse
from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_brokers as b
from streamwatch.cli.compare import compared
from streamwatch.cli.snapshot import SourceRead, read_all
from streamwatch.core.clock import SystemClock
from streamwatch.model.metric import Keys, Metric
from streamwatch.reference.kafka import faults
from streamwatch.reference.kafka.server import ReferenceKafka
from streamwatch.reference.kafka.spec import Spec
from tests.real.reference_clients import KafkaPython
from tests.reference.acting import QUICK
from tests.snapshots import snapshot, values
from tests.waiting import wait_for


@pytest.fixture(scope="module")
def kafka() -> Iterator[ReferenceKafka]:
    with ReferenceKafka(Spec(settings={**QUICK, "num.partitions": "3", "default.replication.factor": "3"})) as running:
        client = KafkaPython(running.bootstrap)
        client.produce("orders", ["a", "b", "c"])
        assert sorted(client.consume("orders", "g", 3)) == ["a", "b", "c"]
        yield running


@pytest.fixture(scope="module")
def text(kafka: ReferenceKafka) -> str:
    pages = kafka.serve_pages()
    targets = ", ".join(f"{{broker: {n}, jmx: '{jmx}', node: '{node}'}}" for n, (jmx, node) in pages.items())
    servers = ", ".join(f"'{one}'" for one in kafka.bootstrap.split(","))
    return (
        f"kafka: [{{name: k, bootstrap: [{servers}], interval: 1s, deadline: 900ms,"
        f" open_monitoring: {{targets: [{targets}], interval: 1s}}}}]\nlisten: {{address: '127.0.0.1:0'}}\n"
    )


@pytest.fixture
def config(text: str) -> Config:
    return parse(text, "test", Path())


def seen(config: Config) -> tuple[SourceRead, SourceRead]:
    protocol, pages = read_all(config.kafka[0])
    assert (protocol.kind, pages.kind) == ("kafka", "pages")
    return protocol, pages


def test_what_both_sources_know_is_the_same(config: Config) -> None:
    protocol, pages = seen(config)

    for metric in (
        k.BROKER_PARTITIONS, k.BROKER_LEADERS, k.BROKER_UNDER_REPLICATED, k.BROKER_UNDER_MIN_ISR, k.BROKER_AT_MIN_ISR,
    ):  # fmt: skip
        assert values(pages.samples, metric) == values(protocol.samples, metric) != {}, metric.name


def test_the_pages_tell_what_the_brokers_measured(config: Config, kafka: ReferenceKafka) -> None:
    def measured(name: str) -> dict[str, float]:
        return kafka.do(lambda site, _: {str(n): getattr(m.all_topics, name).count for n, m in site.measures.items()})

    _, pages = seen(config)
    assert values(pages.samples, b.MESSAGES_IN) == measured("messages_in")
    assert values(pages.samples, b.BYTES_IN) == measured("bytes_in")
    assert sum(values(pages.samples, b.MESSAGES_IN).values()) >= 3
    phases = {row.split()[-1] for row in values(pages.samples, b.REQUEST_MEAN)}
    assert phases == {"total", "queue", "local", "remote", "response_queue", "send", "throttle"}
    requests = {row.split()[1] for row in values(pages.samples, b.REQUESTS)}
    assert requests <= {"Produce", "FetchConsumer", "FetchFollower"}
    assert {"Produce", "FetchConsumer"} <= requests
    assert set(values(pages.samples, b.REQUEST_QUEUE)) == {"1", "2", "3"}
    assert 0 < min(values(pages.samples, b.HANDLER_IDLE).values()) <= 1
    assert 0 < min(values(pages.samples, b.ROOT_DISK).values()) < 1
    assert values(pages.samples, b.PACKETS_DROPPED) == {f"{n} {way}": 0 for n in (1, 2, 3) for way in ("in", "out")}
    assert pages.snapshot.problems == ()


def test_the_pages_tell_of_connections_files_and_isrs(config: Config, kafka: ReferenceKafka) -> None:
    def measured(name: str) -> dict[str, float]:
        return kafka.do(
            lambda site, _: {f"{n} PLAINTEXT": getattr(m, name)["PLAINTEXT"] for n, m in site.measures.items()}
        )

    _, pages = seen(config)
    told = partial(values, pages.samples)
    assert told(b.CONNECTIONS_CREATED).keys() == measured("connections_created").keys()
    assert all(0 < closed < told(b.CONNECTIONS_CREATED)[row] for row, closed in told(b.CONNECTIONS_CLOSED).items())
    assert told(b.FAILED_AUTHENTICATIONS) == told(b.CONNECTIONS_EXPIRED) == dict.fromkeys(measured("connections"), 0)
    assert told(b.ISR_SHRINKS) == told(b.ISR_EXPANDS) == {"1": 0, "2": 0, "3": 0}
    assert all(0 < used < told(b.FILES_LIMIT)[broker] for broker, used in told(b.OPEN_FILES).items())
    assert {row.split()[1] for row in told(b.DISK_BYTES)} == {row.split()[1] for row in told(b.DISK_BUSY)}


def test_totals_of_all_topics_are_not_added_to_those_of_topics(config: Config) -> None:
    _, pages = seen(config)
    whole, topics = values(pages.samples, b.BYTES_IN), values(pages.samples, b.TOPIC_BYTES_IN)

    for broker, total in whole.items():
        assert sum(value for row, value in topics.items() if row.split()[0] == broker) == total
    assert all(row.split()[1] for row in topics)


def test_lost_packets_show(config: Config, kafka: ReferenceKafka) -> None:
    kafka.do(lambda site, now: faults.drop_packets(site, now, broker=2, share=0.5))
    _, pages = seen(config)  # the protocol is asked first, and loses packets on its way to broker 2
    kafka.do(lambda site, now: faults.drop_packets(site, now, broker=2, share=0.0))

    dropped = values(pages.samples, b.PACKETS_DROPPED)
    assert dropped["2 in"] + dropped["2 out"] > 0
    assert dropped["1 in"] == dropped["3 in"] == 0


def test_the_agent_joins_both_without_a_series_twice(config: Config) -> None:
    app = App(config, SystemClock())
    app.start()

    def page() -> str:
        host, _, port = app.address.rpartition(":")
        connection = HTTPConnection(host, int(port), timeout=60)
        try:
            connection.request("GET", "/metrics")
            return connection.getresponse().read().decode()
        finally:
            connection.close()

    try:
        told = wait_for(lambda: found if "request_queue_length{" in (found := page()) else "", 20, "both sources tell")
    finally:
        app.stop()

    lines = [line.rpartition(" ")[0] for line in told.splitlines() if not line.startswith("#")]
    assert len(lines) == len(set(lines))
    assert 'streamwatch_source_up{source="k/pages"} 1' in told
    assert told.count("kafka_broker_leaders{") == 3


def test_a_broker_whose_exporter_is_gone_is_left_out_and_nobody_else(text: str) -> None:
    gone = re.sub(r"broker: 2, jmx: '[^']*'", "broker: 2, jmx: '127.0.0.1:1'", text)
    _, pages = seen(parse(gone, "test", Path()))

    assert set(values(pages.samples, b.REQUEST_QUEUE)) == {"1", "3"}
    assert [one.reason for one in pages.snapshot.problems] == ["unreachable"]
    assert set(values(pages.samples, b.ROOT_DISK)) == {"1", "2", "3"}


def test_compare_shows_both_words_and_judges_them(config: Config) -> None:
    lines = list(compared(read_all(config.kafka[0])))

    assert {line.name for line in lines} >= {"kafka_broker_partitions", "kafka_broker_leaders"}
    assert {line.verdict for line in lines} == {"equal"}
    assert all(set(line.values) == {"kafka", "pages"} for line in lines)


def test_a_difference_is_explained_or_marked() -> None:
    def judged(metric: Metric, one: float, other: float) -> str:
        keys = Keys(metric.labels, [("c", "1")])
        seen = [SourceRead(kind, snapshot({"t": [(1, [1], [1])]}), [metric.samples(keys, np.array([value]))])
                for kind, value in (("kafka", one), ("pages", other))]  # fmt: skip
        return next(compared(seen)).verdict

    assert judged(k.BROKER_PARTITIONS, 5, 5) == "equal"
    assert judged(k.BROKER_PARTITIONS, 5, 6) == "differs"
    assert judged(k.BROKER_UNDER_REPLICATED, 0, 6) == "explained"
    assert judged(b.BYTES_IN, 1000, 1010) == "explained"
    assert judged(b.BYTES_IN, 1000, 2000) == "differs"
