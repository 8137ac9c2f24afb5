"""MSK's control plane over reference clusters: which there are, their brokers and addresses, what is done to them."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar

from streamwatch.reference.aws.msk_kinds import Kind, kind_of
from streamwatch.reference.aws.msk_metrics import Sampler
from streamwatch.reference.kafka.site import Site
from streamwatch.reference.kinesis.errors import ServiceError
from streamwatch.reference.metrics import Metrics

T = TypeVar("T")
Parameters = Mapping[str, Any]
Answer = dict[str, Any]
_LISTED: Final = 100
_SERVERLESS: Final[Answer] = {
    "VpcConfigs": [{"SubnetIds": ["subnet-1", "subnet-2", "subnet-3"], "SecurityGroupIds": ["sg-1"]}],
    "ClientAuthentication": {"Sasl": {"Iam": {"Enabled": True}}},
}


class Look(Protocol):
    """What looks at the cluster that is behind one of MSK's, as ``ReferenceKafka.do`` does."""

    def __call__(self, change: Callable[[Site, float], T]) -> T:
        """Return what a function of the cluster and its time returns."""


@dataclass(slots=True, kw_only=True)
class MskCluster:
    """One cluster, as MSK describes it."""

    name: str
    arn: str
    made: float
    kafka_version: str
    look: Look
    """Looks at the cluster that is behind it."""
    bootstrap: Mapping[str, str]
    """By the name that the API gives them: BootstrapBrokerString, ...Tls, ...SaslScram, ...SaslIam."""
    hosts: Mapping[int, str]
    """By broker."""
    keepers: Mapping[int, str] = field(default_factory=dict)
    """Where its controllers are, or its ZooKeeper, by their ids."""
    sampler: Sampler
    state: str = "ACTIVE"
    instance_type: str = "kafka.m7g.large"
    kraft: bool = True
    open_monitoring: bool = True
    tags: dict[str, str] = field(default_factory=dict)
    operations: list[dict[str, Any]] = field(default_factory=list)
    """The newest first."""
    reassignments: list[dict[str, Any]] = field(default_factory=list)
    """Of topics between types of brokers, the newest first."""
    assessments: list[dict[str, Any]] = field(default_factory=list)
    """With their findings, the newest first."""
    open_operations: list[dict[str, Any]] = field(default_factory=list)
    """Those that a fault started, and that heal ends."""

    @property
    def kind(self) -> Kind:
        """What it is made of."""
        return kind_of(self.instance_type)

    @property
    def type(self) -> str:
        """What the API calls its type."""
        return "SERVERLESS" if self.kind == "serverless" else "PROVISIONED"

    def begin(self, operation: str, state: str, now: float) -> None:
        """Let something be done to it, which puts it into a state until it is ended."""
        self.state = state
        one = {
            "OperationArn": f"{self.arn.replace(':cluster/', ':cluster-operation/')}/{uuid.uuid4()}",
            "OperationState": "UPDATE_IN_PROGRESS",
            "OperationType": operation,
            "StartTime": now,
        }
        self.operations.insert(0, one)
        self.open_operations.append(one)

    def end(self, now: float) -> None:
        """End the open operations: they stay listed, as complete."""
        if self.open_operations:
            self.state = "ACTIVE"
        for one in self.open_operations:
            one |= {"OperationState": "UPDATE_COMPLETE", "EndTime": now}
        self.open_operations.clear()
        for one in self.reassignments:
            one |= {"Status": "COMPLETE", "CompletedTopics": one["TotalTopics"], "LastUpdateTime": now}

    def reassign(self, state: str, completed: int, now: float) -> None:
        """Let topics be moved to Express brokers, and be so far; a move that has not ended goes on."""
        total = self.look(lambda site, _: len(site.cluster.topics))
        ended = {"COMPLETE", "FAILED", "STOPPED"}
        if not self.reassignments or self.reassignments[0]["Status"] in ended:
            arn = f"{self.arn.replace(':cluster/', ':topic-reassignment-operation/')}/{uuid.uuid4()}"
            target = f"express.{self.instance_type.partition('.')[2]}"
            one = {"TopicReassignmentOperationArn": arn, "TargetInstanceType": target, "CreationTime": now}
            self.reassignments.insert(0, one | {"TotalTopics": total})
        done = total if state == "COMPLETE" else min(completed, total)
        self.reassignments[0] |= {"Status": state, "CompletedTopics": done, "LastUpdateTime": now}


class Msk:
    """One account's MSK in one region."""

    def __init__(self, account: str, region: str, metrics: Metrics) -> None:
        self.account, self.region = account, region
        self.metrics = metrics
        self.clusters: dict[str, MskCluster] = {}
        """By ARN."""

    def arn_of(self, name: str) -> str:
        """Return the ARN of a cluster, its own id made of its name."""
        identity = f"{name.encode().hex():0<32}"[:32]
        parts = (identity[:8], identity[8:12], identity[12:16], identity[16:20], identity[20:32])
        return f"arn:aws:kafka:{self.region}:{self.account}:cluster/{name}/{'-'.join(parts)}-2"

    def find(self, parameters: Parameters) -> MskCluster:
        """Return the cluster that a call means.

        Raises:
            Refused: there is none.

        """
        found = self.clusters.get(parameters["ClusterArn"])
        if found is None:
            raise ServiceError(
                "NotFoundException", f"The requested resource doesn't exist: {parameters['ClusterArn']}", 404
            )
        return found

    def find_provisioned(self, parameters: Parameters) -> MskCluster:
        """Return the cluster that a call means, which must have brokers of its own.

        Raises:
            Refused: there is none, or it is serverless.

        """
        found = self.find(parameters)
        if found.kind == "serverless":
            raise ServiceError("BadRequestException", "This operation cannot be performed on serverless clusters.")
        return found


def listed(msk: Msk, parameters: Parameters) -> Answer:
    """ListClustersV2."""
    wanted = parameters.get("ClusterNameFilter", "")
    arns = sorted(
        arn
        for arn, one in msk.clusters.items()
        if one.name.startswith(wanted) and parameters.get("ClusterTypeFilter", one.type).upper() == one.type
    )
    return paged(parameters, "ClusterInfoList", [_described(msk.clusters[arn]) for arn in arns])


def paged(parameters: Parameters, name: str, whole: Sequence[Answer]) -> Answer:
    """Return the part of a list that a call asks for, and the token of the next one.

    Raises:
        Refused: the token is none of ours.

    """
    token = parameters.get("NextToken", "0")
    if not token.isdecimal():
        raise ServiceError("BadRequestException", f"The parameter nextToken has an invalid value: {token}")
    start, most = int(token), parameters.get("MaxResults", _LISTED)
    answer: Answer = {name: list(whole[start : start + most])}
    if len(whole) > start + most:
        answer["NextToken"] = str(start + most)
    return answer


def describe(msk: Msk, parameters: Parameters) -> Answer:
    """DescribeClusterV2."""
    return {"ClusterInfo": _described(msk.find(parameters))}


def bootstrap(msk: Msk, parameters: Parameters) -> Answer:
    """GetBootstrapBrokers; who comes to a serverless cluster comes by IAM."""
    cluster = msk.find(parameters)
    is_let_in = {"BootstrapBrokerStringSaslIam"} if cluster.kind == "serverless" else cluster.bootstrap.keys()
    return {name: servers for name, servers in cluster.bootstrap.items() if name in is_let_in}


def operations(msk: Msk, parameters: Parameters) -> Answer:
    """ListClusterOperationsV2."""
    cluster = msk.find(parameters)
    common = {"ClusterArn": cluster.arn, "ClusterType": cluster.type}
    return paged(parameters, "ClusterOperationInfoList", [common | one for one in cluster.operations])


def _described(cluster: MskCluster) -> Answer:
    part = {
        "ClusterType": cluster.type,
        "ClusterArn": cluster.arn,
        "ClusterName": cluster.name,
        "CreationTime": cluster.made,
        "CurrentVersion": "K3AEGXETSR30VB",
        "State": cluster.state,
        "Tags": dict(cluster.tags),
    }
    return part | ({"Serverless": _SERVERLESS} if cluster.kind == "serverless" else {"Provisioned": _parts(cluster)})


def _parts(cluster: MskCluster) -> Answer:
    exporter = {"EnabledInBroker": cluster.open_monitoring}
    parts = {
        "BrokerNodeGroupInfo": {
            "InstanceType": cluster.instance_type,
            "ClientSubnets": [],
            "BrokerAZDistribution": "DEFAULT",
        },
        "CurrentBrokerSoftwareInfo": {"KafkaVersion": cluster.kafka_version},
        "ClientAuthentication": {
            "Sasl": {
                "Scram": {"Enabled": "BootstrapBrokerStringSaslScram" in cluster.bootstrap},
                "Iam": {"Enabled": "BootstrapBrokerStringSaslIam" in cluster.bootstrap},
            },
            "Tls": {"Enabled": "BootstrapBrokerStringTls" in cluster.bootstrap},
            "Unauthenticated": {"Enabled": "BootstrapBrokerString" in cluster.bootstrap},
        },
        "EnhancedMonitoring": cluster.sampler.level,
        "OpenMonitoring": {"Prometheus": {"JmxExporter": exporter, "NodeExporter": exporter}},
        "NumberOfBrokerNodes": len(cluster.hosts),
        "StorageMode": "LOCAL",
    }
    if cluster.kind == "express":
        parts["Rebalancing"] = {"Status": "ACTIVE"}
    if not cluster.kraft:
        parts["ZookeeperConnectString"] = "127.0.0.1:2181"
    return parts
