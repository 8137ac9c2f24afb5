"""kafka_exporter's names: as it would say them, but for what is not known."""

from streamwatch.catalogue import METRICS
from streamwatch.catalogue import kafka_exporter as c
from streamwatch.collectors.kafka_exporter import KafkaExporterCollector
from tests.snapshots import Partition, group, snapshot, value, values

TOPICS: dict[str, list[Partition]] = {
    "t": [(1, (1, 2), (1, 2)), (1, (2, 1), (1,)), (-1, (2,), ())],
    "u": [(2, (2,), (2,))],
}
COMMITS = {("g", "t", 0): 5, ("g", "t", 1): 1, ("g", "u", 0): 4, ("h", "u", 0): 9}


def test_partitions_and_groups_have_its_names() -> None:
    ends, starts = {("t", 0): 10, ("t", 1): 3, ("u", 0): 7}, {("t", 0): 2}
    groups = [group("g", members=2), group("h", members=None)]
    found = KafkaExporterCollector().collect(snapshot(TOPICS, groups=groups, commits=COMMITS, end=ends, start=starts))

    assert values(found, c.CURRENT_OFFSET) == {"t 0": 10, "t 1": 3, "u 0": 7}, (
        "an end offset that is not known is absent"
    )
    assert values(found, c.OLDEST_OFFSET) == {"t 0": 2}
    assert values(found, c.REPLICAS) == {"t 0": 2, "t 1": 2, "t 2": 1, "u 0": 1}
    assert values(found, c.IN_SYNC) == {"t 0": 2, "t 1": 1, "t 2": 0, "u 0": 1}
    assert values(found, c.UNDER_REPLICATED) == {"t 0": 0, "t 1": 1, "t 2": 1, "u 0": 0}
    assert values(found, c.LEADER) == {"t 0": 1, "t 1": 1, "u 0": 2}
    assert values(found, c.IS_PREFERRED) == {"t 0": 1, "t 1": 0, "u 0": 1}
    assert values(found, c.COMMITTED) == {"g t 0": 5, "g t 1": 1, "g u 0": 4, "h u 0": 9}
    assert values(found, c.LAG) == {"g t 0": 5, "g t 1": 2, "g u 0": 3, "h u 0": 0}, "never below nought"
    assert values(found, c.COMMITTED_SUM) == {"g t": 6, "g u": 4, "h u": 9}
    assert values(found, c.LAG_SUM) == {"g t": 7, "g u": 3, "h u": 0}
    assert values(found, c.MEMBERS) == {"g": 2}


def test_a_sum_with_an_addend_that_is_not_known_is_absent() -> None:
    found = KafkaExporterCollector().collect(
        snapshot(
            TOPICS, groups=[group("g")], commits=COMMITS and {("g", "t", 0): 5, ("g", "t", 1): 1}, end={("t", 0): 10}
        )
    )
    assert values(found, c.LAG) == {"g t 0": 5}
    assert values(found, c.LAG_SUM) == {}
    assert values(found, c.COMMITTED_SUM) == {"g t": 6}


def test_without_a_controller_replicas_are_not_believed() -> None:
    found = KafkaExporterCollector().collect(snapshot(TOPICS, controllers=0.0))
    assert values(found, c.IN_SYNC) == values(found, c.UNDER_REPLICATED) == values(found, c.LEADER) == {}
    assert len(values(found, c.REPLICAS)) == 4


def test_its_keys_are_the_same_objects_again_and_its_names_are_none_of_ours() -> None:
    now, collector = snapshot(TOPICS, groups=[group("g")], commits={("g", "t", 0): 5}), KafkaExporterCollector()
    first, second = collector.collect(now), collector.collect(now)
    assert all(one.keys is other.keys for one, other in zip(first[1:], second[1:], strict=True))
    assert not {one.name for one in c.METRICS} & {one.name for one in METRICS}
    assert {one.metric for one in first} == set(c.METRICS)
    assert value(first, c.BUILD_INFO) == 1
