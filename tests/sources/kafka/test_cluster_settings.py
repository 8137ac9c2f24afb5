"""What an audit asks of a cluster: settings, and when the newest records were written; where it may not, it says so."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from streamwatch.core.clock import SystemClock
from streamwatch.model.kafka import CleanupPolicy, ClusterSnapshot
from streamwatch.reference.kafka import topics
from streamwatch.reference.kafka.server import ReferenceKafka
from streamwatch.sources.kafka import Config, KafkaSource
from streamwatch.sources.kafka.cluster_settings import _candidates
from tests.addresses import servers
from tests.snapshots import snapshot
from tests.sources.kafka.preparing import Make, truth

pytest_plugins = ["streamwatch.reference.pytest_plugin"]

WELL = (1, (1, 2), (1, 2))


def test_settings_of_brokers_and_topics(reference_kafka: ReferenceKafka) -> None:
    own = {"unclean.leader.election.enable": "true"}
    reference_kafka.do(lambda site, now: topics.create(site.cluster, "orders", [(1, 2, 3)], own, now))
    config = Config(name="shop", bootstrap=servers(reference_kafka.bootstrap.split(",")))
    source = KafkaSource(config, SystemClock(), lambda: None)
    try:
        found = source.settings(source.read())
    finally:
        source.close()
    assert found.topics["orders"]["unclean.leader.election.enable"] == "true"
    assert {broker: own["offsets.retention.minutes"] for broker, own in found.brokers.items()} == {
        1: "10080",
        2: "10080",
        3: "10080",
    }
    assert (found.is_looked_up, found.problems) == (True, ())
    assert source.settings(snapshot({})).problems == ("the source is closed",)


def test_an_agent_that_may_not_ask(make: Make) -> None:
    source, _ = make(truth(codes={"DescribeConfigs": 29}))
    found = source.settings(source.read())
    assert (found.brokers, found.topics) == ({}, {})
    assert "settings of broker 1: DescribeConfigs: TOPIC_AUTHORIZATION_FAILED (29)" in found.problems


@pytest.mark.parametrize(
    ("facts", "is_asked"),
    [
        ({"retention_ms": np.array([-1])}, True),
        ({"retention_ms": np.array([31 * 86_400_000])}, True),
        ({"cleanup_policy": np.array([CleanupPolicy.COMPACT])}, True),
        ({}, False),
        ({"retention_ms": np.array([-1]), "selected": np.array([False])}, False),
        ({"retention_ms": np.array([-1]), "start_offset": np.array([10])}, False),
    ],
)
def test_of_which_partitions_the_newest_record_is_asked(facts: dict[str, Any], is_asked: bool) -> None:  # noqa: FBT001 - a parameter
    now: ClusterSnapshot = replace(
        snapshot({"orders": [WELL]}, end={("orders", 0): 10}, start={("orders", 0): 0}),
        **({"retention_ms": np.array([86_400_000]), "cleanup_policy": np.array([CleanupPolicy.DELETE])} | facts),
    )
    assert now.topology is not None
    assert _candidates(now, now.topology).tolist() == ([0] if is_asked else [])
