"""Older Kafka: versions are negotiated down, and ZooKeeper mode has a controller that the metadata names."""

from collections.abc import Callable

import pytest

from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_controllers as c
from streamwatch.catalogue import kafka_groups as g
from tests.real.kafka import KafkaCluster
from tests.real.seeing import agree, eyes
from tests.waiting import wait_for


@pytest.mark.parametrize("version", ["3.9.2", "2.8.2"])
def test_an_older_cluster_counts_as_it_does_itself(kafka_cluster: Callable[..., KafkaCluster], version: str) -> None:
    cluster = kafka_cluster(version=version)
    cluster.create_topic("old", 4, 3, min_insync_replicas=2)
    cluster.produce("old", 1, 12)
    cluster.commit("old-readers", {("old", 1): 5})
    cluster.commit("others", {("old", 1): 12})
    with eyes(cluster) as seen:
        agree(seen, cluster)
        assert seen.values(g.GROUP_LAG) == {"old-readers": 7, "others": 0}
        assert seen.values(g.GROUP_STATE) == {"old-readers classic Empty": 1, "others classic Empty": 1}
        assert seen.values(k.TOPIC_MIN_ISR)["old"] == 2
        assert seen.values(k.TOPIC_RETENTION_SECONDS)["old"] == 604800
        assert all(size >= 0 for size in seen.values(k.BROKER_LOG_BYTES).values())
        assert set(seen.values(k.BROKER_LOG_BYTES)) == {"1", "2", "3"}
        assert bool(seen.values(k.LOG_DIR_USED)) is (version != "2.8.2"), "2.8 does not tell the volume's size"
        now = seen.look()
        assert now.problems == ()
        release = version.rpartition(".")[0]
        metadata = "" if release == "2.8" else "3.9-IV0"
        assert seen.values(c.VERSION_INFO) == {f"{release} {metadata}": 1}
        assert seen.values(c.BROKER_VERSION_INFO) == {f"{broker} {release}": 1 for broker in (1, 2, 3)}
        assert now.quorum is not None
        assert now.quorum.leader == cluster.active_controller()
        assert bool(now.quorum.replicas) is (release != "2.8")

        cluster.kill(3)
        wait_for(lambda: seen.look() and seen.value(k.BROKERS) == 2, 60, "the controller has noticed")
        words = agree(seen, cluster)
        assert sum(words[f"UnderReplicatedPartitions {b}"] or 0 for b in (1, 2)) > 0
        assert seen.values(k.BROKER_UP) == {"1": 1, "2": 1, "3": 0}
