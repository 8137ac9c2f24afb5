"""A check-up of one cluster as MSK knows it: each right that the agent needs, and whether its exporters are on."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from streamwatch.clock import Clock
from streamwatch.errors import SourceError
from streamwatch.model.finding import Finding
from streamwatch.sources.aws.errors import taken_apart
from streamwatch.sources.aws.session import Accounts, Caller
from streamwatch.sources.aws.trial import Step, Trial
from streamwatch.sources.msk.config import Config
from streamwatch.sources.msk.control import Control
from streamwatch.sources.msk.source import NAMESPACE


def examine(name: str, config: Config, clock: Clock, *, bootstrap: bool, pages: bool) -> Iterator[Finding]:
    """Check each call that the agent makes.

    Args:
        name: of the cluster, in the findings.
        config: which cluster, and what of it.
        clock: what time it is.
        bootstrap: whether the bootstrap servers are asked of MSK.
        pages: whether the brokers' exporters are to be scraped.

    """
    wait = threading.Event().wait
    caller = Caller(Accounts(clock).get(config.access), clock, wait)
    trial = Trial(config.aws_region, caller, clock, wait, f"cluster {name} (MSK)")
    account, finding = trial.identity()
    yield finding
    if account is None:
        return
    try:
        with taken_apart("kafka ListClustersV2"):
            arn = Control(config, caller).arn(trial.deadline)
    except SourceError as error:
        hint = "allow kafka:ListClustersV2, and check `cluster` or `tags`, and `region`"
        yield trial.finding("ListClustersV2", "failed", str(error), hint)
        return
    described, finding = trial.attempt(Step("kafka", "DescribeClusterV2", {"ClusterArn": arn}, ("ClusterInfo",)))
    if described is None:
        yield finding
        return
    yield trial.finding("DescribeClusterV2", "ok", f"{arn}, {described['ClusterInfo'].get('State', '?')}")
    yield from _exporters(trial, described["ClusterInfo"], pages=pages)
    for step in _steps(config, arn, described["ClusterInfo"], clock.now(), bootstrap=bootstrap):
        yield trial.attempt(step)[1]
    if config.topics is not None:
        yield from _topics(trial, arn)


def _steps(config: Config, arn: str, told: dict[str, Any], now: float, *, bootstrap: bool) -> Iterator[Step]:
    given = {"ClusterArn": arn}
    yield Step("kafka", "ListClusterOperationsV2", given, ("ClusterOperationInfoList",))
    if bootstrap:
        yield Step("kafka", "GetBootstrapBrokers", given)
    if config.cloudwatch.enabled:
        cluster = [{"Name": "Cluster Name", "Value": told.get("ClusterName", "")}]
        yield Step("cloudwatch", "ListMetrics", {"Namespace": NAMESPACE, "Dimensions": cluster}, ("Metrics",))
        metric = {"Namespace": NAMESPACE, "MetricName": "GlobalTopicCount", "Dimensions": cluster}
        query = {
            "MetricDataQueries": [{"Id": "q", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Maximum"}}],
            "StartTime": datetime.fromtimestamp(now - 300, UTC),
            "EndTime": datetime.fromtimestamp(now, UTC),
        }
        yield Step("cloudwatch", "GetMetricData", query, ("MetricDataResults",))


def _topics(trial: Trial, arn: str) -> Iterator[Finding]:
    yield trial.attempt(Step("kafka", "ListNodes", {"ClusterArn": arn}, ("NodeInfoList",)))[1]
    answer, finding = trial.attempt(Step("kafka", "ListTopics", {"ClusterArn": arn, "MaxResults": 1}, ("Topics",)))
    yield finding
    for topic in answer["Topics"] if answer is not None else ():
        given = {"ClusterArn": arn, "TopicName": topic.get("TopicName", "")}
        yield trial.attempt(Step("kafka", "DescribeTopicPartitions", given, ("Partitions",)))[1]


def _exporters(trial: Trial, told: dict[str, Any], *, pages: bool) -> Iterator[Finding]:
    """Say whether MSK's open monitoring is on as the configuration expects it."""
    prometheus = told.get("Provisioned", {}).get("OpenMonitoring", {}).get("Prometheus", {})
    off = [
        name for name in ("JmxExporter", "NodeExporter") if not prometheus.get(name, {}).get("EnabledInBroker", False)
    ]
    if pages and off:
        hint = "turn it on (`aws kafka update-monitoring --open-monitoring ...`): it costs nothing"
        yield trial.finding("open monitoring", "failed", f"{' and '.join(off)}: off on the brokers", hint)
    elif not pages and len(off) < 2:  # noqa: PLR2004 - exporters
        hint = "add `open_monitoring: {}` to the cluster, and let the agent reach ports 11001 and 11002"
        yield trial.finding("open monitoring", "warning", "on, and not used: CloudWatch is asked, and paid", hint)
