"""MSK's control plane over reference clusters: which there are, their brokers and addresses, what is done to them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from streamwatch.reference.aws.msk_metrics import Point, Sampler
from streamwatch.reference.kinesis.errors import Refused
from streamwatch.reference.metrics import Metrics

Given = Mapping[str, Any]
Answer = dict[str, Any]
_LISTED: Final = 100


@dataclass(slots=True, kw_only=True)
class MskCluster:
    """One cluster, as MSK describes it."""

    name: str
    arn: str
    made: float
    kafka_version: str
    sample: Callable[[Sampler], list[Point]]
    """Takes a minute's points from the cluster that is behind it."""
    bootstrap: Mapping[str, str]
    """By the name that the API gives them: BootstrapBrokerString, ...Tls, ...SaslScram, ...SaslIam."""
    hosts: Mapping[int, str]
    """By broker."""
    sampler: Sampler
    state: str = "ACTIVE"
    instance_type: str = "kafka.m7g.large"
    kraft: bool = True
    open_monitoring: bool = True
    tags: dict[str, str] = field(default_factory=dict)
    operations: list[dict[str, Any]] = field(default_factory=list)
    """The newest first."""


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

    def find(self, given: Given) -> MskCluster:
        """Return the cluster that a call means.

        Raises:
            Refused: there is none.

        """
        found = self.clusters.get(given["ClusterArn"])
        if found is None:
            raise Refused("NotFoundException", f"The requested resource doesn't exist: {given['ClusterArn']}", 404)
        return found


def listed(msk: Msk, given: Given) -> Answer:
    """ListClustersV2."""
    wanted = given.get("ClusterNameFilter", "")
    arns = sorted(
        arn
        for arn, one in msk.clusters.items()
        if one.name.startswith(wanted) and arn > given.get("NextToken", "")
        and given.get("ClusterTypeFilter", "PROVISIONED").upper() == "PROVISIONED"
    )  # fmt: skip
    most = given.get("MaxResults", _LISTED)
    answer: Answer = {"ClusterInfoList": [_told(msk.clusters[arn]) for arn in arns[:most]]}
    if len(arns) > most:
        answer["NextToken"] = arns[most - 1]
    return answer


def describe(msk: Msk, given: Given) -> Answer:
    """DescribeClusterV2."""
    return {"ClusterInfo": _told(msk.find(given))}


def nodes(msk: Msk, given: Given) -> Answer:
    """ListNodes."""
    cluster = msk.find(given)
    told = [
        {
            "NodeType": "BROKER",
            "NodeARN": f"{cluster.arn}/{number}",
            "InstanceType": cluster.instance_type.removeprefix("kafka."),
            "BrokerNodeInfo": {
                "BrokerId": float(number),
                "Endpoints": [host],
                "ClientVpcIpAddress": host,
                "CurrentBrokerSoftwareInfo": {"KafkaVersion": cluster.kafka_version},
            },
        }
        for number, host in cluster.hosts.items()
        if number > int(given.get("NextToken", "0"))
    ]
    most = given.get("MaxResults", _LISTED)
    answer: Answer = {"NodeInfoList": told[:most]}
    if len(told) > most:
        answer["NextToken"] = str(int(told[most - 1]["BrokerNodeInfo"]["BrokerId"]))
    return answer


def bootstrap(msk: Msk, given: Given) -> Answer:
    """GetBootstrapBrokers."""
    return dict(msk.find(given).bootstrap)


def operations(msk: Msk, given: Given) -> Answer:
    """ListClusterOperationsV2."""
    cluster = msk.find(given)
    common = {"ClusterArn": cluster.arn, "ClusterType": "PROVISIONED"}
    newest = cluster.operations[: given.get("MaxResults", _LISTED)]
    return {"ClusterOperationInfoList": [common | one for one in newest]}


def _told(cluster: MskCluster) -> Answer:
    secure = {name for name in cluster.bootstrap if name != "BootstrapBrokerString"}
    exporter = {"EnabledInBroker": cluster.open_monitoring}
    provisioned = {
        "BrokerNodeGroupInfo": {
            "InstanceType": cluster.instance_type,
            "ClientSubnets": [],
            "BrokerAZDistribution": "DEFAULT",
        },
        "CurrentBrokerSoftwareInfo": {"KafkaVersion": cluster.kafka_version},
        "ClientAuthentication": {
            "Sasl": {
                "Scram": {"Enabled": "BootstrapBrokerStringSaslScram" in secure},
                "Iam": {"Enabled": "BootstrapBrokerStringSaslIam" in secure},
            },
            "Tls": {"Enabled": "BootstrapBrokerStringTls" in secure},
            "Unauthenticated": {"Enabled": "BootstrapBrokerString" in cluster.bootstrap},
        },
        "EnhancedMonitoring": cluster.sampler.level,
        "OpenMonitoring": {"Prometheus": {"JmxExporter": exporter, "NodeExporter": exporter}},
        "NumberOfBrokerNodes": len(cluster.hosts),
        "StorageMode": "LOCAL",
    }
    if not cluster.kraft:
        provisioned["ZookeeperConnectString"] = "127.0.0.1:2181"
    return {
        "ClusterType": "PROVISIONED",
        "ClusterArn": cluster.arn,
        "ClusterName": cluster.name,
        "CreationTime": cluster.made,
        "CurrentVersion": "K3AEGXETSR30VB",
        "State": cluster.state,
        "Tags": dict(cluster.tags),
        "Provisioned": provisioned,
    }
