"""What the reference's controllers tell of their quorum, as Kafka's do."""

from typing import Any

from streamwatch.reference.kafka.spec import Spec
from tests.reference.acting import QUICK, Stage

TOPICS = [{"topic_name": "__cluster_metadata", "partitions": [{"partition_index": 0}]}]


def replicas(stage: Stage, kind: str) -> dict[int, tuple[int, int]]:
    """Log end offset and time since it was caught up (ms), by replica."""
    partition: Any = stage.ask(1, 55, 1, topics=TOPICS)["topics"][0]["partitions"][0]
    now = int(stage.now * 1000)
    return {
        each["replica_id"]: (
            each["log_end_offset"],
            now - each["last_caught_up_timestamp"] if each["last_caught_up_timestamp"] >= 0 else -1,
        )
        for each in partition[kind]
    }


def test_a_voter_that_dies_stands_where_it_was_and_one_that_was_dead_at_the_election_is_unknown() -> None:
    stage = Stage(Spec(controllers=3, settings=QUICK))
    first, second, third = stage.cluster.controller.voters
    stage.cluster.controller.stop_voter(third, stage.now)
    end = stage.cluster.controller.offset
    stage.cluster.stop(stage.cluster.brokers[3], stage.now)  # it is fenced: a decision
    stage.advance(7)
    told = replicas(stage, "current_voters")

    assert told[first] == told[second] == (stage.cluster.controller.offset, 0)
    assert stage.cluster.controller.offset > end
    assert told[third] == (end, 7000)
    stage.cluster.controller.start_voter(third, stage.now)
    stage.cluster.controller.stop_voter(first, stage.now)
    stage.advance(5)
    told = replicas(stage, "current_voters")
    assert (told[first], told[third][1]) == ((-1, -1), 0)


def test_a_broker_that_is_gone_observes_no_more() -> None:
    stage = Stage(Spec(settings=QUICK))
    stage.cluster.stop(stage.cluster.brokers[3], stage.now)

    assert set(replicas(stage, "observers")) == {1, 2}
