import numpy as np
import pytest

from streamwatch.catalogue import agent, kafka, kafka_groups
from streamwatch.collectors.cap import cap, count
from streamwatch.model.metric import Keys, Samples

LAGS = [5.0, 900.0, 1.0, 70.0]


def some() -> list[Samples]:
    groups = Keys(kafka.GROUP_TOPIC, [("c", f"g{i}", "t") for i in range(4)])
    topics = Keys(kafka.TOPIC, [("c", f"t{i}") for i in range(4)])
    return [
        kafka.TOPIC_END_OFFSET.samples(topics, np.array([1.0, 2.0, 3.0, np.nan])),
        kafka_groups.GROUP_TOPIC_LAG.samples(groups, np.array(LAGS)),
        kafka_groups.GROUP_TOPIC_COMMITTED.samples(groups, np.zeros(4)),
        agent.SOURCE_UP.sample(1.0, source="c"),
        kafka.PARTITIONS.sample(4.0, kafka_cluster="c"),
    ]


def names(samples: list[Samples]) -> set[str]:
    return {one.metric.name for one in samples if one.known()}


def test_unknown_values_are_not_series() -> None:
    assert count(some()) == 3 + 4 + 4 + 1 + 1


def test_nothing_is_dropped_below_the_cap() -> None:
    kept, dropped = cap(some(), 13)

    assert (count(kept), dropped) == (13, 0)


def test_the_least_important_tier_goes_first() -> None:
    kept, dropped = cap(some(), 10)

    assert dropped == 3
    assert names(kept) == {
        "streamwatch_source_up",
        "kafka_partitions",
        "kafka_group_topic_lag",
        "kafka_group_topic_committed_offset",
    }


def test_of_a_tier_that_fits_in_part_the_largest_stay_with_all_their_metrics() -> None:
    kept, dropped = cap(some(), 6)

    lag = next(one for one in kept if one.metric is kafka_groups.GROUP_TOPIC_LAG)
    assert lag.known() == {("c", "g1", "t"): 900.0, ("c", "g3", "t"): 70.0}
    assert (count(kept), dropped) == (6, 7)


@pytest.mark.parametrize("most", range(1, 14))
def test_the_cap_holds_and_every_series_is_kept_or_counted(most: int) -> None:
    kept, dropped = cap(some(), most)

    assert count(kept) <= max(most, 1)
    assert count(kept) + dropped == 13
