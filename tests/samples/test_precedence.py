"""Of several sources the most trusted one that knows; no series twice, no counter from two."""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from streamwatch.agent.config import Config, parse
from streamwatch.agent.targets import precedence
from streamwatch.catalogue import agent as c
from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_brokers as b
from streamwatch.core.errors import ConfigError
from streamwatch.model.metric import Keys, Metric, Samples
from streamwatch.samples.precedence import KindSamples, SourcePrecedence


def said(metric: Metric, known: Mapping[str, float]) -> Samples:
    keys = Keys(metric.labels, [("c", broker) for broker in known])
    return metric.samples(keys, np.array(list(known.values()), dtype=np.float64))


def shown(samples: list[KindSamples]) -> dict[str, float]:
    rows = [(row[-1], value) for _, one in samples for row, value in one.known().items()]
    assert len(rows) == len({row for row, _ in rows}), "a series is told twice"
    return dict(rows)


def test_one_source_alone_is_shown_as_it_is() -> None:
    one = said(k.BROKER_LEADERS, {"1": 5.0, "2": math.nan})

    assert SourcePrecedence().choose([("cloudwatch", one)]) == [("cloudwatch", one)]


def test_the_protocol_wins_and_the_others_fill_what_it_does_not_know() -> None:
    parts = [
        ("cloudwatch", said(k.BROKER_LEADERS, {"1": 10.0, "2": 20.0, "3": 30.0, "4": 40.0, "5": 50.0})),
        ("kafka", said(k.BROKER_LEADERS, {"1": 1.0, "2": math.nan, "3": math.nan})),
        ("topics", said(k.BROKER_LEADERS, {"1": 1000.0, "2": 2000.0, "3": 3.0})),
        ("pages", said(k.BROKER_LEADERS, {"1": 100.0, "2": 2.0})),
    ]

    assert shown(SourcePrecedence().choose(parts)) == {"1": 1, "2": 2, "3": 3, "4": 40, "5": 50}


def test_a_counter_is_told_by_one_source_for_the_whole_cluster() -> None:
    pages, cloudwatch = said(b.BYTES_IN, {"1": 5.0}), said(b.BYTES_IN, {"1": 50.0, "2": 60.0})
    both = [("pages", pages), ("cloudwatch", cloudwatch)]

    assert shown(SourcePrecedence().choose(both)) == {"1": 5}
    assert shown(SourcePrecedence().choose(both[1:])) == {"1": 50, "2": 60}


@pytest.mark.parametrize("first", ["pages", "cloudwatch"])
def test_a_counter_does_not_jump_from_one_source_to_another(first: str) -> None:
    parts = {"pages": said(b.BYTES_IN, {"1": 5.0}), "cloudwatch": said(b.BYTES_IN, {"1": 50.0})}
    other = next(kind for kind in parts if kind != first)
    chosen = SourcePrecedence()

    assert chosen.choose([(first, parts[first])]) == [(first, parts[first])]
    assert chosen.choose([(other, parts[other])]) == []
    assert chosen.choose(list(parts.items())) == [(first, parts[first])]


def test_a_counter_that_nobody_knows_yet_is_nobodys() -> None:
    chosen = SourcePrecedence()
    chosen.choose([("pages", said(b.BYTES_IN, {"1": math.nan})), ("cloudwatch", said(b.BYTES_IN, {"1": math.nan}))])

    assert shown(chosen.choose([("cloudwatch", said(b.BYTES_IN, {"1": 50.0}))])) == {"1": 50}


def test_other_metrics_stay_the_same_objects() -> None:
    same = said(k.BROKER_PARTITIONS, {"1": 1.0})
    parts = [
        ("kafka", same),
        ("kafka", said(k.BROKER_LEADERS, {"1": 1.0})),
        ("pages", said(k.BROKER_LEADERS, {"1": 2.0})),
    ]

    assert any(one is same for _, one in SourcePrecedence().choose(parts))


def test_what_each_source_says_about_itself_is_all_shown() -> None:
    own = [
        (kind, c.SERIES_DROPPED.sample(float(at), source=kind)) for at, kind in enumerate(("kafka", "pages", "kinesis"))
    ]

    assert SourcePrecedence().choose(own) == own


def test_cloudwatch_is_not_believed_about_controllers_unless_the_user_says_so() -> None:
    told = [("cloudwatch", k.ACTIVE_CONTROLLERS.sample(0.0, kafka_cluster="c"))]
    order = f"trust: [{{metric: {k.ACTIVE_CONTROLLERS.name}, sources: [cloudwatch, kafka]}}]"

    assert SourcePrecedence().choose(told) == []
    assert precedence(configured(order).kafka[0]).choose(told) == told


def test_an_order_of_the_users_own_counts_for_its_metric_alone() -> None:
    chosen = SourcePrecedence({k.BROKER_LEADERS.name: ("pages", "kafka")})
    parts = [
        (kind, said(metric, {"1": value}))
        for metric in (k.BROKER_LEADERS, k.BROKER_PARTITIONS)
        for kind, value in (("kafka", 1.0), ("pages", 2.0), ("cloudwatch", 3.0))
    ]
    found = chosen.choose(parts)

    assert {one.metric: kind for kind, one in found} == {k.BROKER_LEADERS: "pages", k.BROKER_PARTITIONS: "kafka"}
    assert len(found) == 2


def configured(more: str) -> Config:
    return parse(f"kafka: [{{name: c, bootstrap: ['h:1'], {more}}}]", "f", Path())


@pytest.mark.parametrize(
    ("metric", "advice"),
    [
        (k.BROKER_LEADERS.name[:-1], f"did you mean '{k.BROKER_LEADERS.name}'"),
        ("x", "lists them"),
        (c.SOURCE_UP.name, "no metric of a Kafka cluster"),
    ],
)
def test_a_metric_that_there_is_not_cannot_be_trusted(metric: str, advice: str) -> None:
    with pytest.raises(ConfigError, match=advice):
        configured(f"trust: [{{metric: {metric}, sources: [kafka]}}]")
