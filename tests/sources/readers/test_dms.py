"""Tasks of DMS, watched on the reference: they write the stream."""

import pytest

from streamwatch.catalogue import attached_readers as a
from streamwatch.catalogue import readers as r
from streamwatch.reference.aws.dms import Dms, ReplicationTask
from streamwatch.sources.readers.attached import Api
from streamwatch.sources.readers.dms import DmsKind
from tests.sources.readers.attaching import World, world


def task(on: World, *, serverless: bool = False) -> ReplicationTask:
    return on.aws.do(
        lambda cloud, _: cloud.beside(Dms).of_stream("shop-db", cloud.kinesis(), "s", serverless=serverless)
    )


def live(on: World, one: ReplicationTask, seconds: float = 120) -> None:
    until = on.time.now() + seconds
    while on.time.now() < until:
        on.aws.do(lambda _, now: one.change(now))
        on.aws.do(lambda _, now: one.live(now))
        on.time.advance(10)


@pytest.mark.parametrize("serverless", [False, True])
def test_one_that_is_well_is_joined_to_the_stream_that_it_writes(*, serverless: bool) -> None:
    with world("dms") as on:
        one = task(on, serverless=serverless)
        live(on, one)
        on.read(streams=True)

        assert on.all(r.STATE) == {("s", "dms", "shop-db", "running"): 1}
        assert on.value(r.LAG) == 0
        assert on.value(a.SOURCE_LAG) == 0
        assert on.value(r.LAG_RECORDS) == 0
        assert on.value(r.TIME_TO_LOSS) is None, "it does not read: nothing expires before it"
        shards = on.aws.do(lambda cloud, _: list(cloud.kinesis().streams["s"].shards.values()))
        assert sum(len(shard.records) for shard in shards) >= 12


def test_a_slow_database_shows_on_both_sides() -> None:
    with world("dms") as on:
        one = task(on)
        on.fault("replication", name="shop-db", source_lag=400.0)
        live(on, one, 900)
        on.read()

        assert 380 <= (on.value(a.SOURCE_LAG) or 0) <= 400
        assert 380 <= (on.value(r.LAG) or 0) <= 420


def test_a_target_that_takes_nothing_shows_on_its_side_alone() -> None:
    with world("dms") as on:
        one = task(on)
        on.fault("replication", name="shop-db", stalled=True)
        live(on, one, 600)
        on.read()

        assert on.value(a.SOURCE_LAG) == 0
        assert (on.value(r.LAG) or 0) >= 500
        assert (on.value(r.LAG_RECORDS) or 0) >= 50


@pytest.mark.parametrize(
    ("status", "reason", "failure", "state"),
    [
        ("failed", "", "Last Error Task error notification received from subtask 0", "stopped"),
        ("stopped", "Stop Reason FATAL_ERROR Error Level FATAL", "", "stopped"),
        ("stopped", "STOPPED_DUE_TO_LOW_DISK", "", "stopped"),
        ("stopped", "Stop Reason NORMAL", "", "disabled"),
        ("stopped", "FULL_LOAD_ONLY_FINISHED", "", "disabled"),
        ("ready", "", "", "disabled"),
        ("modifying", "", "", "unknown"),
        ("something-new", "", "", "unknown"),
    ],
)
def test_a_status_says_whether_it_should_run(status: str, reason: str, failure: str, state: str) -> None:
    with world("dms") as on:
        task(on)
        on.read()
        on.fault("replication", name="shop-db", status=status, reason=reason, failure=failure)
        on.time.advance(60)
        on.read()

        assert on.readers["shop-db"].state == state
        why = f": {reason or failure}" if reason or failure else ""
        assert on.value(a.REASON, f"it is {status}{why}") == 1


def test_one_that_writes_a_topic_is_joined_to_it_and_its_password_is_nowhere() -> None:
    broker = "b-1.shop.abc123.c2.kafka.us-east-1.amazonaws.com:9098"
    with world("dms") as on:
        on.aws.do(lambda cloud, _: cloud.beside(Dms).of_topic("t", broker))
        on.read()

        assert on.reads() == ("shop", "kafka-default-topic", "")
        assert "secret" not in repr(on.snapshot)
        listed = DmsKind.listed(Api("dms", "us-east-1", on.caller, on.time.monotonic() + 30))
        assert "secret" not in repr(listed), "nor does the source hold it"


def test_one_that_writes_something_else_is_none_of_ours() -> None:
    with world("dms") as on:
        on.aws.do(lambda cloud, _: cloud.beside(Dms).of_something_else("lake"))
        on.read()
        assert (on.snapshot.readers, on.problems()) == ((), set())


def test_a_failed_one_says_the_code_and_what_went_wrong() -> None:
    with world("dms") as on:
        task(on)
        on.fault("replication", name="shop-db", status="failed", reason="FATAL_ERROR", failure="no room in the log")
        on.read()
        assert on.readers["shop-db"].reason == "it is failed: FATAL_ERROR: no room in the log"

        on.fault("replication", name="shop-db", status="stopped", reason="Stop Reason NORMAL", failure="no room")
        on.time.advance(60)
        on.read()
        assert on.readers["shop-db"].reason == "it is stopped: Stop Reason NORMAL"


def test_a_task_and_a_serverless_replication_of_one_name_are_two() -> None:
    with world("dms") as on:
        one = task(on)
        on.read()
        assert list(on.readers) == ["shop-db"]

        on.aws.do(lambda cloud, _: cloud.beside(Dms).tasks.update(other=cloud.beside(Dms).tasks.pop("shop-db")))
        other = task(on, serverless=True)
        other.status = "failed"
        on.time.advance(60)
        on.read()

        names = [f"shop-db ({each.arn.split(':')[-1]})" for each in (one, other)]
        assert [on.readers[name].state for name in names] == ["running", "stopped"]
        other.mend()
        live(on, one)
        live(on, other)
        on.read()
        assert {row[-1]: lag for row, lag in on.all(r.LAG).items()} == dict.fromkeys(names, 0)
