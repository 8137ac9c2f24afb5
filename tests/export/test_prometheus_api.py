"""Prometheus's API over the agent's own history."""

import json
import random
import threading
from collections.abc import Callable, Iterator
from email.message import Message
from typing import Any
from urllib.parse import urlencode

import pytest

from streamwatch.catalogue import METRICS
from streamwatch.core.clock import ManualClock
from streamwatch.export.prometheus_api import PrometheusApi
from streamwatch.http.message import Request
from streamwatch.model.labels import NAME, Labels
from streamwatch.promql.columns import SeriesBlock
from streamwatch.samples.history import History
from tests.promql.hostile_requests import request

Ask = Callable[..., tuple[int, Any]]


class Hurrying(ManualClock):
    """A clock of which a moment passes whenever it is read."""

    def monotonic(self) -> float:
        """Return the time, and let a hundredth of a second pass."""
        self.advance(0.01)
        return super().monotonic()


def api_of(clock: ManualClock, history: History) -> PrometheusApi:
    return PrometheusApi(
        history,
        clock,
        METRICS,
        lambda: [{"name": "g"}],
        lambda: [{"state": "firing"}],
        lambda: [{"channel": "c"}],
        lambda: {"incidents": []},
    )


NESTED = "count_over_time((" * 8 + "vector(1)" + ")[1h:1s])" * 8


def told(api: PrometheusApi, query: str, **how: Any) -> tuple[int, Any]:
    answer = api.answer(Request("GET", "/api/v1/query", Message(), query=urlencode({"query": query}), **how))
    return answer.status.value, json.loads(answer.body)


def test_a_query_ends_when_its_time_is_over() -> None:
    status, answer = told(api_of(Hurrying(), History()), NESTED)
    assert (status, answer["errorType"]) == (503, "timeout")
    assert answer["error"].startswith("query timed out in expression evaluation")


def test_a_query_ends_when_nobody_waits_for_it_any_more() -> None:
    looked = iter([False] * 20)
    status, answer = told(api_of(ManualClock(), History()), NESTED, is_gone=lambda: next(looked, True))
    assert (status, answer["errorType"], list(looked)) == (503, "timeout", [])


def test_samples_of_inner_evaluations_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamwatch.export.prometheus_api._MOST_SAMPLES", 10_000)
    status, answer = told(api_of(ManualClock(), History()), NESTED)
    assert (status, answer["error"]) == (422, "the query touches more than 10000 samples")


def test_who_waits_for_a_turn_too_long_is_refused_and_what_is_no_expression_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("streamwatch.export.prometheus_api._SECONDS", 0.1)
    history = Waiting()
    api = api_of(Hurrying(), history)
    thread = threading.Thread(target=told, args=(api, "m"))
    thread.start()
    try:
        assert history.asked.wait(60)
        assert told(api, "m") == (
            503,
            {"status": "error", "errorType": "timeout", "error": "other queries are being evaluated: ask again"},
        )
        assert told(api, "(" * 1000)[0] == 400
    finally:
        history.go_on.set()
        thread.join(60)


class Waiting(History):
    """A history that answers when it may."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.go_on = threading.Event(), threading.Event()

    def blocks(self, *what: Any, **how: Any) -> Iterator[SeriesBlock]:
        self.asked.set()
        assert self.go_on.wait(60)
        return super().blocks(*what, **how)


class Broken(History):
    """A history that cannot be read."""

    def names(self) -> frozenset[str]:
        raise ZeroDivisionError("division by zero")


def test_every_request_gets_an_answer(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("CRITICAL")
    answer = api_of(ManualClock(), Broken()).answer(Request("GET", "/api/v1/label/__name__/values", Message()))
    assert answer.status.value == 500
    assert json.loads(answer.body) == {
        "status": "error",
        "errorType": "internal",
        "error": "ZeroDivisionError: division by zero",
    }


@pytest.mark.parametrize("seed", range(8))
def test_whoever_means_no_good_gets_an_answer_too(seed: int) -> None:
    dice, history = random.Random(seed), History({}, 600_000)
    for at in range(0, 121, 15):
        some = [(Labels({NAME: name, "job": job}), float(at)) for name in ("up", "memory") for job in "ab"]
        history.record("s", some, at * 1000)
    api, statuses = api_of(Hurrying(120.0), history), set[int]()
    for _ in range(100):
        path, _, query = request(dice).partition("?")
        answer = api.answer(Request("GET", path, Message(), query=query))
        found = json.loads(answer.body)
        assert found["status"] == "success" or found["error"]
        statuses.add(answer.status.value)
    assert statuses <= {200, 400, 404, 422, 503}


@pytest.fixture
def ask() -> Ask:
    clock, history = ManualClock(120.0), History({}, 600_000)
    for at in range(0, 121, 15):
        some = [(Labels({NAME: "m", "a": name}), float(at + len(name))) for name in ("x", "yy")]
        history.record("s", some, at * 1000)
    api = api_of(clock, history)

    def asked(path: str, *pairs: tuple[str, str], **given: str) -> tuple[int, Any]:
        query = urlencode([*pairs, *given.items()])
        answer = api.answer(Request("GET", f"/api/v1/{path}", Message(), query=query))
        assert answer.content_type == "application/json"
        found = json.loads(answer.body)
        return answer.status.value, found["data"] if found["status"] == "success" else found

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
    assert ask("metadata")[1].keys() == {metric.family for metric in METRICS}


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
        ("query_range", {"query": "m", "start": "0", "end": "100000", "step": "1"}, 400, "bad_data"),
        ("query_range", {"query": "m", "start": "10", "end": "0", "step": "1"}, 400, "bad_data"),
        ("query_range", {"query": "m", "start": "0", "end": "1e400", "step": "1"}, 400, "bad_data"),
        ("query_range", {"query": "m", "start": "0", "end": "1", "step": "1e400"}, 400, "bad_data"),
        ("query_range", {"query": "m", "start": "0", "end": "1", "step": "1e-400"}, 400, "bad_data"),
        ("query_range", {"query": "m", "start": "0", "end": "1", "step": "NaN"}, 400, "bad_data"),
        *(
            ("query", {"query": "m", "time": time}, 400, "bad_data")
            for time in (
                "1e400",
                "-1e400",
                "NaN",
                "Inf",
                "1e18",
                "9" * 5000,
                "\x00",
                "1_0",
            )
        ),
        ("query", {"query": "m", "timeout": "x"}, 400, "bad_data"),
        ("query", {"query": "(" * 8000}, 400, "bad_data"),
        ("query", {"query": "^".join(["1"] * 4000)}, 400, "bad_data"),
        ("query", {"query": "label_join(" * 40 + "m" + ', "a", "", "a", "a")' * 40}, 422, "execution"),
        ("series", {}, 400, "bad_data"),
        ("series", {"match[]": "1 + 1"}, 400, "bad_data"),
        ("nothing", {}, 404, "not_found"),
    ],
)
def test_what_cannot_be_answered_is_told(ask: Ask, path: str, given: dict[str, str], status: int, kind: str) -> None:
    found, answer = ask(path, **given)
    assert (found, answer["errorType"]) == (status, kind)
    assert answer["error"]


def test_as_many_selectors_as_can_be_answered() -> None:
    api = api_of(ManualClock(), History())
    asked = Request("GET", "/api/v1/series", Message(), query=urlencode([("match[]", "m")] * 33))
    assert json.loads(api.answer(asked).body)["errorType"] == "bad_data"
