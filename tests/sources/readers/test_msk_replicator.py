"""Replicators of MSK, watched on the reference."""

from typing import Any

import pytest

from streamwatch.catalogue import attached_readers as a
from streamwatch.catalogue import readers as r
from streamwatch.reference.aws.msk_replicator import MskReplicator, Replicator
from tests.sources.readers.attaching import CLUSTER, World, world

SPARE = CLUSTER.replace("shop", "spare")


def replicator(on: World) -> Replicator:
    return on.aws.do(lambda cloud, now: cloud.beside(MskReplicator).of_msk("copy", CLUSTER, SPARE, now))


def live(on: World, one: Replicator, seconds: float = 120) -> None:
    until = on.time.now() + seconds
    while on.time.now() < until:
        on.aws.do(lambda _, now: one.produce(now))
        on.time.advance(5)
        on.aws.do(lambda _, now: one.live(now))
        on.time.advance(5)


def test_one_that_is_well_is_joined_to_its_clusters_and_says_how_far_it_is() -> None:
    with world("msk_replicator") as on:
        one = replicator(on)
        live(on, one)
        on.read()

        assert on.all(r.STATE) == {("shop", "msk_replicator", "copy", "running"): 1}
        assert (on.reads(), on.value(a.TOPICS, ".*")) == (("shop", "", ""), 1)
        assert on.value(a.TARGET, "spare") == 1
        assert on.value(r.LAG) == pytest.approx(5)
        assert on.value(r.LAG_RECORDS) == 0
        assert (on.value(a.BYTES_PER_SECOND) or 0) > 0
        assert (on.value(a.REACHABLE), on.value(a.THROTTLE)) == (1, 0)
        assert (on.value(a.FAILURES), on.value(a.AUTH_ERRORS), on.value(a.OFFSET_SYNC_FAILURES)) == (0, 0, 0)
        assert any(word.startswith("group") for word in on.readers["copy"].unknown)


def test_one_that_copies_nothing_says_how_many_messages_wait() -> None:
    with world("msk_replicator") as on:
        one = replicator(on)
        live(on, one)
        on.read()
        on.fault("replicator", name="copy", stalled=True)
        live(on, one, 900)
        on.read()

        assert (on.value(r.LAG_RECORDS) or 0) >= 80
        assert on.value(r.LAG) is None, "nothing was copied, so nothing says how long it takes"
        assert on.value(a.BYTES_PER_SECOND) == 0


@pytest.mark.parametrize("alias", ["source", "target"])
def test_a_cluster_that_does_not_let_it_in_shows_as_errors_whichever_it_is(alias: str) -> None:
    with world("msk_replicator") as on:
        one = replicator(on)
        live(on, one)
        on.read()
        on.fault("replicator", name="copy", refused=alias)
        live(on, one, 300)
        on.read()

        assert (on.value(a.AUTH_ERRORS) or 0) > 0
        assert (on.value(a.FAILURES) or 0) > 0
        assert on.value(a.REACHABLE) == 0


def test_offsets_that_do_not_reach_the_target_are_counted() -> None:
    with world("msk_replicator") as on:
        one = replicator(on)
        on.read()
        on.fault("replicator", name="copy", unsynced=True)
        live(on, one, 300)
        on.read()

        assert (on.value(a.OFFSET_SYNC_FAILURES) or 0) > 0
        assert on.value(a.FAILURES) == 0


@pytest.mark.parametrize(
    ("state", "known"),
    [("FAILED", "stopped"), ("DELETING", "disabled"), ("CREATING", "changing"), ("UPDATING", "changing")],
)
def test_a_state_says_whether_it_should_run_and_why_it_does_not(state: str, known: str) -> None:
    with world("msk_replicator") as on:
        replicator(on)
        on.read()
        on.fault("replicator", name="copy", state=state, code="Replicator.Auth", message="may not read")
        on.time.advance(60)
        on.read()

        assert on.readers["copy"].state == known
        assert on.value(a.REASON, f"it is {state}: Replicator.Auth: may not read") == 1


def own(bootstrap: str) -> dict[str, Any]:
    return {
        "ApacheKafkaCluster": {"ApacheKafkaClusterId": "MkU3OEVBNTcwNTJENDM2Qk", "BootstrapBrokerString": bootstrap}
    }


def test_one_of_a_kafka_of_somebodys_own_is_joined_by_its_id() -> None:
    with world("msk_replicator") as on:
        target = {"AmazonMskCluster": {"MskClusterArn": SPARE}}
        topics = ["orders", "bills-.*"]
        on.aws.do(
            lambda cloud, now: cloud.beside(MskReplicator).create("copy", own("kafka-1:9092"), target, topics, now)
        )
        on.read()

        assert (on.reads()[0], on.value(a.TOPICS, "orders,bills-.*")) == ("MkU3OEVBNTcwNTJENDM2Qk", 1)
        assert on.value(a.TARGET, "spare") == 1


def test_the_reference_to_one_of_another_region_is_passed_over() -> None:
    with world("msk_replicator") as on:
        source, target = ({"AmazonMskCluster": {"MskClusterArn": one}} for one in (CLUSTER, SPARE))
        on.aws.do(
            lambda cloud, now: cloud.beside(MskReplicator).create(
                "copy", source, target, [".*"], now, is_reference=True
            )
        )
        on.read()
        assert (on.snapshot.readers, on.problems(), on.calls("DescribeReplicator")) == ((), set(), 0)
