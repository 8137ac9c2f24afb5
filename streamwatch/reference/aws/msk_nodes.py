"""ListNodes: the brokers of a cluster, and what keeps its metadata: controllers, or ZooKeeper."""

from collections.abc import Iterator

from streamwatch.reference.aws.msk import Answer, Msk, MskCluster, Parameters, paged


def listed(msk: Msk, parameters: Parameters) -> Answer:
    """ListNodes."""
    cluster = msk.find_provisioned(parameters)
    keepers = _controllers(cluster) if cluster.kraft else _zookeepers(cluster)
    return paged(parameters, "NodeInfoList", [*_brokers(cluster), *keepers])


def _brokers(cluster: MskCluster) -> Iterator[Answer]:
    for number, host in cluster.hosts.items():
        yield {
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


def _controllers(cluster: MskCluster) -> Iterator[Answer]:
    # The API's model knows the node type BROKER only; that these are called CONTROLLER and ZOOKEEPER is inferred.
    for number, host in cluster.keepers.items():
        yield {
            "NodeType": "CONTROLLER",
            "NodeARN": f"{cluster.arn}/{number}",
            "ControllerNodeInfo": {"Endpoints": [host]},
        }


def _zookeepers(cluster: MskCluster) -> Iterator[Answer]:
    for number, host in cluster.keepers.items():
        yield {
            "NodeType": "ZOOKEEPER",
            "NodeARN": f"{cluster.arn}/{number}",
            "ZookeeperNodeInfo": {
                "ZookeeperId": float(number),
                "Endpoints": [host],
                "ClientVpcIpAddress": host,
                "ZookeeperVersion": "3.8.4",
            },
        }
