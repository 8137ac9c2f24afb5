"""Every fault does what it says, and heal undoes it; every scenario is made of faults and orders that exist."""

import inspect
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, get_args

import pytest

from streamwatch.reference import load
from streamwatch.reference.aws.faults import FAULTS as CLOUD_FAULTS
from streamwatch.reference.faulting import BadFault, call, options
from streamwatch.reference.kafka import faults
from streamwatch.reference.kafka.consumer_members import HeartbeatRequest
from streamwatch.reference.kafka.faults import FAULTS
from streamwatch.reference.kafka.offsets import Committed
from streamwatch.reference.kafka.partition import Partition
from streamwatch.reference.kafka.spec import Spec
from streamwatch.reference.scenarios import SCENARIOS, Scenario
from streamwatch.reference.timers import Later
from tests.reference.acting import QUICK, Stage, row

GROUP = "orders-readers"


@pytest.fixture
def stage() -> Stage:
    made = Stage(Spec(brokers=6, settings=QUICK))
    made.topic("orders", (1, 2, 3), (2, 3, 1), (3, 1, 2), min_insync_replicas="2")
    return made


def partition(stage: Stage) -> Partition:
    return stage.cluster.topics["orders"].partitions[0]


def apply(stage: Stage, name: str, **given: Any) -> None:
    faults.apply(stage.site, stage.now, name, given)


def test_every_fault_says_what_it_does_and_is_named_as_its_function() -> None:
    for name, one in FAULTS.items():
        assert one.__name__ == name
        assert one.__doc__
        assert list(inspect.signature(one).parameters)[:2] == ["site", "now"]


def test_a_slow_broker_slows_its_followers_too(stage: Stage) -> None:
    apply(stage, "slow", broker=1, by=0.5)
    later = stage.produce(1, partition(stage), b"a")
    stage.advance(0.4)
    assert not later.done
    stage.advance(0.3)

    assert row(later)["error_code"] == 0


def test_a_lossy_link_makes_a_follower_leave_the_isr_and_come_back(stage: Stage) -> None:
    apply(stage, "lossy_link", follower=2, leader=1, loss=1.0)
    stage.produce(1, partition(stage), b"a", acks=1)
    stage.advance(10)
    assert set(partition(stage).state.isr) == {1, 3}
    apply(stage, "lossy_link", follower=2, leader=1)
    stage.advance(1)

    assert set(partition(stage).state.isr) == {1, 2, 3}


def test_packets_that_get_lost_delay_and_lose_nothing(stage: Stage) -> None:
    apply(stage, "drop_packets", broker=2, share=0.5)
    answers = [stage.produce(1, partition(stage), b"%d" % i) for i in range(20)]
    stage.advance(30)

    assert {row(one)["error_code"] for one in answers} == {0}
    assert partition(stage).replicas[2].log.end == 20


def test_a_disk_fills_over_time_and_stops_the_broker(stage: Stage) -> None:
    apply(stage, "fill_disk", broker=2, to=1.0, within=10.0)
    volume = stage.cluster.brokers[2].dirs[0]
    stage.advance(5)
    assert 0.4 < 1 - volume.free / volume.capacity < 0.7
    assert stage.cluster.brokers[2].is_running
    stage.advance(7)
    assert not stage.cluster.brokers[2].is_running
    apply(stage, "heal")
    stage.advance(1)

    assert volume.free == volume.capacity
    assert set(partition(stage).state.isr) == {1, 2, 3}


def test_a_disk_that_is_half_full_stays_so(stage: Stage) -> None:
    apply(stage, "fill_disk", broker=2, to=0.5, within=1.0)
    stage.advance(60)
    volume = stage.cluster.brokers[2].dirs[0]

    assert volume.free / volume.capacity == pytest.approx(0.5, abs=0.01)


def test_a_directory_that_fails_moves_the_leaders_and_leaves_the_broker_with_its_others() -> None:
    stage = Stage(Spec(dirs=2, settings=QUICK))
    one, two = stage.topic("t", (1, 2, 3), (1, 2, 3))
    assert (one.replicas[1].dir, two.replicas[1].dir) == (0, 1)
    apply(stage, "fail_dir", broker=1, dir=0)

    assert stage.cluster.brokers[1].is_running
    assert (one.state.leader, two.state.leader) == (2, 1)


def test_an_isr_that_is_shrunk_stays_so_until_it_is_healed(stage: Stage) -> None:
    apply(stage, "shrink_isr", topic="orders", partition=0, to=1)
    stage.advance(10)
    assert partition(stage).state.isr == (1,)
    apply(stage, "heal")
    stage.advance(1)

    assert set(partition(stage).state.isr) == {1, 2, 3}


def test_a_move_takes_its_time_over_a_slow_link(stage: Stage) -> None:
    for i in range(50):
        stage.produce(1, partition(stage), b"x" * 1000 + b"%d" % i)
    stage.advance(1)
    apply(stage, "move", topic="orders", partition=0, bytes_per_second=10_000.0)
    stage.advance(1)
    assert partition(stage).state.adding == (4, 5, 6)
    stage.advance(60)

    assert (partition(stage).state.replicas, partition(stage).state.adding) == ((4, 5, 6), ())


def test_a_group_that_is_stalled_reads_nothing(stage: Stage) -> None:
    stage.produce(1, partition(stage), b"a")
    stage.advance(0.1)

    def fetched() -> bytes:
        one = SimpleNamespace(
            partition=0, fetch_offset=0, partition_max_bytes=1000, current_leader_epoch=-1, last_fetched_epoch=-1
        )
        topic = SimpleNamespace(topic="orders", topic_id=None, partitions=[one])
        reply = stage.ask(1, 1, 11, session_id=0, session_epoch=-1, topics=[topic], forgotten_topics_data=[],
                          max_wait_ms=100, min_bytes=1, max_bytes=1000, isolation_level=0)  # fmt: skip
        stage.advance(1)
        answer: Any = reply.answer if isinstance(reply, Later) else reply
        return bytes(answer["responses"][0]["partitions"][0]["records"])

    assert fetched()
    apply(stage, "stall_group", group="test")  # the client id of these requests
    assert fetched() == b""
    apply(stage, "stall_group", group="test", on=False)
    assert fetched()


def test_offsets_are_set_back(stage: Stage) -> None:
    stage.site.groups.put(GROUP, {("orders", 0): Committed(1500)}, stage.now)
    apply(stage, "rewind_group", group=GROUP, by=1000)

    assert stage.site.groups.offsets.of(GROUP)["orders", 0].offset == 500


def test_a_fault_for_a_while_heals_itself(stage: Stage) -> None:
    apply(stage, "stop", broker=1, seconds=5)
    stage.advance(4)
    assert not stage.cluster.brokers[1].is_running
    stage.advance(2)

    assert stage.cluster.brokers[1].is_running


@pytest.mark.parametrize("given", [{"api": "Magic"}, {"api": "Fetch", "code": "MAGIC"}])
def test_an_error_of_an_api_that_does_not_exist_is_refused(stage: Stage, given: dict[str, str]) -> None:
    with pytest.raises(BadFault, match="is unknown"):
        apply(stage, "api_error", **given)


class Orders(load.KafkaLoad):
    """A load that runs nothing, and takes orders."""

    def __init__(self) -> None:
        super().__init__("127.0.0.1:1", 1.0)
        self.counts: list[int] = []

    def _set_members(self, flow: load.TopicFlow, count: int) -> None:  # noqa: ARG002 - as in the class
        self.counts.append(count)


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=lambda one: one.name)
def test_a_scenario_can_be_played_and_ends_healthy(scenario: Scenario) -> None:
    stage = Stage(Spec(brokers=scenario.brokers, settings=QUICK))
    for topic in load.TOPICS:
        stage.topic(topic, *[(i % 3 + 1, (i + 1) % 3 + 1, (i + 2) % 3 + 1) for i in range(6)])
    orders, began = Orders(), stage.now
    for step in scenario.steps:
        stage.advance(max(0.0, began + step.at - stage.now))
        if step.on == "cluster":
            apply(stage, step.name, **step.parameters)
        else:
            orders.obey({"order": step.name, **step.parameters})
    stage.advance(30)
    partitions = list(stage.cluster.partitions())

    assert scenario.description
    assert scenario.seen
    assert sorted(step.at for step in scenario.steps) == [step.at for step in scenario.steps]
    assert all(len(one.state.isr) == 3 and one.state.leader > 0 for one in partitions)
    assert all(broker.works and not broker.is_fenced for broker in stage.cluster.brokers.values())


def test_an_order_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="is no order"):
        Orders().obey({"order": "dance", "group": GROUP})


def test_what_is_older_or_larger_than_the_topic_keeps_is_deleted() -> None:
    stage = Stage(Spec(settings={**QUICK, "log.retention.check.interval.ms": "1000"}))
    (old,) = stage.topic("old", (1, 2, 3), retention_ms="60000")
    (large,) = stage.topic("large", (1, 2, 3), retention_bytes="300", retention_ms="-1")
    for one in (old, large):
        for i in range(10):
            stage.produce(1, one, b"x" * 100 + b"%d" % i)
    stage.advance(2)
    ends = [(one.log.start, one.log.end) for part in (old, large) for one in part.replicas.values()]

    assert ends == [(10, 10)] * 3 + [(8, 10)] * 3  # the records are of 1970, and two batches are 300 bytes and more


def test_a_storm_lets_a_group_rebalance_again_and_again(stage: Stage) -> None:
    asked: dict[str, Any] = dict.fromkeys(("instance_id", "rack", "pattern", "assignor"))
    asked |= {
        "member_id": "m",
        "epoch": 0,
        "client_id": "c",
        "host": "/h",
        "topics": ("orders",),
        "owned": frozenset(),
        "rebalance_seconds": 300.0,
    }
    epoch = stage.site.groups.beat("modern", HeartbeatRequest(**asked), stage.now).epoch
    apply(stage, "storm_group", group="modern", rounds=3)
    stage.advance(5)
    group = stage.site.groups.consumer("modern")

    assert group is not None
    assert group.epoch == epoch + 3


@pytest.mark.parametrize(
    ("name", "given", "why"),
    [
        ("slow", {"broker": 1, "by": "abc"}, "slow: by: 'abc' is not a number"),
        ("slow", {"broker": 1, "by": float("nan")}, "slow: by: nan is not a number"),
        ("slow", {"broker": 1, "by": True}, "slow: by: True is not a number"),
        ("slow", {"broker": "1", "by": 1}, "slow: broker: '1' is not a whole number"),
        ("slow", {"by": 1}, "slow: broker is missing"),
        ("slow", {"broker": 1, "by": 1, "seconds": "soon"}, "slow: seconds: 'soon' is not a number"),
    ],
)
def test_an_option_of_another_kind_is_refused_and_nothing_is_broken(
    stage: Stage, name: str, given: dict[str, Any], why: str
) -> None:
    with pytest.raises(BadFault, match=f"^{why}$"):
        apply(stage, name, **given)
    later = stage.produce(1, partition(stage), b"a")
    stage.advance(0.1)
    assert later.done


@pytest.mark.parametrize("every", [CLOUD_FAULTS, FAULTS], ids=["aws", "kafka"])
def test_every_option_of_every_fault_is_of_a_kind_that_is_checked(every: Mapping[str, Callable[..., None]]) -> None:
    kinds = {str, int, float, bool, type(None)}
    assert all(
        set(get_args(one.annotation) or (one.annotation,)) <= kinds for each in every.values() for one in options(each)
    )


def test_a_name_that_reads_like_a_number_is_a_name() -> None:
    given: dict[str, object] = {}

    def fault(_: object, __: float, *, name: str) -> None:
        given["name"] = name

    call({"fault": fault}, None, 0.0, "fault", {"name": 5}, lambda _: None)
    assert given == {"name": "5"}
