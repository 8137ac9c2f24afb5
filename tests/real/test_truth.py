"""Every count equals the brokers' own word: by JMX, and by Kafka's own tools."""

from collections.abc import Iterator

import numpy as np
import pytest

from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_groups as g
from streamwatch.collectors.columns import replication
from tests.real.kafka import KafkaCluster
from tests.real.seeing import Eyes, agree, eyes, partitions_where
from tests.waiting import wait_for


@pytest.fixture(scope="module")
def filled(cluster_43: KafkaCluster) -> KafkaCluster:
    """A cluster with topics of one, two and three replicas, records and commits."""
    cluster_43.create_topic("truth-orders", 6, 3, min_insync_replicas=2)
    cluster_43.create_topic("truth-pairs", 4, 2, min_insync_replicas=2)
    cluster_43.create_topic("truth-single", 3, 1)
    for partition in range(6):
        cluster_43.produce("truth-orders", partition, 10 * (partition + 1))
    cluster_43.produce("truth-single", 0, 5)
    cluster_43.commit("truth-billing", {("truth-orders", p): 5 * p for p in range(5)})
    cluster_43.commit("truth-audit", {("truth-orders", 0): 10, ("truth-single", 0): 1})
    return cluster_43


@pytest.fixture
def seen(filled: KafkaCluster) -> Iterator[Eyes]:
    with eyes(filled) as found:
        yield found
    filled.heal()


def tools_agree(cluster: KafkaCluster, seen: Eyes) -> None:
    """Compare with kafka-topics: it also counts partitions without a leader, and min ISR as it is configured."""
    now = seen.look()
    topology = now.topology
    assert topology is not None
    facts = replication(topology)
    in_sync, min_isr = facts.in_sync, now.min_isr[topology.topic]

    assert partitions_where(now, in_sync < facts.replicas) == cluster.under_replicated()
    assert partitions_where(now, (in_sync < min_isr) | (topology.leader < 0)) == cluster.under_min_isr()
    assert partitions_where(now, topology.leader < 0) == cluster.unavailable()


def test_a_healthy_cluster_counts_as_it_does_itself(filled: KafkaCluster, seen: Eyes) -> None:
    words = agree(seen, filled)

    assert words["OfflinePartitionsCount"] == 0
    assert words["ActiveControllerCount"] == 1
    assert seen.values(k.BROKER_UP) == {"1": 1, "2": 1, "3": 1}
    tools_agree(filled, seen)


def test_lag_and_commits_are_what_kafka_consumer_groups_prints(filled: KafkaCluster, seen: Eyes) -> None:
    seen.look()
    told = filled.describe_groups()

    # Of other tests' groups, some are ahead or have lost records: there the tool prints what nobody can read.
    lag = {
        " ".join((group, topic, str(p))): float(n)
        for (group, topic, p), n in told.lag.items()
        if n is not None and group.startswith("truth-")
    }
    ends = {f"{t} {p}": float(line.end) for (_, t, p), line in told.offsets.items() if line.end is not None}
    assert len(lag) >= 7
    own = {key: n for key, n in seen.values(g.GROUP_PARTITION_LAG).items() if key.startswith("truth-")}
    assert own == lag
    assert seen.values(g.PARTITION_END_OFFSET).items() >= ends.items()
    assert seen.values(g.GROUP_LAG)["truth-billing"] == sum(
        n for key, n in lag.items() if key.startswith("truth-billing")
    )
    kinds = [key.split() for key in seen.values(g.GROUP_STATE)]
    # The tool does not speak of share groups, nor of Kafka Streams' own.
    assert {name: state for name, kind, state in kinds if kind in {"classic", "consumer"}} == told.states
    members = {name: count for name, count in seen.values(g.GROUP_MEMBERS).items() if name in told.members}
    assert members == {name: float(count) for name, count in told.members.items()}
    assert seen.values(g.GROUP_TOPIC_UNCOMMITTED)["truth-billing truth-orders"] == 1


def _sizes(seen: Eyes) -> dict[tuple[int, str, int], int]:
    now = seen.look()
    topology = now.topology
    assert topology is not None
    row = np.repeat(np.arange(len(topology.partition)), np.diff(topology.replica_start))
    return {
        (int(broker), topology.topics[topology.topic[r]], int(topology.partition[r])): int(size)
        for broker, r, size in zip(topology.replica, row, now.replica_bytes, strict=True)
    }


def test_sizes_are_what_kafka_log_dirs_prints(filled: KafkaCluster, seen: Eyes) -> None:
    told = filled.log_dirs()

    wait_for(lambda: _sizes(seen) == told, 20, "both say the same sizes")
    by_broker = {str(b): float(sum(size for (at, *_), size in told.items() if at == b)) for b in filled.broker_ids}
    assert seen.values(k.BROKER_LOG_BYTES) == by_broker
    assert all(0 < used < 1 for used in seen.values(k.LOG_DIR_USED).values())


def test_one_broker_killed_and_back(filled: KafkaCluster, seen: Eyes) -> None:
    agree(seen, filled)
    filled.kill(3)

    seen.look()
    assert seen.values(k.BROKER_UP) == {"1": 1, "2": 1, "3": 0}
    assert (seen.value(k.UNREACHABLE_PARTITIONS) or 0) > 0, "felt before the controller knows"

    # Both agree at once that all is well: the metadata is healthy until the dead broker's session has timed out.
    wait_for(lambda: seen.look() and seen.value(k.BROKERS) == 2, 60, "the controller has fenced the broker")
    words = agree(seen, filled)
    assert sum(words[f"UnderReplicatedPartitions {b}"] or 0 for b in (1, 2)) > 0
    assert (words["OfflinePartitionsCount"] or 0) > 0, "the topic with one replica"
    assert seen.values(k.BROKER_OUT_OF_SYNC)["3"] == seen.values(k.BROKER_PARTITIONS)["3"]
    assert seen.values(k.BROKER_UP)["3"] == 0, "a broker that left the metadata is not forgotten"
    tools_agree(filled, seen)

    filled.heal()
    words = agree(seen, filled)
    assert words["OfflinePartitionsCount"] == 0
    wait_for(lambda: seen.look() and seen.values(k.BROKER_UP) == {"1": 1, "2": 1, "3": 1}, 20, "it is redialled")
    controller = filled.active_controller()
    assert controller is not None
    name = {"name": "PreferredReplicaImbalanceCount"}
    imbalance = filled.jmx_value(controller, "kafka_controller_KafkaController_Value", **name)
    assert imbalance
    share = seen.value(k.NON_PREFERRED_LEADERS)
    assert share == imbalance / (words["GlobalPartitionCount"] or 0), "leadership has not come back by itself"


def test_two_brokers_killed_and_back(filled: KafkaCluster, seen: Eyes) -> None:
    agree(seen, filled)
    filled.kill(2)
    filled.kill(3)

    wait_for(lambda: seen.look() and seen.value(k.BROKERS) == 1, 60, "the controller has fenced both")
    words = agree(seen, filled)
    assert (words["UnderMinIsrPartitionCount 1"] or 0) > 0
    assert seen.values(k.BROKER_UP) == {"1": 1, "2": 0, "3": 0}
    tools_agree(filled, seen)

    filled.heal()
    agree(seen, filled)


def test_without_a_controller_the_frozen_metadata_is_said_and_not_believed(filled: KafkaCluster, seen: Eyes) -> None:
    """Brokers themselves do not notice: their MBean CurrentControllerId goes on naming the dead one (seen on 4.3)."""
    agree(seen, filled)
    filled.kill_controller()
    wait_for(lambda: seen.look().controllers == 0, 30, "nobody finds a controller")

    filled.kill(2)
    now = seen.look()
    assert now.metadata_frozen
    assert seen.value(k.ACTIVE_CONTROLLERS) == 0
    assert seen.value(k.OFFLINE_PARTITIONS) is None
    assert seen.values(k.BROKER_UNDER_REPLICATED) == {}
    assert seen.values(k.BROKER_LEADERS) == {}
    assert seen.values(k.BROKER_UP) == {"1": 1, "2": 0, "3": 1}
    assert (seen.value(k.UNREACHABLE_PARTITIONS) or 0) > 0
    assert any("no active controller" in problem.detail for problem in now.problems)

    filled.heal()
    agree(seen, filled)
    assert seen.value(k.ACTIVE_CONTROLLERS) == 1
