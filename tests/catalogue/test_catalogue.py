import re

import numpy as np
import pytest

from streamwatch.catalogue import METRICS
from streamwatch.catalogue.cloudwatch_mappings import MAPPINGS
from streamwatch.catalogue.cloudwatch_names import cloudwatch_names
from streamwatch.core.errors import CatalogueError
from streamwatch.model.metric import Keys, Metric

BY_NAME = [pytest.param(one, id=one.name) for one in METRICS]
WORDS = {"seconds": "_seconds", "bytes": "_bytes", "ratio": "_ratio"}


def test_names_are_unique() -> None:
    assert len({one.name for one in METRICS}) == len(METRICS)


@pytest.mark.parametrize("metric", BY_NAME)
def test_a_definition_keeps_prometheus_conventions(metric: Metric) -> None:
    assert re.fullmatch(r"((kafka|kinesis|reader|streamwatch)_[a-z0-9_]+|readers)", metric.name)
    assert metric.name.endswith("_total") == (metric.kind == "counter")
    if metric.unit in WORDS:
        assert metric.family.removesuffix("_total").endswith(WORDS[metric.unit])
    assert metric.help.endswith(".")
    assert metric.question.endswith("?")
    assert all(re.fullmatch(r"[a-z_]+", label) for label in metric.labels)


@pytest.mark.parametrize("metric", BY_NAME)
def test_a_definition_refuses_other_labels_than_its_own(metric: Metric) -> None:
    with pytest.raises(CatalogueError, match=metric.name):
        metric.sample(1.0, **dict.fromkeys((*metric.labels, "stranger"), "x"))
    with pytest.raises(CatalogueError, match=metric.name):
        metric.samples(Keys(("stranger",), [("x",)]), np.ones(1))


def test_a_definition_refuses_values_that_do_not_fit_its_entities() -> None:
    metric = METRICS[0]

    with pytest.raises(CatalogueError, match="2"):
        metric.samples(Keys(metric.labels, [("x",) * len(metric.labels)]), np.ones(2))


def test_the_msk_default_metrics_that_the_protocol_can_tell_have_their_twin() -> None:
    mappings = {one.cloudwatch.name for one in METRICS if one.cloudwatch}

    assert mappings >= {
        "ActiveControllerCount",
        "OfflinePartitionsCount",
        "GlobalPartitionCount",
        "GlobalTopicCount",
        "PartitionCount",
        "LeaderCount",
        "UnderMinIsrPartitionCount",
        "UnderReplicatedPartitions",
        "KafkaDataLogsDiskUsed",
        "SumOffsetLag",
        "MaxOffsetLag",
    }


@pytest.mark.parametrize("metric", BY_NAME)
def test_each_cloudwatch_name_of_a_metric_stands_once_and_says_which_series_it_tells(metric: Metric) -> None:
    names = cloudwatch_names(metric)

    assert len({one.name for one in names}) == len(names)
    assert all(label in metric.labels for one in names for label, _ in one.labels)
    assert {(one.name, one.fixed, one.statistic) for one in MAPPINGS if one.metric is metric} <= {
        (one.name, one.labels, one.statistic) for one in names
    }
    if metric.cloudwatch is not None:
        assert metric.cloudwatch.name in {one.name for one in names}
