"""MSK's control plane: one cluster, found by name, ARN or tag; what it is, and what is done to it."""

from collections.abc import Collection, Iterator
from typing import Any

from streamwatch.errors import SourceDenied
from streamwatch.model.msk import LEVELS, Described, Level, Operation
from streamwatch.sources.aws.errors import NotThere
from streamwatch.sources.aws.session import Caller
from streamwatch.sources.msk.config import Config

_ENDED = frozenset({"UPDATE_COMPLETE", "UPDATE_FAILED", "COMPLETED", "FAILED", "CANCELLED"})


class Control:
    """Asks about one cluster. May be used from several threads; an answer that is spoilt raises KeyError and the like.

    Deadlines are the clock's ``monotonic``; every method raises SourceError where AWS does not answer.
    """

    def __init__(self, config: Config, caller: Caller) -> None:
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
            given = self._config.cluster or ""
            self._arn = given if given.startswith("arn:") else self._find(deadline)
        return self._arn

    def describe(self, deadline: float) -> Described:
        """Return what the cluster is; one that was deleted is looked for again next time."""
        try:
            told = self._about("DescribeClusterV2", ("ClusterInfo",), deadline)["ClusterInfo"]
        except NotThere:
            self._arn = None
            raise
        provisioned = told.get("Provisioned", {})
        instance = provisioned.get("BrokerNodeGroupInfo", {}).get("InstanceType", "")
        serverless = told.get("ClusterType") == "SERVERLESS"
        return Described(
            name=told["ClusterName"],
            arn=told["ClusterArn"],
            type="serverless" if serverless else "express" if instance.startswith("express.") else "standard",
            state=told["State"],
            kafka_version=provisioned.get("CurrentBrokerSoftwareInfo", {}).get("KafkaVersion", ""),
            instance_type=instance,
            level=_level(provisioned.get("EnhancedMonitoring", "DEFAULT")),
            brokers=provisioned.get("NumberOfBrokerNodes", 0),
            kraft=not serverless and "ZookeeperConnectString" not in provisioned,
        )

    def operations(self, deadline: float) -> tuple[Operation, ...]:
        """Return what is done to the cluster and has not ended."""
        answer = self._about("ListClusterOperationsV2", ("ClusterOperationInfoList",), deadline)
        return tuple(
            Operation(one.get("OperationType", ""), one.get("OperationState", ""))
            for one in answer["ClusterOperationInfoList"]
            if one.get("OperationState") not in _ENDED
        )

    def hosts(self, deadline: float) -> dict[int, str]:
        """Return the brokers' addresses, by broker."""
        return {
            int(told["BrokerId"]): str(told["Endpoints"][0])
            for answer in self._pages("ListNodes", ("NodeInfoList",), deadline)
            for node in answer["NodeInfoList"]
            if (told := node.get("BrokerNodeInfo")) and told.get("Endpoints")
        }

    def bootstrap(self, listener: str, deadline: float) -> tuple[str, ...]:
        """Return the bootstrap servers of a listener, as the API calls it."""
        told = self._about("GetBootstrapBrokers", (), deadline)
        servers = told.get(listener, "")
        if not servers:
            known = ", ".join(sorted(name for name in told if name.startswith("Bootstrap"))) or "none"
            why = f"kafka GetBootstrapBrokers: {self._arn} has no {listener}, but {known}: check `tls` and `sasl`"
            raise SourceDenied(why)
        return tuple(str(servers).split(","))

    def topics(self, deadline: float) -> Iterator[dict[str, Any]]:
        """Yield all topics as ListTopics tells them."""
        for answer in self._pages("ListTopics", ("Topics",), deadline):
            yield from answer["Topics"]

    def partitions(self, topic: str, deadline: float) -> Iterator[dict[str, Any]]:
        """Yield a topic's partitions as DescribeTopicPartitions tells them."""
        for answer in self._pages("DescribeTopicPartitions", ("Partitions",), deadline, TopicName=topic):
            yield from answer["Partitions"]

    def _about(self, operation: str, wants: Collection[str], deadline: float) -> dict[str, Any]:
        given = {"ClusterArn": self.arn(deadline)}
        return self._caller.call("kafka", self.region, operation, given, wants=wants, deadline=deadline)

    def _pages(
        self, operation: str, wants: Collection[str], deadline: float, **given: object
    ) -> Iterator[dict[str, Any]]:
        given["ClusterArn"] = self.arn(deadline)
        return self._caller.pages("kafka", self.region, operation, given, wants=wants, deadline=deadline)

    def _find(self, deadline: float) -> str:
        """Return the ARN of the cluster of this name, or of the one with these tags."""
        config = self._config
        given = {} if config.cluster is None else {"ClusterNameFilter": config.cluster}
        found = [
            one
            for answer in self._caller.pages(
                "kafka", self.region, "ListClustersV2", given, wants=("ClusterInfoList",), deadline=deadline
            )
            for one in answer["ClusterInfoList"]
            if (config.cluster is None or one["ClusterName"] == config.cluster) and _has(one, config.tags)
        ]
        where = f"kafka ListClustersV2 in {self.region}"
        sought = (
            f"is called {config.cluster!r}" if config.cluster is not None else f"is tagged {', '.join(config.tags)}"
        )
        if not found:
            raise NotThere(f"{where}: no cluster {sought}: is it another region?")
        if len(found) > 1:
            names = ", ".join(sorted(repr(one["ClusterName"]) for one in found))
            raise NotThere(f"{where}: more than one cluster {sought}: {names}: give one entry for each, by `cluster`")
        return str(found[0]["ClusterArn"])


def _level(told: str) -> Level:
    """Return the level of enhanced monitoring; one that is not known yet has everything that is."""
    return next((one for one in LEVELS if one == told), LEVELS[-1])


def _has(cluster: dict[str, Any], tags: Collection[str]) -> bool:
    carried = cluster.get("Tags", {})
    pairs = (tag.partition("=") for tag in tags)
    return all(key in carried and (not equals or carried[key] == value) for key, equals, value in pairs)
