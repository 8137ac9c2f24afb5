"""What Amazon MSK says of a cluster itself, and what its metrics cost."""

from collections.abc import Iterator
from typing import Final

from streamwatch.audit.facts import ClusterFacts
from streamwatch.audit.finding import NotChecked, Observation, Outcome, Severity
from streamwatch.core.times import rfc3339
from streamwatch.core.words import counted, printable

_SEVERITIES: Final[dict[str, Severity]] = {"ERROR": "critical", "WARNING": "warning"}


def assessment(cluster: ClusterFacts) -> Iterator[Outcome]:
    """What the newest assessment of MSK's adviser found."""
    if cluster.msk is None:
        return
    newest = cluster.msk.assessment
    if newest is None:
        yield NotChecked(cluster.name, "MSK's assessment: none is complete, or the agent may not read it")
        return
    for each in newest.findings:
        yield Observation(
            severity=_SEVERITIES.get(each.severity, "info"),
            kind="cluster",
            target=cluster.name,
            evidence=(
                printable(f"{each.category}, {each.resource}: {each.message}"),
                f"as MSK assessed it on {rfc3339(newest.created_at, 'seconds')}",
            ),
            remedy=printable(each.action) or "MSK advises nothing",
        )


def monitoring_level(cluster: ClusterFacts) -> Iterator[Outcome]:
    """Enhanced monitoring by partition where the brokers say the same for nothing."""
    if cluster.msk is None or cluster.msk.described is None or cluster.snapshot is None:
        return
    described, topology = cluster.msk.described, cluster.snapshot.topology
    by_protocol = cluster.settings is not None
    if described.level != "PER_TOPIC_PER_PARTITION" or topology is None or not by_protocol:
        return
    what = (
        f"{counted(len(topology.partition), 'partition')} and {counted(len(cluster.snapshot.groups.groups), 'group')}"
    )
    arn = described.arn
    version = f"$(aws kafka describe-cluster-v2 --cluster-arn {arn} --query ClusterInfo.CurrentVersion --output text)"
    yield Observation(
        severity="info",
        kind="cluster",
        target=cluster.name,
        evidence=(
            f"enhanced monitoring is {described.level}: CloudWatch bills metrics of {what}",
            "what that level adds, lag by partition, the brokers say for nothing",
        ),
        remedy=f"aws kafka update-monitoring --cluster-arn {arn} --current-version {version}"
        " --enhanced-monitoring PER_TOPIC_PER_BROKER",
    )
