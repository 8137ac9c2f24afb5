"""A whole read while one thing goes wrong: it costs its own share, is said, and is over when it is mended."""

import struct
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamwatch.model.kafka import NOT_KNOWN, ClusterSnapshot
from streamwatch.sources.kafka import KafkaSource
from streamwatch.sources.kafka.config import Pulse
from tests.addresses import servers
from tests.prepared import ALL_ANSWERS, Truth
from tests.prepared_answers import Message
from tests.sources.kafka.secured.locked import Change, LockedCluster, reading
from tests.sources.kafka.test_read import commits, ends, reasons
from tests.waiting import wait_for

TOPICS = {"clicks": 3, "orders": 6}
COMMITS = {"billing": {("orders", p): 10 * p for p in range(6)}, "audit": {("clicks", 0): 7}}
ENDS = {(topic, p): 100 for topic, count in TOPICS.items() for p in range(count)}
OF_BROKER_2 = {key for key in ENDS if key[1] % 3 == 1}
LOADING, NOT_LEADER, TOPIC_DENIED, GROUP_DENIED, CLUSTER_DENIED, GROUP_NOT_FOUND = 14, 6, 29, 30, 31, 69
QUIET: dict[str, Any] = {"pulse": Pulse(enabled=False), "log_dirs_interval": 3600.0}


def truth() -> Truth:
    return Truth(dict(TOPICS), commits={group: dict(own) for group, own in COMMITS.items()})


@pytest.fixture
def cluster() -> Iterator[LockedCluster]:
    with LockedCluster(truth()) as found:
        yield found


@pytest.fixture
def source(cluster: LockedCluster) -> Iterator[KafkaSource]:
    with reading(cluster, **QUIET) as found:
        yield found


def unknown(now: ClusterSnapshot) -> set[tuple[str, int]]:
    """Return the partitions whose end offset is not known; all others must be right."""
    found = ends(now)
    assert {key: end for key, end in found.items() if end != NOT_KNOWN}.items() <= ENDS.items()
    assert found.keys() == ENDS.keys()
    return {key for key, end in found.items() if end == NOT_KNOWN}


def assert_all_is_well(now: ClusterSnapshot) -> None:
    assert now.problems == ()
    assert unknown(now) == set()
    assert commits(now) == COMMITS
    assert now.groups_complete


def half(frame: bytes) -> bytes:
    return frame[: len(frame) // 2]


def nothing(frame: bytes) -> bytes:  # noqa: ARG001
    return b""


def too_large(frame: bytes) -> bytes:
    return struct.pack(">i", 2**31 - 1) + frame[4:]


def another(frame: bytes) -> bytes:
    return frame[:4] + struct.pack(">i", 1_000_000) + frame[8:]


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [(half, "unreachable"), (nothing, "unreachable"), (too_large, "misread"), (another, "misread")],
)
def test_an_answer_that_is_spoilt_on_its_way_costs_its_brokers_share(
    cluster: LockedCluster, spoil: Any, reason: str
) -> None:
    woken = Counter[str]()
    with reading(cluster, lambda: woken.update(["times"]), **QUIET) as source:
        source.read()
        cluster.spoilt[2, "ListOffsets"] = spoil
        now = source.read()

        assert unknown(now) == OF_BROKER_2
        assert commits(now) == COMMITS
        assert {(p.scope, p.reason) for p in now.problems} == {("partition", reason)}
        assert [broker.up for broker in now.brokers] == [True, True, True]
        del cluster.spoilt[2, "ListOffsets"]
        assert_all_is_well(source.read())
        assert woken["times"] == 0


def test_a_broker_that_refuses_connections_costs_its_share_until_it_is_back(
    cluster: LockedCluster, source: KafkaSource
) -> None:
    source.read()
    cluster.refuse(2)
    wait_for(lambda: not source.read().brokers[1].up, 5, "it is noticed")
    now = source.read()

    assert unknown(now) == OF_BROKER_2
    assert commits(now) == COMMITS
    assert not now.groups_complete
    assert ("broker", "unreachable") in reasons(now)
    cluster.listen_again(2)
    wait_for(lambda: source.read().brokers[1].up, 10, "it is back")
    assert_all_is_well(source.read())


def test_a_broker_that_is_slow_but_in_time_costs_nothing(cluster: LockedCluster, source: KafkaSource) -> None:
    cluster.delay[2] = 0.1

    assert_all_is_well(source.read())


def test_a_read_ends_at_its_deadline_with_what_it_has(cluster: LockedCluster) -> None:
    with reading(cluster, deadline=0.9, **QUIET) as source:
        assert_all_is_well(source.read())
        cluster.delay |= dict.fromkeys(cluster.truth.brokers, 0.25)
        began = time.monotonic()
        now = source.read()

        assert time.monotonic() - began < 2
        assert now.topology is not None
        assert "timeout" in {problem.reason for problem in now.problems}
        assert unknown(now) != set()


def test_a_bootstrap_server_that_is_dead_hides_no_other(cluster: LockedCluster) -> None:
    _, second, third = cluster.bootstrap
    with reading(cluster, bootstrap=servers(("127.0.0.1:1", second, third)), **QUIET) as source:
        assert_all_is_well(source.read())


def test_a_partition_without_a_leader_is_unknown_and_alone(cluster: LockedCluster, source: KafkaSource) -> None:
    cluster.truth.leader["orders", 4] = -1

    assert unknown(source.read()) == {("orders", 4)}


def in_offsets(topic: str, partition: int, code: int) -> Change:
    def change(answer: Message) -> None:
        for row in (row for t in answer.topics if t.name == topic for row in t.partitions):
            if row.partition_index == partition:
                row.error_code, row.offset = code, -1

    return change


def test_a_leader_that_moved_is_looked_up_once_and_asked(cluster: LockedCluster, source: KafkaSource) -> None:
    source.read()
    before, moved = cluster.asked["Metadata"], in_offsets("orders", 1, NOT_LEADER)
    cluster.changed[2, "ListOffsets"] = lambda answer: moved(answer) if cluster.asked["Metadata"] < before + 2 else None

    assert_all_is_well(source.read())
    assert cluster.asked["Metadata"] == before + 2


@pytest.mark.parametrize(("code", "reason"), [(NOT_LEADER, "moved"), (TOPIC_DENIED, "denied")])
def test_a_partition_that_stays_refused_is_unknown_and_alone(
    cluster: LockedCluster, source: KafkaSource, code: int, reason: str
) -> None:
    cluster.changed[2, "ListOffsets"] = in_offsets("orders", 1, code)
    now = source.read()

    assert unknown(now) == {("orders", 1)}
    assert reasons(now) == {("partition", reason)}
    assert {problem.count for problem in now.problems} == {1}


def in_commits(group: str, code: int, times: int = 1000) -> Change:
    """Refuse a group's commits, so many times."""
    left = iter(range(times))

    def change(answer: Message) -> None:
        for found in answer.groups:
            if found.group_id == group and next(left, None) is not None:
                found.error_code, found.topics = code, []

    return change


def test_a_coordinator_that_is_still_loading_is_asked_again(cluster: LockedCluster, source: KafkaSource) -> None:
    cluster.changed[1, "OffsetFetch"] = in_commits("billing", LOADING, times=1)

    assert_all_is_well(source.read())


@pytest.mark.parametrize(("code", "reason"), [(LOADING, "moved"), (GROUP_DENIED, "denied")])
def test_a_group_whose_commits_are_refused_is_there_without_them(
    cluster: LockedCluster, source: KafkaSource, code: int, reason: str
) -> None:
    cluster.changed[1, "OffsetFetch"] = in_commits("billing", code)
    now = source.read()

    assert commits(now) == {"audit": COMMITS["audit"]}
    assert [group.name for group in now.groups.groups] == ["audit", "billing"]
    assert now.commits.answered.tolist() == [True, False], "unknown, which is not the same as none"
    assert reasons(now) == {("group", reason)}


def test_a_commit_that_is_refused_is_unknown_and_alone(cluster: LockedCluster, source: KafkaSource) -> None:
    def change(answer: Message) -> None:
        for row in (row for g in answer.groups for t in g.topics for row in t.partitions if t.name == "orders"):
            if row.partition_index == 3:
                row.error_code = TOPIC_DENIED

    cluster.changed[1, "OffsetFetch"] = change
    for _ in range(2):  # walked, then read by the layout
        now = source.read()
        assert commits(now)["billing"] == COMMITS["billing"] | {("orders", 3): NOT_KNOWN}
        assert reasons(now) == {("partition", "denied")}


def test_a_group_that_vanishes_between_two_questions_is_gone(cluster: LockedCluster, source: KafkaSource) -> None:
    def change(answer: Message) -> None:
        for group in answer.groups:
            if group.group_id == "audit":
                group.error_code, group.group_state = GROUP_NOT_FOUND, "Dead"

    cluster.changed[1, "DescribeGroups"] = change
    now = source.read()

    assert commits(now) == {"billing": COMMITS["billing"]}
    assert [group.name for group in now.groups.groups] == ["billing"]


@pytest.mark.parametrize("code", [LOADING, CLUSTER_DENIED])
def test_groups_are_not_complete_where_a_broker_will_not_tell_its_own(
    cluster: LockedCluster, source: KafkaSource, code: int
) -> None:
    def change(answer: Message) -> None:
        answer.error_code, answer.groups = code, []

    cluster.truth.coordinator["billing"] = 2
    cluster.changed[2, "ListGroups"] = change
    now = source.read()

    assert commits(now) == {"audit": COMMITS["audit"]}
    assert not now.groups_complete
    del cluster.changed[2, "ListGroups"]
    assert_all_is_well(source.read())


@pytest.fixture(scope="module", params=[(4, 3), (2, 8)])
def garbling(request: pytest.FixtureRequest) -> Iterator[tuple[KafkaSource, LockedCluster]]:
    everything = replace(truth(), release=request.param)
    if request.param >= (4, 2):
        everything.share = {"pickers": {("orders", 0): (40, 25)}}
        everything.streams_type = {"audit"}
    with (
        LockedCluster(everything) as cluster,
        reading(cluster, **(QUIET | {"topic_settings_interval": 10.0})) as source,
    ):
        yield source, cluster


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(
    data=st.data(), api=st.sampled_from(sorted(ALL_ANSWERS.keys() - {"ApiVersions"})), broker=st.sampled_from([1, 2])
)
def test_whatever_one_broker_answers_the_others_are_believed(
    garbling: tuple[KafkaSource, LockedCluster], data: st.DataObject, api: str, broker: int
) -> None:
    """Behind the throttle time, anything may come; the next read of an honest broker is right again."""
    source, cluster = garbling
    places = data.draw(st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=3))
    kept = data.draw(st.just(1.0) | st.floats(0, 1))

    def garble(body: bytes) -> bytes:
        spoilt = bytearray(body)
        for where, byte in places:
            spoilt[4 + int(where * (len(body) - 4))] = byte
        return bytes(spoilt[: max(4, int(kept * len(body)))])

    cluster.garbled[broker, api] = garble
    source.read()
    del cluster.garbled[broker, api]
    now = source.read()

    assert now.topology is not None
    assert unknown(now) == set()
    positions = {name: {at: start for at, (start, _) in own.items()} for name, own in cluster.truth.share.items()}
    assert commits(now) == COMMITS | positions
