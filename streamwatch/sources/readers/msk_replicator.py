"""Replicators of MSK: they read topics of one Kafka cluster and write them to another.

A replicator is listed where it was made, in its target's region, and its metrics are there too. Other regions list a
reference to it, which is passed over: else it would be counted twice.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from streamwatch.model.reader import Kind, State
from streamwatch.sources.msk.naming import MskName, named_by_arn, named_by_servers
from streamwatch.sources.readers.attached import (
    Answer,
    Api,
    Described,
    Listed,
    Measure,
    account_of,
)

_PAGE: Final = 100
_STATES: Final[Mapping[str, State]] = {
    "RUNNING": "running",
    "FAILED": "stopped",
    "DELETING": "disabled",
    "CREATING": "changing",
    "UPDATING": "changing",
}
_MILLISECOND: Final = 0.001


class MskReplicatorKind:
    """Replicators."""

    kind: Kind = "msk_replicator"
    service = "kafka"
    namespace = "AWS/Kafka"

    @staticmethod
    def listed(api: Api) -> list[Listed]:
        """Return those of this region, with their states."""
        every = api.pages("ListReplicators", {"MaxResults": _PAGE}, "Replicators", ("NextToken", "NextToken"))
        return [
            Listed(
                each["ReplicatorName"], f"{each['ReplicatorState']} {each.get('CurrentVersion')}", each["ReplicatorArn"]
            )
            for each in every
            if not each.get("IsReplicatorReference")
        ]

    @staticmethod
    def described(api: Api, listed: Listed) -> Described | None:
        """Return one as it is."""
        now = api.call(
            "DescribeReplicator", {"ReplicatorArn": listed.answer}, "ReplicatorState", "KafkaClusters",
            "ReplicationInfoList",
        )  # fmt: skip
        clusters = {cluster.get("KafkaClusterAlias", ""): _cluster(cluster) for cluster in now["KafkaClusters"]}
        flows = now["ReplicationInfoList"]
        source, target = (_end(flows, f"{end}KafkaClusterAlias") for end in ("Source", "Target"))
        topics = [topic for flow in flows for topic in flow.get("TopicReplication", {}).get("TopicsToReplicate", ())]
        return Described(
            name=listed.name,
            account=account_of(listed.answer),
            cluster=clusters.get(source),
            target=clusters.get(target),
            topics=",".join(topics),
            state=_STATES.get(now["ReplicatorState"], "unknown"),
            reason=_reason(now),
            dimensions=(("ReplicatorName", listed.name),),
            aliases=tuple(sorted(alias for alias in clusters if alias)),
            unknown=tuple(_unknown(clusters, source, target, flows)),
        )

    @staticmethod
    def measures(described: Described) -> Sequence[Measure]:
        """Return what CloudWatch is asked of it."""
        return [
            Measure("lag_records", "MessageLag", "Sum", vital=True),
            Measure("lag_seconds", "ReplicationLatency", "Maximum", _MILLISECOND, vital=True),
            Measure("failures", "ReplicatorFailure", "Sum", vital=True),
            Measure("failures", "ReplicationFailures", "Sum"),
            Measure("offset_sync_failures", "ConsumerGroupOffsetSyncFailure", "Sum"),
            Measure("bytes_per_second", "ReplicatorThroughput", "Sum"),
            *(measure for alias in described.aliases for measure in _of_cluster(alias)),
        ]


def _of_cluster(alias: str) -> Iterator[Measure]:
    of = (("ClusterAlias", alias),)
    yield Measure("auth_errors", "AuthError", "Sum", of=of)
    yield Measure("reachable", "KafkaClusterPingSuccessCount", "Minimum", of=of)
    yield Measure("throttle_seconds", "ThrottleTime", "Maximum", _MILLISECOND, of=of)


def _cluster(cluster: Mapping[str, Any]) -> MskName | None:
    """Return a cluster of MSK; of another, which it is by its id."""
    if cluster.get("AmazonMskCluster"):
        return named_by_arn(cluster["AmazonMskCluster"]["MskClusterArn"])
    own = cluster.get("ApacheKafkaCluster") or {}
    named = named_by_servers(own.get("BootstrapBrokerString", ""))
    return named or (MskName(own["ApacheKafkaClusterId"]) if own.get("ApacheKafkaClusterId") else None)


def _end(flows: Sequence[Mapping[str, Any]], name: str) -> str:
    """Return the alias of the cluster at an end of all its flows; empty where they differ."""
    aliases = {flow.get(name) or "" for flow in flows}
    return aliases.pop() if len(aliases) == 1 else ""


def _reason(now: Answer) -> str:
    why = now.get("StateInfo") or {}
    words = ": ".join(str(why[part]) for part in ("Code", "Message") if why.get(part))
    return f"it is {now['ReplicatorState']}{f': {words}' if words else ''}"


def _unknown(
    clusters: Mapping[str, MskName | None], source: str, target: str, flows: Sequence[object]
) -> Iterator[str]:
    yield "group: by which it reads its source AWS does not say"
    for end, alias in (("source", source), ("target", target)):
        if not clusters.get(alias):
            why = f"of its {len(flows)} flows" if not alias else f"of {alias}"
            yield f"{end}: AWS does not say the cluster {why}"
