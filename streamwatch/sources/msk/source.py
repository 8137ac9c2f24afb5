"""Reads what MSK's control plane and CloudWatch say of one cluster.

CloudWatch has no wildcards for dimensions: the exact ones are listed once an hour, and only what is listed and wanted
is asked for.
"""

import threading
from collections.abc import Collection, Sequence
from typing import Any, Final

from streamwatch.clock import Clock
from streamwatch.errors import SourceDenied, SourceError
from streamwatch.model.cloudwatch import Reading, Series
from streamwatch.model.metric import Metric
from streamwatch.model.msk import Described, MskSnapshot, Operation, Row, Twin
from streamwatch.model.snapshot import Problem
from streamwatch.sources.aws.cloudwatch import CloudWatchReader, Wanted
from streamwatch.sources.aws.errors import NotThere, taken_apart
from streamwatch.sources.aws.session import Accounts, Caller
from streamwatch.sources.msk.config import Config
from streamwatch.sources.problems import problem

NAMESPACE: Final = "AWS/Kafka"
_DIMENSIONS: Final = {"broker": "Broker ID", "topic": "Topic", "group": "Consumer Group", "partition": "Partition"}
_LISTING_SECONDS: Final = 3600.0
_ENDED: Final = frozenset({"UPDATE_COMPLETE", "UPDATE_FAILED", "COMPLETED", "FAILED", "CANCELLED"})


class MskSource:
    """One cluster. One read at a time."""

    def __init__(  # noqa: PLR0913, PLR0917 - what, whose, who, when
        self, name: str, cluster: str, config: Config, clock: Clock, accounts: Accounts, twins: Sequence[Twin]
    ) -> None:
        """Prepare; nothing is called before the first read.

        Args:
            name: what the source is called.
            cluster: the label ``kafka_cluster`` of what it tells.
            config: which cluster, and what of it.
            clock: what time it is.
            accounts: the sessions that sources share.
            twins: the metrics to ask CloudWatch for.

        """
        self.config = config
        self._name, self._cluster = name, cluster
        self._clock = clock
        self._closed = threading.Event()
        self._caller = Caller(accounts.get(config.access), clock, self._closed.wait)
        self._reader = CloudWatchReader(config.cloudwatch, self._caller, clock)
        self._by_name: dict[str, list[Twin]] = {}
        for twin in twins:
            self._by_name.setdefault(twin.name, []).append(twin)
        self._arn = config.cluster if config.cluster.startswith("arn:") else None
        self._listed: dict[Series, tuple[Twin, Row]] = {}
        self._listed_at = float("-inf")

    def read(self) -> MskSnapshot:
        """Read both; what could not be read is one of the problems."""
        began, begun = self._clock.now(), self._clock.monotonic()
        deadline = begun + self.config.read_seconds
        problems: list[Problem] = []
        described: Described | None = None
        operations: tuple[Operation, ...] | None = None
        try:
            with taken_apart(f"kafka in {self.config.aws_region}"):
                described = self._describe(deadline)
                operations = self._operations(described.arn, deadline)
        except SourceError as error:
            problems.append(problem("cluster", error, str(error)))
        readings: dict[tuple[Metric, Row], Reading] = {}
        if described is not None and self.config.cloudwatch.enabled:
            readings = self._read_cloudwatch(described, began, deadline, problems)
        return MskSnapshot(
            source=self._name,
            cluster=self._cluster,
            taken_at=began,
            read_seconds=self._clock.monotonic() - begun,
            described=described,
            operations=operations,
            readings=readings,
            scales={twin.metric: twin.scale for some in self._by_name.values() for twin in some},
            cost=self._reader.cost(),
            problems=tuple(problems),
            calls=self._caller.counts(),
        )

    def bootstrap(self, listener: str) -> tuple[str, ...]:
        """Return the bootstrap servers of a listener, as the API calls it.

        Raises:
            SourceError: MSK does not say, or the cluster has no such listener.

        """
        deadline = self._clock.monotonic() + self.config.read_seconds
        if self._arn is None:
            self._arn = self._find(deadline)
        told = self._call("GetBootstrapBrokers", (), deadline, ClusterArn=self._arn)
        servers = told.get(listener, "")
        if not servers:
            known = ", ".join(sorted(name for name in told if name.startswith("Bootstrap"))) or "none"
            why = f"kafka GetBootstrapBrokers: {self._arn} has no {listener}, but {known}: check `tls` and `sasl`"
            raise SourceDenied(why)
        return tuple(str(servers).split(","))

    def close(self) -> None:
        """Let nothing wait any longer."""
        self._closed.set()

    def _call(self, operation: str, wants: Collection[str], deadline: float, **given: object) -> dict[str, Any]:
        return self._caller.call("kafka", self.config.aws_region, operation, given, wants=wants, deadline=deadline)

    def _describe(self, deadline: float) -> Described:
        if self._arn is None:
            self._arn = self._find(deadline)
        told = self._call("DescribeClusterV2", ("ClusterInfo",), deadline, ClusterArn=self._arn)["ClusterInfo"]
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
            level=provisioned.get("EnhancedMonitoring", "DEFAULT"),
            brokers=provisioned.get("NumberOfBrokerNodes", 0),
            kraft="ZookeeperConnectString" not in provisioned,
        )

    def _find(self, deadline: float) -> str:
        """Return the ARN of the cluster of this name."""
        for answer in self._caller.pages(
            "kafka", self.config.aws_region, "ListClustersV2", {"ClusterNameFilter": self.config.cluster},
            wants=("ClusterInfoList",), deadline=deadline,
        ):  # fmt: skip
            for one in answer["ClusterInfoList"]:
                if one["ClusterName"] == self.config.cluster:
                    return str(one["ClusterArn"])
        region = self.config.aws_region
        raise NotThere(
            f"kafka ListClustersV2 in {region}: no cluster is called {self.config.cluster!r}: is it another region?"
        )

    def _operations(self, arn: str, deadline: float) -> tuple[Operation, ...]:
        answer = self._call("ListClusterOperationsV2", ("ClusterOperationInfoList",), deadline, ClusterArn=arn)
        return tuple(
            Operation(one.get("OperationType", ""), one.get("OperationState", ""))
            for one in answer["ClusterOperationInfoList"]
            if one.get("OperationState") not in _ENDED
        )

    def _read_cloudwatch(
        self, described: Described, now: float, deadline: float, problems: list[Problem]
    ) -> dict[tuple[Metric, Row], Reading]:
        if now - self._listed_at >= _LISTING_SECONDS:
            try:
                with taken_apart(f"cloudwatch ListMetrics in {self.config.aws_region}"):
                    self._listed = self._list(described.name, deadline)
                self._listed_at = now
            except SourceError as error:
                problems.append(problem("cloudwatch", error, str(error)))
        place = ("", self.config.aws_region)
        wanted = [
            Wanted(
                series, place[1], place[0], vital=twin.metric.cloudwatch is not None and twin.metric.cloudwatch.vital
            )
            for series, (twin, _) in self._listed.items()
        ]
        found, wrong = self._reader.read(wanted, deadline, lambda *_: False)
        problems += wrong
        known = found[place].readings if place in found else {}
        readings = {}
        for series, reading in known.items():
            twin, row = self._listed[series]
            readings[twin.metric, row] = reading
        return readings

    def _list(self, name: str, deadline: float) -> dict[Series, tuple[Twin, Row]]:
        """Return the series that CloudWatch has of the cluster and that are wanted."""
        found: dict[Series, tuple[Twin, Row]] = {}
        given: dict[str, Any] = {"Namespace": NAMESPACE, "Dimensions": [{"Name": "Cluster Name", "Value": name}]}
        for answer in self._caller.pages(
            "cloudwatch", self.config.aws_region, "ListMetrics", given, wants=("Metrics",), deadline=deadline
        ):
            for one in answer["Metrics"]:
                dimensions = {each["Name"]: each["Value"] for each in one["Dimensions"]}
                for twin in self._by_name.get(one["MetricName"], ()):
                    row = self._row(twin, dimensions)
                    if row is not None:
                        series = Series(NAMESPACE, twin.name, twin.statistic, tuple(sorted(dimensions.items())))
                        found[series] = (twin, row)
        return found

    def _row(self, twin: Twin, dimensions: dict[str, str]) -> Row | None:
        """Return our label values for these dimensions; None where they are not those of the metric."""
        fixed = dict(twin.fixed)
        labels = [label for label in twin.metric.labels if label != "kafka_cluster" and label not in fixed]
        if not set(labels) <= _DIMENSIONS.keys():
            return None
        if {"Cluster Name", *(_DIMENSIONS[label] for label in labels)} != dimensions.keys():
            return None
        values = {label: dimensions[_DIMENSIONS[label]] for label in labels} | fixed | {"kafka_cluster": self._cluster}
        return tuple(values[label] for label in twin.metric.labels)
