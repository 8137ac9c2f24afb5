"""Applications of the KCL on the reference, as their lease tables alone tell of them."""

from typing import Any

import pytest

from streamwatch.catalogue import readers as r
from streamwatch.reference.aws import faults
from streamwatch.reference.aws.kcl import Version
from tests.sources.readers.reading import World, world

FIRST = "shardId-000000000000"
SECOND = "shardId-000000000001"
KEYS = tuple(f"k{number}" for number in range(12))
"""They fall into every shard."""


def running(it: World, *keys: str, reads: int = 4) -> World:
    """Let a worker read for a while."""
    it.app.worker("w1")
    for _ in range(reads):
        it.minute(*(keys or KEYS))
    return it


def test_who_keeps_up_is_as_late_as_its_last_checkpoint() -> None:
    with world(shards=2) as it:
        running(it)

        assert it.agent.reader.stream == "s"
        assert it.agent.value(r.UP) == 1.0
        assert it.agent.leases() == {"renewed": 2, "not_renewed": 0, "free": 0, "finished": 0, "zombie": 0}
        assert it.agent.value(r.LAG_METHOD, "moving") == 2
        assert 0 <= (it.agent.value(r.LAG) or -1) <= 5
        assert it.agent.value(r.WORKERS) == 1
        assert it.agent.value(r.TIME_TO_LOSS) == 86_400 - (it.agent.value(r.LAG) or 0)


def test_a_quiet_stream_has_no_lag_as_soon_as_cloudwatch_says_so() -> None:
    with world(shards=2) as it:
        running(it)
        for _ in range(6):
            it.minute()
            assert it.agent.value(r.LAG) in {None, 0.0}

        assert it.agent.value(r.LAG) == 0.0
        assert it.agent.value(r.LAG_METHOD, "idle") == 2


def test_an_agent_that_comes_later_knows_that_a_quiet_stream_has_no_lag() -> None:
    with world() as it:
        it.app.worker("w1")
        it.live(60, "k")
        it.live(7200)
        it.agent.read()
        it.minute()

        assert it.agent.value(r.LAG) == 0.0
        assert [one.operation for one in it.agent.snapshot.calls if one.service == "cloudwatch"] == ["GetMetricData"]


def test_after_a_quiet_hour_the_lag_begins_when_records_come() -> None:
    with world() as it:
        running(it, "k")
        for _ in range(8):
            it.minute()
        it.app.hung_shards.add(FIRST)
        it.minute("k")
        for _ in range(5):
            it.minute()

        truth, told = it.truth()[FIRST], it.agent.value(r.LAG) or 0.0
        assert truth <= told <= truth + 240
        assert it.agent.value(r.BOUND) == told


def test_a_quiet_shard_of_a_busy_stream_is_not_taken_for_one_that_lags() -> None:
    with world(shards=2) as it:
        running(it)
        for _ in range(6):
            it.minute("k0")  # one shard only

        assert it.agent.value(r.LAG_METHOD, "unknown") == 1
        assert (it.agent.value(r.LAG) or 0.0) <= 5
        assert (it.agent.value(r.BOUND) or 0.0) >= 300


def test_with_the_shards_own_metrics_a_quiet_shard_is_known_to_be_read() -> None:
    with world(shards=2) as it:
        it.call("EnableEnhancedMonitoring", StreamName="s", ShardLevelMetrics=["IncomingRecords"])
        running(it)
        for _ in range(12):
            it.minute("k0")

        assert it.agent.value(r.LAG_METHOD, "idle") == 1
        assert it.agent.value(r.LAG_METHOD, "moving") == 1


def test_workers_that_died_leave_leases_that_nobody_renews() -> None:
    with world() as it:
        running(it, "k")
        it.app.workers["w1"].alive = False
        it.minute("k")
        it.minute("k")

        assert it.agent.value(r.UP) == 0.0
        assert it.agent.leases()["not_renewed"] == 1
        assert it.agent.value(r.STATE, "stopped") == 1.0
        for _ in range(4):
            it.minute("k")
        assert it.truth()[FIRST] <= (it.agent.value(r.LAG) or 0.0) <= it.truth()[FIRST] + 5


def test_leases_that_nobody_holds_are_free() -> None:
    with world() as it:
        it.minute()
        it.minute()

        assert it.agent.leases()["free"] == 1
        assert it.agent.value(r.UP) == 0.0


def test_a_processor_that_hangs_is_told_from_a_worker_that_died() -> None:
    with world() as it:
        running(it, "k")
        it.app.hung_shards.add(FIRST)
        began = it.time.now()
        for _ in range(7):
            it.minute("k")

        assert it.agent.leases()["renewed"] == 1
        assert it.agent.value(r.LAG_METHOD, "standing") == 1
        standing = it.agent.value(r.STANDING, FIRST) or 0.0
        assert 0 <= it.time.now() - began - standing <= 120


def test_a_shard_whose_lease_was_deleted_is_forgotten() -> None:
    with world(shards=2) as it:
        running(it)
        it.aws.do(lambda *_: it.app.table.items.pop(SECOND))
        it.minute(*KEYS)

        assert it.agent.value(r.HOLES) == 1
        assert it.agent.all(r.HOLE) == {(SECOND,): 1.0}
        assert it.agent.value(r.STATE, "partly") == 1.0


def test_children_that_wait_for_their_parent_are_not_forgotten() -> None:
    with world() as it:
        running(it, "k")
        it.app.hung_shards.add(FIRST)
        it.put("k")
        it.call("SplitShard", StreamName="s", ShardToSplit=FIRST, NewStartingHashKey=str(2**127))
        for _ in range(6):
            it.minute("k")

        assert it.agent.value(r.HOLES) == 0
        assert it.agent.value(r.STANDING, FIRST) is not None  # it holds up its children
        it.app.hung_shards.clear()
        for _ in range(6):
            it.minute(*KEYS)
        assert it.agent.leases() == {"renewed": 2, "not_renewed": 0, "free": 0, "finished": 1, "zombie": 0}
        assert it.agent.all(r.STANDING) == {}


def test_a_lease_of_a_shard_that_is_gone_is_a_zombie() -> None:
    with world() as it:
        running(it, "k")
        item = it.app.table.items[FIRST] | {"leaseKey": {"S": "shardId-000000000099"}}
        it.aws.do(lambda *_: it.app.table.put(item))
        it.minute("k")
        assert it.agent.leases()["zombie"] == 0, "it may be younger than the listing"
        it.minute("k")

        assert it.agent.leases()["zombie"] == 1
        assert it.agent.leases()["renewed"] == 1


def test_two_workers_that_fight_for_a_lease_are_seen() -> None:
    with world() as it:
        running(it, "k")
        for number in range(6):
            it.live(60, "k")
            it.aws.do(lambda *_, owner=f"w{number % 2 + 1}": it.app.table.change(FIRST, leaseOwner={"S": owner}))
            it.agent.read()

        assert it.agent.value(r.OWNER_CHANGES) == 5
        assert it.agent.value(r.CONTENDED) == 1


@pytest.mark.parametrize("version", ["2", "3.0", "3.5"])
def test_every_version_of_its_tables_is_understood(version: Version) -> None:
    with world(version=version, shards=2) as it:
        running(it)

        assert it.agent.problems() == set()
        assert it.agent.leases()["renewed"] == 2
        assert it.agent.value(r.LEADER) == (None if version == "2" else 1.0)
        it.app.workers["w1"].alive = False
        for _ in range(3):
            it.minute(*KEYS)
        assert it.agent.value(r.LEADER) == (None if version == "2" else 0.0)


def test_of_two_streams_the_one_is_found_whose_shard_was_born_then() -> None:
    with world() as it:
        it.call("CreateStream", StreamName="t", ShardCount=1)
        running(it, "k")

        assert it.agent.reader.stream == "s"


def test_of_streams_that_were_made_together_the_one_is_found_where_it_is_registered() -> None:
    with world() as it:
        it.call("CreateStream", StreamName="t", ShardCount=1)
        it.time.advance(30)
        it.aws.do(lambda cloud, _: setattr(_first(cloud, "t"), "starting", _first(cloud, "s").starting))
        running(it, "k")
        assert it.agent.reader.stream is None
        assert it.agent.reader.unknown[0].startswith("stream: s or t, made in the same second")

        arn = "arn:aws:kinesis:us-east-1:123456789012:stream/s"
        it.call("RegisterStreamConsumer", StreamARN=arn, ConsumerName="app")
        for _ in range(6):
            it.minute("k")
        assert it.agent.reader.stream == "s"


def _first(cloud: Any, stream: str) -> Any:
    return next(iter(cloud.kinesis().streams[stream].shards.values()))


def test_an_application_that_never_wrote_a_checkpoint_is_of_no_stream_but_where_it_is_named_or_registered() -> None:
    with world() as it:
        it.minute()
        assert it.agent.reader.stream is None
        assert it.agent.reader.unknown[0].startswith("stream: no checkpoint says which")
        arn = "arn:aws:kinesis:us-east-1:123456789012:stream/s"
        it.call("RegisterStreamConsumer", StreamARN=arn, ConsumerName="app")
        for _ in range(6):
            it.minute()
        assert it.agent.reader.stream == "s"
    with world(more=", applications: [{name: app, stream: s}]") as it:
        it.minute()
        assert it.agent.reader.stream == "s"


def test_a_checkpoint_that_is_no_sequence_number_of_its_shard_says_nothing() -> None:
    with world() as it:
        running(it, "k")
        number = int(it.app.table.items[FIRST]["checkpoint"]["S"]) + (1 << 4)
        it.app.workers.clear()
        it.aws.do(lambda *_: it.app.table.change(FIRST, checkpoint={"S": str(number)}))
        it.minute("k")

        assert it.agent.value(r.LAG) is None
        assert it.agent.value(r.BOUND) is None
        assert it.agent.value(r.LAG_METHOD, "unknown") == 1


def test_what_is_behind_the_retention_is_lost() -> None:
    with world() as it:
        running(it, "k")
        it.app.hung_shards.add(FIRST)
        it.live(25 * 3600, "k", every=600)
        for _ in range(6):
            it.minute("k")

        assert 3600 <= (it.agent.value(r.LOST) or 0.0) <= 3 * 3600
        assert it.agent.value(r.TIME_TO_LOSS) == 0.0


def refused(it: World, operation: str, how: str) -> Any:
    return it.aws.do(lambda cloud, now: faults.apply(cloud, now, how, {"operation": operation}))


@pytest.mark.parametrize(("how", "reason"), [("deny", "denied"), ("throttle", "throttled")])
def test_a_table_that_cannot_be_read_is_unknown_and_named(how: str, reason: str) -> None:
    with world() as it:
        running(it, "k")
        refused(it, "Scan", how)
        it.minute("k")

        assert it.agent.problems() == {("reader", reason)}
        assert "table app" in it.agent.snapshot.problems[0].detail
        assert (it.agent.reader.stream, it.agent.reader.state) == ("s", "unknown")
        assert it.agent.value(r.UP) is None
        assert it.agent.value(r.LAG) is None
        it.aws.do(faults.heal)
        it.minute("k")
        assert it.agent.value(r.UP) == 1.0


@pytest.mark.parametrize("operation", ["ListTables", "DescribeTable"])
def test_what_is_known_stays_so_while_tables_cannot_be_looked_for(operation: str) -> None:
    with world() as it:
        running(it, "k", reads=5)
        refused(it, operation, "deny")
        for _ in range(5):
            it.minute("k")
        assert it.agent.value(r.UP) == 1.0
        assert {reason for _, reason in it.agent.problems()} == {"denied"}


def test_without_the_right_to_list_tables_nothing_is_known() -> None:
    with world() as it:
        refused(it, "ListTables", "deny")
        it.minute("k")

        assert not it.agent.snapshot.is_up
        assert it.agent.problems() == {("region", "denied")}


@pytest.mark.parametrize("answers", ["garbage", "truncated", "empty", "error"])
def test_an_answer_that_is_none_costs_what_is_known_of_readers_only(answers: str) -> None:
    with world() as it:
        running(it, "k")
        it.live(60, "k")
        it.aws.do(lambda cloud, now: faults.spoil(cloud, now, answers=answers))
        it.agent.read(streams=False)
        assert it.agent.problems()
        assert it.agent.value(r.UP) is None
        it.aws.do(faults.heal)
        it.minute("k")
        assert it.agent.value(r.UP) == 1.0


@pytest.mark.parametrize(
    "item",
    [
        {"leaseKey": {"S": "nonsense"}},
        {"leaseKey": {"S": SECOND}},
        {"leaseKey": {"S": SECOND}, "leaseCounter": {"S": "x"}, "checkpoint": {"S": "TRIM_HORIZON"}},
        {"leaseKey": {"S": SECOND}, "leaseCounter": {"N": "1"}, "checkpoint": {"S": "yesterday"}},
        {"leaseKey": {"S": SECOND}, "leaseCounter": {"N": "1"}, "checkpoint": {"NULL": True}},
    ],
)
def test_an_item_that_is_no_lease_is_named_and_the_others_are_read(item: dict[str, Any]) -> None:
    with world() as it:
        running(it, "k")
        it.live(60, "k")
        it.aws.do(lambda *_: it.app.table.put(item))
        it.agent.read()

        assert it.agent.problems() == {("reader", "misread")}
        assert it.agent.leases()["renewed"] == 1
        assert len(it.agent.reader.unknown) == 1


def test_readers_are_not_looked_for_unless_it_is_wanted() -> None:
    with world() as it:
        calls = {one.service for one in it.agent.read().calls}
        assert "dynamodb" in calls
    from tests.sources.kinesis.watching import Eyes  # noqa: PLC0415

    with world() as it:
        eyes = Eyes(it.aws, it.time)
        assert "dynamodb" not in {one.service for one in eyes.read().calls}
        eyes.close()
