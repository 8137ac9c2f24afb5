"""A probe of a reference stream: what goes through, what is lost when something breaks, and why."""

import pytest

from streamwatch.probe import stream_source
from tests.probe.stream_making import PLACE, STREAM, make_stream, probing
from tests.waiting import wait_for


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_source, "_LOOK_AGAIN_SECONDS", 0.1)


def test_records_go_through_the_stream_and_are_measured() -> None:
    with probing(", timeout: 30s") as seen:
        seen.wait_for_success()

        now = seen.read()
        assert (now.stream, now.is_up, now.problems) == (PLACE, True, ())
        assert now.measured.attempts == now.measured.successes == sum(now.measured.consumed.counts)
        assert sum(now.measured.produced.counts) >= now.measured.successes
        assert now.measured.consumed.seconds >= now.measured.produced.seconds > 0
        called = {each.operation: each.calls for each in now.calls}
        assert called.keys() == {"DescribeStreamSummary", "PutRecord", "GetShardIterator", "GetRecords"}
        assert called["GetShardIterator"] == 1, "a shard is followed, not looked up again"


def test_two_agents_that_probe_one_stream_do_not_take_each_others_records() -> None:
    with probing(", timeout: 30s") as seen, probing(", timeout: 30s", aws=seen.aws) as other:
        seen.wait_for_success()
        other.wait_for_success()

        assert (seen.lost(), other.lost()) == (set(), set())


@pytest.mark.parametrize(
    ("operation", "fault", "stage", "cause"),
    [
        ("PutRecord", "throttle", "produce", "throttled"),
        ("PutRecord", "deny", "produce", "auth"),
        ("GetRecords", "throttle", "consume", "throttled"),
        ("GetRecords", "deny", "consume", "auth"),
    ],
)
def test_what_is_throttled_or_denied_is_lost_and_named(operation: str, fault: str, stage: str, cause: str) -> None:
    with probing(", timeout: 10s") as seen:
        seen.wait_for_success()
        seen.break_(fault, operation=operation)
        seen.wait_for_loss(stage, cause)
        before = seen.measured.failures

        seen.break_("heal")
        wait_for(lambda: seen.measured.successes, 180, "it is over")
        seen.wait_for_success()
        assert seen.lost() <= {*before, (stage, cause)}, "nothing else is blamed"


def test_an_endpoint_that_is_slow_is_slow_and_then_late() -> None:
    with probing(", timeout: 1s") as seen:
        seen.wait_for_success()
        slower = seen.measured.produced.counts[8:]
        seen.break_("slow_answers", by=0.3)
        wait_for(lambda: sum(seen.measured.produced.counts[8:]) > sum(slower), 180, "more than 0.25 s")
        seen.break_("slow_answers", by=3.0)
        seen.wait_for_loss("produce", "timeout")

        seen.break_("heal")
        seen.wait_for_success()


def test_errors_inside_kinesis_are_named_and_tried_again() -> None:
    with probing(", timeout: 1s") as seen:
        seen.wait_for_success()
        seen.break_("fail", share=1.0)
        seen.wait_for_loss("produce", "unavailable")
        seen.break_("heal")
        seen.wait_for_success()


def test_a_stream_that_is_deleted_loses_everything_and_its_successor_is_probed() -> None:
    with probing(", timeout: 1s") as seen:
        seen.wait_for_success()
        seen.aws.do(lambda cloud, now: cloud.kinesis().remove(cloud.kinesis().streams[STREAM], now))
        seen.wait_for_loss("produce", "stream_missing")
        assert seen.lost() <= {("produce", "stream_missing"), ("consume", "stream_missing")}

        wait_for(lambda: seen.aws.do(lambda cloud, _: STREAM not in cloud.kinesis().streams), 180, "it is gone")
        make_stream(seen.aws)
        seen.wait_for_success()


def test_a_shard_that_a_split_closes_loses_nothing() -> None:
    with probing(", timeout: 30s") as seen:
        seen.wait_for_success()
        seen.break_("split", stream=STREAM, shard=0)
        wait_for(lambda: len(seen.stream().open_shards) == 2, 180, "it is split")
        seen.wait_for_success(6)

        assert seen.lost() == set()

        def children_have() -> int:
            shards = seen.aws.do(lambda cloud, _: cloud.kinesis().streams[STREAM].open_shards)
            return sum(len(one.records) for one in shards)

        wait_for(lambda: children_have() >= 6, 180, "they go into its children")  # the first may have come before


def test_a_stream_that_is_not_there_is_a_problem_and_no_failure() -> None:
    with probing(shards=0) as seen:
        wait_for(lambda: seen.read().problems, 180, "why not")

        now = seen.read()
        assert (now.is_up, now.stream, now.measured.attempts) == (False, None, 0)
        assert seen.samples() == []
        assert "`streamwatch doctor` has the command" in now.problems[0].detail
        make_stream(seen.aws)
        seen.wait_for_success()
        assert seen.read().problems == ()
        assert seen.lost() == set(), "nothing is lost while it is being made"
