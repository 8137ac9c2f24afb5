"""What the loss of a broker would break, as metrics."""

from dataclasses import replace
from typing import Any

import numpy as np

from streamwatch.catalogue import kafka_losses as c
from streamwatch.collectors.outlook.collector import LossCollector
from streamwatch.model.kafka import ClusterSnapshot
from tests.snapshots import snapshot, values


def seen() -> ClusterSnapshot:
    topics: dict[str, Any] = {"a": [(1, (1, 2, 3), (1, 2))], "b": [(3, (3,), (3,)), (3, (3, 2), (3,))]}
    now = snapshot(topics, min_isr=np.array([2, 1]), replica_bytes=np.array([7, 7, 7, 5, 3, 3]))
    racks = {1: "x", 2: "x", 3: None}
    return replace(now, brokers=tuple(replace(one, rack=racks[one.id]) for one in now.brokers))


def test_the_metrics() -> None:
    samples = LossCollector().collect(seen())

    assert {one.metric.name: values(samples, one.metric) for one in samples} == {
        "kafka_broker_loss_offline_partitions": {"1": 0, "2": 0, "3": 2},
        "kafka_broker_loss_unclean_partitions": {"1": 0, "2": 0, "3": 1},
        "kafka_broker_loss_under_min_isr_partitions": {"1": 1, "2": 1, "3": 0},
        "kafka_broker_loss_stopped_topics": {"1": 1, "2": 1, "3": 1},
        "kafka_broker_loss_degraded_partitions": {"1": 1, "2": 1, "3": 1},
        "kafka_broker_loss_leaders": {"1": 2, "2": 2, "3": 1},
        "kafka_broker_loss_leader_bytes": {"1": 8, "2": 8, "3": 7},
        "kafka_rack_loss_offline_partitions": {"x": 1},
        "kafka_rack_loss_unclean_partitions": {"x": 1},
        "kafka_rack_loss_under_min_isr_partitions": {"x": 0},
        "kafka_rack_loss_stopped_topics": {"x": 1},
        "kafka_rack_loss_leaders": {"x": 2},
    }


def test_nothing_is_said_while_the_metadata_cannot_be_believed() -> None:
    collector = LossCollector()
    assert collector.collect(replace(seen(), controllers=0.0)) == []
    assert collector.collect(replace(seen(), topology=None)) == []


def test_nobody_remains_to_lead() -> None:
    samples = LossCollector().collect(snapshot({"a": [(1, (1,), (1,))]}))
    assert values(samples, c.LOSS_OFFLINE) == {"1": 1}
    assert values(samples, c.LOSS_LEADERS) == {}


def test_it_is_counted_anew_only_where_something_has_changed() -> None:
    collector, now = LossCollector(), seen()
    first = {one.metric.name: one.values for one in collector.collect(now)}
    again = replace(now, adding=now.adding.copy(), replica_bytes=now.replica_bytes.copy(), taken_at=2000.0)
    assert {one.metric.name: one.values for one in collector.collect(again)}.keys() == first.keys()
    assert collector.collect(again)[0].values is first["kafka_broker_loss_offline_partitions"]
    larger = collector.collect(replace(now, replica_bytes=now.replica_bytes + 1))
    assert larger[0].values is first["kafka_broker_loss_offline_partitions"], "only sizes have changed"
    assert values(larger, c.LOSS_LEADER_BYTES) == {"1": 10, "2": 10, "3": 8}
    fewer = replace(now, brokers=(replace(now.brokers[0], up=False), *now.brokers[1:]))
    assert values(collector.collect(fewer), c.LOSS_OFFLINE) == {"1": 0, "2": 1, "3": 2}
