"""Share groups and groups of Kafka Streams, on brokers that answer from a truth."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamwatch.core.clock import SystemClock
from streamwatch.model.kafka import NOT_KNOWN, ClusterSnapshot, CommitKeys, Group, GroupTable
from streamwatch.sources.kafka import Config, KafkaSource
from streamwatch.sources.kafka.commit_batches import Shape
from streamwatch.sources.kafka.config import Pulse
from streamwatch.sources.kafka.layout import Run
from streamwatch.sources.kafka.share import ShareBatch, ShareReader
from tests.addresses import servers
from tests.prepared import PreparedCluster, Truth
from tests.snapshots import topology

SHARE = {"pickers": {("orders", 0): (40, 25), ("orders", 1): (100, 0), ("orders", 2): (-1, -1)}}
Make = Callable[..., tuple[KafkaSource, PreparedCluster]]


@pytest.fixture
def make() -> Iterator[Make]:
    with ExitStack() as stack:

        def begin(**facts: Any) -> tuple[KafkaSource, PreparedCluster]:
            cluster = stack.enter_context(PreparedCluster(Truth({"orders": 3}, **{"release": (4, 3), **facts})))
            config = Config(
                name="prepared", bootstrap=servers(cluster.bootstrap), deadline=4.0, request_timeout=0.5,
                connect_timeout=1.0, pulse=Pulse(enabled=False), log_dirs_interval=3600.0,
            )  # fmt: skip
            source = KafkaSource(config, SystemClock(), lambda: None)
            stack.callback(source.close)
            return source, cluster

        yield begin


def positions(now: ClusterSnapshot) -> dict[int, tuple[int, int]]:
    """Return the committed offset and what is completed beyond it, by the partition of the only topic."""
    assert now.topology is not None
    numbers = now.topology.partition[now.commits.row].tolist()
    return dict(zip(numbers, zip(now.committed.tolist(), now.completed.tolist(), strict=True), strict=True))


def told(now: ClusterSnapshot) -> list[tuple[str, str, int]]:
    return [(problem.scope, problem.reason, problem.count) for problem in now.problems]


def test_a_share_group_has_members_and_a_backlog(make: Make) -> None:
    source, cluster = make(share=SHARE)
    now = source.read()

    assert now.problems == ()
    assert now.groups.groups == (
        Group("pickers", "share", "Stable", 1, 2, 1, (("orders", (0, 1, 2)),), frozenset({"orders"}), "simple"),
    )
    assert positions(now) == {0: (40, 35), 1: (100, 0)}, "the end is 100; what was never read has no position"
    assert now.commits.answered.tolist() == [True]
    assert cluster.asked["OffsetFetch"] == 0


@pytest.mark.parametrize(("count", "requests"), [(1, 1), (50, 50), (51, 26), (150, 50)])
def test_a_steady_read_of_share_groups_is_bounded_and_keeps_its_keys(make: Make, count: int, requests: int) -> None:
    source, cluster = make(share={f"group-{n}": dict(SHARE["pickers"]) for n in range(count)})
    first = source.read()
    cluster.asked.clear()
    cluster.truth.share["group-0"]["orders", 0] = (41, 24)
    second = source.read()

    assert (cluster.asked["ShareGroupDescribe"], cluster.asked["DescribeShareGroupOffsets"]) == (1, requests)
    assert second.commits is first.commits
    assert int((second.committed - first.committed).sum()) == 1


def test_a_coordinator_is_asked_about_one_share_group_after_the_other(make: Make) -> None:
    source, cluster = make(share={f"group-{n}": dict(SHARE["pickers"]) for n in range(5)})
    source.read()
    cluster.asked.clear()
    cluster.faults[1].slow = {"DescribeShareGroupOffsets"}
    now = source.read()

    assert cluster.asked["DescribeShareGroupOffsets"] == 1
    assert told(now) == [("group", "timeout", 5)], "the coordinator waits for others: it is not down"
    assert not now.commits.answered.any()


def test_a_share_group_whose_coordinator_moves_is_asked_again(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    source, cluster = make(share=SHARE)
    first = source.read()
    share = source._reader._share
    read = share.read

    async def move(*args: Any) -> Any:
        cluster.faults[1].moved_once = {"pickers"}
        return await read(*args)

    monkeypatch.setattr(share, "read", move)
    now = source.read()

    assert now.problems == ()
    assert positions(now) == positions(first)


def test_a_partition_whose_state_cannot_be_read_is_unknown_and_named(make: Make) -> None:
    source, _ = make(share=SHARE, unreadable={("orders", 1)})
    now = source.read()

    assert positions(now) == {0: (40, 35), 1: (NOT_KNOWN, NOT_KNOWN)}
    assert told(now) == [("partition", "moved", 1)]
    assert "'pickers': orders-1" in now.problems[0].detail


@pytest.mark.parametrize(
    ("release", "members", "problems"),
    [
        pytest.param((4, 1), 2, [("group", "unsupported", 2)], id="preview_without_backlog"),
        pytest.param((4, 0), None, [("group", "unsupported", 2)] * 2, id="early_access"),
    ],
)
def test_what_a_release_does_not_tell_of_share_groups_is_said_once(
    make: Make, release: tuple[int, int], members: int | None, problems: list[tuple[str, str, int]]
) -> None:
    source, _ = make(share={"one": SHARE["pickers"], "two": SHARE["pickers"]}, release=release)
    now = source.read()

    assert [group.members for group in now.groups.groups] == [members] * 2
    assert now.commits.answered.tolist() == [False, False]
    assert told(now) == problems


def test_a_streams_group_has_members_and_commits(make: Make) -> None:
    commits = {("orders", p): 10 for p in range(3)}
    source, cluster = make(commits={"enricher": commits}, streams_type={"enricher"})
    now = source.read()

    assert now.problems == ()
    assert now.groups.groups == (
        Group("enricher", "streams", "Stable", 1, 1, 0, (("orders", (0, 1, 2)),), frozenset({"orders"})),
    )
    assert positions(now) == dict.fromkeys(range(3), (10, 0))
    assert cluster.asked["StreamsGroupDescribe"] == 1


def test_a_group_that_is_not_described_keeps_its_type(make: Make) -> None:
    source, cluster = make(share=SHARE, commits={"enricher": {("orders", 0): 10}}, streams_type={"enricher"})
    cluster.truth.codes = {"ShareGroupDescribe": 30, "StreamsGroupDescribe": 30}
    now = source.read()

    assert {(group.name, group.type, group.members) for group in now.groups.groups} == {
        ("enricher", "streams", None),
        ("pickers", "share", None),
    }
    assert told(now) == [("group", "denied", 1)] * 2
    assert now.commits.answered.tolist() == [True, True], "a share group is not asked for commits, which it has none of"


# What is left is counted a moment after the end offsets.


class Moments:
    """One partition of one share group, read again and again."""

    def __init__(self) -> None:
        self._reader = ShareReader()
        self._topology = topology({"orders": [(1, (1,), (1,))]})
        self._shape = Shape(("pickers",), (Run("pickers", "orders", 0, 1),), np.array([0]))
        table = GroupTable((), np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.int64))
        self._keys = CommitKeys(table, self._topology, np.array([0], np.int32), np.array([0]), np.array([True]))

    def read(self, end: int, start: int, left: int, log_start: int = 0) -> tuple[int, int]:
        batch = ShareBatch(self._shape, np.array([start]), np.array([left]))
        ends, starts = np.array([end]), np.array([log_start])
        committed, completed = self._reader.columns([batch], self._keys, batch.committed, ends, starts)
        return int(committed[0]), int(completed[0])


@pytest.mark.parametrize(
    ("reads", "found"),
    [
        pytest.param([(20, 3, 13)], (3, 4), id="done_out_of_order"),
        pytest.param([(20, 3, 0)], (3, 17), id="done_with_everything"),
        pytest.param([(20, 3, 17)], (3, 0), id="done_with_nothing"),
        pytest.param([(20, 3, 13, 10)], (3, 0), id="expired_to_beyond_the_start_offset"),
        pytest.param([(20, 3, 2, 10)], (3, 8), id="expired_and_done"),
        pytest.param([(20, 3, NOT_KNOWN)], (3, NOT_KNOWN), id="not_counted"),
        pytest.param([(NOT_KNOWN, 3, 13)], (3, 0), id="end_not_known"),
        pytest.param([(20, 3, 15)], (3, 2), id="two_came_in_between"),
        pytest.param([(20, 0, 15), (60, 0, 58)], (0, 5), id="a_position_does_not_go_back_by_what_just_came"),
        pytest.param([(20, 0, 15), (60, 2, 58)], (2, 3), id="nor_where_the_start_offset_moves"),
        pytest.param([(60, 50, 10), (60, 0, 60)], (0, 0), id="it_goes_back_where_it_was_reset"),
        pytest.param([(20, 22, 0)], (20, 0), id="done_with_what_just_came"),
        pytest.param([(20, 18, 2), (20, 22, 0)], (20, 0), id="also_later"),
        pytest.param([(20, 22, -2)], (22, 0), id="ahead_as_the_coordinator_says"),
        pytest.param([(20, 22, 0), (20, 22, 0)], (22, 0), id="ahead_as_it_stands_there"),
    ],
)
def test_what_is_completed_is_what_neither_waits_nor_just_came(
    reads: list[tuple[int, ...]], found: tuple[int, int]
) -> None:
    moments = Moments()
    for read in reads:
        now = moments.read(*read)

    assert now == found


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50), st.integers(0, 80), st.integers(0, 30)), max_size=20))
def test_a_position_is_never_beyond_the_truth_nor_goes_back(moments: list[tuple[int, int, int, int]]) -> None:
    """Whatever comes before and after the end offsets are asked for, and however late the start offset follows."""
    reader, end, position, start, last = Moments(), 0, 0, 0, 0
    for came, between, done, behind in moments:
        seen = end + came
        end = seen + min(between, came)
        position = min(position + done, end)
        start = max(start, position - behind)
        committed, completed = reader.read(seen, start, end - position)
        found = committed + completed

        assert last <= found <= position
        assert max(seen - found, 0) <= end - position
        if end == seen:
            assert found == position
        last = found
