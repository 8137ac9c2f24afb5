"""Of several sources the most trusted one that knows; no series twice, no counter from two."""

import math
from collections.abc import Mapping

import numpy as np

from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_brokers as b
from streamwatch.model.metric import Keys, Metric, Samples
from streamwatch.trust import Said, merged


def said(metric: Metric, known: Mapping[str, float]) -> Samples:
    keys = Keys(metric.labels, [("c", broker) for broker in known])
    return metric.samples(keys, np.array(list(known.values()), dtype=np.float64))


def shown(samples: list[Said]) -> dict[str, float]:
    rows = [(row[-1], value) for _, one in samples for row, value in one.known().items()]
    assert len(rows) == len({row for row, _ in rows}), "a series is told twice"
    return dict(rows)


def test_one_source_alone_is_shown_as_it_is() -> None:
    one = said(k.BROKER_LEADERS, {"1": 5.0, "2": math.nan})

    assert merged([("cloudwatch", one)]) == [("cloudwatch", one)]


def test_the_protocol_wins_and_the_others_fill_what_it_does_not_know() -> None:
    parts = [
        ("cloudwatch", said(k.BROKER_LEADERS, {"1": 10.0, "2": 20.0, "3": 30.0, "4": 40.0})),
        ("kafka", said(k.BROKER_LEADERS, {"1": 1.0, "2": math.nan, "3": math.nan})),
        ("pages", said(k.BROKER_LEADERS, {"1": 100.0, "2": 2.0})),
    ]

    assert shown(merged(parts)) == {"1": 1, "2": 2, "3": 30, "4": 40}


def test_a_counter_is_told_by_one_source_for_the_whole_cluster() -> None:
    parts = [
        ("pages", said(b.BYTES_IN, {"1": 5.0})),
        ("cloudwatch", said(b.BYTES_IN, {"1": 50.0, "2": 60.0})),
    ]

    assert shown(merged(parts)) == {"1": 5}
    assert shown(merged(parts[1:])) == {"1": 50, "2": 60}


def test_other_metrics_stay_the_same_objects() -> None:
    same = said(k.BROKER_PARTITIONS, {"1": 1.0})
    parts = [
        ("kafka", same),
        ("kafka", said(k.BROKER_LEADERS, {"1": 1.0})),
        ("pages", said(k.BROKER_LEADERS, {"1": 2.0})),
    ]

    assert any(one is same for _, one in merged(parts))
