"""Prometheus's API over the agent's own history."""

import json
from collections.abc import Callable
from email.message import Message
from typing import Any
from urllib.parse import urlencode

import pytest

from streamwatch.api import Api
from streamwatch.catalogue import METRICS
from streamwatch.clock import ManualClock
from streamwatch.export.connection import Asked
from streamwatch.history import History
from streamwatch.model.labels import NAME, Labels

Ask = Callable[..., tuple[int, Any]]


@pytest.fixture
def ask() -> Ask:
    clock, history = ManualClock(120.0), History({}, 600_000)
    for at in range(0, 121, 15):
        some = [(Labels({NAME: "m", "a": name}), float(at + len(name))) for name in ("x", "yy")]
        history.record("s", some, at * 1000)
    api = Api(
        history, clock, METRICS, lambda: [{"name": "g"}], lambda: [{"state": "firing"}], lambda: [{"channel": "c"}]
    )

    def asked(path: str, *pairs: tuple[str, str], **given: str) -> tuple[int, Any]:
        query = urlencode([*pairs, *given.items()])
        answer = api.answer(Asked("GET", f"/api/v1/{path}", Message(), query=query))
        assert answer.content_type == "application/json"
        told = json.loads(answer.body)
        return answer.status.value, told["data"] if told["status"] == "success" else told

    return asked


def test_an_instant_is_asked(ask: Ask) -> None:
    assert ask("query", query="m") == (
        200,
        {
            "resultType": "vector",
            "result": [
                {"metric": {"__name__": "m", "a": "x"}, "value": [120.0, "121"]},
                {"metric": {"__name__": "m", "a": "yy"}, "value": [120.0, "122"]},
            ],
        },
    )
    assert ask("query", query="sum(m)", time="1970-01-01T00:01:00Z")[1]["result"] == [
        {"metric": {}, "value": [60.0, "123"]}
    ]
    assert ask("query", query="1 + 0.5")[1] == {"resultType": "scalar", "result": [120.0, "1.5"]}
    assert ask("query", query='"text"')[1] == {"resultType": "string", "result": [120.0, "text"]}
    assert ask("query", query="vector(0) / 0")[1]["result"] == [{"metric": {}, "value": [120.0, "NaN"]}]


def test_a_range_is_asked(ask: Ask) -> None:
    _, data = ask("query_range", query="sum(m)", start="0", end="30", step="15s")
    assert data == {
        "resultType": "matrix",
        "result": [{"metric": {}, "values": [[0.0, "3"], [15.0, "33"], [30.0, "63"]]}],
    }


def test_series_labels_and_values_are_told(ask: Ask) -> None:
    assert ask("series", ("match[]", 'm{a="x"}'))[1] == [{"__name__": "m", "a": "x"}]
    assert ask("labels")[1] == ["__name__", "a"]
    assert ask("label/a/values")[1] == ["x", "yy"]
    assert ask("label/__name__/values")[1] == ["m"]


def test_metrics_are_explained(ask: Ask) -> None:
    _, data = ask("metadata", metric="kafka_brokers")
    assert list(data) == ["kafka_brokers"]
    assert data["kafka_brokers"][0]["type"] == "gauge"
    assert len(ask("metadata")[1]) == len(METRICS)


def test_rules_and_alerts_are_told(ask: Ask) -> None:
    assert ask("rules")[1] == {"groups": [{"name": "g"}]}
    assert ask("alerts")[1] == {"alerts": [{"state": "firing"}]}


@pytest.mark.parametrize(
    ("path", "given", "status", "kind"),
    [
        ("query", {}, 400, "bad_data"),
        ("query", {"query": "m{"}, 400, "bad_data"),
        ("query", {"query": "m", "time": "yesterday"}, 400, "bad_data"),
        ("query", {"query": "m + on () m"}, 422, "execution"),
        ("query_range", {"query": "m", "start": "0", "end": "100", "step": "0"}, 400, "bad_data"),
        ("query_range", {"query": "m", "start": "0", "end": "100000", "step": "1"}, 422, "execution"),
        ("series", {}, 400, "bad_data"),
        ("series", {"match[]": "1 + 1"}, 400, "bad_data"),
        ("nothing", {}, 404, "not_found"),
    ],
)
def test_what_cannot_be_answered_is_said(ask: Ask, path: str, given: dict[str, str], status: int, kind: str) -> None:
    found, told = ask(path, **given)
    assert (found, told["errorType"]) == (status, kind)
    assert told["error"]
