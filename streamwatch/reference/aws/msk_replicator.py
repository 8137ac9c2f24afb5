"""MSK Replicator as far as watching it needs: replicators with messages that wait, and what CloudWatch tells of them.

Left out: the clusters' records (a message is a moment and no more), and to change anything by its API.
"""

import uuid
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from streamwatch.reference.aws.msk import paged
from streamwatch.reference.kinesis.errors import ServiceError
from streamwatch.reference.metrics import Metrics

Parameters = Mapping[str, Any]
Answer = dict[str, Any]
_BYTES: Final = 1000
"""Of a message."""
_MINUTE: Final = 60.0


@dataclass(slots=True)
class Replicator:
    """One replicator; ``live`` lets it copy what waits and tell CloudWatch."""

    name: str
    arn: str
    metrics: Metrics
    made: float
    clusters: dict[str, Answer]
    """What the API says of its two clusters, by alias: the source's first."""
    topics: list[str]
    is_reference: bool = False
    """Whether it is another region's, and only named here."""
    state: str = "RUNNING"
    reason: tuple[str, str] | None = None
    """A code, and a message."""
    stalled: bool = False
    """Whether it copies nothing, and knows nothing of it."""
    refused: str = ""
    """Alias of the cluster that does not let it in."""
    unsynced: bool = False
    """Whether it cannot bring the offsets of groups to its target."""
    _waiting: deque[float] = field(default_factory=deque)
    """When each message was written that it has not copied."""

    def produce(self, now: float, messages: int = 1) -> None:
        """Write messages to its source."""
        self._waiting.extend([now] * messages)

    def live(self, now: float) -> None:
        """Copy what waits, as far as it can; tell CloudWatch."""
        if self.state != "RUNNING":
            return
        copies = not self.stalled and not self.refused
        if copies and self._waiting:
            self._put("ReplicationLatency", (now - self._waiting[0]) * 1000, "Milliseconds", now)
        self._put("ReplicatorThroughput", len(self._waiting) * _BYTES / _MINUTE if copies else 0, "Bytes/Second", now)
        if copies:
            self._waiting.clear()
        self._put("MessageLag", len(self._waiting), "Count", now)
        self._put("ReplicatorFailure", int(bool(self.refused)), "Count", now)
        self._put("ConsumerGroupOffsetSyncFailure", int(self.unsynced), "Count", now)
        for alias in self.clusters:
            is_refused = int(alias == self.refused)
            self._put("AuthError", is_refused, "Count", now, alias)
            self._put("KafkaClusterPingSuccessCount", 1 - is_refused, "Count", now, alias)
            self._put("ThrottleTime", 0, "Milliseconds", now, alias)

    def _put(self, name: str, value: float, unit: str, now: float, alias: str = "") -> None:
        dimensions = (("ReplicatorName", self.name),)
        of = (("ClusterAlias", alias), *dimensions) if alias else dimensions
        self.metrics.put("AWS/Kafka", name, of, value, unit, now)

    def mend(self) -> None:
        """Be well."""
        self.state, self.reason, self.stalled, self.refused, self.unsynced = "RUNNING", None, False, "", False

    def summary(self) -> Answer:
        """Return what the listing says of it."""
        source, target = self.clusters
        return {
            "ReplicatorArn": self.arn,
            "ReplicatorName": self.name,
            "ReplicatorState": self.state,
            "CurrentVersion": "K1",
            "CreationTime": self.made,
            "IsReplicatorReference": self.is_reference,
            "KafkaClustersSummary": self._clusters(),
            "ReplicationInfoSummaryList": [{"SourceKafkaClusterAlias": source, "TargetKafkaClusterAlias": target}],
        }

    def described(self) -> Answer:
        """Return it as the API describes it."""
        source, target = self.clusters
        flow = {
            "SourceKafkaClusterAlias": source,
            "TargetKafkaClusterAlias": target,
            "TargetCompressionType": "NONE",
            "TopicReplication": {"TopicsToReplicate": self.topics},
            "ConsumerGroupReplication": {"ConsumerGroupsToReplicate": [".*"]},
        }
        why = None if self.reason is None else {"Code": self.reason[0], "Message": self.reason[1]}
        more = {"KafkaClusters": self._clusters(), "ReplicationInfoList": [flow], "StateInfo": why}
        return self.summary() | more

    def _clusters(self) -> list[Answer]:
        return [one | {"KafkaClusterAlias": alias} for alias, one in self.clusters.items()]


@dataclass(slots=True)
class MskReplicator:
    """One account's replicators in one region."""

    account: str
    region: str
    metrics: Metrics
    replicators: dict[str, Replicator] = field(default_factory=dict)

    def create(  # noqa: PLR0913 - which, from where to where, and when
        self, name: str, source: Answer, target: Answer, topics: list[str], now: float, *, is_reference: bool = False
    ) -> Replicator:
        """Make a replicator, whose clusters have the aliases ``source`` and ``target``."""
        arn = f"arn:aws:kafka:{self.region}:{self.account}:replicator/{name}/{uuid.uuid4()}-4"
        clusters = {"source": source, "target": target}
        self.replicators[name] = found = Replicator(name, arn, self.metrics, now, clusters, topics, is_reference)
        return found

    def of_msk(self, name: str, source: str, target: str, now: float) -> Replicator:
        """Make a replicator of every topic of a cluster of MSK to another; both by their ARNs."""
        ends = ({"AmazonMskCluster": {"MskClusterArn": arn}} for arn in (source, target))
        return self.create(name, next(ends), next(ends), [".*"], now)

    def mend(self) -> None:
        """Let all be well."""
        for one in self.replicators.values():
            one.mend()


def listed(house: MskReplicator, parameters: Parameters) -> Answer:
    """ListReplicators."""
    wanted = parameters.get("ReplicatorNameFilter", "")
    found = [one.summary() for name, one in sorted(house.replicators.items()) if name.startswith(wanted)]
    return paged(parameters, "Replicators", found)


def describe(house: MskReplicator, parameters: Parameters) -> Answer:
    """DescribeReplicator."""
    for one in house.replicators.values():
        if one.arn == parameters["ReplicatorArn"]:
            return one.described()
    raise ServiceError("NotFoundException", f"Could not find replicator with ARN {parameters['ReplicatorArn']}", 404)
