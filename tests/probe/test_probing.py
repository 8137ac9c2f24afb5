"""A probe of the reference cluster: what goes through, what is lost when something breaks, and why."""

from collections.abc import Callable
from functools import partial

import pytest

from streamwatch.probe.source import ProbeSource
from streamwatch.reference.kafka import faults
from streamwatch.reference.kafka.server import ReferenceKafka
from tests.probe.making import SPEC, Probed, make_topic, probed
from tests.waiting import wait_for

EACH_LEADS = {0: (1, 2), 1: (2, 3), 2: (3, 1)}
ALONE = {0: (1,), 1: (2,), 2: (3,)}

pytest_plugins = ["streamwatch.reference.pytest_plugin"]
Start = Callable[..., ReferenceKafka]


@pytest.fixture
def kafka(reference_kafka_factory: Start, monkeypatch: pytest.MonkeyPatch) -> ReferenceKafka:
    monkeypatch.setattr("streamwatch.probe.shaper._LOOK_SECONDS", 0.05)
    monkeypatch.setattr("streamwatch.probe.prober._LOOK_SECONDS", 0.1)
    return reference_kafka_factory(SPEC)


def all_work(seen: Probed) -> None:
    for broker in (1, 2, 3):
        seen.wait_for_success(broker)


def test_records_go_through_each_broker_and_are_measured(kafka: ReferenceKafka) -> None:
    make_topic(kafka, EACH_LEADS)
    with probed(kafka, timeout=30.0) as seen:
        all_work(seen)

        now = seen.read()
        assert now.is_up
        assert now.problems == ()
        for broker in now.brokers:
            assert broker.is_covered
            assert broker.attempts == broker.successes == sum(broker.consumed.counts)
            assert sum(broker.produced.counts) >= broker.successes
            assert broker.produced.seconds > 0


def test_two_probes_of_one_topic_do_not_take_each_others_records(kafka: ReferenceKafka) -> None:
    make_topic(kafka, {0: (1, 2)})
    with probed(kafka, timeout=30.0) as first, probed(kafka, timeout=30.0) as second:
        first.wait_for_success(1)
        second.wait_for_success(1)

        assert first.broker(1).failures == {}
        assert [each.is_covered for each in second.read().brokers] == [True, False, False]


def test_a_broker_that_dies_loses_its_own_share_and_its_successor_takes_over(kafka: ReferenceKafka) -> None:
    make_topic(kafka, ALONE)
    with probed(kafka) as seen:
        all_work(seen)
        seen.break_("stop", broker=2)
        wait_for(lambda: {"refused", "leader_not_available"} <= seen.causes(2), 20, "first refused, then leaderless")

        lost = seen.broker(2)
        assert lost.is_covered, "nobody else leads its partition"
        assert lost.attempts == lost.successes + sum(lost.failures.values())
        seen.wait_for_success(1, 5)
        seen.wait_for_success(3, 5)
        seen.break_("start", broker=2)
        seen.wait_for_success(2)


def test_a_frozen_broker_costs_its_own_share_only(kafka: ReferenceKafka) -> None:
    make_topic(kafka, ALONE)
    with probed(kafka) as seen:
        all_work(seen)
        seen.break_("freeze", broker=3)
        wait_for(lambda: "timeout" in seen.causes(3), 20, "records through it get no answer")
        seen.wait_for_success(1, 5)
        seen.wait_for_success(2, 5)
        assert seen.broker(3).successes < seen.broker(1).successes
        seen.break_("thaw", broker=3)
        seen.wait_for_success(3)


def test_a_full_disk_is_named(kafka: ReferenceKafka) -> None:
    make_topic(kafka, ALONE)
    with probed(kafka, timeout=0.5) as seen:
        all_work(seen)
        seen.break_("api_error", api="Produce", code="KAFKA_STORAGE_ERROR", broker=1)
        wait_for(lambda: "disk" in seen.causes(1), 20, "its storage")

        seen.break_("heal")
        seen.break_("fill_disk", broker=2, within=0.0)
        wait_for(lambda: seen.causes(2), 20, "its only directory is offline, and so is the broker")
        seen.wait_for_success(3, 5)


def test_too_few_replicas_in_sync_are_named_and_no_other_broker_is_blamed(kafka: ReferenceKafka) -> None:
    make_topic(kafka, {0: (1, 2), 1: (2, 1), 2: (3,)}, **{"min.insync.replicas": "2"})
    with probed(kafka, timeout=0.5) as seen:
        seen.wait_for_success(1)
        seen.break_("shrink_isr", topic="probes", partition=0)
        wait_for(lambda: "not_enough_replicas" in seen.causes(1), 20, "the cause of Kafka's own name")

        assert "not_enough_replicas" not in seen.causes(2)


def test_a_slow_broker_is_slow_and_then_late(kafka: ReferenceKafka) -> None:
    make_topic(kafka, ALONE)
    with probed(kafka) as seen:
        all_work(seen)
        seen.break_("slow", broker=1, by=0.3)
        before = seen.broker(1).produced
        wait_for(lambda: sum(seen.broker(1).produced.counts[9:]) > sum(before.counts[9:]), 20, "more than 0.25 s")
        seen.break_("slow", broker=1, by=1.5)
        wait_for(lambda: seen.broker(1).failures.get(("produce", "timeout")), 20, "later than the timeout")


def test_a_topic_is_made_and_led_as_it_should_be(kafka: ReferenceKafka) -> None:
    with probed(kafka, create=True, replication_factor=2) as seen:
        all_work(seen)
        replicas = kafka.do(lambda site, _: [one.state.replicas for one in site.cluster.topics["probes"].partitions])
        assert replicas == [(1, 2), (2, 3), (3, 1)]

        seen.break_("stop", broker=2)
        wait_for(lambda: not seen.broker(2).is_covered, 20, "another one leads its partition")
        seen.break_("start", broker=2)
        wait_for(lambda: seen.broker(2).is_covered, 20, "it leads again")
        seen.wait_for_success(2)


def test_a_topic_that_is_missing_is_a_problem_and_no_failure_of_a_broker(kafka: ReferenceKafka) -> None:
    with probed(kafka) as seen:
        wait_for(lambda: seen.read().brokers, 20, "the brokers are known")

        now = seen.read()
        assert [(each.is_covered, each.attempts) for each in now.brokers] == [(False, 0)] * 3
        assert "make it, or set `probe.create`" in now.problems[0].detail
        make_topic(kafka, EACH_LEADS)
        all_work(seen)


def test_a_cluster_that_nobody_reaches_has_no_figures(kafka: ReferenceKafka) -> None:
    for broker in (1, 2, 3):
        kafka.do(partial(faults.stop, broker=broker))
    with probed(kafka) as seen:
        wait_for(lambda: seen.read().problems, 20, "why not")

        assert not seen.read().is_up
        assert seen.read().brokers == ()
        assert isinstance(seen.source, ProbeSource)
