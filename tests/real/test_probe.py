"""The probe on real brokers: records go through each."""

from streamwatch.core.clock import SystemClock
from streamwatch.probe.source import ProbeSource
from streamwatch.sources.cluster_config import ClusterConfig
from streamwatch.sources.probe_config import KafkaProbe
from tests.addresses import servers
from tests.real.kafka import KafkaCluster
from tests.waiting import wait_for


def test_records_go_through_each_broker(cluster_43: KafkaCluster) -> None:
    first, second, third = cluster_43.broker_ids
    cluster_43.create_topic_on("probed", {0: (first, second), 1: (second, third), 2: (third, first)})
    config = ClusterConfig(
        name="c",
        bootstrap=servers(cluster_43.bootstrap.split(",")),
        probe=KafkaProbe(enabled=True, topic="probed", interval=0.1, timeout=30.0),
    )
    source = ProbeSource("c/probe", config, config.probe, SystemClock(), lambda: config.bootstrap)
    try:
        wait_for(lambda: [each.successes > 1 for each in source.read().brokers] == [True] * 3, 60, "each is covered")
        assert [dict(each.failures) for each in source.read().brokers] == [{}] * 3
    finally:
        source.close()
