"""States of groups against histories whose truth is known: 300 by default, ``STREAMWATCH_HISTORIES`` for more."""

import os
from collections import Counter
from random import Random

import numpy as np
import pytest

from streamwatch.catalogue import kafka_groups as c
from streamwatch.collectors.group_states import GroupStates
from streamwatch.collectors.groups import GroupCollector
from streamwatch.collectors.lag import EndOffsetHistory
from streamwatch.collectors.states import GroupPartitionState
from tests.collectors.histories import INTERVAL, STALLED_AFTER, Part
from tests.collectors.world import World, some
from tests.snapshots import values

COUNT = int(os.environ.get("STREAMWATCH_HISTORIES", "300"))
AT_ONCE = 150
HOURS = 2.0
NOT_NEGATIVE = (
    c.GROUP_LAG, c.GROUP_LAG_SECONDS, c.GROUP_TOPIC_LAG, c.GROUP_TOPIC_MAX_LAG, c.GROUP_TOPIC_LAG_SECONDS,
    c.GROUP_TOPIC_EXPIRES, c.GROUP_TOPIC_LOST, c.GROUP_TOPIC_AHEAD, c.GROUP_TOPIC_UNCOMMITTED_RECORDS,
)  # fmt: skip


def wrong(part: Part, at: float, state: int, waits: bool) -> str:  # noqa: FBT001 - whether something is there to read
    """Say what is wrong with a state; empty where nothing is."""
    if part.must in {"alive", "dead", "any"} and state == GroupPartitionState.STALLED and part.must != "any":
        return f"{part.must}, and stalled"
    wanted = {
        "poisoned": GroupPartitionState.STALLED,
        "dead": GroupPartitionState.STOPPED,
        "ahead": GroupPartitionState.AHEAD,
        "uncommitted": GroupPartitionState.UNCOMMITTED,
    }
    if (
        at >= part.by
        and state not in {wanted[part.must], GroupPartitionState.UNKNOWN}
        and (waits or part.must == "ahead")
    ):
        return f"{part.must}, and {GroupPartitionState(state).name}"
    return ""


@pytest.mark.parametrize("seed", range(max(COUNT // AT_ONCE, 1)))
def test_no_reader_that_lives_is_stalled_and_every_poisoned_one_is(seed: int) -> None:
    rng = Random(seed)
    world = some(rng, AT_ONCE, HOURS * 3600)
    states = GroupStates(STALLED_AFTER, 86400, INTERVAL)
    collector = GroupCollector(EndOffsetHistory(86400, INTERVAL), states)
    failures: Counter[str] = Counter()
    due: set[tuple[str, str]] = set()
    for at, now in world.reads(rng):
        samples = collector.collect(now)
        for one in samples:
            if one.metric in NOT_NEGATIVE:
                assert not (one.values < 0).any(), f"{one.metric.name} at {at}"
        assert states.last is not None
        plan, state = states.last
        by_row = dict(zip(plan.entries.row.tolist(), state.tolist(), strict=True))
        for row, (h, _, part) in enumerate(world.parts):
            kind = world.histories[h].kind
            if row in by_row:
                fault = wrong(part, at, by_row[row], waits=now.end_offset[row] > 0)
                if fault:
                    failures[f"{kind}: {fault} (seed {seed}, row {row})"] += 1
            if at >= part.by:
                due.add((kind, part.must))
        if at % 600 < INTERVAL:
            _lag_is_right(world, now, values(samples, c.GROUP_TOPIC_LAG))
    assert failures == {}
    assert {must for _, must in due} >= {"poisoned", "dead", "ahead", "uncommitted"}


def _lag_is_right(world: World, now: object, told: dict[str, float]) -> None:
    end, start, rows = now.end_offset, now.start_offset, now.commits.row  # type: ignore[attr-defined]
    lag = np.zeros(len(end))
    lag[rows] = np.maximum(end[rows] - np.maximum(now.committed, start[rows]), 0)  # type: ignore[attr-defined]
    for h in sorted({world.parts[row][0] for row in rows.tolist()}):
        mine = [row for row in rows.tolist() if world.parts[row][0] == h]
        assert told[f"g{h:05} t{h:05}"] == lag[mine].sum()
