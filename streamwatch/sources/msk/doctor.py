"""A check-up of one cluster as MSK knows it: each right that the agent needs, and whether its exporters are on."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from streamwatch.core.clock import Clock
from streamwatch.core.errors import SourceError
from streamwatch.model.finding import Finding
from streamwatch.sources.aws.session import Accounts, SourceCalls
from streamwatch.sources.aws.trial import Trial, TrialCall, newest_point
from streamwatch.sources.msk.config import Config
from streamwatch.sources.msk.control import MskControl
from streamwatch.sources.msk.source import NAMESPACE
from streamwatch.sources.msk.upgrade import is_offered


def examine(name: str, config: Config, clock: Clock, *, bootstrap: bool, pages: bool) -> Iterator[Finding]:
    """Check each call that the agent makes.

    Args:
        name: of the cluster, in the findings.
        config: which cluster, and what of it.
        clock: what time it is.
        bootstrap: whether the bootstrap servers are asked of MSK.
        pages: whether the brokers' exporters are to be scraped.

    """
    caller = SourceCalls(Accounts(clock).get(config.access), clock, threading.Event().wait)
    trial = Trial(config.aws_region, caller, clock, f"cluster {name} (MSK)")
    has_credentials, finding = trial.identity()
    yield finding
    if not has_credentials:
        return
    try:
        arn = MskControl(config, caller).arn(trial.deadline)
    except SourceError as error:
        hint = "allow kafka:ListClustersV2, and check `cluster` or `tags`, and `region`"
        yield trial.finding("ListClustersV2", "failed", str(error), hint)
        return
    described, finding = trial.attempt(TrialCall("kafka", "DescribeClusterV2", {"ClusterArn": arn}, ("ClusterInfo",)))
    if described is None:
        yield finding
        return
    yield trial.finding("DescribeClusterV2", "ok", f"{arn}, {described['ClusterInfo'].get('State', '?')}")
    yield from _exporters(trial, described["ClusterInfo"], pages=pages)
    for step in _steps(config, arn, described["ClusterInfo"], clock.now(), bootstrap=bootstrap):
        yield trial.attempt(step)[1]
    if config.topics is not None:
        yield from _topics(trial, arn)
    if described["ClusterInfo"].get("ClusterType") != "SERVERLESS":
        yield from _upgrade(trial, MskControl(config, caller))


def _steps(config: Config, arn: str, described: dict[str, Any], now: float, *, bootstrap: bool) -> Iterator[TrialCall]:
    params = {"ClusterArn": arn}
    yield TrialCall("kafka", "ListClusterOperationsV2", params, ("ClusterOperationInfoList",))
    if bootstrap:
        yield TrialCall("kafka", "GetBootstrapBrokers", params)
    if config.cloudwatch.enabled:
        name = described.get("ClusterName", "")
        listing = {"Namespace": NAMESPACE, "Dimensions": [{"Name": "Cluster Name", "Value": name}]}
        yield TrialCall("cloudwatch", "ListMetrics", listing, ("Metrics",))
        yield newest_point(NAMESPACE, "GlobalTopicCount", "Maximum", now, {"Cluster Name": name})


def _topics(trial: Trial, arn: str) -> Iterator[Finding]:
    yield trial.attempt(TrialCall("kafka", "ListNodes", {"ClusterArn": arn}, ("NodeInfoList",)))[1]
    answer, finding = trial.attempt(TrialCall("kafka", "ListTopics", {"ClusterArn": arn, "MaxResults": 1}, ("Topics",)))
    yield finding
    for topic in answer["Topics"] if answer is not None else ():
        params = {"ClusterArn": arn, "TopicName": topic.get("TopicName", "")}
        yield trial.attempt(TrialCall("kafka", "DescribeTopicPartitions", params, ("Partitions",)))[1]


def _upgrade(trial: Trial, control: MskControl) -> Iterator[Finding]:
    """Try the calls about an upgrade to Express brokers, and report what MSK's adviser found."""
    if not is_offered():
        detail = "this boto3 does not know topic reassignments and assessments, which are not needed: 1.44.7 does"
        yield trial.finding("ListTopicReassignments", "skipped", detail)
        return
    arn = control.arn(trial.deadline)
    listed, finding = trial.attempt(
        TrialCall("kafka", "ListTopicReassignments", {"ClusterArn": arn}, ("Reassignments",))
    )
    yield _not_needed(finding)
    for one in (listed or {}).get("Reassignments", ())[:1]:
        if one.get("Status") == "FAILED":
            hint = "`aws kafka describe-topic-reassignment` says why"
            yield trial.finding("topic reassignment", "warning", "the newest has FAILED", hint)
    answer, finding = trial.attempt(TrialCall("kafka", "ListAssessments", {"ClusterArn": arn}, ("Assessments",)))
    yield _not_needed(finding)
    if answer is None or not any(one.get("Status") == "COMPLETE" for one in answer["Assessments"]):
        return
    try:
        found = control.assessment(trial.deadline, None)
    except SourceError as error:
        yield _not_needed(trial.finding("ListAssessmentFindings", "failed", str(error)))
        return
    yield trial.finding("ListAssessmentFindings", "ok", "allowed")
    for each in found.findings if found is not None else ():
        detail = f"{each.severity} of {each.category}: {each.resource}: {each.message}"
        yield trial.finding("assessment", "ok" if each.severity == "INFO" else "warning", detail, each.action)


def _not_needed(finding: Finding) -> Finding:
    """Return the finding of a right that is needed only to watch an upgrade to Express brokers."""
    if finding.verdict != "failed":
        return finding
    return replace(finding, verdict="skipped", detail=f"{finding.detail}: not needed: it tells of upgrades to Express")


def _exporters(trial: Trial, described: dict[str, Any], *, pages: bool) -> Iterator[Finding]:
    """Say whether MSK's open monitoring is on as the configuration expects it."""
    prometheus = described.get("Provisioned", {}).get("OpenMonitoring", {}).get("Prometheus", {})
    off = [
        name for name in ("JmxExporter", "NodeExporter") if not prometheus.get(name, {}).get("EnabledInBroker", False)
    ]
    if pages and off:
        hint = "turn it on (`aws kafka update-monitoring --open-monitoring ...`): it costs nothing"
        yield trial.finding("open monitoring", "failed", f"{' and '.join(off)}: off on the brokers", hint)
    elif not pages and len(off) < 2:  # noqa: PLR2004 - exporters
        hint = "add `open_monitoring: {}` to the cluster, and let the agent reach ports 11001 and 11002"
        yield trial.finding("open monitoring", "warning", "on, and not used: CloudWatch is asked, and paid", hint)
