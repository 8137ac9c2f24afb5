"""MSK's topic calls: ListTopics, DescribeTopic, DescribeTopicPartitions, read from the cluster as it is now.

AWS refreshes what these tell about once a minute; here they tell the present.
"""

from base64 import b64encode
from typing import Any, Final

from streamwatch.reference.aws.msk import Answer, Msk, MskCluster, Parameters, paged
from streamwatch.reference.kafka.partition import Partition, Topic
from streamwatch.reference.kafka.settings_topics import topic_settings
from streamwatch.reference.kafka.site import Site
from streamwatch.reference.kinesis.errors import ServiceError

_FIRST_RELEASE: Final = (3, 6)


def listed(msk: Msk, parameters: Parameters) -> Answer:
    """ListTopics."""
    cluster = _ready(msk, parameters)
    prefix = parameters.get("TopicNameFilter", "")

    def look(site: Site, _: float) -> list[Answer]:
        named = sorted(site.cluster.topics.items())
        return [_summed(cluster, topic) for name, topic in named if name.startswith(prefix)]

    return paged(parameters, "Topics", cluster.look(look))


def describe(msk: Msk, parameters: Parameters) -> Answer:
    """DescribeTopic."""
    cluster = _ready(msk, parameters)

    def look(site: Site, _: float) -> Answer:
        topic = _find(site, parameters)
        described = _summed(cluster, topic)
        del described["OutOfSyncReplicaCount"]
        # A topic is made, altered and deleted at once here: it is never CREATING, UPDATING or DELETING.
        return described | {"Configs": _configs(site, topic), "Status": "ACTIVE"}

    return cluster.look(look)


def partitions(msk: Msk, parameters: Parameters) -> Answer:
    """DescribeTopicPartitions."""
    cluster = _ready(msk, parameters)
    return paged(
        parameters,
        "Partitions",
        cluster.look(lambda site, _: [_described(one) for one in _find(site, parameters).partitions]),
    )


def _ready(msk: Msk, parameters: Parameters) -> MskCluster:
    """Return a cluster that has these calls: AWS documents which do, and not how the others refuse (inferred)."""
    cluster = msk.find_provisioned(parameters)
    if tuple(map(int, cluster.kafka_version.split(".")[:2])) < _FIRST_RELEASE:
        why = f"Topic operations need Apache Kafka 3.6.0 or later: this cluster has {cluster.kafka_version}."
        raise ServiceError("BadRequestException", why)
    if cluster.state != "ACTIVE":
        raise ServiceError("BadRequestException", f"The cluster must be ACTIVE: it is {cluster.state}.")
    return cluster


def _find(site: Site, parameters: Parameters) -> Topic:
    topic = site.cluster.topics.get(parameters["TopicName"])
    if topic is None:
        raise ServiceError("NotFoundException", f"The topic doesn't exist: {parameters['TopicName']}", 404)
    return topic


def _summed(cluster: MskCluster, topic: Topic) -> Answer:
    states = [one.state for one in topic.partitions]
    return {
        "TopicArn": f"{cluster.arn.replace(':cluster/', ':topic/')}/{topic.name}",
        "TopicName": topic.name,
        "PartitionCount": len(states),
        "ReplicationFactor": len(states[0].replicas),
        "OutOfSyncReplicaCount": sum(len(set(one.replicas) - set(one.isr)) for one in states),
    }


def _configs(site: Site, topic: Topic) -> str:
    """Return the settings that hold, as lines of a properties file, in base64: AWS's example is of that form.

    Its example shows two settings with their defaults, so that all that hold are shown, not only the topic's own.
    """
    names = sorted(topic_settings(site.cluster.spec.release))
    lines = (f"{name}={site.cluster.setting(topic, name)}" for name in names)
    return b64encode("\n".join(lines).encode()).decode()


def _described(partition: Partition) -> dict[str, Any]:
    state = partition.state
    # What AWS tells of a partition without a leader is not documented: -1, as Kafka's own Metadata does, is inferred.
    return {
        "Partition": partition.index,
        "Leader": state.leader,
        "Replicas": list(state.replicas),
        "Isr": list(state.isr),
    }
