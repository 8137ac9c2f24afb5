"""What was acknowledged with acks=all stays, whatever dies: checked at random, and case by case."""

from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from kafka.record.memory_records import MemoryRecords

from streamwatch.reference.kafka.codes import Code
from streamwatch.reference.kafka.partition import Partition
from streamwatch.reference.kafka.replication import Link
from streamwatch.reference.kafka.spec import Spec
from streamwatch.reference.timers import Later
from tests.reference.acting import Stage, row

EVENTS = ("stop", "start", "freeze", "thaw", "isolate", "reconnect", "lose", "restore", "wait", "produce")


def committed(partition: Partition) -> list[bytes]:
    """What a consumer reads from the leader."""
    leader = partition.leader
    assert leader is not None
    data = b"".join(b.data for b in leader.log.read(0, leader.high_watermark, 2**30))
    found, read = MemoryRecords(data), []
    while found.has_next():
        read += [record.value for record in found.next_batch()]
    return read


class Writer:
    """An idempotent producer that tries each record until it is acknowledged, one after the other, as clients do."""

    def __init__(self, stage: Stage, partition: Partition) -> None:
        self._stage = stage
        self._partition = partition
        self._sequence = 0
        self._waiting: Later[Any] | None = None
        self._broker = 0
        self.acknowledged: list[bytes] = []

    def turn(self) -> None:
        """Look at the answer to the last attempt, then try again or go on."""
        value = b"record-%d" % self._sequence
        if self._waiting is not None and self._waiting.done and self._reachable(self._broker):
            if row(self._waiting)["error_code"] == Code.NONE:
                self.acknowledged.append(value)
                self._sequence += 1
            self._waiting = None
        elif self._waiting is not None and not self._reachable(self._broker):
            self._waiting = None  # the connection broke: whether it was appended is not known
        if self._waiting is None:
            self._send(b"record-%d" % self._sequence)

    def _reachable(self, broker: int) -> bool:
        return self._stage.cluster.brokers[broker].works

    def _send(self, value: bytes) -> None:
        believed = [each for each in (1, 2, 3) if self._reachable(each) and self._partition.led_by(each)]
        if believed:
            self._broker = believed[-1]
            producer = (7, 0, self._sequence)
            self._waiting = self._stage.produce(self._broker, self._partition, value, producer=producer)


def happen(stage: Stage, event: str, broker: int) -> None:
    """Let something happen, where it can."""
    cluster, one = stage.cluster, stage.cluster.brokers[broker]
    changes = {
        "stop": (one.is_running, cluster.stop),
        "start": (not one.is_running, cluster.start),
        "freeze": (one.works, cluster.freeze),
        "thaw": (one.is_frozen, cluster.thaw),
        "isolate": (not one.is_isolated, cluster.isolate),
        "reconnect": (one.is_isolated, cluster.reconnect),
    }
    voters = {"lose": cluster.controller.stop_voter, "restore": cluster.controller.start_voter}
    if event in voters:
        for voter in cluster.controller.voters:
            voters[event](voter, stage.now)
    elif event in changes and changes[event][0]:
        changes[event][1](one, stage.now)


def mend(stage: Stage) -> None:
    happen(stage, "restore", 1)
    for broker in (1, 2, 3):
        for event in ("start", "thaw", "reconnect"):
            happen(stage, event, broker)


steps = st.tuples(st.sampled_from(EVENTS), st.integers(1, 3), st.sampled_from([0.0, 0.001, 0.3, 3.0, 8.0]))


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(steps, max_size=40))
# A leader that was frozen, and hears of nobody when it wakes, follows nobody: found by chance, and kept.
@example([("freeze", 1, 8.0), ("lose", 1, 0.0), ("thaw", 1, 0.001), ("stop", 2, 0.0)])
def test_what_was_acknowledged_is_readable_in_order_none_lost_none_doubled(
    script: list[tuple[str, int, float]],
) -> None:
    stage = Stage()
    (partition,) = stage.topic("t", (1, 2, 3), min_insync_replicas="2")
    writer = Writer(stage, partition)
    for event, broker, pause in script:
        happen(stage, event, broker)
        writer.turn()
        stage.advance(pause)
        writer.turn()
    mend(stage)
    stage.advance(40)
    writer.turn()
    stage.advance(1)
    read = committed(partition)

    assert read[: len(writer.acknowledged)] == writer.acknowledged
    assert len(set(read)) == len(read)
    assert sorted(partition.state.isr) == [1, 2, 3]
    assert len({(one.log.batches(), one.high_watermark) for one in partition.replicas.values()}) == 1


def three(**settings: str) -> tuple[Stage, Partition]:
    stage = Stage()
    (partition,) = stage.topic("t", (1, 2, 3), **settings)
    return stage, partition


def test_an_acknowledgement_waits_for_the_whole_isr() -> None:
    stage, partition = three()
    later = stage.produce(1, partition, b"a")

    assert not later.done
    stage.advance(0.01)
    assert row(later)["error_code"] == Code.NONE
    assert [one.log.end for one in partition.replicas.values()] == [1, 1, 1]


def test_a_dead_broker_leaves_the_isr_when_its_session_ends_and_not_before() -> None:
    stage, partition = three()
    stage.cluster.stop(stage.cluster.brokers[1], stage.now)
    stage.advance(5.9)
    assert (partition.state.leader, partition.state.isr) == (1, (1, 2, 3))
    stage.advance(0.2)

    assert (partition.state.leader, partition.state.isr, partition.state.leader_epoch) == (2, (2, 3), 1)


def test_a_follower_that_does_not_fetch_leaves_the_isr_only_when_it_is_behind() -> None:
    stage, partition = three()
    stage.cluster.replication.links[2, 1] = link = Link(is_cut=True)
    stage.advance(20)
    assert list(partition.state.isr) == [1, 2, 3]
    stage.produce(1, partition, b"a", acks=1)
    stage.advance(8)
    assert list(partition.state.isr) == [1, 3]
    link.is_cut = False
    stage.cluster.replication.resume(2, stage.now)
    stage.advance(0.1)

    assert partition.state.isr == (1, 2, 3)


def test_too_few_in_sync_refuses_acks_all_and_takes_acks_one() -> None:
    stage, partition = three(min_insync_replicas="2")
    for broker in stage.brokers(2, 3):
        stage.cluster.stop(broker, stage.now)
    stage.advance(7)

    assert row(stage.produce(1, partition, b"a"))["error_code"] == Code.NOT_ENOUGH_REPLICAS
    assert row(stage.produce(1, partition, b"a", acks=1))["error_code"] == Code.NONE
    assert committed(partition) == []  # since 3.7 nothing is committed below the minimum


def test_a_partition_whose_isr_is_dead_is_offline_until_one_of_them_is_back() -> None:
    stage, partition = three()
    for broker in stage.brokers(3, 2, 1):
        stage.cluster.stop(broker, stage.now)
        stage.advance(7)
    assert (partition.state.leader, partition.state.isr) == (-1, (1,))
    stage.cluster.start(stage.cluster.brokers[2], stage.now)
    stage.advance(1)
    assert partition.state.leader == -1
    stage.cluster.start(stage.cluster.brokers[1], stage.now)
    stage.advance(1)

    assert (partition.state.leader, set(partition.state.isr)) == (1, {1, 2})


def test_an_unclean_election_loses_what_the_others_did_not_have() -> None:
    stage, partition = three(unclean_leader_election_enable="true")
    for broker in stage.brokers(3, 2):
        stage.cluster.stop(broker, stage.now)
        stage.advance(7)
    assert row(stage.produce(1, partition, b"lost"))["error_code"] == Code.NONE
    stage.cluster.stop(stage.cluster.brokers[1], stage.now)
    stage.advance(7)
    stage.cluster.start(stage.cluster.brokers[2], stage.now)
    stage.advance(1)

    assert partition.state.leader == 2
    assert committed(partition) == []
    assert stage.cluster.controller.unclean_elections == 1


def test_an_isolated_leader_acknowledges_nothing_and_loses_what_only_it_has() -> None:
    stage, partition = three()
    stage.cluster.isolate(stage.cluster.brokers[1], stage.now)
    stage.advance(7)
    assert partition.state.leader == 2
    alone = stage.produce(1, partition, b"alone")
    stage.advance(6)
    assert row(alone)["error_code"] == Code.REQUEST_TIMED_OUT
    stage.produce(2, partition, b"kept")
    stage.advance(0.1)
    stage.cluster.reconnect(stage.cluster.brokers[1], stage.now)
    stage.advance(1)

    assert committed(partition) == [b"kept"]
    assert partition.replicas[1].log.end == 1


def test_without_a_controller_nothing_changes() -> None:
    stage, partition = three()
    happen(stage, "lose", 1)
    stage.cluster.stop(stage.cluster.brokers[1], stage.now)
    stage.advance(60)
    assert partition.state.leader == 1
    happen(stage, "restore", 1)
    stage.advance(8)

    assert partition.state.leader == 2


def test_the_next_controller_takes_over() -> None:
    stage, _ = three()
    controller = stage.cluster.controller
    controller.stop_voter(100, stage.now)
    assert not controller.is_active
    stage.advance(2)

    assert (controller.leader, controller.epoch) == (101, 2)


def test_a_full_disk_takes_the_directory_offline_and_with_the_last_one_the_broker() -> None:
    stage, partition = three()
    broker = stage.cluster.brokers[1]
    broker.dirs[0].capacity = 100
    stage.produce(1, partition, b"x" * 10, acks=1)
    later = stage.produce(1, partition, b"x" * 200, acks=1)
    stage.advance(7)

    assert row(later)["error_code"] == Code.KAFKA_STORAGE_ERROR
    assert not broker.is_running
    assert partition.state.leader == 2


@pytest.mark.parametrize("target", [(4, 5, 6), (1, 4, 5), (3, 2, 1)])
def test_a_reassignment_ends_when_the_new_replicas_are_in_sync(target: tuple[int, ...]) -> None:
    stage = Stage(Spec(brokers=6))
    (partition,) = stage.topic("t", (1, 2, 3))
    stage.produce(1, partition, b"a")
    stage.advance(0.1)
    stage.cluster.controller.reassign(partition, target, stage.now)
    stage.advance(1)

    assert partition.state.replicas == target
    assert sorted(partition.state.isr) == sorted(target)
    assert (partition.state.adding, partition.state.removing) == ((), ())
    assert sorted(partition.replicas) == sorted(target)
    assert committed(partition) == [b"a"]
