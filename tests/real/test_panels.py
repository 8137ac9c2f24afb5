"""Panels that the reference has nothing for: a real broker has."""

from collections.abc import Callable
from pathlib import Path

from streamwatch.agent.app import App
from streamwatch.agent.config import parse
from streamwatch.core.clock import SystemClock
from streamwatch.dashboards.files import ALL
from tests.dashboards.test_walk import BY_A_JVM, asks, have_data, is_by_a_jvm
from tests.real import artefacts
from tests.real.conftest import had
from tests.real.kafka import KafkaCluster
from tests.real.prometheus import prometheus
from tests.real.test_open_monitoring import OBJECTS


def test_what_only_a_real_broker_tells_is_there(kafka_cluster: Callable[..., KafkaCluster], tmp_path: Path) -> None:
    cluster, binary = kafka_cluster(jmx_objects=OBJECTS), had(artefacts.prometheus)
    targets = ", ".join(
        f"{{broker: {n}, jmx: '127.0.0.1:{cluster.jmx_port(n)}'}}"
        for n in (*cluster.broker_ids, *cluster.controller_ids)
    )
    servers = ", ".join(f"'{one}'" for one in cluster.bootstrap.split(","))
    text = f"kafka: [{{name: k, bootstrap: [{servers}], open_monitoring: {{interval: 2s, targets: [{targets}]}}}}]\n"
    app = App(parse(text + "listen: {address: '127.0.0.1:0'}", "test", tmp_path), SystemClock())
    app.start()
    try:
        scraped = [{"job_name": "streamwatch", "static_configs": [{"targets": [app.address]}]}]
        with prometheus(binary, tmp_path / "prometheus", {"scrape_configs": scraped}) as at:
            wanted = [one for board in ALL for one in asks(board.panels) if is_by_a_jvm(one)]
            assert len(wanted) == len(BY_A_JVM)
            have_data(at, wanted, 60)
    finally:
        app.stop()
