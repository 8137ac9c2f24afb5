"""The controllers of a real cluster: what the agent tells of them is what Kafka's own tool says."""

from collections.abc import Callable
from dataclasses import dataclass

from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_controllers as c
from streamwatch.model.kafka import CleanupPolicy
from tests.real.kafka import KafkaCluster
from tests.real.seeing import Eyes, eyes
from tests.waiting import wait_for


@dataclass(frozen=True, slots=True)
class Line:
    """A line of kafka-metadata-quorum describe --replication."""

    role: str
    end: int
    lag: int
    caught_up: int


def tool(cluster: KafkaCluster) -> dict[str, Line]:
    """What the tool says of each replica."""
    said = cluster.tool("MetadataQuorumCommand", "describe", "--replication").splitlines()
    rows = [line.split() for line in said if line[:1].isdigit()]
    return {row[0]: Line(row[6].lower(), int(row[2]), int(row[3]), int(row[5])) for row in rows}


def status(cluster: KafkaCluster) -> dict[str, str]:
    """What the tool says of the quorum."""
    said = cluster.tool("MetadataQuorumCommand", "describe", "--status").splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in said)}


def same(seen: Eyes, cluster: KafkaCluster) -> bool:
    """Whether both say the same of leader and roles; of lags as nearly as two moments allow."""
    said, lines = status(cluster), tool(cluster)
    seen.look()
    lags, seconds = seen.values(c.QUORUM_LAG), seen.values(c.QUORUM_LAG_SECONDS)
    leader = next((line for line in lines.values() if line.role == "leader"), None)
    if leader is None or seen.values(c.QUORUM_FETCHED).keys() != {f"{n} {one.role}" for n, one in lines.items()}:
        return False
    return (
        (seen.value(c.CONTROLLER_ID), seen.value(c.CONTROLLER_EPOCH))
        == (int(said["LeaderId"]), int(said["LeaderEpoch"]))
        and all(
            abs(lags[f"{node} {one.role}"] - one.lag) <= 20  # it writes twice a second, and the tool takes a while
            and abs(seconds[f"{node} {one.role}"] - (leader.caught_up - one.caught_up) / 1000) <= 10
            for node, one in lines.items()
            if one.end >= 0
        )
        and all((f"{node} {one.role}" in lags) is (one.end >= 0) for node, one in lines.items())
        and seen.values(c.QUORUM_FETCHED) == {f"{n} {one.role}": float(one.end >= 0) for n, one in lines.items()}
    )


def test_the_quorum_is_what_kafkas_tool_says(kafka_cluster: Callable[..., KafkaCluster]) -> None:
    cluster = kafka_cluster(brokers=1, controllers=3)
    cluster.tool("TopicCommand", "--create", "--topic", "compacted", "--config", "cleanup.policy=compact,delete")
    with eyes(cluster, topic_settings_interval=0.0) as seen:
        wait_for(lambda: same(seen, cluster), 60, "the agent and the tool say the same")
        assert seen.values(k.TOPIC_CLEANUP_POLICY)["compacted compact,delete"] == 1
        assert seen.values(c.VERSION_INFO) == {"4.3 4.3-IV0": 1}
        assert seen.values(c.BROKER_VERSION_INFO) == {"1 4.3": 1}
        cluster.tool(
            "ConfigCommand", "--alter", "--entity-type", "topics", "--entity-name", "compacted",
            "--add-config", "cleanup.policy=[]",
        )  # fmt: skip
        wait_for(lambda: CleanupPolicy.NONE in seen.look().cleanup_policy.tolist(), 20, "nothing is cleaned any more")

        leader = str(cluster.active_controller())
        slow, other = (str(node) for node in cluster.controller_ids if str(node) != leader)
        cluster.pause(int(slow))
        wait_for(
            lambda: seen.look() and seen.values(c.QUORUM_LAG_SECONDS).get(f"{slow} follower", 0) > 15, 60, "it lags"
        )
        assert same(seen, cluster)
        assert seen.values(c.QUORUM_LAG)[f"{slow} follower"] > 10
        assert seen.values(c.QUORUM_LAG_SECONDS)[f"{other} follower"] < 5
        cluster.resume(int(slow))
        wait_for(
            lambda: seen.look() and seen.values(c.QUORUM_LAG_SECONDS).get(f"{slow} follower", 99) < 5, 60, "caught up"
        )

        cluster.kill(int(leader))
        wait_for(lambda: seen.look() and seen.value(c.CONTROLLER_ID) not in {None, float(leader)}, 60, "another leads")
        assert seen.values(c.QUORUM_FETCHED)[f"{leader} follower"] == 0, "dead at the election: nobody knows its lag"
        assert f"{leader} follower" not in seen.values(c.QUORUM_LAG)
        wait_for(lambda: same(seen, cluster), 60, "the tool says so too")
        cluster.restart(int(leader))
        wait_for(lambda: seen.look() and seen.values(c.QUORUM_FETCHED)[f"{leader} follower"] == 1, 60, "it is back")
