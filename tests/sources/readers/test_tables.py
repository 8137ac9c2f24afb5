"""Lease tables: which are read, page by page, and how slowly."""

from typing import Any

import pytest

from tests.sources.readers.reading import World, world

FIRST = "shardId-000000000000"


def running(it: World) -> World:
    """Let a worker read for a while."""
    it.app.worker("w1")
    for _ in range(4):
        it.minute("k")
    return it


def test_tables_that_are_no_lease_tables_are_left_alone() -> None:
    with world() as it:

        def more(cloud: Any, now: float) -> None:
            for number in range(3):
                cloud.dynamodb().create(f"orders-{number}", "id", now)

        it.aws.do(more)
        for _ in range(3):
            it.minute("k")

        counts = {one.operation: one.calls for one in it.agent.snapshot.calls}
        assert (counts["DescribeTable"], counts["Scan"]) == (4, 3)


def test_a_region_with_many_tables_wants_them_to_be_named() -> None:
    with world(more=", most_tables: 2") as it:
        it.aws.do(lambda cloud, now: [cloud.dynamodb().create(f"t{number}", "id", now) for number in range(3)])
        it.minute("k")

        assert it.agent.problems() == {("region", "budget")}
        assert it.agent.snapshot.readers == ()


def test_tables_are_listed_page_by_page() -> None:
    with world(more=", most_tables: 1000") as it:
        it.aws.do(lambda cloud, now: [cloud.dynamodb().create(f"a{number}", "leaseKey", now) for number in range(230)])
        it.minute("k")

        assert {one.operation: one.calls for one in it.agent.snapshot.calls}["ListTables"] == 3


@pytest.mark.parametrize("units", [1, 10])
def test_a_table_is_read_below_a_fifth_of_its_capacity(units: int) -> None:
    with world(read_units=units) as it:
        running(it)
        lease = it.app.table.items[FIRST]

        def more(*_: object) -> None:
            for number in range(1, 300):
                it.app.table.put(lease | {"leaseKey": {"S": f"shardId-{number:012d}"}, "pad": {"S": "x" * 300}})
            it.app.table.scans.clear()

        it.aws.do(more)
        it.app.workers.clear()
        began = it.time.now()
        for _ in range(4 if units > 1 else 12):
            it.minute()
        scans = it.app.table.scans
        assert len(scans) > 3
        assert sum(used for _, used in scans[:-1]) <= 0.2 * units * (scans[-1][0] - scans[0][0])
        assert it.time.now() > began
        assert it.agent.leases()["zombie"] == 299
        # The dearest second: AWS counts by the second, and the table saves five minutes' worth.
        assert max(used for _, used in scans) <= max(1.0, 0.2 * units)
