"""Remote write to real Prometheus servers: 1.0 to Debian's 2.42, 2.0 to 3.5."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from streamwatch.agent.app import App
from streamwatch.agent.config import parse
from streamwatch.catalogue.kafka_groups import PARTITION_END_OFFSET
from streamwatch.core.clock import SystemClock
from streamwatch.core.schedule import Schedule
from streamwatch.demo.hurried import hurried
from streamwatch.demo.run import HURRIED_SETTINGS
from streamwatch.export.remote_write.config import Config
from streamwatch.export.remote_write.service import RemoteWriteService
from streamwatch.model.metric import Keys, Samples
from streamwatch.reference.kafka import faults
from streamwatch.reference.kafka.server import ReferenceKafka
from streamwatch.reference.kafka.spec import Spec
from streamwatch.reference.play import LoadProcess
from streamwatch.settings.types import Secret
from tests.real import artefacts
from tests.real.conftest import had
from tests.real.prometheus import free_port, prometheus, query
from tests.waiting import wait_for

RECEIVES = "--web.enable-remote-write-receiver"
CONFIG = """
kafka: [{{name: shop, bootstrap: [{kafka}], interval: 1s, deadline: 900ms}}]
listen: {{address: '127.0.0.1:0'}}
rules: {{instance: here}}
remote_write: [{{name: prom, url: 'http://{at}/api/v1/write', interval: 1s, external_labels: {{env: test}}}}]
"""


@pytest.mark.parametrize(("get", "version"), [(artefacts.prometheus, "1.0"), (artefacts.prometheus_3, "2.0")])
def test_what_the_agent_sees_arrives(tmp_path: Path, get: Callable[[], Path], version: str) -> None:
    binary = had(get)
    with prometheus(binary, tmp_path, {}, RECEIVES) as at, ReferenceKafka(Spec(brokers=3)) as kafka:
        app = App(parse(CONFIG.format(kafka=kafka.bootstrap, at=at), "test", tmp_path), SystemClock())
        app.start()
        try:
            up = 'kafka_broker_up{kafka_cluster="shop", env="test", job="streamwatch", instance="here"} == 1'
            wait_for(lambda: len(query(at, up)) == 3, 30, "brokers are seen")
            assert query(at, "up == 1")[0]["metric"]["job"] == "streamwatch"
            sender = app._remote_write._senders["prom"]
            assert sender._version == version
            assert sender.counts.refused == sender.counts.dropped == 0
            app._take(parse(CONFIG.format(kafka=kafka.bootstrap, at=at).replace("shop", "other"), "test", tmp_path))
            wait_for(lambda: not query(at, 'kafka_broker_up{kafka_cluster="shop"}'), 20, "what ended has ended")
            wait_for(lambda: len(query(at, 'kafka_broker_up{kafka_cluster="other"}')) == 3, 20, "the other is there")
        finally:
            app.stop()


def test_a_ruler_decides_by_the_same_files_as_the_agent(tmp_path: Path) -> None:
    """The pack in a Prometheus that scrapes nothing, and gets all it knows by remote write."""
    binary, rules = had(artefacts.prometheus), tmp_path / "rules"
    rules.mkdir()
    hurried(rules, 20)
    ruler = {"rule_files": [f"{rules}/*.yml"]}
    with (
        prometheus(binary, tmp_path / "ruler", ruler, RECEIVES) as at,
        ReferenceKafka(Spec(brokers=3, settings=HURRIED_SETTINGS)) as kafka,
        LoadProcess(kafka.bootstrap, 50),
    ):
        text = CONFIG.format(kafka=kafka.bootstrap, at=at).replace("rules: {", "rules: {enabled: false, ")
        app = App(parse(text, "test", tmp_path), SystemClock())
        app.start()
        try:
            firing = 'ALERTS{alertstate="firing", severity!="none"}'
            wait_for(lambda: query(at, 'ALERTS{severity="none"}'), 60, "the rules are evaluated")
            there = 'kafka_topic_partitions{topic="orders"}'
            wait_for(lambda: query(at, there) and not query(at, firing), 60, "all is well")
            kafka.do(lambda site, now: faults.stop(site, now, broker=2))
            down = 'ALERTS{alertname="KafkaBrokerDown", alertstate="firing", kafka_cluster="shop", broker="2"}'
            wait_for(lambda: query(at, down), 60, "the ruler says that the broker is down")
            kafka.do(lambda site, now: faults.start(site, now, broker=2))
            wait_for(lambda: not query(at, firing), 60, "and that it is back")
        finally:
            app.stop()


SERIES = 2000


def test_a_receiver_that_is_down_and_comes_back_misses_nothing(tmp_path: Path) -> None:
    binary, port = had(artefacts.prometheus), free_port()
    keys = Keys(PARTITION_END_OFFSET.labels, [("shop", "t", str(at)) for at in range(SERIES)])
    clock, schedule, count = SystemClock(), Schedule(SystemClock()), 0

    def now() -> list[Samples]:
        nonlocal count
        count += 1
        return [PARTITION_END_OFFSET.samples(keys, np.full(SERIES, float(count)))]

    service = RemoteWriteService(schedule, clock, now)
    config = Config(name="prom", url=Secret(f"http://127.0.0.1:{port}/api/v1/write"), interval=1.0, remote_timeout=2.0)
    service.take([config], {})
    sender = service._senders["prom"]
    try:
        schedule.start()
        with prometheus(binary, tmp_path, {}, RECEIVES, port=port):
            wait_for(lambda: sender.counts.sent >= 3 * SERIES, 20, "cycles arrive")
        before = count
        wait_for(lambda: count >= before + 5, 20, "five seconds without a receiver")
        assert sender.waiting()[0] >= 4 * SERIES
        with prometheus(binary, tmp_path, {}, RECEIVES, port=port) as at:
            wait_for(lambda: sender.waiting()[0] == 0, 40, "all has been caught up with")
            schedule.stop(2.0)
            total = sender.counts.sent
            wait_for(lambda: sender.waiting()[0] == 0, 10, "the last one, too")
            found = query(at, "sum(count_over_time(kafka_partition_end_offset[5m]))")[0]["value"][1]
            assert int(found) == sender.counts.sent >= total
            changes = query(at, "max(changes(kafka_partition_end_offset[5m]))")[0]["value"][1]
            assert int(changes) == count - 1, "each value of each cycle"
        assert (sender.counts.dropped, sender.counts.refused) == (0, 0)
    finally:
        service.stop(1.0)
        schedule.stop(1.0)
