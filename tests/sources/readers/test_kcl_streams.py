"""Whose leases they are: streams of other accounts, streams that were made again, tables that were left behind."""

from collections.abc import Sequence
from typing import Any

import pytest

from streamwatch.catalogue import readers as r
from streamwatch.sources.readers.kcl_leases import Leases
from streamwatch.sources.readers.kcl_rows import Lock, Row, Version
from tests.sources.readers.reading import World, world

FIRST = "shardId-000000000000"
SECOND = "shardId-000000000001"
OWN, OTHER = "123456789012", "999999999999"
DAY = 86_400


def running(it: World, minutes: int = 3) -> World:
    it.app.worker("w")
    for _ in range(minutes):
        it.minute("k", "b")
    return it


def replace(it: World, *keys: str, days_ago: Sequence[int] = (0,)) -> None:
    """Put leases with other keys in the place of the one that there is; checkpoints are so many days older."""
    it.app.workers.clear()

    def change(*_: object) -> None:
        lease = it.app.table.items.pop(FIRST)
        for key, days in zip(keys, days_ago, strict=True):
            number = int(lease["checkpoint"]["S"]) - (days * DAY << 148) - (days * DAY << 36)
            more = {"leaseKey": {"S": key}, "shardId": {"S": FIRST}, "checkpoint": {"S": str(number)}}
            it.app.table.put(lease | more)

    it.aws.do(change)


def renewing(it: World, key: str, minutes: int = 3) -> None:
    """Let a worker renew a lease, which reads nothing, and records come."""
    for number in range(minutes):
        it.aws.do(lambda *_, at=number: it.app.table.change(key, leaseCounter={"N": str(1000 + at)}))
        it.minute("k")


@pytest.mark.parametrize("name", ["s", "theirs"])
def test_a_stream_of_another_account_is_not_ours_of_that_name(name: str) -> None:
    with world() as it:
        running(it)
        key = f"{OTHER}:{name}:1500000000:{FIRST}"
        replace(it, key)
        renewing(it, key)

        reader = it.agent.reader
        assert (reader.account, reader.stream, reader.state) == (OTHER, name, "running")
        assert (it.agent.value(r.LAG), it.agent.value(r.TIME_TO_LOSS)) == (None, None)
        assert it.agent.all(r.HOLES) == {}


def test_leases_of_the_stream_before_are_zombies_and_in_nobodys_hands() -> None:
    with world() as it:
        running(it)
        new, old = (f"{OWN}:s:{epoch}:{FIRST}" for epoch in (1_800_000_000, 1_400_000_000))
        replace(it, new, old, days_ago=(0, 1))
        renewing(it, new)

        assert it.agent.leases() == {"renewed": 1, "not_renewed": 0, "free": 0, "finished": 0, "zombie": 1}
        assert (it.agent.value(r.BOUND) or DAY) < 600


def test_checkpoints_of_before_the_stream_was_made_say_nothing_of_it() -> None:
    with world() as it:
        running(it)
        it.call("DeleteStream", StreamName="s")
        it.time.advance(3 * DAY)
        it.agent.read()
        it.call("CreateStream", StreamName="s", ShardCount=1)
        it.time.advance(60)
        for _ in range(4):
            it.aws.do(lambda *_: it.app._count(FIRST))
            it.put("k")
            it.time.advance(60)
            it.agent.read()

        assert it.agent.reader.state == "failing"
        assert "made again" in it.agent.reader.reason
        assert it.agent.all(r.LAG) == it.agent.all(r.LOST) == it.agent.all(r.STANDING) == {}


@pytest.mark.parametrize(
    "bad", [{"checkpoint": {"S": "yesterday"}}, {"leaseCounter": {"S": "x"}}, {"parentShardId": {}}]
)
def test_a_lease_that_cannot_be_read_is_no_shard_without_one(bad: dict[str, Any]) -> None:
    with world(shards=3) as it:
        running(it)
        it.app.workers.clear()
        it.aws.do(lambda *_: it.app.table.put(it.app.table.items[FIRST] | bad))
        it.time.advance(60)
        it.agent.read()
        assert it.agent.all(r.HOLES) == {(): 0}

        it.aws.do(lambda *_: it.app.table.items.pop(SECOND))
        it.time.advance(60)
        it.agent.read()
        assert it.agent.all(r.HOLE) == {(SECOND,): 1}, "of the others it is known"


def test_without_the_coordinators_table_only_the_leader_is_not_known() -> None:
    with world(version="3.0") as it:
        running(it)
        assert it.agent.value(r.LEADER) == 1
        it.aws.do(lambda cloud, _: cloud.dynamodb().tables.pop("app-CoordinatorState"))
        it.app.workers.clear()
        it.minute()

        assert it.agent.value(r.LEADER) is None
        assert it.agent.leases()["not_renewed"] == 1
        assert {scope for scope, _ in it.agent.problems()} == {"reader"}


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    ("rows", "leader"),
    [
        ([Version("CLIENT_VERSION_2X"), Lock("w", "1", 0)], None),
        ([Version("CLIENT_VERSION_UPGRADE_FROM_2X"), Lock("w", "1", 0)], None),
        ([Version("CLIENT_VERSION_3X_WITH_ROLLBACK"), Lock("w", "1", 0)], False),
        ([Version("CLIENT_VERSION_3X")], False),
        ([Lock("w", "*", 0)], True),
        ([Lock("old", "1", 0), Lock("new", "*", 0, "LEADER"), Version("CLIENT_VERSION_3X")], True),
        ([Lock("old", "1", 0), Lock("new", "1", 0, "LEADER")], False),
        ([], None),
    ],
)
def test_who_leads_does_not_depend_on_the_order_of_items(rows: list[Row], leader: bool | None, turned: bool) -> None:  # noqa: FBT001 - parameters
    found = Leases()
    for read in range(4):
        now = [
            Lock(one.owner, one.version.replace("*", str(read)), read * 60.0, one.table)
            if isinstance(one, Lock)
            else one
            for one in rows
        ]
        found.take(now[::-1] if turned else now)
    assert found.has_leader is leader


def test_tables_that_are_too_many_to_look_at_cost_nothing() -> None:
    with world(more=", most_tables: 3") as it:
        running(it)
        it.aws.do(lambda cloud, now: [cloud.dynamodb().create(f"t{number}", "id", now) for number in range(4)])
        it.time.advance(300)
        it.agent.read()
        scans = {one.operation: one.calls for one in it.agent.snapshot.calls}["Scan"]
        it.minute("k")
        assert {one.operation: one.calls for one in it.agent.snapshot.calls}["Scan"] == scans
