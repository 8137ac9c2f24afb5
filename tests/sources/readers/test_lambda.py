"""Event source mappings on the reference, as their list and CloudWatch tell of them."""

from typing import Any

import pytest

from streamwatch.catalogue import readers as r
from streamwatch.reference.aws import faults
from streamwatch.reference.aws.lambda_poller import POISON
from tests.sources.readers.functions import MSK, QUEUE, STREAM, World, world

KEYS = tuple(f"k{number}" for number in range(12))
"""They fall into every shard."""


def put(it: World, name: str, value: float, **place: str) -> None:
    """Let Lambda measure something."""
    at = tuple(place.items())
    it.aws.do(lambda cloud, now: cloud.metrics().put("AWS/Lambda", name, at, value, "Count", now))


def test_a_function_that_keeps_up_is_as_late_as_its_last_batch() -> None:
    with world(shards=2) as it:
        it.poll()
        it.minutes(8, *KEYS)

        assert it.value(r.UP) == 1.0
        assert it.value(r.STATE, "bill", "running") == 1.0
        assert 0 <= (it.value(r.LAG) or -1) <= 3
        assert it.value(r.TIME_TO_LOSS) == 86_400 - (it.value(r.LAG) or 0)
        assert (it.value(r.CALLS) or 0) > 100
        assert it.value(r.FAILED_CALLS) == 0
        assert it.value(r.LAST_RESULT, "bill", "OK") == 1.0
        assert it.all(r.READERS) == {("lambda",): 1.0}
        assert not it.snapshot.problems


def test_enhanced_fan_out_is_joined_to_its_stream_and_takes_no_call() -> None:
    with world() as it:
        it.poll(is_fan_out=True)
        it.minutes(3, "k")

        assert it.reader.stream == "s"
        assert it.reader.name == "bill/fast"
        assert it.reader.calls_limit_ratio == 0.0
        assert it.value(r.UP, "bill/fast") == 1.0


def test_a_mapping_takes_one_of_five_calls_as_long_as_it_is_not_disabled() -> None:
    with world() as it:
        mapping = it.poll().mapping
        it.minute("k")
        assert it.value(r.READ_CALLS_USE) == 0.2
        mapping.state = "Disabled"
        it.minute("k")

        assert it.value(r.READ_CALLS_USE) == 0.0


def test_a_mapping_that_is_disabled_has_not_the_age_of_another_stream() -> None:
    with world() as it:
        it.poll()
        other = it.map("bill", {"EventSourceArn": STREAM.removesuffix("s") + "other"})
        other.state = "Disabled"
        it.minutes(3, "k")

        lags = {one.stream: (one.lag_seconds, one.bound_seconds) for one in it.snapshot.readers or ()}
        assert lags["other"] == (None, None)
        assert lags["s"][0] is not None, "nobody else calls the function"


def test_a_slow_function_falls_behind_and_does_not_stand() -> None:
    with world() as it:
        it.poll().function.records_a_call = 1
        it.minutes(10, "k", "k", "k")

        truth = it.pollers[0].lag()
        assert truth > 200
        assert truth - 120 <= (it.value(r.LAG) or 0) <= truth + 5
        assert it.all(r.STANDING) == {}


def test_a_poison_pill_stands_though_other_shards_go_on() -> None:
    with world(shards=2) as it:
        it.poll()
        it.minutes(3, *KEYS)
        it.put("k0", data=POISON)
        began = it.time.now()
        it.minutes(9, *KEYS)

        standing = it.value(r.STANDING, "bill", "") or 0.0
        assert 0 <= it.time.now() - began - standing <= 200
        assert (it.value(r.FAILED_CALLS) or 0) > 50
        assert it.value(r.RETRY_POLICY, "bill", "forever", "forever", "false", "") == 1.0
        assert it.value(r.STATE, "bill", "failing") == 1.0 or it.reader.last_result == "OK"
        truth = it.pollers[0].lag()
        assert truth - 120 <= (it.value(r.LAG) or 0) <= truth + 5


def test_what_stood_and_was_abandoned_moves_again() -> None:
    with world() as it:
        poller = it.poll(record_age=400, measured=("EventCount",))
        it.minutes(2, "k")
        it.put("k", data=POISON)
        it.minutes(6, "k")
        assert it.value(r.STANDING, "bill", "") is not None
        it.minutes(6, "k")

        assert it.all(r.STANDING) == {}
        assert it.value(r.LOST_RECORDS) == poller.abandoned > 0


@pytest.mark.parametrize("reaches", [True, False])
def test_what_is_abandoned_is_at_the_destination_or_lost(reaches: bool) -> None:  # noqa: FBT001 - a parameter of the test
    with world() as it:
        poller = it.poll(attempts=2, bisects=True, destination=QUEUE, measured=("EventCount",))
        poller.loses_failures = not reaches
        it.minutes(3, "k")
        it.put("k", data=POISON)
        it.minutes(4, "k")

        assert poller.abandoned == 1
        assert it.value(r.SET_ASIDE_RECORDS) == (1 if reaches else 0)
        assert it.value(r.LOST_RECORDS) == (0 if reaches else 1)
        assert it.value(r.FAILED_DELIVERIES) == (0 if reaches else 1)
        assert it.value(r.RETRY_POLICY, "bill", "2", "forever", "true", QUEUE) == 1.0


def test_a_throttled_function_has_refused_calls_and_an_age_that_is_not_known() -> None:
    with world() as it:
        poller = it.poll(measured=("EventCount",))
        it.minutes(3, "k")
        poller.function.is_throttled = True
        it.minutes(8, "k")

        assert (it.value(r.REFUSED_CALLS) or 0) > 50
        assert it.value(r.LAG) is None
        assert it.reader.unknown


def test_empty_polls_say_that_nothing_is_left_to_read() -> None:
    with world() as it:
        it.poll(measured=("EventCount",))
        it.minutes(3, "k")
        it.minutes(8)

        assert it.value(r.LAG) == 0.0


def test_without_own_metrics_a_quiet_function_has_no_lag_that_is_known() -> None:
    with world() as it:
        it.poll()
        it.minutes(3, "k")
        it.minutes(8)

        assert it.value(r.LAG) is None
        assert it.value(r.UP) == 1.0


def test_a_poller_that_is_dead_is_known_by_its_missing_polls() -> None:
    with world() as it:
        it.poll(measured=("EventCount",))
        it.minutes(3, "k")
        it.pollers[0].is_dead = True
        it.minutes(9, "k")
        assert it.value(r.UP) == 1.0
        it.minutes(3, "k")

        assert it.value(r.UP) == 0.0
        assert "poller" in it.reader.reason


def test_empty_polls_of_one_shard_say_nothing_of_another_that_waits() -> None:
    with world() as it:
        mapping = it.map("bill", measured=("EventCount",), result="PROBLEM: Lambda has no permission to call it")
        it.read()
        for lag, result in ((None, mapping.result), (0.0, "OK")):
            mapping.result = result
            put(it, "PolledEventCount", 0, EventSourceMappingUUID=mapping.uuid)
            it.minute()
            it.minute()
            assert it.value(r.LAG) == lag


def test_a_mapping_that_is_disabled_says_why() -> None:
    with world() as it:
        mapping = it.poll().mapping
        it.minute("k")
        mapping.state, mapping.reason = "Disabled", "FUNCTION_CONFIG_NOT_VALID"
        it.minute("k")

        assert it.value(r.UP) == 0.0
        assert it.value(r.STATE, "bill", "stopped") == 1.0
        assert it.names(r.LAST_RESULT, "result") == {"FUNCTION_CONFIG_NOT_VALID"}


def test_while_it_is_updated_it_is_neither_up_nor_down() -> None:
    with world() as it:
        it.map("bill", state="Updating")
        it.read()

        assert it.value(r.UP) is None
        assert it.value(r.STATE, "bill", "changing") == 1.0


def test_a_state_that_nobody_knows_is_unknown() -> None:
    with world() as it:
        it.map("bill", state="Hibernating")
        it.read()

        assert it.value(r.UP) is None
        assert it.value(r.STATE, "bill", "unknown") == 1.0


def test_a_problem_counts_when_two_reads_say_so() -> None:
    with world() as it:
        mapping = it.map("bill", result="PROBLEM: SASL authentication failed.")
        states: list[str] = []
        for result in (mapping.result, mapping.result, "OK"):
            mapping.result = result
            it.minute()
            states.append(it.reader.state)

        assert states == ["running", "failing", "running"]


def test_a_function_of_two_streams_is_at_most_so_far_behind() -> None:
    with world() as it:
        it.poll()
        it.map("bill", {"EventSourceArn": STREAM.replace("/s", "/t")})
        it.minutes(3, "k")

        assert it.value(r.LAG) is None
        assert (it.value(r.BOUND) or 99) <= 3
        assert it.all(r.STANDING) == {}


@pytest.mark.parametrize(("mode", "kind"), [("Stream", "consumer"), ("Queue", "share")])
def test_a_topic_of_a_cluster_of_ones_own(mode: str, kind: str) -> None:
    source: dict[str, Any] = {
        "Topics": ["orders"],
        "SelfManagedEventSource": {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["b1:9092", "b2:9092"]}},
        "SelfManagedKafkaEventSourceConfig": {"ConsumerGroupId": "a:b", "ConsumptionMode": mode},
    }
    with world(more=", clusters: [{source: 'b2:9092', kafka_cluster: prod}]") as it:
        it.map("ship", source)
        it.read()

        labels = ("prod", "orders", "a:b", "lambda", "ship")
        assert it.all(r.UP) == {labels: 1.0}
        assert it.all(r.STATE) == {(*labels, kind, "running"): 1.0}


def test_a_topic_of_msk_has_the_mappings_id_as_its_group_and_the_functions_lag() -> None:
    with world() as it:
        mapping = it.map("ship", {"EventSourceArn": MSK, "Topics": ["orders"]})
        it.read()
        put(it, "OffsetLag", 42, FunctionName="ship")
        it.minute()

        assert it.all(r.LAG_RECORDS) == {("shop", "orders", mapping.uuid, "lambda", "ship"): 42.0}


def test_a_mapping_with_kafka_metrics_has_a_lag_of_its_own() -> None:
    with world() as it:
        for topic in ("orders", "clicks"):
            mapping = it.map("ship", {"EventSourceArn": MSK, "Topics": [topic]}, measured=("KafkaMetrics",))
            put(it, "SumOffsetLag", 7, EventSourceMappingUUID=mapping.uuid)
        it.minute()
        it.minute()

        assert set(it.all(r.LAG_RECORDS).values()) == {7.0}
        assert len(it.all(r.LAG_RECORDS)) == 2


def test_an_alias_is_another_reader_and_names_are_chosen() -> None:
    with world(more=", names: {deny: ['test-.*']}") as it:
        for function in ("bill", "bill:live", "test-bill"):
            it.map(function)
        it.map("mail", {"EventSourceArn": QUEUE})
        it.read()

        assert it.names(r.UP, "reader") == {"bill", "bill:live"}


def test_a_mapping_that_is_deleted_is_forgotten() -> None:
    with world() as it:
        mapping = it.map("bill")
        it.read()
        del it.house.mappings[mapping.uuid]
        it.minute()

        assert it.snapshot.readers == ()


def test_three_pages() -> None:
    with world() as it:
        for number in range(250):
            it.map(f"f{number}")
        it.read()

        assert len(it.snapshot.readers or ()) == 250
        calls = {one.operation: one.calls for one in it.snapshot.calls}
        assert calls["ListEventSourceMappings"] == 3


@pytest.mark.parametrize(("fault", "reason"), [(faults.deny, "denied"), (faults.throttle, "throttled")])
def test_a_list_that_is_refused_is_named_and_nothing_is_shown(fault: Any, reason: str) -> None:
    with world() as it:
        it.poll()
        it.minutes(2, "k")
        it.aws.do(lambda cloud, now: fault(cloud, now, operation="ListEventSourceMappings"))
        it.minute("k")

        assert it.problems() == {("region", reason)}
        assert it.snapshot.readers is None
        it.aws.do(lambda cloud, now: fault(cloud, now, operation="ListEventSourceMappings", on=False))
        it.minute("k")
        assert it.value(r.UP) == 1.0


@pytest.mark.parametrize(("fault", "reason"), [(faults.deny, "denied"), (faults.throttle, "throttled")])
def test_without_cloudwatch_the_states_stay_and_the_lag_ends(fault: Any, reason: str) -> None:
    with world() as it:
        it.poll()
        it.minutes(4, "k")
        it.aws.do(lambda cloud, now: fault(cloud, now, operation="GetMetricData"))
        it.minutes(4, "k")

        assert it.problems() == {("cloudwatch", reason)}
        assert it.value(r.UP) == 1.0
        assert it.value(r.LAG) is None
        assert it.value(r.REFUSED_CALLS) is None


@pytest.mark.parametrize("answers", ["garbage", "truncated", "empty", "error"])
def test_nonsense_is_a_problem_of_the_read(answers: str) -> None:
    with world() as it:
        it.poll()
        it.minute("k")
        it.aws.do(lambda cloud, now: faults.spoil(cloud, now, answers=answers))
        it.minute("k")

        assert {scope for scope, _ in it.problems()} == {"region"}
        assert it.snapshot.readers is None


@pytest.mark.parametrize(
    "odd",
    [
        {"UUID": "u"},
        {"UUID": "u", "FunctionArn": "bill"},
        {"FunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:bill"},
        {"UUID": "u", "FunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:bill", "EventSourceArn": MSK},
    ],
)
def test_a_mapping_that_is_nonsense_costs_itself_only(odd: dict[str, Any]) -> None:
    with world() as it:
        it.poll()
        it.house.odd.append(odd)
        it.minutes(2, "k")

        assert it.problems() == {("reader", "misread")}
        assert it.value(r.UP) == 1.0


def test_the_budget_is_shared_with_the_streams() -> None:
    with world(dollars=0) as it:
        it.poll()
        it.minutes(2, "k")

        assert it.problems() == {("cloudwatch", "budget")}
        assert it.value(r.UP) == 1.0
        assert it.snapshot.cost.metrics == 0


def test_a_region_that_is_empty_has_no_readers_and_no_problem() -> None:
    with world(regions="us-east-1, eu-west-1") as it:
        it.map("bill")
        it.read()

        assert it.all(r.READERS) == {("lambda",): 1.0}
        assert it.problems() == set()


def test_cloudwatch_is_not_asked_where_it_is_switched_off() -> None:
    with world(more=", metrics: false") as it:
        it.poll()
        it.minutes(2, "k")

        assert {one.operation for one in it.snapshot.calls} == {"ListEventSourceMappings"}
        assert it.value(r.UP) == 1.0
