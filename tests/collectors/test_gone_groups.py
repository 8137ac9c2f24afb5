"""Groups and topics that are gone: what was seen of them is forgotten, unless reads do not show all that there are."""

import tracemalloc
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from streamwatch.collectors.group_states import GroupStates
from streamwatch.collectors.groups import GroupCollector
from streamwatch.collectors.lag import EndOffsetHistory
from streamwatch.model.kafka import ClusterSnapshot
from streamwatch.model.snapshot import Problem
from tests.collectors.test_states import MEMBERLESS, STEP, P, collect, minutes, see, states, with_id
from tests.snapshots import group, snapshot, topology


def test_what_was_seen_of_a_group_that_is_gone_is_forgotten_and_of_one_that_is_silent_is_not() -> None:
    def reads(complete: bool, away: float) -> Iterable[ClusterSnapshot]:  # noqa: FBT001 - of one test
        for at in minutes(50):
            now = see(at, int(100 + at), 50)
            if 900 < at <= 900 + away:
                now = replace(see(at, int(100 + at), None), groups_complete=complete)
                empty = replace(now.groups, groups=(), assigned_row=now.groups.assigned_row[:0],
                                assigned_group=now.groups.assigned_group[:0])  # fmt: skip
                keys = replace(now.commits, table=empty, answered=now.commits.answered[:0])
                now = replace(now, groups=empty, commits=keys)
            yield now
            if at > 900 + away:
                return

    sought = [replace(now, sought_groups=frozenset({"g"})) for now in reads(complete=True, away=1800)]
    assert states(collect(sought)) == "stalled", "nobody lists it, and nobody says that it is gone"
    troubled = [replace(now, problems=(Problem("group", "moved", "another"),)) for now in reads(True, 1800)]  # noqa: FBT003
    assert states(collect(troubled)) == "reading", "others come and go"
    outage = [now for now in reads(complete=True, away=1800) if not 930 < now.offsets_monotonic <= 2685]
    assert len(outage) > 60
    assert states(collect(outage)) == "stalled", "the cluster was not read"
    assert states(collect(reads(complete=True, away=300))) == "stalled", "gone for a moment"
    assert states(collect(reads(complete=False, away=1800))) == "stalled", "not heard of"
    assert states(collect(reads(complete=True, away=1800))) == "reading", "another group of the same name"


@pytest.mark.parametrize(
    ("shown", "last"),
    [
        ({}, "reading"),
        ({"problems": (Problem("topic", "denied", "1 topics may not be described: Metadata"),)}, "stalled"),
        ({"unseen_topics": ("t",)}, "stalled"),
    ],
)
def test_a_topic_that_the_metadata_leave_out_for_a_while_is_remembered(shown: dict[str, Any], last: str) -> None:
    def reads() -> Iterable[ClusterSnapshot]:
        for at in minutes(60):
            now = see(at, int(100 + at), 50, of=with_id(1))
            if 900 < at <= 2700:
                other = snapshot({"u": [P]}, groups=[group("g", **MEMBERLESS)], taken_at=1e9 + at, offsets_at=1e9 + at)
                now = replace(other, offsets_monotonic=at, **shown)
            yield now
            if at > 2700:
                return

    assert states(collect(reads())) == last


def test_groups_that_come_and_go_take_what_some_minutes_of_them_take() -> None:
    """Two hours of ten groups a read, which are another ten at the next."""
    topics = {"t": [P] * 50}
    shape, collector = topology(topics), GroupCollector(EndOffsetHistory(86400, STEP), GroupStates())
    held: list[int] = []
    tracemalloc.start()
    try:
        for at in minutes(120):
            names = [f"{at:g}-{number}" for number in range(10)]
            now = snapshot(
                topics,
                of=shape,
                groups=[group(name, **MEMBERLESS) for name in names],
                commits={(name, "t", p): 1 for name in names for p in range(50)},
                offsets_at=1e9 + at,
                offsets_monotonic=at,
            )
            collector.collect(now)
            if at >= 1200:
                held.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert max(held) < 1.2 * held[0]
