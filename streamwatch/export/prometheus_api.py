"""Prometheus's HTTP API over the agent's own history: what Grafana and promtool ask of a Prometheus."""

import json
import logging
import math
import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qs, unquote

from streamwatch.core.clock import Clock
from streamwatch.core.errors import EvaluationError, QueryError
from streamwatch.http.message import Request, Response
from streamwatch.model.labels import NAME, Labels
from streamwatch.model.metric import Metric
from streamwatch.promql.columns import KeyIndex
from streamwatch.promql.evaluate import MOST_STEPS, Options, evaluate, evaluate_range
from streamwatch.promql.match import Matcher
from streamwatch.promql.nodes import Selector
from streamwatch.promql.numbers import shortest
from streamwatch.promql.parse import duration_ms, parse
from streamwatch.promql.series import Value
from streamwatch.promql.text import prepared
from streamwatch.samples.history import History

log = logging.getLogger(__name__)

PREFIX: Final = "/api/v1/"
_BAD, _SLOW, _WRONG = HTTPStatus.BAD_REQUEST, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.UNPROCESSABLE_ENTITY
_MOST_SAMPLES: Final = 5_000_000
_MOST_HELD: Final = 300_000
_MOST_SERIES: Final = 50_000
_MOST_SELECTORS: Final = 32
_SECONDS: Final = 0.7
"""So long may an answer take, with the wait for its turn: who waits for it longer than a second asks again."""
_FARTHEST_SECONDS: Final = 2.0**62 / 1e3
_SHORTEST_SECONDS: Final = 0.001
_SHOWN: Final = 80
_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_EVALUATED: Final = frozenset({"query", "query_range", "series", "labels"})
_LABEL_VALUES: Final = re.compile(r"label/([^/]+)/values")


@dataclass(frozen=True, slots=True)
class _Written:
    """Data that is JSON already: of many points, lists and numbers would take five times the memory of their text."""

    text: str


class _Refused(Exception):
    """A parameter that cannot be used."""


class _Params:
    """The parameters of a request, and how long its answer may take."""

    def __init__(self, request: Request, clock: Clock, *, delayed_names: bool) -> None:
        self._params = parse_qs(request.query, keep_blank_values=True)
        self._clock, self._is_gone = clock, request.is_gone
        self._now = clock.now()
        self._until, self._delayed_names = clock.monotonic() + _SECONDS, delayed_names

    @property
    def options(self) -> Options:
        """How its expressions are evaluated."""
        return Options(
            most_samples=_MOST_SAMPLES,
            most_held=_MOST_HELD,
            look=self.look,
            is_passing=True,
            delayed_names=self._delayed_names,
        )

    @property
    def seconds_left(self) -> float:
        """How long there is still time."""
        return max(0.0, self._until - self._clock.monotonic())

    def shorten(self) -> None:
        """Let no more time pass than the request gives."""
        if "timeout" in self._params:
            self._until = min(self._until, self._clock.monotonic() + self.span_ms("timeout") / 1000)

    def look(self) -> None:
        """End a query that takes too long, or that nobody waits for."""
        if not self.seconds_left:
            raise TimeoutError("query timed out in expression evaluation: ask for less at a time")
        if self._is_gone():
            raise TimeoutError("nobody waits for the answer any more")

    def text(self, name: str) -> str:
        """Return one that must be there."""
        if name not in self._params:
            raise _Refused(f"parameter {name!r} is missing")
        return self._params[name][0]

    def all(self, name: str) -> list[str]:
        """Return every one of that name."""
        return self._params.get(name, [])

    def instant_ms(self, name: str, default: float | None = None) -> int:
        """Return an instant: seconds since 1970, or RFC 3339."""
        text = self._params.get(name, [""])[0]
        if not text:
            return round((self._now if default is None else default) * 1000)
        try:
            seconds = float(text) if _NUMBER.fullmatch(text) else _instant(text)
        except (ValueError, OverflowError):
            seconds = math.inf
        if not abs(seconds) < _FARTHEST_SECONDS:
            shown = repr(text[:_SHOWN])
            raise _Refused(f"parameter {name!r}: {shown} is no time: write seconds since 1970, or RFC 3339")
        return round(seconds * 1000)

    def span_ms(self, name: str) -> int:
        """Return a duration: seconds, or as in PromQL."""
        text = self.text(name)
        try:
            seconds = float(text) if _NUMBER.fullmatch(text) else duration_ms(text) / 1000
        except QueryError as error:
            raise _Refused(f"parameter {name!r}: {error}") from None
        if not _SHORTEST_SECONDS <= seconds < _FARTHEST_SECONDS:
            raise _Refused(f"parameter {name!r}: {text[:_SHOWN]!r} is not a time that passes")
        return round(seconds * 1000)


def _instant(text: str) -> float:
    found = datetime.fromisoformat(text)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


class PrometheusApi:
    """Answers. May be called from any thread; expressions are evaluated one at a time, as they share the processor."""

    def __init__(  # noqa: PLR0913, PLR0917 - wired in one place
        self,
        history: History,
        clock: Clock,
        metrics: Sequence[Metric],
        rules: Callable[[], list[dict[str, Any]]],
        alerts: Callable[[], list[dict[str, Any]]],
        notifications: Callable[[], list[dict[str, Any]]],
        incidents: Callable[[], dict[str, Any]],
        *,
        delayed_names: bool = False,
    ) -> None:
        """Begin.

        Args:
            history: what is asked.
            clock: what time it is.
            metrics: those that there may be, for the metadata.
            rules: gives the groups of rules, in Prometheus's shape.
            alerts: gives the alerts that are pending or firing, in Prometheus's shape.
            notifications: gives what each channel was notified of; not Prometheus's.
            incidents: gives the alerts by their cause; not Prometheus's.
            delayed_names: whether queries drop metric names at their end only.

        """
        self._history, self._clock, self._delayed_names = history, clock, delayed_names
        self._metrics = metrics
        self._turn = threading.Lock()
        self._answers: dict[str, Callable[[_Params], object]] = {
            "query": self._query,
            "query_range": self._query_range,
            "series": self._series,
            "labels": self._labels,
            "metadata": self._metadata,
            "rules": lambda _: {"groups": rules()},
            "alerts": lambda _: {"alerts": alerts()},
            "notifications": lambda _: {"notifications": notifications()},
            "incidents": lambda _: incidents(),
            "status/buildinfo": lambda _: {"application": "StreamWatch", "version": "2.55.0", "features": {}},
        }

    @property
    def names(self) -> tuple[str, ...]:
        """What is answered below ``PREFIX``."""
        return (*self._answers, "label/NAME/values")

    def answer(self, request: Request) -> Response:
        """Answer a request of which the path begins with ``PREFIX``."""
        path = request.path.removeprefix(PREFIX)
        values = _LABEL_VALUES.fullmatch(path)
        found = self._answers.get(path)
        if values is not None:
            found = lambda params: self._values(unquote(values[1]), params)  # noqa: E731 - of this request
        if found is None:
            there = ", ".join(f"{PREFIX}{name}" for name in self.names)
            shown = request.path[:_SHOWN]
            return _error(HTTPStatus.NOT_FOUND, "not_found", f"{shown}: there is no such thing: there are {there}")
        try:
            return self._in_turn(
                found,
                _Params(request, self._clock, delayed_names=self._delayed_names),
                waits=values is not None or path in _EVALUATED,
            )
        except (_Refused, QueryError) as error:
            return _error(_BAD, "bad_data", str(error))
        except EvaluationError as error:
            return _error(_WRONG, "execution", str(error))
        except TimeoutError as error:
            return _error(_SLOW, "timeout", str(error))
        except Exception as error:  # whoever asks gets an answer
            log.exception("api: %s: no answer could be made: please report this", request.path[:_SHOWN])
            return _error(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", f"{type(error).__name__}: {error}")

    def _in_turn(self, found: Callable[[_Params], object], params: _Params, *, waits: bool) -> Response:
        """Make an answer; what reads the history is made one at a time, texts included, and bounded before it waits."""
        if not waits:
            return _json(HTTPStatus.OK, {"status": "success", "data": found(params)})
        params.shorten()
        for text in (*params.all("query"), *params.all("match[]")):
            prepared(text)
        if not self._turn.acquire(timeout=params.seconds_left):
            raise TimeoutError("other queries are being evaluated: ask again")
        try:
            data = found(params)
            if isinstance(data, _Written):
                return _json_text(HTTPStatus.OK, f'{{"status":"success","data":{data.text}}}')
            return _json(HTTPStatus.OK, {"status": "success", "data": data})
        finally:
            self._turn.release()

    def _query(self, params: _Params) -> object:
        node, at = parse(params.text("query")), params.instant_ms("time")
        value: Value = evaluate(node, self._history, at, params.options)
        if isinstance(value, str):
            return {"resultType": "string", "result": [at / 1000, value]}
        if isinstance(value, float):
            return {"resultType": "scalar", "result": [at / 1000, shortest(value)]}
        _bounded(len(value))
        return {
            "resultType": "vector",
            "result": [{"metric": dict(labels), "value": [at / 1000, shortest(one)]} for labels, one in value],
        }

    def _query_range(self, params: _Params) -> object:
        node = parse(params.text("query"))
        start, end, step = params.instant_ms("start"), params.instant_ms("end"), params.span_ms("step")
        if end < start:
            raise _Refused("parameter 'end': the end must not be before the start")
        if (end - start) // step >= MOST_STEPS:
            raise _Refused(f"exceeded maximum resolution of {MOST_STEPS} points per series: make the step longer")
        found = evaluate_range(node, self._history, start, end, step, params.options)
        _bounded(len(found))
        written = ",".join(_written(labels, *found[labels], params.look) for labels in sorted(found))
        return _Written(f'{{"resultType":"matrix","result":[{written}]}}')

    def _matching(self, params: _Params, *, all_by_default: bool) -> list[Labels]:
        """Return the label sets that a request speaks of."""
        start, end = params.instant_ms("start", 0.0), params.instant_ms("end")
        texts = params.all("match[]")
        if len(texts) > _MOST_SELECTORS:
            raise _Refused(f"parameter 'match[]': at most {_MOST_SELECTORS} of it can be answered at a time")
        selectors = [_matchers(text) for text in texts]
        if not selectors:
            if not all_by_default:
                raise _Refused("parameter 'match[]' is missing")
            selectors = [(Matcher(NAME, "!=", ""),)]
        found: dict[Labels, None] = {}
        for matchers in selectors:
            for block in self._history.blocks(matchers, start, end, newest=True, index=KeyIndex()):
                params.look()
                _bounded(len(found) + len(block.rows))
                found.update(dict.fromkeys(block.rows.labels()))
        return sorted(found)

    def _series(self, params: _Params) -> object:
        return [dict(labels) for labels in self._matching(params, all_by_default=False)]

    def _labels(self, params: _Params) -> object:
        return sorted({name for labels in self._matching(params, all_by_default=True) for name in labels})

    def _values(self, name: str, params: _Params) -> object:
        if name == NAME and not params.all("match[]"):
            return sorted(self._history.names())
        return sorted({labels[name] for labels in self._matching(params, all_by_default=True) if name in labels})

    def _metadata(self, params: _Params) -> object:
        wanted = params.all("metric")
        return {
            metric.family: [{"type": metric.kind, "help": metric.help, "unit": metric.unit}]
            for metric in self._metrics
            if not wanted or metric.family in wanted
        }


def _matchers(text: str) -> Sequence[Matcher]:
    node = parse(text)
    if not isinstance(node, Selector):
        raise _Refused(f"parameter 'match[]': {text!r} is no selector, such as up{{job=\"x\"}}")
    return node.matchers


def _bounded(series: int) -> None:
    if series > _MOST_SERIES:
        raise EvaluationError(f"the answer has more than {_MOST_SERIES} series: choose, or aggregate")


def _error(status: HTTPStatus, kind: str, message: str) -> Response:
    return _json(status, {"status": "error", "errorType": kind, "error": message})


def _json(status: HTTPStatus, what: Mapping[str, object]) -> Response:
    return _json_text(status, json.dumps(what, separators=(",", ":"), allow_nan=False))


def _json_text(status: HTTPStatus, text: str) -> Response:
    return Response(status, text.encode(), "application/json")


def _written(labels: Labels, times: Iterable[int], values: Iterable[float], look: Callable[[], None]) -> str:
    """Return a series as it is in an answer, if there still is time."""
    look()
    points = ",".join([f'[{at / 1000!r},"{shortest(value)}"]' for at, value in zip(times, values, strict=True)])
    return f'{{"metric":{json.dumps(dict(labels), separators=(",", ":"))},"values":[{points}]}}'
