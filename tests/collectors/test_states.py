"""States of a group's partitions, read by read; see test_histories.py for the oracle."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from streamwatch.catalogue import kafka_groups as c
from streamwatch.collectors.group_states import GroupStates
from streamwatch.collectors.groups import GroupCollector
from streamwatch.collectors.lag import EndOffsetHistory
from streamwatch.collectors.partitions import PartitionCollector
from streamwatch.model.kafka import NOT_KNOWN, ClusterSnapshot, Topology
from streamwatch.model.metric import Samples
from tests.snapshots import group, snapshot, topology, values

P = (1, (1,), (1,))
TOPICS = {"t": [P]}
SHAPE = topology(TOPICS)
HOLDS: dict[str, Any] = {"assigned": (("t", (0,)),), "subscribed": frozenset({"t"})}
MEMBERLESS: dict[str, Any] = {"members": 0, "idle_members": 0, "state": "Empty"}
REBALANCING: dict[str, Any] = {"members": 2, "idle_members": None, "state": "PreparingRebalance"}
CUSTOM: dict[str, Any] = {"members": 2, "idle_members": None}
STEP = 15.0


def see(at: float, end: int, committed: int | None, **facts: Any) -> ClusterSnapshot:
    """Build one read of one group in one partition."""
    given: dict[str, Any] = {"start": 0, "stable": end, "group": HOLDS, "of": SHAPE} | facts
    commits = {} if committed is None else {("g", "t", 0): committed}
    more = {name: given[name] for name in given if name not in {"start", "stable", "group", "of"}}
    return snapshot(
        TOPICS,
        of=given["of"],
        end={("t", 0): end},
        start={("t", 0): given["start"]},
        stable={("t", 0): given["stable"]},
        groups=[group("g", **given["group"])],
        commits=commits,
        taken_at=1e9 + at,
        offsets_at=1e9 + at,
        offsets_monotonic=at,
        **more,
    )


def collect(reads: Iterable[ClusterSnapshot], states: GroupStates | None = None) -> list[Samples]:
    collector = GroupCollector(EndOffsetHistory(86400, STEP), states)
    samples: list[Samples] = []
    for now in reads:
        samples = collector.collect(now)
    return samples


def states(samples: Sequence[Samples]) -> str:
    return " ".join(key.split()[-1] for key in values(samples, c.GROUP_TOPIC_STATE))


def minutes(count: float) -> Iterable[float]:
    return (STEP * i for i in range(round(count * 60 / STEP) + 1))


ONE_READ: list[Any] = [
    pytest.param({"end": 100, "committed": 100}, "idle", id="all_read"),
    pytest.param({"end": 100, "committed": 40}, "reading", id="the_first_read_accuses_nobody"),
    pytest.param({"end": 100, "committed": 5000}, "ahead", id="ahead"),
    pytest.param({"end": 100, "committed": None}, "uncommitted", id="held_and_never_committed"),
    pytest.param({"end": 100, "committed": NOT_KNOWN}, "unknown", id="a_commit_that_was_not_read"),
    pytest.param({"end": 100, "start": 100, "committed": None}, "idle", id="held_and_empty"),
    pytest.param({"end": -1, "committed": 40}, "unknown", id="end_unknown"),
    pytest.param({"end": 100, "committed": 40, "stable": 40}, "idle", id="held_back_by_an_open_transaction"),
    pytest.param({"end": 100, "committed": 60, "stable": 40}, "reading", id="beyond_the_last_stable_offset"),
    pytest.param({"end": 1000, "start": 1000, "committed": 100}, "idle", id="all_that_was_unread_is_deleted"),
    pytest.param({"end": 100, "committed": 40, "group": MEMBERLESS}, "stopped", id="nobody_is_there"),
    pytest.param({"end": 100, "committed": None, "group": MEMBERLESS}, "", id="neither_commit_nor_member"),
    pytest.param({"end": 100, "committed": 40, "group": CUSTOM}, "reading", id="who_holds_what_is_not_known"),
    pytest.param({"end": 100, "committed": 40, "group": {**HOLDS, "assigned": ()}}, "stopped", id="no_member_holds_it"),
]


@pytest.mark.parametrize(("facts", "expected"), ONE_READ)
def test_what_one_read_tells(facts: dict[str, Any], expected: str) -> None:
    assert states(collect([see(0.0, **facts)])) == expected


def test_a_position_that_stands_while_records_come_is_stalled_after_its_time() -> None:
    assert states(collect(see(at, int(100 + at), 50) for at in minutes(10))) == "reading"
    samples = collect(see(at, int(100 + at), 50) for at in minutes(11))

    assert states(samples) == "stalled"
    assert values(samples, c.GROUP_PARTITION_STUCK_OFFSET) == {"g t 0 stalled": 50}
    assert values(samples, c.GROUP_PARTITION_STUCK_SINCE) == {"g t 0 stalled": 1e9 + STEP}


def test_retention_that_takes_what_a_stalled_group_has_not_read_frees_nobody() -> None:
    reads = (see(at, int(100 + at), 50, start=max(0, int(at) - 20)) for at in minutes(11))

    samples = collect(reads)

    assert states(samples) == "stalled"
    assert values(samples, c.GROUP_PARTITION_STUCK_OFFSET) == {"g t 0 stalled": 640}


def test_one_commit_is_enough_to_live() -> None:
    assert states(collect(see(at, int(100 + at), 50 + (at > 400)) for at in minutes(14))) == "late"


def test_where_position_and_end_stand_something_remains_and_has_no_age() -> None:
    samples = collect(see(at, 100 if at < 30 else 101, 100) for at in minutes(60))

    assert states(samples) == "remainder"
    assert values(samples, c.GROUP_TOPIC_LAG) == {"g t": 1}
    assert values(samples, c.GROUP_TOPIC_LAG_SECONDS) == {}
    assert values(samples, c.GROUP_TOPIC_EXPIRES) == {}


def test_behind_a_remainder_age_counts_from_what_came_then_until_it_is_a_stall() -> None:
    """A marker at 30 s; records from the tenth minute on, which nobody reads."""
    collector = GroupCollector(EndOffsetHistory(86400, STEP))
    told: dict[float, Any] = {}
    for at in minutes(25):
        samples = collector.collect(see(at, 100 + (at > 15) + max(int(at - 600), 0), 100))
        told[at] = values(samples, c.GROUP_TOPIC_LAG_SECONDS).get("g t"), states(samples)

    assert told[600.0] == (None, "remainder")
    assert told[900.0] == (pytest.approx(300.0, abs=STEP), "reading")
    assert told[1500.0] == (pytest.approx(1485.0, abs=STEP), "stalled")


def test_nor_has_its_partition_one() -> None:
    history, kept = EndOffsetHistory(86400, STEP), GroupStates()
    collector, partitions = GroupCollector(history, kept), PartitionCollector(history, kept)
    ages = []
    for at in minutes(10):
        now = see(at, 100 if at < 30 else 101, 100)
        collector.collect(now)
        ages.append(values(partitions.collect(now), c.GROUP_PARTITION_LAG_SECONDS).get("g t 0"))

    assert ages[:4] == [0.0, 0.0, 15.0, 30.0]
    assert ages[-1] is None


def test_a_record_an_hour_alarms_nobody() -> None:
    """The record comes, and is read 10 s later; the read between the two must not call it stalled."""

    def at_hour(at: float) -> ClusterSnapshot:
        hours, rest = divmod(at, 3600)
        return see(at, int(hours) + 1, int(hours) + (rest >= 10))

    collector = GroupCollector(EndOffsetHistory(86400, STEP))
    seen = {states(collector.collect(at_hour(at))) for at in minutes(300)}

    assert seen == {"idle", "reading"}


def test_a_lag_that_only_grows_while_the_group_reads_is_late() -> None:
    assert states(collect(see(at, int(100 + 10 * at), int(at)) for at in minutes(11))) == "late"
    assert states(collect(see(at, int(100 + at), int(100 + at) - 50) for at in minutes(11))) == "reading"


def test_who_is_gone_is_stopped_and_not_stalled() -> None:
    collector = GroupCollector(EndOffsetHistory(86400, STEP))
    seen = [
        states(collector.collect(see(at, int(100 + at), min(int(at), 300), group=HOLDS if at < 345 else MEMBERLESS)))
        for at in minutes(60)
    ]

    assert set(seen) == {"reading", "stopped"}
    assert seen[-1] == "stopped"


@pytest.mark.parametrize("moment", [REBALANCING, MEMBERLESS, {**HOLDS, "assigned": ()}])
def test_a_group_that_rebalances_does_not_flap(moment: dict[str, Any]) -> None:
    collector = GroupCollector(EndOffsetHistory(86400, STEP))
    seen = [
        states(collector.collect(see(at, int(100 + at), 50, group=moment if at % 240 < 60 and at > 60 else HOLDS)))
        for at in minutes(40)
    ]

    first = seen.index("stalled")
    assert set(seen[:first]) == {"reading"}
    assert set(seen[first:]) == {"stalled"}


def test_where_members_hold_nobody_knows_what_commits_that_moved_count() -> None:
    def reads(moved: int) -> Iterable[ClusterSnapshot]:
        return (see(at, int(100 + at), 50 + moved * (at > 30), group=CUSTOM) for at in minutes(20))

    assert states(collect(reads(moved=1))) == "stalled"
    assert states(collect(reads(moved=0))) != "stalled"


def test_an_outage_is_nobodys_stall() -> None:
    """Brokers that do not answer for half an hour, and a group that comes back with them."""
    collector = GroupCollector(EndOffsetHistory(86400, STEP))
    seen = set()
    for at in minutes(60):
        down = 300 <= at < 2100
        end, committed = (200 + int(at), 50) if at < 2100 else (int(at), int(at) - 100)
        if not down:
            late = at < 2150
            seen.add(states(collector.collect(see(at, end, 50 if late else committed))))
        else:
            collector.collect(see(at, -1, 50))

    assert "stalled" not in seen


def test_a_coordinator_that_does_not_answer_for_a_moment_is_no_news() -> None:
    states_of = GroupStates()
    collector = GroupCollector(EndOffsetHistory(86400, STEP), states_of)
    for at in minutes(12):
        now = see(at, int(100 + at), 50)
        if 200 < at < 260:
            now = see(at, int(100 + at), None)
            now.commits.answered[:] = False
        samples = collector.collect(now)

    assert states(samples) == "stalled"


def with_id(number: int) -> Topology:
    return replace(SHAPE, topic_ids=(bytes([number]) * 16,))


def test_a_topic_made_anew_begins_anew() -> None:
    def reads(again: int) -> Iterable[ClusterSnapshot]:
        for at in minutes(20):
            new = at > 600
            yield see(at, int(1000 + at), 50, of=with_id(again if new else 1))

    assert states(collect(reads(again=1))) == "stalled"
    samples = collect(reads(again=2))
    assert states(samples) == "reading"
    assert values(samples, c.GROUP_TOPIC_LAG_SECONDS) == {}


def test_the_offsets_of_a_partition_made_anew_begin_behind_a_gap() -> None:
    history, kept = EndOffsetHistory(86400, STEP), GroupStates()
    collector, partitions = GroupCollector(history, kept), PartitionCollector(history, kept)
    ends, starts = [], []
    for at, number in ((0.0, 1), (15.0, 1), (30.0, 2), (45.0, 2)):
        now = see(at, 100, 50, of=with_id(number), start=7)
        collector.collect(now)
        samples = partitions.collect(now)
        ends.append(values(samples, c.PARTITION_END_OFFSET).get("t 0"))
        starts.append(values(samples, c.PARTITION_START_OFFSET).get("t 0"))

    assert ends == [100, 100, None, 100]
    assert starts == [7, 7, None, 7]


def test_a_share_group_works_beyond_its_first_record_in_flight() -> None:
    def reads(moves: bool) -> Iterable[ClusterSnapshot]:  # noqa: FBT001 - of one test
        for at in minutes(20):
            completed = np.array([int(at) if moves else 5], dtype=np.int64)
            yield see(at, int(100 + at), 50, completed=completed)

    assert states(collect(reads(moves=True))) == "reading"
    samples = collect(reads(moves=False))
    assert states(samples) == "stalled"
    assert values(samples, c.GROUP_TOPIC_LAG) == {"g t": 100 + 1200 - 50 - 5}


def test_a_topic_is_wanted_while_a_member_asks_and_for_its_time_after() -> None:
    asks = {**HOLDS, "assigned": ()}

    def reads(until: float, count: float) -> Iterable[ClusterSnapshot]:
        return (see(at, 100, 50, group=asks if at < until else MEMBERLESS) for at in minutes(count))

    def wanted(of: Iterable[ClusterSnapshot]) -> dict[str, float]:
        return values(collect(of, GroupStates(wanted_for=1800)), c.GROUP_TOPIC_WANTED)

    assert wanted(reads(60, 30)) == {"g t": 1}
    assert wanted(reads(60, 32)) == {"g t": 0}
    assert wanted(reads(0, 1)) == {"g t": 0}
    assert wanted(see(at, 100, 50 + int(at > 0), group=MEMBERLESS) for at in minutes(20)) == {"g t": 1}


def test_records_that_come_without_any_commit_are_counted_and_their_partition_is_named() -> None:
    samples = collect(see(at, int(100 + at), None) for at in minutes(2))

    assert values(samples, c.GROUP_TOPIC_UNCOMMITTED_RECORDS) == {"g t": 120}
    assert values(samples, c.GROUP_TOPIC_UNCOMMITTED) == {"g t": 1}
    assert values(samples, c.GROUP_PARTITION_STUCK_SINCE) == {"g t 0 uncommitted": 1e9}
    assert values(collect([see(0, 100, None)]), c.GROUP_TOPIC_UNCOMMITTED_RECORDS) == {"g t": 0}


def test_who_is_ahead_is_named_with_what_it_will_skip() -> None:
    samples = collect(see(at, 50, 5000, group=MEMBERLESS) for at in minutes(1))

    assert values(samples, c.GROUP_TOPIC_AHEAD) == {"g t": 4950}
    assert values(samples, c.GROUP_TOPIC_LAG) == {"g t": 0}
    assert values(samples, c.GROUP_TOPIC_LAG_SECONDS) == values(samples, c.GROUP_TOPIC_EXPIRES) == {}
    assert values(samples, c.GROUP_TOPIC_LAG_METHOD)["g t unknown"] == 1
    assert values(samples, c.GROUP_PARTITION_STUCK_OFFSET) == {"g t 0 ahead": 5000}
    assert values(samples, c.GROUP_PARTITION_STUCK_SINCE) == {"g t 0 ahead": 1e9}


def test_at_most_200_are_named_those_that_wait_longest() -> None:
    topics = {"t": [P] * 300}
    shape = topology(topics)
    ends = {("t", p): 10 for p in range(300)}
    collector = GroupCollector(EndOffsetHistory(86400, STEP))
    for at in (0.0, 15.0):
        # The second half is ahead one read later.
        commits = {("g", "t", p): 20 if p >= 150 or at else 10 for p in range(300)}
        samples = collector.collect(
            snapshot(topics, of=shape, end=ends, start=ends, commits=commits, groups=[group("g")], offsets_at=1000 + at)
        )

    named = values(samples, c.GROUP_PARTITION_STUCK_OFFSET)
    assert len(named) == 200
    assert sum(int(key.split()[2]) >= 150 for key in named) == 150


def test_each_partition_has_its_state_where_asked_for() -> None:
    history, kept = EndOffsetHistory(86400, STEP), GroupStates()
    collector, partitions = GroupCollector(history, kept), PartitionCollector(history, kept)
    now = see(0.0, 100, 5000)
    collector.collect(now)

    first, second = partitions.collect(now), partitions.collect(now)

    assert values(first, c.GROUP_PARTITION_STATE) == {"g t 0 ahead": 1}
    assert all(a.keys is b.keys for a, b in zip(first, second, strict=True))
