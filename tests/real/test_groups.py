"""Groups of both protocols, with live members, and while their coordinator moves."""

from threading import Event, Thread

from kafka.protocol.admin.topics import ElectionType
from kafka.structs import TopicPartition

from streamwatch.catalogue import kafka_groups as g
from tests.real.kafka import KafkaCluster
from tests.real.seeing import eyes
from tests.waiting import wait_for


def test_a_classic_group_shows_state_members_and_lag(cluster_43: KafkaCluster) -> None:
    cluster_43.create_topic("classic", 2, 3)
    cluster_43.produce("classic", 0, 20)
    often = {"interval": 1.0, "deadline": 0.9}
    with cluster_43.consumer("classic-readers", "classic") as reader, eyes(cluster_43, **often) as seen:
        wait_for(lambda: reader.records == 20, 20, "it has read")
        wait_for(lambda: seen.look() and seen.values(g.GROUP_LAG).get("classic-readers") == 0, 20, "and committed")
        assert seen.values(g.GROUP_STATE)["classic-readers classic Stable"] == 1
        assert seen.values(g.GROUP_MEMBERS)["classic-readers"] == 1
        assert seen.values(g.GROUP_IDLE_MEMBERS)["classic-readers"] == 0
        assert seen.values(g.GROUP_TOPIC_UNASSIGNED)["classic-readers classic"] == 0

        reader.hold()
        caught_up_at = seen.look().taken_at
        wait_for(lambda: seen.look().taken_at > caught_up_at + 2, 20, "two more intervals have passed")
        cluster_43.produce("classic", 0, 30)
        wait_for(lambda: seen.look() and seen.values(g.GROUP_LAG)["classic-readers"] == 30, 20, "it falls behind")
        assert 0 < seen.values(g.GROUP_LAG_SECONDS)["classic-readers"] < 60


def test_more_members_than_partitions_are_seen(cluster_43: KafkaCluster) -> None:
    cluster_43.create_topic("narrow", 1, 3)
    cluster_43.produce("narrow", 0, 1)
    with eyes(cluster_43) as seen, cluster_43.consumer("crowd", "narrow"):
        others = [cluster_43.consumer("crowd", "narrow") for _ in range(2)]
        for other in others:
            other._thread.start()  # they may never hold a partition: do not wait for one
        try:
            wait_for(lambda: seen.look() and seen.values(g.GROUP_IDLE_MEMBERS).get("crowd") == 2, 60, "two are idle")
            assert seen.values(g.GROUP_MEMBERS)["crowd"] == 3
        finally:
            for other in others:
                other.__exit__(None, None, None)


def test_a_kip_848_group_shows_state_members_and_lag(cluster_43: KafkaCluster) -> None:
    cluster_43.create_topic("modern", 3, 3)
    for partition in range(3):
        cluster_43.produce("modern", partition, 5)
    with cluster_43.modern_consumer("modern-readers", "modern"), eyes(cluster_43) as seen:
        wait_for(lambda: seen.look() and seen.values(g.GROUP_LAG).get("modern-readers") == 0, 60, "it has committed")
        assert seen.values(g.GROUP_STATE)["modern-readers consumer Stable"] == 1
        assert seen.values(g.GROUP_MEMBERS)["modern-readers"] == 1
        assert seen.values(g.GROUP_IDLE_MEMBERS)["modern-readers"] == 0
        assert seen.values(g.GROUP_TOPIC_UNASSIGNED)["modern-readers modern"] == 0
        assert seen.values(g.GROUP_TOPIC_COMMITTED)["modern-readers modern"] == 15


def test_a_group_is_neither_lost_nor_doubled_while_its_coordinator_moves(cluster_43: KafkaCluster) -> None:
    cluster_43.create_topic("moving", 1, 3)
    cluster_43.produce("moving", 0, 50)
    names = [f"mover-{i}" for i in range(20)]
    for name in names:
        cluster_43.commit(name, {("moving", 0): 10})
    done = Event()
    mover = Thread(target=_move_coordinators, args=(cluster_43, done), daemon=True)
    with eyes(cluster_43) as seen:
        wait_for(lambda: seen.look() and set(names) <= set(seen.values(g.GROUP_LAG)), 20, "all are seen")
        mover.start()
        whole = 0
        try:
            for _ in range(60):
                now = seen.look()
                found = [group.name for group in now.groups.groups if group.name in names]
                lag = {name: value for name, value in seen.values(g.GROUP_LAG).items() if name in names}
                assert len(found) == len(set(found)), "doubled"
                assert set(lag.values()) <= {40.0}, "a wrong lag"
                missing = set(names) - set(lag)
                told = [(p.scope, p.reason, p.detail) for p in now.problems]
                seen_as = {group.name: group for group in now.groups.groups if group.name in missing}
                assert not missing or any(scope == "group" for scope, *_ in told), (
                    f"lost without a word: {missing}, described as {seen_as}, problems {told}"
                )
                whole += not missing
        finally:
            done.set()
            mover.join(30)
        assert whole, "some reads see every group, while coordinators move"
        wait_for(lambda: seen.look() and set(names) <= set(seen.values(g.GROUP_LAG)), 30, "all are seen again")


def _move_coordinators(cluster: KafkaCluster, done: Event) -> None:
    """Turn the replica lists of __consumer_offsets round and elect the first, again and again."""
    turn = 0
    while not done.is_set():
        turn += 1
        order = [1 + (turn + i) % 3 for i in range(3)]
        with cluster.admin() as admin:
            partitions = {TopicPartition("__consumer_offsets", p): order for p in range(10)}
            admin.alter_partition_reassignments(partitions)
            done.wait(0.3)
            admin.elect_leaders(ElectionType.PREFERRED, {"__consumer_offsets": list(range(10))}, raise_errors=False)
        done.wait(0.3)
