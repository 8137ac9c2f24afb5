"""MSK's control plane: one cluster, found by name, ARN or tag; what it is, and what is done to it."""

from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager
from typing import Any

from streamwatch.core.errors import SourceDenied
from streamwatch.model.msk import (
    LEVELS,
    Assessment,
    AssessmentFinding,
    ClusterOperation,
    DescribedCluster,
    Level,
    Reassignment,
)
from streamwatch.settings.types import HostPort
from streamwatch.sources.aws.errors import NotThere, taken_apart
from streamwatch.sources.aws.session import SourceCalls
from streamwatch.sources.msk.config import Config

_ENDED = frozenset({"UPDATE_COMPLETE", "UPDATE_FAILED", "COMPLETED", "FAILED", "CANCELLED"})


Listed = tuple[int, int, int]
"""A topic's partitions, its replication factor, its replicas out of sync."""
Partition = tuple[int, int, tuple[int, ...], frozenset[int]]
"""Number, leader (-1 without one), replicas, ISR."""


class MskControl:
    """Asks about one cluster. May be used from several threads.

    Deadlines are the clock's ``monotonic``; every method raises SourceError where AWS does not answer, or answers what
    it does not promise.
    """

    def __init__(self, config: Config, caller: SourceCalls) -> None:
        self._config = config
        self._caller = caller
        self._arn: str | None = None

    @property
    def region(self) -> str:
        """Where the cluster is."""
        return self._config.aws_region

    def arn(self, deadline: float) -> str:
        """Return the cluster's ARN; looked for once."""
        if self._arn is None:
            params = self._config.cluster or ""
            self._arn = params if params.startswith("arn:") else self._find(deadline)
        return self._arn

    def describe(self, deadline: float) -> DescribedCluster:
        """Return what the cluster is; one that was deleted is looked for again next time."""
        try:
            with self._taken_apart("DescribeClusterV2"):
                return _described(self._about("DescribeClusterV2", ("ClusterInfo",), deadline)["ClusterInfo"])
        except NotThere:
            self._arn = None
            raise

    def operations(self, deadline: float) -> tuple[ClusterOperation, ...]:
        """Return what is done to the cluster and has not ended."""
        with self._taken_apart("ListClusterOperationsV2"):
            answer = self._about("ListClusterOperationsV2", ("ClusterOperationInfoList",), deadline)
            return tuple(
                ClusterOperation(one.get("OperationType", ""), one.get("OperationState", ""))
                for one in answer["ClusterOperationInfoList"]
                if one.get("OperationState") not in _ENDED
            )

    def reassignments(self, deadline: float) -> tuple[Reassignment, ...]:
        """Return the topic reassignments between types of brokers, the newest first."""
        with self._taken_apart("ListTopicReassignments"):
            found = map(_reassignment, self._items("ListTopicReassignments", "Reassignments", deadline))
            return tuple(sorted(found, key=lambda one: -one.created_at))

    def assessment(self, deadline: float, known: Assessment | None) -> Assessment | None:
        """Return the newest assessment that is complete, None without one; a ``known`` one does not change."""
        with self._taken_apart("ListAssessments"):
            complete = {
                str(item["AssessmentArn"]): item["CreationTime"].timestamp()
                for item in self._items("ListAssessments", "Assessments", deadline)
                if item.get("Status") == "COMPLETE"
            }
        if not complete:
            return None
        arn = max(complete, key=complete.__getitem__)
        if known is not None and known.arn == arn:
            return known
        with self._taken_apart("ListAssessmentFindings"):
            items = self._items("ListAssessmentFindings", "Findings", deadline, AssessmentArn=arn)
            return Assessment(arn, complete[arn], tuple(map(_finding, items)))

    def hosts(self, deadline: float) -> dict[int, str]:
        """Return the brokers' addresses, by broker."""
        with self._taken_apart("ListNodes"):
            return {
                int(answer["BrokerId"]): str(answer["Endpoints"][0])
                for node in self._items("ListNodes", "NodeInfoList", deadline)
                if (answer := node.get("BrokerNodeInfo")) and answer.get("Endpoints")
            }

    def bootstrap(self, listener: str, deadline: float) -> tuple[HostPort, ...]:
        """Return the bootstrap servers of a listener, as the API calls it."""
        with self._taken_apart("GetBootstrapBrokers"):
            answer = self._about("GetBootstrapBrokers", (), deadline)
            servers = answer.get(listener, "")
            if not servers:
                known = ", ".join(sorted(name for name in answer if name.startswith("Bootstrap"))) or "none"
                why = f"kafka GetBootstrapBrokers: {self._arn} has no {listener}, but {known}: check `tls` and `sasl`"
                raise SourceDenied(why)
            return tuple(map(HostPort.read, str(servers).split(",")))

    def topics(self, deadline: float) -> dict[str, Listed]:
        """Return all topics, by name."""
        with self._taken_apart("ListTopics"):
            return {
                str(item["TopicName"]): (
                    int(item["PartitionCount"]),
                    int(item["ReplicationFactor"]),
                    int(item["OutOfSyncReplicaCount"]),
                )
                for item in self._items("ListTopics", "Topics", deadline)
            }

    def partitions(self, topic: str, deadline: float) -> tuple[Partition, ...]:
        """Return a topic's partitions: one at least."""
        with self._taken_apart("DescribeTopicPartitions"):
            items = self._items("DescribeTopicPartitions", "Partitions", deadline, TopicName=topic)
            found = tuple(map(_partition, items))
            if not found:
                raise ValueError("no partitions")
            return found

    def _taken_apart(self, operation: str) -> AbstractContextManager[None]:
        return taken_apart(f"kafka {operation} in {self.region}")

    def _about(self, operation: str, wants: Collection[str], deadline: float) -> dict[str, Any]:
        params = {"ClusterArn": self.arn(deadline)}
        return self._caller.call("kafka", self.region, operation, params, wants=wants, deadline=deadline)

    def _items(self, operation: str, name: str, deadline: float, **params: object) -> Iterator[dict[str, Any]]:
        """Yield what the pages of an answer list."""
        params["ClusterArn"] = self.arn(deadline)
        for answer in self._caller.pages("kafka", self.region, operation, params, wants=(name,), deadline=deadline):
            yield from answer[name]

    def _find(self, deadline: float) -> str:
        """Return the ARN of the cluster of this name, or of the one with these tags."""
        config = self._config
        params = {} if config.cluster is None else {"ClusterNameFilter": config.cluster}
        with self._taken_apart("ListClustersV2"):
            found = {
                str(one["ClusterName"]): str(one["ClusterArn"])
                for answer in self._caller.pages(
                    "kafka", self.region, "ListClustersV2", params, wants=("ClusterInfoList",), deadline=deadline
                )
                for one in answer["ClusterInfoList"]
                if (config.cluster is None or one["ClusterName"] == config.cluster) and _has(one, config.tags)
            }
        where = f"kafka ListClustersV2 in {self.region}"
        sought = (
            f"is called {config.cluster!r}" if config.cluster is not None else f"is tagged {', '.join(config.tags)}"
        )
        if not found:
            raise NotThere(f"{where}: no cluster {sought}: is it another region?")
        if len(found) > 1:
            names = ", ".join(map(repr, sorted(found)))
            raise NotThere(f"{where}: more than one cluster {sought}: {names}: give one entry for each, by `cluster`")
        return next(iter(found.values()))


def _described(answer: dict[str, Any]) -> DescribedCluster:
    provisioned = answer.get("Provisioned", {})
    instance = provisioned.get("BrokerNodeGroupInfo", {}).get("InstanceType", "")
    serverless = answer.get("ClusterType") == "SERVERLESS"
    return DescribedCluster(
        name=answer["ClusterName"],
        arn=answer["ClusterArn"],
        type="serverless" if serverless else "express" if instance.startswith("express.") else "standard",
        state=answer["State"],
        kafka_version=provisioned.get("CurrentBrokerSoftwareInfo", {}).get("KafkaVersion", ""),
        instance_type=instance,
        level=_level(provisioned.get("EnhancedMonitoring", "DEFAULT")),
        brokers=provisioned.get("NumberOfBrokerNodes", 0),
        kraft=not serverless and "ZookeeperConnectString" not in provisioned,
    )


def _reassignment(answer: dict[str, Any]) -> Reassignment:
    return Reassignment(
        state=answer["Status"],
        instance_type=answer.get("TargetInstanceType", ""),
        created_at=answer["CreationTime"].timestamp(),
        topics=answer.get("TotalTopics"),
        completed=answer.get("CompletedTopics"),
    )


def _finding(answer: dict[str, Any]) -> AssessmentFinding:
    return AssessmentFinding(
        category=answer["Category"],
        severity=answer["Severity"],
        resource=answer.get("Resource", ""),
        message=answer["Message"],
        action=answer.get("Remediation", {}).get("Action", ""),
    )


def _partition(answer: dict[str, Any]) -> Partition:
    replicas, isr = answer["Replicas"], answer["Isr"]
    if not isinstance(replicas, list) or not isinstance(isr, list):
        raise TypeError("Replicas and Isr are no lists")
    if not replicas:
        raise ValueError("a partition without replicas")
    return int(answer["Partition"]), int(answer.get("Leader", -1)), tuple(map(int, replicas)), frozenset(map(int, isr))


def _level(answer: str) -> Level:
    """Return the level of enhanced monitoring; one that is not known yet has everything that is."""
    return next((one for one in LEVELS if one == answer), LEVELS[-1])


def _has(cluster: dict[str, Any], tags: Collection[str]) -> bool:
    carried = cluster.get("Tags", {})
    pairs = (tag.partition("=") for tag in tags)
    return all(key in carried and (not equals or carried[key] == value) for key, equals, value in pairs)
