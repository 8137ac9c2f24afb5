"""Situations that users of other monitors reported, made on a real cluster: what is right stands in each test."""

import math
from collections.abc import Callable, Iterator

import pytest
from confluent_kafka import Producer

from tests.agent_process import Agent, agent, config_file
from tests.real.kafka import KafkaCluster
from tests.real.lives import Reader, TransactionalWriter, Writer, living
from tests.waiting import wait_for

COMMITTED = (("isolation.level", "read_committed"),)
STATES = {"reading", "idle", "late", "stalled", "stopped", "remainder", "uncommitted", "ahead", "unknown"}


@pytest.fixture(scope="module")
def seen(cluster_43: KafkaCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    """An agent that reads every second, and calls a partition stalled after a few."""
    folder = tmp_path_factory.mktemp("agent")
    file = config_file(folder, cluster_43.bootstrap, interval="1s", stalled_after="5s", granularity="partition")
    with agent("--config", file) as one:
        yield one


def states(one: Agent, group: str, topic: str) -> dict[str, float]:
    """Return how many partitions of a group and topic are in which state, those that are in some."""
    found = {
        state: one.value("kafka_group_topic_state_partitions", group=group, topic=topic, state=state)
        for state in STATES
    }
    return {state: count for state, count in found.items() if count}


def eventually(one: Agent, expected: Callable[[], bool], what: str, seconds: float = 30) -> None:
    wait_for(expected, seconds, f"{what}\n{one.address}")


def test_a_commit_beyond_the_end_is_ahead_and_not_idle(cluster_43: KafkaCluster, seen: Agent) -> None:
    cluster_43.create_topic("ahead")
    cluster_43.produce("ahead", 0, 50)
    cluster_43.commit("g-ahead", {("ahead", 0): 5000})

    eventually(seen, lambda: states(seen, "g-ahead", "ahead") == {"ahead": 1}, "it is ahead")

    of = {"group": "g-ahead", "topic": "ahead"}
    assert seen.value("kafka_group_topic_ahead_records", **of) == 4950
    assert seen.value("kafka_group_partition_stuck_offset", state="ahead", partition="0", **of) == 5000
    assert seen.value("kafka_group_topic_lag_seconds", **of) is None
    assert seen.value("kafka_group_topic_expires_seconds", **of) is None
    assert seen.value("kafka_group_topic_lag_method_partitions", method="idle", **of) in {None, 0}


def test_what_retention_deleted_is_lost_and_no_lag(cluster_43: KafkaCluster, seen: Agent) -> None:
    cluster_43.create_topic("expired")
    cluster_43.produce("expired", 0, 1000)
    cluster_43.commit("g-expired", {("expired", 0): 100})
    of = {"group": "g-expired", "topic": "expired"}
    eventually(seen, lambda: seen.value("kafka_group_topic_lag", **of) == 900, "it waits to be read")

    cluster_43.delete_records({("expired", 0): 1000})

    eventually(seen, lambda: seen.value("kafka_group_topic_lost_records", **of) == 900, "it is lost")
    eventually(seen, lambda: seen.value("kafka_group_topic_lag", **of) == 0, "nothing is left to read")
    assert seen.value("kafka_group_topic_lag_seconds", **of) == 0
    assert seen.value("kafka_group_topic_expires_seconds", **of) == math.inf
    assert states(seen, "g-expired", "expired") == {"idle": 1}


def test_markers_behind_the_last_record_are_a_remainder(cluster_43: KafkaCluster, seen: Agent) -> None:
    cluster_43.create_topic("marked")
    for aborted in (False, True):
        producer = Producer(
            {"bootstrap.servers": cluster_43.bootstrap, "transactional.id": f"m{aborted}", "log_level": 0}
        )
        producer.init_transactions(30)
        producer.begin_transaction()
        for _ in range(10):
            producer.produce("marked", b"x", partition=0)
        producer.flush(30)  # what is not sent yet would not be aborted, but forgotten
        (producer.abort_transaction if aborted else producer.commit_transaction)(30)
    cluster_43.commit("g-marked", {("marked", 0): 10})

    eventually(seen, lambda: seen.value("kafka_group_topic_lag", group="g-marked", topic="marked") == 12, "the lag")
    eventually(
        seen,
        lambda: states(seen, "g-marked", "marked").keys() <= {"remainder", "stopped"} != set(),
        "nobody knows whether there is a record",
    )


def test_a_topic_that_was_left_hides_nothing(cluster_43: KafkaCluster, seen: Agent) -> None:
    cluster_43.create_topic("left")
    cluster_43.create_topic("read-now")
    cluster_43.produce("left", 0, 100)
    cluster_43.commit("g-hidden", {("left", 0): 10, ("read-now", 0): 0})
    eventually(seen, lambda: seen.value("kafka_group_lag", group="g-hidden") == 90, "both topics are seen")

    cluster_43.produce("read-now", 0, 500)

    eventually(
        seen,
        lambda: (seen.value("kafka_group_topic_lag_seconds", group="g-hidden", topic="read-now") or 0) > 0,
        "the age of what waits now is known",
    )
    assert (seen.value("kafka_group_lag_seconds", group="g-hidden") or 0) > 0


def test_an_open_transaction_holds_readers_of_committed_data_back(cluster_43: KafkaCluster, seen: Agent) -> None:
    cluster_43.create_topic("open")
    reader = Reader("g-open", ("open",), settings=COMMITTED)
    hung = TransactionalWriter("open", 1, 0.1, records=5, hangs=True, timeout_ms=900_000)
    with living(cluster_43.bootstrap, [hung, Writer("open", 1, 0.2), reader]):
        eventually(
            seen, lambda: (seen.value("kafka_topic_undecided_records", topic="open") or 0) > 20, "records are undecided"
        )
        eventually(
            seen, lambda: (seen.value("kafka_topic_undecided_seconds", topic="open") or 0) > 10, "and stay so", 60
        )
        assert not states(seen, "g-open", "open").keys() & {"stalled", "late"}, "the consumer is not to blame"


def test_a_poisoned_partition_is_stalled_with_its_offset(cluster_43: KafkaCluster, seen: Agent) -> None:
    cluster_43.create_topic("poison", partitions=3)
    of = {"group": "g-poison", "topic": "poison"}
    with living(cluster_43.bootstrap, [Writer("poison", 3, 0.05), Reader("g-poison", ("poison",), poison=(1, 20))]):
        eventually(seen, lambda: states(seen, **of).get("stalled") == 1, "one partition stalls", 60)
        assert seen.value("kafka_group_partition_stuck_offset", state="stalled", partition="1", **of) == 20
        since = seen.value("kafka_group_partition_stuck_since_timestamp_seconds", state="stalled", partition="1", **of)
        assert since is not None
        assert seen.value("kafka_group_topic_wanted", **of) == 1
        assert not seen.value("kafka_group_partition_stuck_offset", state="stalled", partition="0", **of)


def test_who_never_commits_is_named(cluster_43: KafkaCluster, seen: Agent) -> None:
    cluster_43.create_topic("silent", partitions=2)
    cluster_43.produce("silent", 0, 10)
    with living(cluster_43.bootstrap, [Reader("g-silent", ("silent",), commits=False)]):
        # The second partition is empty: nothing waits there.
        eventually(seen, lambda: states(seen, "g-silent", "silent").get("uncommitted") == 1, "one partition", 60)
        assert seen.value("kafka_group_topic_uncommitted_partitions", group="g-silent", topic="silent") == 1


def test_a_topic_made_anew_begins_anew(cluster_43: KafkaCluster, seen: Agent) -> None:
    cluster_43.create_topic("made-anew", retention_ms=3_600_000)
    cluster_43.produce("made-anew", 0, 100)
    cluster_43.commit("g-anew", {("made-anew", 0): 50})
    of = {"group": "g-anew", "topic": "made-anew"}
    eventually(seen, lambda: seen.value("kafka_group_topic_lag", **of) == 50, "the old one is seen")

    cluster_43.delete_topic("made-anew")
    wait_for(lambda: "made-anew" not in cluster_43.topic_names(), 30, "it is deleted")
    cluster_43.create_topic("made-anew", retention_ms=7_200_000)
    cluster_43.produce("made-anew", 0, 300)
    cluster_43.commit("g-anew", {("made-anew", 0): 100})

    eventually(seen, lambda: seen.value("kafka_group_topic_lag", **of) == 200, "the new one is seen")
    eventually(
        seen, lambda: seen.value("kafka_topic_retention_seconds", topic="made-anew") == 7200, "with its own settings"
    )
    age = wait_for(lambda: seen.value("kafka_group_topic_lag_seconds", **of), 180, "its age")
    assert age is not None
    assert age < 60, "no record is older than the topic"


def test_groups_that_nobody_runs_are_not_wanted(cluster_43: KafkaCluster, seen: Agent) -> None:
    cluster_43.create_topic("nobody")
    cluster_43.produce("nobody", 0, 100)
    cluster_43.commit("g-nobody", {("nobody", 0): 10})

    eventually(seen, lambda: states(seen, "g-nobody", "nobody") == {"stopped": 1}, "data waits, and nobody holds it")
