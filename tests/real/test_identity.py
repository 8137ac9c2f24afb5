"""What has another identity under an old name is another thing: topics, clusters, and a controller for a broker."""

from collections.abc import Callable, Iterator

import pytest

from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_groups as g
from streamwatch.model.finding import Finding
from streamwatch.model.kafka import ClusterSnapshot
from streamwatch.sources.kafka import Config, check_up
from tests.addresses import servers
from tests.real.kafka import KafkaCluster
from tests.real.seeing import Eyes, agree, eyes
from tests.waiting import wait_for


@pytest.fixture
def seen(cluster_43: KafkaCluster) -> Iterator[Eyes]:
    with eyes(cluster_43, log_dirs_interval=3600.0) as found:
        yield found
    cluster_43.heal()


def id_of(now: ClusterSnapshot, topic: str) -> bytes:
    topology = now.topology
    assert topology is not None
    return topology.topic_ids[topology.topic_index[topic]] if topic in topology.topic_index else b""


def test_a_topic_deleted_and_made_anew_between_two_reads_begins_anew(cluster_43: KafkaCluster, seen: Eyes) -> None:
    cluster_43.create_topic("anew", 1, 3, retention_ms=1_000_000)
    cluster_43.produce("anew", 0, 50)
    wait_for(lambda: seen.look() and seen.values(k.TOPIC_END_OFFSET).get("anew") == 50, 20, "the old topic is seen")
    wait_for(lambda: seen.look() and seen.values(k.TOPIC_LOG_BYTES).get("anew"), 20, "and its size")
    old, size = id_of(seen.look(), "anew"), seen.values(k.TOPIC_LOG_BYTES)["anew"]
    assert seen.values(k.TOPIC_RETENTION_SECONDS)["anew"] == 1000

    cluster_43.delete_topic("anew")
    wait_for(lambda: make_anew(cluster_43), 30, "the name is free again")
    cluster_43.produce("anew", 0, 200)
    wait_for(lambda: id_of(seen.look(), "anew") not in {old, b""}, 20, "the new topic is seen")

    assert "anew" not in seen.values(k.TOPIC_END_OFFSET), "no rate joins the two"
    assert seen.values(k.TOPIC_RETENTION_SECONDS)["anew"] == 7200, "asked at once"
    assert seen.values(k.TOPIC_LOG_BYTES).get("anew") != size, "the old size is nobody's"
    seen.look()
    assert seen.values(k.TOPIC_END_OFFSET)["anew"] == 200
    wait_for(lambda: seen.look() and seen.values(k.TOPIC_LOG_BYTES).get("anew"), 20, "asked out of turn")
    sizes = [bytes_ for (_, topic, _), bytes_ in cluster_43.log_dirs().items() if topic == "anew"]
    assert seen.values(k.TOPIC_LOG_BYTES)["anew"] in sizes


def make_anew(cluster: KafkaCluster) -> bool:
    """Make the topic again; say whether that worked yet: the old one is deleted in its own time."""
    try:
        cluster.create_topic("anew", 1, 3, retention_ms=7_200_000)
    except Exception as error:  # kafka-python's tree of errors
        if "TopicAlreadyExists" in repr(error) or "TOPIC_ALREADY_EXISTS" in repr(error):
            return False
        raise
    return True


def test_another_cluster_at_a_brokers_address_is_refused_and_the_right_brokers_are_kept(
    cluster_43: KafkaCluster, seen: Eyes, kafka_cluster: Callable[..., KafkaCluster]
) -> None:
    cluster_43.create_topic("ours", 3, 3)
    for partition in range(3):
        cluster_43.produce("ours", partition, 7)
    agree(seen, cluster_43)
    ours = seen.look().cluster_id
    cluster_43.kill(3)
    port = int(cluster_43.address(3).rpartition(":")[2])
    thief = kafka_cluster(brokers=1, combined=True, listen_at={1: port})
    thief.create_topic("theirs", 3, 1)

    def foreign() -> list[str]:
        return [one.detail for one in seen.look().problems if (one.scope, one.reason) == ("cluster", "foreign")]

    wait_for(foreign, 20, "another cluster answers")
    wait_for(lambda: seen.look() and seen.value(k.BROKERS) == 2, 60, "the controller has fenced the broker")
    agree(seen, cluster_43)
    wait_for(lambda: seen.look() and seen.values(k.TOPIC_END_OFFSET).get("ours") == 21, 20, "the leaders have moved")
    for _ in range(10):
        (detail,) = foreign()
        assert f"answers at {cluster_43.address(3)}" in detail
        assert ours is not None
        assert ours in detail
        assert seen.values(k.BROKER_UP) == {"1": 1, "2": 1, "3": 0}
        assert seen.look().cluster_id == ours
        assert "theirs" not in seen.values(k.TOPIC_PARTITIONS)
        assert seen.values(k.TOPIC_END_OFFSET)["ours"] == 21
    agree(seen, cluster_43)
    with eyes(cluster_43, bootstrap=servers((cluster_43.address(1), cluster_43.address(3)))) as late:
        assert late.look().cluster_id == ours, "the first that answers counts"
        assert late.values(k.BROKER_UP) == {"1": 1, "2": 1, "3": 0}
        assert any(one.reason == "foreign" for one in late.look().problems)

    thief.close()
    cluster_43.heal()
    wait_for(lambda: seen.look() and seen.values(k.BROKER_UP)["3"] == 1, 20, "it has its address again")
    agree(seen, cluster_43)
    assert foreign() == []
    assert seen.values(g.PARTITION_END_OFFSET).items() >= {f"ours {p}": 7.0 for p in range(3)}.items()


def test_a_controllers_port_is_named_by_the_check_up_and_by_a_read(cluster_43: KafkaCluster) -> None:
    address = cluster_43.controller_address(100)
    found: list[Finding] = []
    check_up(Config(name="real", bootstrap=servers((address,))), found.append)
    with eyes(cluster_43, bootstrap=servers((address,))) as seen:
        now = seen.look()

    assert any(one.verdict == "failed" and "KRaft controller's port" in one.detail for one in found)
    assert now.topology is None
    assert any("KRaft controller's port: use a broker's listener" in problem.detail for problem in now.problems)
