"""The agent as a user runs it, on a real cluster, and its page as Prometheus sees it."""

import re
import subprocess
from pathlib import Path

from streamwatch.catalogue import agent as agent_metrics
from streamwatch.catalogue import kafka, kafka_brokers, kafka_controllers, kafka_groups
from tests.agent_process import Agent, agent, config_file
from tests.real.kafka import KafkaCluster
from tests.waiting import wait_for


def test_the_page_passes_promtool_and_has_every_metric(
    cluster_43: KafkaCluster, promtool: Path, tmp_path: Path
) -> None:
    cluster_43.create_topic("page", 2, 3)
    cluster_43.produce("page", 0, 3)
    cluster_43.commit("page-readers", {("page", 0): 3, ("page", 1): 0})
    file = config_file(tmp_path, cluster_43.bootstrap, granularity="partition")
    with cluster_43.consumer("page-live", "page"), agent("--config", file) as running:
        wait_for(lambda: running.value("kafka_group_topic_lag", group="page-live") == 0, 30, "the group is seen")
        page = running.page()

    checked = subprocess.run([promtool, "check", "metrics"], input=page, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")
    told = {line.split()[2] for line in page.splitlines() if line.startswith("# TYPE")}
    parts = (kafka, kafka_controllers, kafka_groups, agent_metrics)
    wanted = {metric.name for part in parts for metric in part.METRICS} | {kafka_brokers.DATA_DISK.name}
    wanted = {name for name in wanted if not re.match("streamwatch_(aws|cloudwatch|dynamodb|page)_", name)}
    without = {"streamwatch_source_problems", "streamwatch_http_requests_total", "streamwatch_alert_state_up"}
    without |= {"streamwatch_heartbeat_up", "streamwatch_notification_seconds"}
    without |= {"streamwatch_archive_file_up", "streamwatch_archive_file_bytes"}  # there is no state file
    without |= {
        one.name for one in (kafka_groups.GROUP_PARTITION_STUCK_OFFSET, kafka_groups.GROUP_PARTITION_STUCK_SINCE)
    }
    without |= {one.name for one in (kafka.TRANSACTION_START, kafka.TRANSACTION_COORDINATED)}
    assert wanted - told <= without, "healthy, without a file for alerts, and nobody was told anything"


def test_a_dead_broker_is_on_the_page_whatever_the_interval(cluster_43: KafkaCluster, tmp_path: Path) -> None:
    file = config_file(tmp_path, cluster_43.bootstrap, interval="1h")
    with agent("--config", file) as running:
        wait_for(lambda: running.value("kafka_broker_up", broker="2") == 1, 30, "the cluster is seen")
        cluster_43.kill(2)
        wait_for(lambda: running.value("kafka_broker_up", broker="2") == 0, 30, "the page says so")
        assert running.value("kafka_broker_up", broker="1") == 1
        cluster_43.heal()
        wait_for(lambda: running.value("kafka_broker_up", broker="2") == 1, 60, "it is back")


def test_nothing_healthy_is_left_when_all_brokers_are_dead(cluster_43: KafkaCluster, tmp_path: Path) -> None:
    file = config_file(tmp_path, cluster_43.bootstrap, interval="1h")
    with agent("--config", file) as running:
        wait_for(lambda: running.value("kafka_partitions") is not None, 30, "the cluster is seen")
        for broker in cluster_43.broker_ids:
            cluster_43.kill(broker)
        wait_for(lambda: _kafka(running) == {("kafka_broker_up", 0.0)}, 30, "all are down, and nothing else is said")
        assert running.value("streamwatch_source_up") == 0
        assert running.get("/healthz")[0] == 200
        cluster_43.heal()
        wait_for(lambda: running.value("kafka_partitions") is not None, 60, "and sees it again when it is back")


def _kafka(running: Agent) -> set[tuple[str, float]]:
    return {(name, value) for (name, _), value in running.samples().items() if name.startswith("kafka_")}
