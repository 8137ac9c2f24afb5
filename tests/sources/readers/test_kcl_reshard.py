"""Shards that are split, merged or all made anew under an application that is well: nothing is said to be wrong."""

from collections.abc import Callable

import pytest

from streamwatch.catalogue import readers as r
from streamwatch.journal.kinds import Difference
from streamwatch.journal.readers import step_readers
from streamwatch.journal.seen import Seen
from streamwatch.reference.aws import faults
from tests.sources.readers.reading import World, world

FIRST = "shardId-000000000000"
SECOND = "shardId-000000000001"
KEYS = tuple(f"k{number}" for number in range(24))
"""They fall into every shard."""
Change = Callable[[World], object]


def split(it: World) -> object:
    return it.call("SplitShard", StreamName="s", ShardToSplit=FIRST, NewStartingHashKey=str(2**126))


def merge(it: World) -> object:
    return it.call("MergeShards", StreamName="s", ShardToMerge=FIRST, AdjacentShardToMerge=SECOND)


def reshard(it: World) -> object:
    return it.aws.do(lambda cloud, now: faults.reshard(cloud, now, stream="s", shards=8))


def listings(it: World) -> int:
    """How often ListShards was called."""
    return sum(one.calls for one in it.agent.streams.calls if one.operation == "ListShards")


def running(it: World) -> World:
    """Let a worker read for a while, until just after the stream was described."""
    it.app.worker("w1")
    for _ in range(6):
        it.minute(*KEYS)
    return it


def is_listed(it: World) -> bool:
    """Whether the agent knows the shards that there are."""
    (stream,) = it.agent.streams.streams or ()
    listed = () if stream.description is None else stream.description.shards or ()
    return {one.id for one in listed} == set(it.stream().shards)


@pytest.mark.parametrize(("change", "shards"), [(split, 3), (merge, 1), (reshard, 8)])
def test_leases_of_shards_that_are_younger_than_the_listing_are_what_they_are(change: Change, shards: int) -> None:
    with world(shards=2) as it:
        seen, _ = step_readers(Seen(), running(it).agent.snapshot, is_scope_new=True)
        before = listings(it)
        change(it)
        changes: list[Difference] = []
        for read in range(8):
            it.minute(*KEYS)
            seen, more = step_readers(seen, it.agent.snapshot, is_scope_new=False)
            changes += more
            leases = it.agent.leases()
            assert leases["zombie"] == 0, read
            assert leases.get("renewed") in {None, shards}, read
            assert it.agent.value(r.WORKERS) in {None, 1}, read
            assert it.agent.reader.state in {"running", "unknown"}, read
            assert it.agent.value(r.HOLES) == 0, read
            if read:
                assert leases["renewed"] == shards
                assert (it.agent.value(r.LAG) or 0) < 60
                assert is_listed(it), "it is known within a read or two"
        assert changes == []
        assert listings(it) - before <= 4, "what is known is not asked for again"


def test_a_parent_whose_lease_was_deleted_is_no_shard_without_one() -> None:
    with world(shards=2) as it:
        running(it)
        split(it)
        it.live(30, *KEYS)
        it.aws.do(lambda *_: it.app.table.items.pop(FIRST))
        for _ in range(3):
            it.minute(*KEYS)
            assert it.agent.value(r.HOLES) == 0


def test_shards_that_cannot_be_listed_are_no_zombies_and_the_quiet_one_does_not_stand() -> None:
    with world() as it:
        running(it)
        it.aws.do(lambda cloud, now: faults.apply(cloud, now, "deny", {"operation": "ListShards"}))
        split(it)
        it.minute(*KEYS)
        for _ in range(6):
            it.minute(KEYS[0])  # of one child: the other is quiet
            assert it.agent.leases()["zombie"] == 0
            assert it.agent.all(r.STANDING) == {}
            assert it.agent.reader.unknown[0].startswith("shards: 2 leases are of shards that were not listed yet")
        assert it.agent.leases()["renewed"] == 2
        it.aws.do(faults.heal)
        it.minute(KEYS[0])
        assert is_listed(it)


def test_a_zombie_is_found_by_the_next_listing_and_not_looked_for_again() -> None:
    with world(shards=2) as it:
        running(it)
        before = listings(it)
        gone = it.app.table.items[FIRST] | {"leaseKey": {"S": "shardId-000000000099"}}
        it.aws.do(lambda *_: it.app.table.put(gone))
        it.minute(*KEYS)
        found = []
        for _ in range(3):
            it.minute(*KEYS)
            found.append(it.agent.leases()["zombie"])
        assert found == [1, 1, 1]
        assert listings(it) - before == 1
