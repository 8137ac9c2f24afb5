"""What the JMX exporter of a broker serves (port 11001 on MSK), by default naming: domain_type_Attribute{key="value"}.

Everything comes from the model and from what the broker measured; file descriptors are those of this process, which is
every broker's. What a Python process cannot know is left out: the JVM's other MBeans, and how idle the network threads
are (there are none).
"""

from collections.abc import Iterator
from typing import Final

from streamwatch.reference.http import Asked, HttpAnswer
from streamwatch.reference.kafka.broker import Broker
from streamwatch.reference.kafka.exposition import RATES, ExpositionText
from streamwatch.reference.kafka.host import files
from streamwatch.reference.kafka.measures import Measures, TopicMeasures
from streamwatch.reference.kafka.partition import NO_LEADER, Partition, Replica
from streamwatch.reference.kafka.site import Site

_TOPIC_METERS: Final = {
    "BytesInPerSec": "bytes_in",
    "BytesOutPerSec": "bytes_out",
    "MessagesInPerSec": "messages_in",
    "TotalProduceRequestsPerSec": "produce_requests",
    "TotalFetchRequestsPerSec": "fetch_requests",
}
_FAILED_METERS: Final = {"FailedProduceRequestsPerSec": "failed_produce", "FailedFetchRequestsPerSec": "failed_fetch"}
"""Of a topic they are there once something has failed."""
_BROKER_METERS: Final = {"ReplicationBytesInPerSec": "replication_in", "ReplicationBytesOutPerSec": "replication_out"}
_PHASES: Final = {
    "TotalTimeMs": "total",
    "RequestQueueTimeMs": "queue",
    "LocalTimeMs": "local",
    "RemoteTimeMs": "remote",
    "ResponseQueueTimeMs": "response_queue",
    "ResponseSendTimeMs": "send",
    "ThrottleTimeMs": "throttle",
}
_FROZEN_SECONDS: Final = 600.0
_RUNNING: Final = 3
"""The broker state that MBean BrokerState calls running."""
_SOCKET: Final = "kafka_server_socket_server_metrics"


def jmx_page(site: Site, number: int, asked: Asked) -> HttpAnswer | None:  # noqa: ARG001 - whatever the path
    """Return the page of a broker: it lives and ends with the broker's process, and hangs when that is frozen."""
    text, broker, now = ExpositionText(), site.cluster.brokers[number], site.clock()
    if not broker.is_running:
        return None
    if broker.is_frozen:
        return HttpAnswer("", after=_FROZEN_SECONDS)
    measures = site.measures[number]
    text.values("kafka_server_ReplicaManager", replica_manager(site, broker))
    text.add("kafka_server_ReplicaManager_Count", broker.isr_shrinks, name="IsrShrinksPerSec")
    text.add("kafka_server_ReplicaManager_Count", broker.isr_expands, name="IsrExpandsPerSec")
    text.values("kafka_server_KafkaServer", {"BrokerState": _RUNNING})
    offline = sum(not volume.is_online for volume in broker.dirs)
    text.values("kafka_log_LogManager", {"OfflineLogDirectoryCount": offline})
    for name, count in files().items():
        text.add(f"java_lang_OperatingSystem_{name}FileDescriptorCount", count)
    _controller(text, site, broker)
    _traffic(text, measures, now)
    _requests(text, site, measures, now)
    _partitions(text, site, broker)
    _groups(text, site, number, now)
    return HttpAnswer(text.page(), "text/plain; version=0.0.4; charset=utf-8")


def _led(broker: Broker) -> list[Partition]:
    return [partition for partition in broker.partitions if partition.state.leader == broker.id]


def replica_manager(site: Site, broker: Broker) -> dict[str, float]:
    """Return what a broker's ReplicaManager counts, by the names of its MBeans."""
    led = _led(broker)
    spare = [len(one.state.isr) - site.cluster.min_isr(one) for one in led]
    return {
        "LeaderCount": len(led),
        "PartitionCount": len(broker.partitions),
        "OfflineReplicaCount": sum(
            not partition.replicas[broker.id].volume.is_online for partition in broker.partitions
        ),
        "UnderReplicatedPartitions": sum(len(one.state.isr) < len(_target(one)) for one in led),
        "UnderMinIsrPartitionCount": sum(one < 0 for one in spare),
        "AtMinIsrPartitionCount": spare.count(0),
        "ReassigningPartitions": sum(bool(one.state.adding or one.state.removing) for one in led),
    }


def _target(partition: Partition) -> list[int]:
    """Return the replicas that are to be in sync: not those that a reassignment only adds."""
    return [each for each in partition.state.replicas if each not in partition.state.adding]


def _controller(text: ExpositionText, site: Site, broker: Broker) -> None:
    """In KRaft the controllers have these MBeans, and brokers know only who it is; with ZooKeeper all have them."""
    controller = site.cluster.controller
    if site.cluster.spec.kraft:
        leader = -1 if controller.leader is None else controller.leader
        text.values("kafka_server_MetadataLoader", {"CurrentControllerId": leader})
        return
    is_active = controller.leader == broker.id
    partitions = list(site.cluster.partitions()) if is_active else []
    text.values(
        "kafka_controller_KafkaController",
        {
            "ActiveControllerCount": is_active,
            "GlobalTopicCount": len(site.cluster.topics) if is_active else 0,
            "GlobalPartitionCount": len(partitions),
            "OfflinePartitionsCount": sum(partition.state.leader == NO_LEADER for partition in partitions),
            "PreferredReplicaImbalanceCount": sum(
                partition.state.leader != partition.state.replicas[0] for partition in partitions
            ),
        },
    )
    text.add(
        "kafka_controller_ControllerStats_Count", controller.unclean_elections, name="UncleanLeaderElectionsPerSec"
    )


def _traffic(text: ExpositionText, measures: Measures, now: float) -> None:
    prefix = "kafka_server_BrokerTopicMetrics"

    def meters(of: TopicMeasures, names: dict[str, str], **labels: str) -> None:
        for name, own in names.items():
            text.meter(prefix, getattr(of, own), now, name=name, **labels)

    meters(measures.all_topics, _TOPIC_METERS | _FAILED_METERS | _BROKER_METERS)
    for topic, one in measures.topics.items():
        meters(one, _TOPIC_METERS, topic=topic)
        meters(one, {name: own for name, own in _FAILED_METERS.items() if getattr(one, own).count}, topic=topic)


def _requests(text: ExpositionText, site: Site, measures: Measures, now: float) -> None:
    prefix = "kafka_network_RequestMetrics"
    for request, one in measures.requests.items():
        for version, meter in one.versions.items():
            text.meter(prefix, meter, now, name="RequestsPerSec", request=request, version=version)
        for name, phase in _PHASES.items():
            text.histogram(prefix, one.phases[phase], name=name, request=request)
        text.histogram(prefix, one.size, name="RequestBytes", request=request)
    sizes = {"RequestQueueSize": measures.queue_size, "ResponseQueueSize": measures.response_queue_size}
    text.values("kafka_network_RequestChannel", sizes)
    threads = site.cluster.settings.number("num.io.threads")
    rates = {"MeanRate": measures.busy.mean(now), **dict(zip(RATES, measures.busy.rates(now), strict=True))}
    for rate, busy in rates.items():
        idle = max(0.0, 1 - busy / threads)
        text.add(f"kafka_server_KafkaRequestHandlerPool_{rate}", idle, name="RequestHandlerAvgIdlePercent")
    for listener in measures.connections_created:
        labels = {"listener": listener, "networkProcessor": "0"}
        text.add(f"{_SOCKET}_connection_count", measures.connections[listener], **labels)
        text.add(f"{_SOCKET}_connection_creation_total", measures.connections_created[listener], **labels)
        text.add(f"{_SOCKET}_connection_close_total", measures.connections_closed[listener], **labels)
        text.add(f"{_SOCKET}_failed_authentication_total", measures.failed_authentications[listener], **labels)
        expired = measures.expired_connections[listener]
        text.add(f"{_SOCKET}_expired_connections_killed_count", expired, **labels)


def _partitions(text: ExpositionText, site: Site, broker: Broker) -> None:
    most = 0
    for partition in broker.partitions:
        labels = {"topic": partition.topic.name, "partition": partition.index}
        replica = partition.replicas[broker.id]
        sizes = {"Size": replica.log.size, "LogEndOffset": replica.log.end, "LogStartOffset": replica.log.start}
        text.values("kafka_log_Log", sizes, **labels)
        if partition.state.leader == broker.id:
            state = partition.state
            counters = {
                "UnderReplicated": len(state.isr) < len(_target(partition)),
                "UnderMinIsr": len(state.isr) < site.cluster.min_isr(partition),
                "InSyncReplicasCount": len(state.isr),
                "ReplicasCount": len(state.replicas),
            }
            text.values("kafka_cluster_Partition", counters, **labels)
        else:
            most = max(most, _lag(partition, replica))
    text.values("kafka_server_ReplicaFetcherManager", {"MaxLag": most}, clientId="Replica")


def _lag(partition: Partition, replica: Replica) -> int:
    """Return by how many records a follower is behind; 0 where nobody leads."""
    return max(0, partition.leader.log.end - replica.log.end) if partition.leader else 0


def _groups(text: ExpositionText, site: Site, number: int, now: float) -> None:
    """What the coordinator knows: how many groups, and MSK's own lag metrics of those that are stable or empty."""
    mine = [one for one in site.groups.list() if site.coordinator(one.name, now) == number]
    states = [one.state for one in mine if one.kind == "classic"]
    counts = {f"NumGroups{state}": states.count(state) for state in ("Stable", "Empty", "Dead", "PreparingRebalance")}
    text.values("kafka_coordinator_group_GroupMetadataManager", {"NumGroups": len(states), **counts})
    groups = [
        one.name for one in mine if one.state in {"Stable", "Empty"} and one.name.isascii() and ":" not in one.name
    ]
    for name in groups:
        topics: dict[str, list[int]] = {}
        for topic, index, lag in lags(site, name):
            topics.setdefault(topic, []).append(lag)
            labels = {"groupId": name, "topic": topic, "partition": index}
            text.values("kafka_consumer_group_ConsumerLagMetrics", {"OffsetLag": lag}, **labels)
        for topic, behind in topics.items():
            sums = {"SumOffsetLag": sum(behind), "MaxOffsetLag": max(behind)}
            text.values("kafka_consumer_group_ConsumerLagMetrics", sums, groupId=name, topic=topic)


def lags(site: Site, group: str) -> Iterator[tuple[str, int, int]]:
    """Yield (topic, partition, lag) of what a group has committed."""
    for (topic, index), committed in site.groups.offsets.of(group).items():
        partition = site.cluster.partition(topic, index)
        if partition is not None and partition.leader is not None:
            yield topic, index, max(0, partition.leader.high_watermark - committed.offset)
