"""What docs/autoscaling.md promises: its expressions, asked and read as KEDA does, and its objects."""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.message import Message
from math import isfinite
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import pytest
import yaml

from streamwatch.catalogue import METRICS
from streamwatch.core.clock import ManualClock
from streamwatch.export.prometheus_api import PrometheusApi
from streamwatch.http.message import Request
from streamwatch.model.labels import NAME, Labels
from streamwatch.samples.history import History

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "autoscaling.md"
OBJECTS: Final[list[dict[str, Any]]] = [
    yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
]
SCALED: Final = {one["metadata"]["name"]: one for one in OBJECTS if one.get("kind") == "ScaledObject"}
ADAPTED: Final = [rule for one in OBJECTS for rule in one.get("externalRules", ())]
ORDERS: Final = {"kafka_cluster": "shop", "topic": "orders"}
BILLING: Final = {**ORDERS, "group": "billing"}
SHIP: Final = {"stream": "purchases", "kind": "kcl", "reader": "ship"}


class NotKnown(Exception):
    """KEDA has no value, and scales nothing."""


def keda(api: PrometheusApi, metadata: Mapping[str, str], now: float) -> float:
    """Ask as KEDA's scaler does, and read the answer as it does: an object of one series, and its second value."""
    time = datetime.fromtimestamp(int(now), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    query = urlencode({"query": metadata["query"], "time": time})
    answer = api.answer(Request("GET", "/api/v1/query", Message(), query=query))
    if answer.status.value != 200:
        raise NotKnown(answer.body)
    series = json.loads(answer.body)["data"]["result"]
    if not series:
        if metadata.get("ignoreNullValues") == "false":
            raise NotKnown("the result is empty")
        return 0.0
    (one,) = series
    value = float(one["value"][1])
    if not isfinite(value):
        raise NotKnown(str(value))
    return value


def agent(values: Iterable[tuple[str, Mapping[str, str], float, float]]) -> tuple[PrometheusApi, float]:
    """Return the API of an agent that has read these: name, labels, first value, and how much more it is a second."""
    history, rows = History({}, 3_600_000), list(values)
    for at in range(0, 601, 15):
        series = [(Labels({NAME: name, **labels}), first + rate * at) for name, labels, first, rate in rows]
        history.record("shop", series, at * 1000)
    return PrometheusApi(history, ManualClock(600.0), METRICS, list, list, list, dict), 600.0


def trigger(name: str) -> dict[str, str]:
    (one,) = SCALED[name]["spec"]["triggers"]
    return dict(one["metadata"])


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        (
            "billing",
            [("kafka_topic_end_offset", ORDERS, 5e6, 1000.0), ("kafka_group_topic_lag", BILLING, 120_000.0, 0.0)],
            1200.0,
        ),
        ("billing", [("kafka_topic_end_offset", ORDERS, 7.0, 0.0), ("kafka_group_topic_lag", BILLING, 0.0, 0.0)], 0.0),
        ("billing-by-time", [("kafka_group_topic_lag_seconds", BILLING, 90.0, 0.0)], 90.0),
        ("ship", [("reader_lag_seconds", {**SHIP, "group": "", "topic": ""}, 30.0, 0.0)], 30.0),
    ],
)
def test_each_expression_is_one_number(
    name: str, values: list[tuple[str, dict[str, str], float, float]], expected: float
) -> None:
    api, now = agent(values)
    assert keda(api, trigger(name), now) == pytest.approx(expected)
    others = [
        (metric, {**labels, "group": "b", "topic": "b", "reader": "b"}, 9e9, 9.0) for metric, labels, *_ in values
    ]
    api, now = agent([*values, *others])
    assert keda(api, trigger(name), now) == pytest.approx(expected), "what else there is does not count"


@pytest.mark.parametrize("name", SCALED)
def test_what_is_not_known_scales_nothing(name: str) -> None:
    written = ("kafka_topic_end_offset", ORDERS, 5e6, 1000.0)
    waits = ("kafka_group_topic_lag", BILLING, 7.0, 0.0)
    for values in ([], [written], [waits]):
        api, now = agent(values)
        with pytest.raises(NotKnown):
            keda(api, trigger(name), now)


def test_a_topic_that_was_made_anew_needs_nothing_negative() -> None:
    history = History({}, 3_600_000)
    for at in range(0, 601, 15):
        end = 5e6 + 10 * at if at < 300 else 10.0 * (at - 300)
        rows = [("kafka_topic_end_offset", ORDERS, end), ("kafka_group_topic_lag", BILLING, 0.0)]
        history.record("shop", [(Labels({NAME: name, **labels}), value) for name, labels, value in rows], at * 1000)
    api = PrometheusApi(history, ManualClock(600.0), METRICS, list, list, list, dict)
    for at in range(300, 601, 15):
        assert keda(api, trigger("billing"), float(at)) >= 0.0


def test_every_trigger_asks_for_what_is_not_known_to_be_an_error() -> None:
    assert len(SCALED) == 3
    for name in SCALED:
        assert trigger(name)["ignoreNullValues"] == "false"


def test_the_adapters_rule_is_kedas_expression_and_finds_its_series() -> None:
    (rule,) = ADAPTED
    assert rule["metricsQuery"] == trigger("billing")["query"]
    api, _ = agent([("kafka_group_topic_lag", BILLING, 7.0, 0.0)])
    query = urlencode({"match[]": rule["seriesQuery"], "start": "300"})
    answer = api.answer(Request("GET", "/api/v1/series", Message(), query=query))
    assert json.loads(answer.body)["data"] == [{"__name__": "kafka_group_topic_lag", **BILLING}]


def test_the_autoscaler_asks_for_the_adapters_name() -> None:
    (autoscaler,) = (one for one in OBJECTS if one.get("kind") == "HorizontalPodAutoscaler")
    (metric,) = autoscaler["spec"]["metrics"]
    assert metric["external"]["metric"]["name"] == ADAPTED[0]["name"]["as"]
    assert metric["external"]["target"]["averageValue"] == trigger("billing")["threshold"]
