"""The page's map and the metrics' counts are of one judgement: they agree over whatever a cluster may look like."""

from collections import Counter
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streamwatch.catalogue import kafka as c
from streamwatch.catalogue import kafka_exporter as e
from streamwatch.collectors.cluster import ClusterCollector
from streamwatch.collectors.columns import replication
from streamwatch.collectors.health import PartitionHealth, partition_health
from streamwatch.collectors.kafka_exporter import KafkaExporterCollector
from streamwatch.collectors.topics import TopicCollector
from streamwatch.export.web_page.partitions import partition_map
from streamwatch.model.kafka import NOT_SET, ClusterSnapshot
from tests.snapshots import snapshot, value, values

BROKERS = (1, 2, 3, 4)


@st.composite
def partitions(draw: st.DrawFn) -> tuple[int, list[int], list[int]]:
    """Draw a partition: some replicas, an ISR among them, and a leader of the ISR, or none."""
    replicas = draw(st.lists(st.sampled_from(BROKERS), min_size=1, unique=True))
    isr = draw(st.lists(st.sampled_from(replicas), unique=True))
    return draw(st.sampled_from([-1, *isr])), replicas, isr


@st.composite
def clusters(draw: st.DrawFn) -> ClusterSnapshot:
    """Draw a cluster with topics few enough, and of few enough partitions, that all are drawn on the map."""
    topics = draw(
        st.dictionaries(st.sampled_from(["orders", "clicks", "bills"]), st.lists(partitions(), min_size=1, max_size=4))
    )
    down = draw(st.lists(st.sampled_from(BROKERS), unique=True))
    plain = snapshot(topics, down=down)
    assert plain.topology is not None
    size = len(plain.topology.replica)
    flags = draw(st.lists(st.booleans(), min_size=size, max_size=size))
    least = draw(st.lists(st.sampled_from([NOT_SET, 1, 2, 3]), min_size=len(topics), max_size=len(topics)))
    return snapshot(
        topics,
        down=down,
        adding=np.array(flags, dtype=bool) & ~plain.topology.in_sync,
        min_isr=np.array(least, dtype=np.int64),
    )


def health_of(now: ClusterSnapshot) -> PartitionHealth:
    assert now.topology is not None
    return partition_health(now, now.topology, replication(now.topology))


def counted(now: ClusterSnapshot) -> dict[str, float]:
    """Return how many partitions are in trouble, by the metrics."""
    samples = ClusterCollector(4000).collect(now)
    found = {
        "offline": value(samples, c.OFFLINE_PARTITIONS),
        "unreachable": value(samples, c.UNREACHABLE_PARTITIONS),
        "under_replicated": sum(values(samples, c.BROKER_UNDER_REPLICATED).values()),
        "lagging": sum(values(samples, c.BROKER_OUT_OF_SYNC).values()),
    }
    return {name: number for name, number in found.items() if number is not None}


def drawn(now: ClusterSnapshot) -> dict[str, int]:
    """Return how many partitions are in trouble, by the titles of the map's squares."""
    titles = [square.title for topic in partition_map(now).topics for square in topic.squares]
    led = [one for one in titles if "no leader" not in one]
    missing = [one.partition("missing on ")[2].partition(", too few")[0] for one in titles]
    return {
        "offline": len(titles) - len(led),
        "unreachable": sum("no leader" in one or "does not answer" in one for one in titles),
        "under_replicated": sum("missing on" in one for one in led),
        "lagging": sum(1 + one.count(",") + one.count(" and ") for one in missing if one),
    }


@given(clusters())
def test_the_map_and_the_counts_agree(now: ClusterSnapshot) -> None:
    assert drawn(now) == counted(now)


@given(clusters())
def test_the_map_and_the_brokers_count_the_same_too_small_isrs(now: ClusterSnapshot) -> None:
    """Of a broker that leads a partition whose setting is not known, the metric says nothing."""
    known = values(ClusterCollector(4000).collect(now), c.BROKER_UNDER_MIN_ISR)
    shown: Counter[str] = Counter()
    for topic in partition_map(now).topics:
        for square in topic.squares:
            leader = square.title.partition("led by broker ")[2].partition(",")[0]
            shown[leader] += "too few replicas" in square.title

    assert {broker: shown[broker] for broker in known} == known


@given(clusters())
def test_colours_follow_from_the_counts(now: ClusterSnapshot) -> None:
    health = health_of(now)
    colours = Counter(square.health for topic in partition_map(now).topics for square in topic.squares)
    bad = health.offline | (health.unreachable == 1) | health.lacks_min_isr

    assert colours["bad"] == bad.sum()
    assert colours["warn"] == (health.lacks_replicas & ~bad).sum()


@given(clusters())
def test_topics_and_the_cluster_count_the_same(now: ClusterSnapshot) -> None:
    topics = TopicCollector().collect(now)
    of_cluster = counted(now)

    assert sum(values(topics, c.TOPIC_OFFLINE).values()) == of_cluster["offline"]
    assert sum(values(topics, c.TOPIC_UNDER_REPLICATED).values()) == of_cluster["under_replicated"]


@given(clusters())
def test_kafka_exporters_word_differs_for_partitions_without_a_leader_alone(now: ClusterSnapshot) -> None:
    """It counts them as under-replicated, which brokers do not: nobody leads them."""
    health = health_of(now)
    said = list(values(KafkaExporterCollector().collect(now), e.UNDER_REPLICATED).values())

    assert sum(said) == health.under_replicated.sum() + (health.lacks_replicas & health.offline).sum()


def test_a_leader_whose_broker_we_have_no_connection_to_is_neither_reachable_nor_not() -> None:
    facts: dict[str, Any] = {"t": [(1, (1,), (1,))]}
    now = snapshot(facts)
    (broker,) = now.brokers
    unasked = snapshot(facts, brokers=(type(broker)(1, "", 0, None, up=None, registered=None),))

    assert np.isnan(health_of(unasked).unreachable).tolist() == [True]
    assert partition_map(unasked).topics[0].squares[0].health == "good"
