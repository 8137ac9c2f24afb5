"""Causes with groups, streams and readers, and with the monitor."""

from dataclasses import replace

import pytest

from streamwatch.catalogue import agent as c
from streamwatch.catalogue import attached_readers as a
from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_connect as n
from streamwatch.catalogue import kafka_groups as g
from streamwatch.catalogue import kinesis as s
from streamwatch.catalogue import kinesis_shards as h
from streamwatch.catalogue import readers as r
from streamwatch.model.alert import Alert
from streamwatch.model.metric import Samples
from tests.incidents.knowing import PLACE, STREAM, Row, alert, first, incidents, kind, names, samples

GROUP = {"kafka_cluster": "shop", "group": "billing"}
APP = {**STREAM, "kind": "kcl", "reader": "app"}
ROW = (*PLACE, "", "", "", "kcl", "app")
SHIP = {**STREAM, "kind": "lambda", "reader": "ship"}
SHIP_ROW = (*PLACE, "", "", "", "lambda", "ship")
MAY_BE = "hardly gets on in a shard: it cannot process a record, is too slow for what comes, or hangs"
AT_A_RECORD = "cannot process a record: it tries the same one again in a shard"


def test_a_group_without_members_is_the_cause_of_its_lag() -> None:
    gone = alert("KafkaGroupGone", GROUP, severity="warning")
    late = alert("KafkaGroupLagging", GROUP)
    incident = first(
        gone,
        late,
        samples(g.GROUP_MEMBERS, {("shop", "billing"): 0.0}),
        samples(g.GROUP_LAG, {("shop", "billing"): 7.0}),
    )
    assert incident.sentence == "Group billing of shop has lost all its members (1 group)."
    assert incident.evidence == ("group billing has no member", "7 records wait for it")
    assert len(incident.alerts) == 2

    back = incidents(gone, late, samples(g.GROUP_MEMBERS, {("shop", "billing"): 2.0}))
    assert [kind(each) for each in back] == [""], "its members are back: that it is late has another cause"


@pytest.mark.parametrize(("reading", "cause"), [(5.0, "stuck_record"), (0.0, "reader_stands")])
def test_a_group_stands_at_a_record_or_everywhere(reading: float, cause: str) -> None:
    states: dict[Row, float] = {
        ("shop", "billing", "orders", "stalled"): 1.0,
        ("shop", "billing", "orders", "reading"): reading,
    }
    offset = samples(g.GROUP_PARTITION_STUCK_OFFSET, {("shop", "billing", "orders", "3", "stalled"): 42.0})
    stuck, late = alert("KafkaGroupStuck", GROUP, topic="orders"), alert("KafkaGroupLagging", GROUP)
    incident = first(stuck, late, samples(g.GROUP_TOPIC_STATE, states), offset)
    assert kind(incident) == cause
    assert incident.evidence[0] == "partition 3 of orders stands at offset 42"
    assert incident.impact.groups == ("billing",)

    pending = alert("KafkaGroupStuck", GROUP, topic="orders", state="pending")
    assert kind(first(pending, samples(g.GROUP_TOPIC_STATE, states))) == "", "others may stand, too, in a moment"


def test_a_group_that_rebalances_is_late_by_that() -> None:
    incident = first(
        alert("KafkaGroupRebalancing", GROUP),
        alert("KafkaGroupLagging", GROUP),
        samples(g.GROUP_STATE, {("shop", "billing", "classic", "PreparingRebalance"): 1.0}),
    )
    assert kind(incident) == "rebalances"
    assert incident.evidence == ("it is in state PreparingRebalance now",)


def test_an_open_transaction_holds_groups_of_its_topic_back() -> None:
    hangs = alert("KafkaTransactionHanging", kafka_cluster="shop", topic="orders", partition="0", start_offset="7")
    wanted = samples(g.GROUP_TOPIC_WANTED, {("shop", "billing", "orders"): 1.0})
    undecided = samples(k.TOPIC_UNDECIDED_RECORDS, {("shop", "orders"): 9.0})
    incident = first(hangs, alert("KafkaGroupLagging", GROUP), wanted, undecided)
    assert kind(incident) == "transaction"
    assert incident.evidence == ("9 records are not decided",)


def test_of_a_group_that_is_late_and_nothing_else_the_cause_is_not_known_and_what_is_known_is_said() -> None:
    lag = samples(g.GROUP_TOPIC_LAG, {("shop", "billing", "orders"): 10.0})
    most = samples(g.GROUP_TOPIC_MAX_LAG, {("shop", "billing", "orders"): 9.0})
    states = samples(g.GROUP_TOPIC_STATE, {("shop", "billing", "orders", "late"): 1.0})
    incident = first(alert("KafkaGroupLagging", GROUP), lag, most, states)
    assert (incident.cause, incident.id) == (None, "not known:shop")
    assert incident.evidence == (
        "group billing is late in 1 partition",
        "9 records of 10 that it has not read are in one partition",
    )


@pytest.mark.parametrize("group", ["connect-jdbc", "its-own"])
def test_a_connector_that_failed_is_the_cause_of_its_groups_lag(group: str) -> None:
    labels = {"connect_cluster": "sinks", "kafka_cluster": "shop", "connector": "jdbc"}
    late = alert("KafkaGroupStuck", kafka_cluster="shop", group=group, topic="orders")
    known = samples(n.CONNECTOR_GROUP, {("sinks", "shop", "jdbc", group): 1.0} if group == "its-own" else {})
    incident = first(alert("KafkaConnectTaskFailed", labels), late, known)
    assert incident.sentence == "Connector jdbc of sinks has tasks that have failed (1 partition, 1 group)."
    workers = first(
        alert("KafkaConnectWorkerDown", worker="w1:8083", connect_cluster="sinks", kafka_cluster="shop"),
        alert("KafkaConnectTasksUnassigned", labels),
    )
    assert workers.sentence == "Workers of sinks do not answer: w1:8083."


@pytest.mark.parametrize(
    ("use", "split", "cause"),
    [
        (0.97, 0.99, "producers"),
        (0.27, 1.0, "hot"),
        (0.2, 0.6, "hot"),
        (0.4, 0.6, ""),
        (0.0, 0.0, ""),
        (0.02, 0.1, ""),
        (0.6, 0.9, ""),
        (None, 1.0, ""),
    ],
)
def test_records_are_refused_by_a_stream_that_is_full_or_by_a_shard_that_is_hot(
    use: float | None, split: float, cause: str
) -> None:
    known: list[Alert | Samples] = [
        alert("KinesisWriteThrottled", STREAM),
        alert("KinesisPutRecordsFailing", STREAM),
        samples(h.SPLIT, {(*PLACE, "shardId-1", "123"): split}),
        samples(s.OPEN_SHARDS, {PLACE: 4.0}),
        *([] if use is None else [samples(s.WRITE_RECORDS_USE, {PLACE: use})]),
    ]
    incident = first(*known)
    assert kind(incident) == cause
    assert "purchases" in incident.sentence
    if incident.cause is not None:
        calm = samples(s.WRITE_RECORDS_USE, {PLACE: 0.02})
        after = first(alert("KinesisWriteThrottled", STREAM), calm, before=(incident.cause,))
        assert kind(after) == cause, "the alert looks back over minutes: so does its cause"
        shard = samples(h.SPLIT, {(*PLACE, "shardId-1", "123"): 1.0})
        after = first(alert("KinesisWriteThrottled", STREAM), calm, shard, before=(incident.cause,))
        assert kind(after) == cause, "which shard is the hottest looks back, too"


def test_a_shard_of_which_nothing_is_refused_is_hot_only_where_it_is_nearly_full() -> None:
    known = [samples(h.SPLIT, {(*PLACE, "shardId-1", "123"): 0.6}), samples(s.WRITE_RECORDS_USE, {PLACE: 0.2})]
    assert kind(first(alert("KinesisWriteRecordsNearLimit", STREAM), *known)) == ""


@pytest.mark.parametrize(("late_at", "below"), [(160.0, 2), (40.0, 1)])
def test_who_is_late_since_a_shard_is_hot_is_late_by_that_and_who_was_before_is_not(late_at: float, below: int) -> None:
    hot = [samples(h.SPLIT, {(*PLACE, "shardId-1", "123"): 1.0}), samples(s.WRITE_RECORDS_USE, {PLACE: 0.2})]
    found = incidents(alert("KinesisHotShard", STREAM), alert("KinesisReaderLate", STREAM, at=late_at), *hot)
    (by_shard,) = (one for one in found if kind(one) == "hot")
    assert len(by_shard.alerts) == below


def test_readers_that_are_refused_are_late_by_that() -> None:
    use = samples(s.READ_CALLS_USE, {PLACE: 0.99})
    incident = first(alert("KinesisReadThrottled", STREAM), alert("KinesisReaderLate", STREAM), use)
    assert kind(incident) == "reader_throttled"
    assert incident.sentence == "Readers of stream purchases ask for more than its shards allow (1 stream)."
    assert incident.evidence == (
        "readers use 99% of the calls that its shards allow",
        "its shards refuse reads: 1 a second",
    )


def test_a_few_refused_reads_are_not_more_than_all_shards_allow() -> None:
    """The mean over four shards and a minute is 44%: what is exceeded is the limit of a shard, for a second."""
    use = [samples(s.READ_CALLS_USE, {PLACE: 0.44}), samples(s.READ_BYTES_USE, {PLACE: 0.01})]
    few = replace(alert("KinesisReadThrottled", STREAM), value=0.024)
    incident = first(few, *use)
    assert kind(incident) == "reader_throttled"
    moments = "Readers of stream purchases are refused: at moments they ask a shard for more than it allows (1 stream)."
    assert incident.sentence == moments
    assert incident.evidence == (
        "readers use 44% of the calls that its shards allow",
        "readers use 1% of the bytes that its shards allow",
        "that is a mean over its shards and a minute: the limit is each shard's, each second",
        "its shards refuse reads: 0.024 a second",
    )
    assert first(few).sentence == moments, "what is not known is not said to be exceeded"
    use[1] = samples(s.READ_BYTES_USE, {PLACE: 0.97})
    assert first(few, *use).evidence[0] == "readers use 97% of the bytes that its shards allow", "the limit that is"

    contended = replace(alert("KinesisShardsContended", STREAM), value=1.0)
    incident = first(contended, use[0])
    assert incident.sentence == "Readers of stream purchases ask for more than its shards allow (1 stream)."
    assert incident.evidence[0] == "those that poll it need 100% of what a shard allows"


def test_a_stream_that_nobody_reads_has_lost_its_reader() -> None:
    nobody = alert("KinesisNobodyReads", STREAM)
    assert kind(first(nobody, samples(s.BEING_READ, {PLACE: 0.0}))) == "members_lost"
    assert kind(first(nobody, samples(s.BEING_READ, {PLACE: 1.0}))) == "", "the alert is kept firing for a while"


def test_a_function_that_tries_the_same_batch_has_a_record_that_it_cannot_process() -> None:
    known: list[Alert | Samples] = [
        alert("ReaderStuck", SHIP, shard="shardId-1"),
        alert("KinesisApplicationLate", SHIP),
        alert("KinesisReaderLate", STREAM),
        samples(r.STANDING, {(*SHIP_ROW, "shardId-1"): 420.0}),
        samples(r.UP, {SHIP_ROW: 1.0}),
        samples(r.LAG, {SHIP_ROW: 500.0}),
    ]
    incident = first(*known)
    assert kind(incident) == "stuck_record"
    assert incident.sentence.startswith(
        "Function ship cannot process a record: it tries the same one again in shardId-1"
    )
    assert len(incident.alerts) == 3

    throttled = first(*known, alert("LambdaThrottled", SHIP))
    assert kind(throttled) == "reader_throttled", "its calls are refused: no record is to blame"


@pytest.mark.parametrize(
    ("failed", "result", "words"),
    [
        (0.0, "OK", MAY_BE),
        (None, "OK", MAY_BE),
        (0.0, "PROBLEM: Function call failed", AT_A_RECORD),  # CloudWatch counts it later
        (3.0, "OK", AT_A_RECORD),  # of another shard
        (None, "", AT_A_RECORD),  # of a mapping that does not say it
    ],
)
def test_of_a_function_of_which_no_call_is_known_to_fail_a_record_is_not_said_to_be_the_cause(
    failed: float | None, result: str, words: str
) -> None:
    calls = [] if failed is None else [samples(r.FAILED_CALLS, {SHIP_ROW: failed})]
    last = [samples(r.LAST_RESULT, {(*SHIP_ROW, result): 1.0})] if result else []
    incident = first(alert("ReaderStuck", SHIP), samples(r.STANDING, {(*SHIP_ROW, ""): 420.0}), *last, *calls)
    assert words in incident.sentence
    assert ("3 calls of it failed since the agent has counted them" in incident.evidence) == (failed == 3)
    assert ("its service says of whichever shard it read last: OK" in incident.evidence) == (result == "OK")


def test_an_application_stands_in_one_shard_or_in_all() -> None:
    stuck = alert("ReaderStuck", APP, shard="shardId-1")
    leases = samples(r.LEASES, {(*ROW, "renewed"): 2.0})
    place = samples(r.STANDING, {(*ROW, "shardId-1"): 400.0})
    both = samples(r.STANDING, {(*ROW, "shardId-1"): 400.0, (*ROW, "shardId-2"): 400.0})
    one = first(stuck, leases, place)
    assert kind(one) == "reader_stands", (
        "a record, or a worker that hangs: only who is known to try again is at a record"
    )
    assert one.sentence.startswith("Application app stands still in shardId-1, though records come")
    assert kind(first(stuck, leases, both)) == "reader_stands"
    assert kind(first(stuck, place)) == "reader_stands", "of how many shards it reads nothing is known"


def test_an_application_whose_workers_are_gone() -> None:
    leases = alert("KinesisLeasesNotRenewed", APP)
    incident = first(
        leases, alert("KinesisNobodyReads", STREAM), samples(r.WORKERS, {ROW: 0.0}), samples(r.UP, {ROW: 0.0})
    )
    assert incident.sentence == "Application app has lost all its workers (1 reader, 1 stream)."
    assert incident.evidence == ("0 workers renew leases",)
    assert len(incident.alerts) == 2


def test_a_stream_with_several_readers_is_not_late_by_one_of_them() -> None:
    other = (*PLACE, "", "", "", "kcl", "other")
    known: list[Alert | Samples] = [
        alert("KinesisLeasesNotRenewed", APP),
        alert("KinesisReaderLate", STREAM),
        samples(r.UP, {ROW: 0.0, other: 1.0}),
    ]
    assert sorted(kind(each) for each in incidents(*known)) == ["", "members_lost"]


@pytest.mark.parametrize(
    ("name", "state", "reason", "cause"),
    [
        ("KinesisReaderDown", "stopped", "it is FAILED: Connect.1: no credentials", "reader_failed"),
        ("KinesisReaderDown", "stopped", "it is STOPPED", "reader_stopped"),
    ],
)
def test_a_reader_that_does_not_run_says_why(name: str, state: str, reason: str, cause: str) -> None:
    sink = {**STREAM, "kind": "msk_connect", "reader": "sink"}
    row = (*PLACE, "", "", "", "msk_connect", "sink")
    known: list[Alert | Samples] = [
        alert(name, sink, reason=reason),
        alert("KinesisReaderReadsNothing", sink),
        samples(r.STATE, {(*row, "", state): 1.0}),
        samples(a.REASON, {(*row, reason): 1.0}),
    ]
    incident = first(*known)
    assert kind(incident) == cause
    assert reason in incident.sentence
    assert len(incident.alerts) == 2


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("KinesisReaderDeliveryFailing", "downstream"),
        ("KinesisReaderExecutionsFail", "downstream"),
        ("KinesisReaderBackpressured", "downstream"),
        ("KinesisWriterSourceLate", "upstream"),
        ("KinesisReaderTasksFailed", "reader_failed"),
        ("KinesisReaderRestarts", "reader_failed"),
        ("MskReplicatorUnreachable", "network"),
        ("KinesisReaderReadsNothing", "reader_stands"),
        ("KinesisLeasesUnstable", "rebalances"),
    ],
)
def test_an_alert_that_names_its_cause_explains_that_its_reader_is_late(name: str, cause: str) -> None:
    incident = first(alert(name, SHIP), alert("KinesisApplicationLate", SHIP))
    assert kind(incident) == cause
    assert incident.runbook == name


def test_a_replicator_is_held_back_or_copies_nothing_or_it_is_not_known() -> None:
    of = {"aws_account": "1", "aws_region": "eu-west-1", "kind": "msk_replicator", "reader": "copy"}
    row = ("1", "eu-west-1", "", "", "", "", "msk_replicator", "copy")
    late = alert("MskReplicatorLate", of)
    nothing, much = (samples(a.BYTES_PER_SECOND, {row: value}) for value in (0.0, 7.0))
    assert kind(first(late, nothing)) == "reader_stands"
    assert kind(first(late, much)) == ""
    assert kind(first(late, nothing, samples(a.THROTTLE, {row: 0.5}))) == "quota"


def test_what_cannot_be_read_is_the_monitors_own_and_says_why() -> None:
    denied = samples(c.SOURCE_PROBLEMS, {("mine", "streams", "denied"): 3.0, ("mine", "brokers", "timeout"): 0.0})
    incident = first(alert("StreamWatchBlind", source="mine"), alert("StreamWatchStale", source="mine"), denied)
    assert kind(incident) == "monitor"
    assert incident.sentence.startswith("StreamWatch cannot read mine: it is not allowed to")
    two = samples(c.SOURCE_PROBLEMS, {("mine", "streams", "denied"): 3.0, ("mine", "streams", "throttled"): 1.0})
    partly = first(alert("StreamWatchPartlyBlind", source="mine", scope="streams"), two)
    assert partly.sentence == "StreamWatch cannot read mine in part."
    assert names(partly) == ["StreamWatchPartlyBlind"]


def test_of_a_group_whose_members_nobody_counts_none_are_lost() -> None:
    gone = alert("KafkaGroupGone", GROUP, severity="warning")
    assert kind(first(gone)) == "", "its coordinator may not answer"


@pytest.mark.parametrize(
    ("stalled", "reading", "words"),
    [
        (3.0, 3.0, "stands still in 3 partitions, and reads 3 others"),
        (4.0, 2.0, "stands still in 4 partitions, and reads 2 others"),
        (5.0, 1.0, "stands still in 5 partitions, and reads 1 other (5 partitions"),
        (0.0, 0.0, "has stood still, though records come and its members are there"),
    ],
)
def test_a_group_that_stands_in_some_partitions_reads_something_and_more_than_a_record_is_wrong(
    stalled: float, reading: float, words: str
) -> None:
    states: dict[Row, float] = {
        ("shop", "billing", "orders", "stalled"): stalled,
        ("shop", "billing", "orders", "reading"): reading,
    }
    incident = first(alert("KafkaGroupStuck", GROUP, topic="orders"), samples(g.GROUP_TOPIC_STATE, states))
    assert kind(incident) == "reader_stands", "a member that hangs, or several records: which is not known"
    assert words in incident.sentence


@pytest.mark.parametrize(
    ("states", "members"), [({"late": 6.0}, 2.0), ({"reading": 5.0, "idle": 1.0}, 2.0), ({"stopped": 6.0}, 0.0)]
)
def test_a_transaction_holds_no_group_that_reads_on_or_that_nobody_runs(
    states: dict[str, float], members: float
) -> None:
    both = incidents(
        alert("KafkaTransactionHanging", kafka_cluster="shop", topic="orders", partition="0", start_offset="7"),
        alert("KafkaGroupLagging", GROUP),
        samples(g.GROUP_TOPIC_WANTED, {("shop", "billing", "orders"): 1.0}),
        samples(g.GROUP_TOPIC_STATE, {("shop", "billing", "orders", state): count for state, count in states.items()}),
        samples(g.GROUP_MEMBERS, {("shop", "billing"): members}),
    )
    assert sorted(map(kind, both)) == ["", "transaction"]


def test_a_stream_that_is_nearly_full_takes_all_that_is_written() -> None:
    near = alert("KinesisWriteRecordsNearLimit", STREAM, severity="warning")
    use = samples(s.WRITE_RECORDS_USE, {PLACE: 0.85})
    assert first(near, use).sentence.startswith("Producers write nearly as much to stream purchases as its shards take")
    refused = first(near, use, alert("KinesisWriteThrottled", STREAM))
    assert refused.sentence.startswith("Producers write more to stream purchases than its shards take")


def test_whether_anybody_reads_a_stream_may_not_be_known() -> None:
    assert kind(first(alert("KinesisNobodyReads", STREAM))) == ""
