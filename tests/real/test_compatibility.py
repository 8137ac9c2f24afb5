"""What people already have for kafka_exporter, asked of a real Prometheus that scrapes the agent instead."""

from pathlib import Path

from confluent_kafka import Producer

from streamwatch.agent.app import App
from streamwatch.agent.config import parse
from streamwatch.core.clock import SystemClock
from streamwatch.demo.run import HURRIED_SETTINGS
from streamwatch.reference.kafka import faults
from streamwatch.reference.kafka.server import ReferenceKafka
from streamwatch.reference.kafka.spec import Spec
from streamwatch.reference.play import LoadProcess
from tests.real import artefacts
from tests.real.conftest import had
from tests.real.prometheus import prometheus, query
from tests.waiting import wait_for

CONFIG = """
kafka: [{{name: shop, bootstrap: [{at}], interval: 1s, deadline: 900ms}}]
listen: {{address: '127.0.0.1:0'}}
export: {{compatibility: [kafka_exporter]}}
"""
CHOSEN = '{topic=~".*"}'
GROUPS = '{consumergroup=~".*", topic=~".*"}'
QUERIES = {
    # Grafana 7589 and the exporter's own dashboard; Strimzi's is made of it, and asks for more
    "messages in": f"sum(rate(kafka_topic_partition_current_offset{CHOSEN}[1m])) by (topic)",
    "messages in, a minute": f"sum(delta(kafka_topic_partition_current_offset{CHOSEN}[5m]) / 5) by (topic)",
    "lag": f"sum(kafka_consumergroup_lag{GROUPS}) by (consumergroup, topic)",
    "messages consumed": f"sum(delta(kafka_consumergroup_current_offset{GROUPS}[1m]) / 60) by (consumergroup, topic)",
    "partitions by topic": 'sum by (topic) (kafka_topic_partitions{topic!="__consumer_offsets"})',
    "topics": f"count(kafka_topic_partitions{CHOSEN})",
    "replicas": f"sum(kafka_topic_partition_replicas{CHOSEN})",
    "in sync": f"sum(kafka_topic_partition_in_sync_replica{CHOSEN})",
    "under-replicated": f"sum(kafka_topic_partition_under_replicated_partition{CHOSEN})",
    "not on the preferred node": f"sum(kafka_topic_partition_leader_is_preferred{CHOSEN} < bool 1)",
    "group offsets": f"sum(kafka_consumergroup_current_offset{GROUPS}) by (consumergroup, partition, topic)",
    "latest offsets": f"sum(kafka_topic_partition_current_offset{CHOSEN}) by (partition, topic)",
    "oldest offsets": f"sum(kafka_topic_partition_oldest_offset{CHOSEN}) by (partition, topic)",
    "what can be chosen": "kafka_exporter_build_info",
    # others that read it
    "members": "sum(kafka_consumergroup_members) by (consumergroup)",
    "sums": "kafka_consumergroup_lag_sum / (kafka_consumergroup_current_offset_sum + 1)",
    "brokers": "kafka_brokers",
    "leaders": "count(kafka_topic_partition_leader)",
}
RULES = {
    "UnderReplicatedPartition": "kafka_topic_partition_under_replicated_partition > 0",
    "TooLargeConsumerGroupLag": "kafka_consumergroup_lag > 1000",
    "NoMessageForTooLong": "changes(kafka_topic_partition_current_offset[10m]) == 0",
}
"""Strimzi's, for its exporter."""


def test_dashboards_and_rules_for_kafka_exporter_have_data(tmp_path: Path) -> None:
    binary = had(artefacts.prometheus)
    with ReferenceKafka(Spec(brokers=3, settings=HURRIED_SETTINGS)) as kafka, LoadProcess(kafka.bootstrap, 50):
        app = App(parse(CONFIG.format(at=kafka.bootstrap), "test", tmp_path), SystemClock())
        app.start()
        try:
            scraped = [{"job_name": "kafka-exporter", "static_configs": [{"targets": [app.address]}]}]
            with prometheus(binary, tmp_path / "prometheus", {"scrape_configs": scraped}) as at:

                def empty() -> list[str]:
                    return [name for name, expr in QUERIES.items() if not query(at, expr)]

                wait_for(lambda: empty() == [], 60, "every query has an answer")
                same = "abs(sum(kafka_consumergroup_lag) - sum(kafka_group_lag)) < 1"
                wait_for(lambda: query(at, same), 20, "both names tell the same")
                assert [one["value"][1] for one in query(at, QUERIES["under-replicated"])] == ["0"]
                for name in ("UnderReplicatedPartition", "TooLargeConsumerGroupLag"):
                    assert query(at, RULES[name]) == []

                def silent() -> set[str]:
                    return {one["metric"]["topic"] for one in query(at, RULES["NoMessageForTooLong"])}

                wait_for(lambda: silent() <= {"__consumer_offsets"}, 20, "two scrapes differ")

                kafka.do(lambda site, now: faults.stall_group(site, now, group="orders-readers"))
                producer = Producer({"bootstrap.servers": kafka.bootstrap, "linger.ms": 50})
                for _ in range(2000):
                    producer.produce("orders", b"x", partition=0)
                assert producer.flush(20) == 0
                wait_for(lambda: query(at, RULES["TooLargeConsumerGroupLag"]), 60, "a group is late")
                kafka.do(lambda site, now: faults.stop(site, now, broker=2))
                wait_for(lambda: query(at, RULES["UnderReplicatedPartition"]), 40, "a replica is missed")
        finally:
            app.stop()
