"""The parts of docs/msk.md that are made from the code: the IAM policy, CloudWatch's metrics, what they cost."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from streamwatch.agent.config import parse
from streamwatch.agent.wanted_mappings import cloudwatch_mappings
from streamwatch.catalogue.cloudwatch_mappings import MAPPINGS
from streamwatch.model.msk import CloudWatchMapping, Level, Type
from streamwatch.sources.aws.cloudwatch import DOLLARS_A_METRIC, MONTH_SECONDS
from streamwatch.sources.aws.config import CloudWatch
from streamwatch.sources.aws.minutes import MINUTE
from streamwatch.sources.aws.rights import rights_of
from streamwatch.sources.kafka.rights import IAM
from streamwatch.sources.msk.rights import USES, Use

_ARN: Final = "arn:aws:kafka:REGION:ACCOUNT"
_ANYWHERE: Final = "*"
_DETAIL_SECONDS: Final = CloudWatch().detail_interval
_NOT_ON_M7G: Final = frozenset(
    {"CPUCreditBalance", "BurstBalance", "ZooKeeperRequestLatencyMsMean", "ZooKeeperSessionState"}
)


@dataclass(frozen=True, slots=True)
class Size:
    """How large a cluster is."""

    brokers: int
    topics: int
    group_topics: int
    """Pairs of a group and a topic that it reads."""


SIZES: Final[Mapping[str, Size]] = {
    "small": Size(3, 50, 10),
    "middle": Size(6, 300, 100),
    "large": Size(30, 2000, 1000),
}


def policy(uses: Iterable[Use] = USES, *, iam: bool = True) -> str:
    """Return the IAM policy for these uses; ``iam`` adds the rights to the Kafka protocol with IAM authentication."""
    rights = {right for use in uses for call in use.calls for right in rights_of(*call)}
    rights |= {right for some in IAM.values() for right in some} if iam else set()
    actions: dict[str, list[str]] = {}
    for right in sorted(rights):
        for where in _resources(right):
            actions.setdefault(where, []).append(right)
    statements = [{"Effect": "Allow", "Resource": where, "Action": some} for where, some in sorted(actions.items())]
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, indent=2)


def _resources(right: str) -> list[str]:
    """Return the narrowest resources that a right can be given on."""
    service, _, operation = right.partition(":")
    if service == "cloudwatch" or operation == "ListClustersV2":
        return [_ANYWHERE]
    if operation == "DescribeTopicPartitions":  # AWS does not say on which of both
        return [f"{_ARN}:cluster/CLUSTER/*", f"{_ARN}:topic/CLUSTER/*"]
    kind = "topic" if service == "kafka-cluster" and "Topic" in operation else "group" if "Group" in operation else ""
    return [f"{_ARN}:{kind or 'cluster'}/CLUSTER/*"]


def calls() -> str:
    """Return the table of calls, and when they are made."""
    lines = ["| when | calls |", "|---|---|"]
    lines += [f"| {one.when} | {', '.join(operation for _, operation in one.calls)} |" for one in USES]
    return "\n".join(lines)


def metrics() -> str:
    """Return the table of what CloudWatch tells, where it has it."""
    rows: dict[str, list[CloudWatchMapping]] = {}
    for mapping in MAPPINGS:
        rows.setdefault(mapping.metric.name, []).append(mapping)
    lines = ["| metric | CloudWatch, statistic | level | types |", "|---|---|---|---|"]
    for name, mappings in rows.items():
        names = ", ".join(f"{mapping.name} {mapping.statistic}" for mapping in mappings)
        levels = " or ".join(sorted({mapping.level for mapping in mappings}))
        types = ", ".join(sorted({kind for mapping in mappings for kind in mapping.on}, key=_TYPES.index))
        lines.append(f"| `{name}` | {names} | {levels} | {types} |")
    return "\n".join(lines)


_TYPES: Final[tuple[Type, ...]] = ("standard", "express", "serverless")


def costs() -> str:
    """Return the table of dollars a month."""
    pages = "open_monitoring: {}, "
    cases: list[tuple[str, Collection[CloudWatchMapping], Level, bool]] = [
        ("protocol and open monitoring", _asked(pages), "PER_BROKER", False),
        ("protocol, monitoring level DEFAULT", _asked(""), "DEFAULT", False),
        ("protocol, monitoring level PER_BROKER", _asked(""), "PER_BROKER", False),
        ("no way to the brokers (`protocol: false`), PER_BROKER", _asked("protocol: false, "), "PER_BROKER", False),
        ("everything (`metrics: all`), PER_BROKER", _asked("", "metrics: all, "), "PER_BROKER", False),
        (
            "for comparison: everything, every minute, as exporters of CloudWatch do",
            MAPPINGS,
            "PER_BROKER",
            True,
        ),
    ]
    titles = [f"{name}: {one.brokers} brokers, {one.topics} topics" for name, one in SIZES.items()]
    lines = [f"| Standard, m7g, KRaft | {' | '.join(titles)} |", "|---" * (len(SIZES) + 1) + "|"]
    for case, mappings, level, always in cases:
        dollars = [f"{month(mappings, level, one, every_minute=always):,.0f}" for one in SIZES.values()]
        lines.append(f"| {case} | {' | '.join(dollars)} |")
    return "\n".join(lines)


def month(mappings: Iterable[CloudWatchMapping], level: Level, size: Size, *, every_minute: bool = False) -> float:
    """Return what asking for these metrics costs in thirty days, of a cluster of Standard brokers."""
    return DOLLARS_A_METRIC * sum(
        series(mapping, size) * MONTH_SECONDS / (MINUTE if every_minute or mapping.vital else _DETAIL_SECONDS)
        for mapping in mappings
        if "standard" in mapping.on and mapping.name not in _NOT_ON_M7G and mapping.is_at(level)
    )


def series(mapping: CloudWatchMapping, size: Size) -> int:
    """Return how many series of a metric a cluster of this size has."""
    labels = set(mapping.metric.labels)
    if "group" in labels:
        return size.group_topics
    return (size.brokers if "broker" in labels else 1) * (size.topics if "topic" in labels else 1)


def _asked(more: str, msk: str = "") -> list[CloudWatchMapping]:
    text = f"kafka: [{{name: c, {more}msk: {{cluster: c, region: eu-west-1, {msk}topics: {{}}}}}}]"
    return cloudwatch_mappings(parse(text, "docs", Path()).kafka[0])
