"""Alertmanager's HTTP API, v2, over the agent's own alerts and silences: what amtool, Karma and Grafana ask for."""

import json
import sqlite3
from collections.abc import Callable, Collection, Sequence
from http import HTTPStatus
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import parse_qs

from streamwatch.core.clock import Clock
from streamwatch.core.errors import QueryError
from streamwatch.core.times import rfc3339
from streamwatch.http.message import Request, Response
from streamwatch.model.alert import Alert
from streamwatch.model.labels import Labels
from streamwatch.notify import silencing
from streamwatch.notify.matchers import Matchers, fulfil, matchers
from streamwatch.notify.silence import Silence, number_of
from streamwatch.notify.standing import RouteStanding, Standing
from streamwatch.notify.text import annotations
from streamwatch.promql.match import compiled

T = TypeVar("T")

PREFIX: Final = "/api/v2/"
VERSION: Final = "0.28.0"
"""Of the Alertmanager whose API this is."""
_SILENCE: Final = "silence/"
_KEPT_SECONDS: Final = 5 * 86_400.0
"""So long is a silence shown after its end."""
_ENDS_SECONDS: Final = 300.0
"""The end of an alert that fires, as far as is known now: Alertmanager knows no alert without an end."""
_NOBODY: Final = "null"
"""The receiver of alerts that no channel is notified of."""
_NO_ROUTE: Final = RouteStanding(_NOBODY, Labels(), ())
_ORDER: Final = {"active": 0, "pending": 1, "expired": 2}


class Silencer(Protocol):
    """Knows silences, where alerts are routed and what mutes them."""

    def standing(self, alerts: Collection[Alert]) -> list[Standing]:
        """Return how each alert that fires stands."""

    def silences(self, ended_after: float) -> list[Silence]:
        """Return the silences that hold, that will, and that ended after a time."""

    def silence(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Write silences."""

    @property
    def receivers(self) -> Sequence[str]:
        """The channels, by name."""


class _Params:
    """The parameters of a request."""

    def __init__(self, query: str) -> None:
        self._params = parse_qs(query, keep_blank_values=True)

    def flag(self, name: str) -> bool:
        """Return a flag, which is set where it is not given."""
        text = self._params.get(name, ["true"])[-1].lower()
        if text not in {"true", "false", "1", "0", "t", "f"}:
            raise ValueError(f"{name}: {text!r} is neither true nor false")
        return text in {"true", "1", "t"}

    @property
    def filter(self) -> Matchers:
        """The conditions on labels."""
        return matchers(self._params.get("filter", []))

    @property
    def receiver(self) -> Callable[[str], bool]:
        """Says whether a receiver is asked for."""
        text = self._params.get("receiver", [""])[-1]
        if not text:
            return lambda _: True
        regex = compiled(text)
        return lambda name: regex.fullmatch(name) is not None


class AlertmanagerApi:
    """Answers. May be called from any thread."""

    def __init__(
        self,
        clock: Clock,
        silencer: Callable[[], Silencer],
        alerts: Callable[[], Collection[Alert]],
        known: Callable[[str], frozenset[str]],
        agent: Callable[[], str],
    ) -> None:
        """Begin.

        Args:
            clock: what time it is.
            silencer: gives who knows silences; another one after a reload.
            alerts: gives the alerts that are pending or firing.
            known: gives the values of a label, of rules, alerts and series.
            agent: says where the agent can be asked.

        """
        self._clock, self._silencer, self._alerts, self._known, self._agent = clock, silencer, alerts, known, agent
        self._started_at = clock.now()
        self._reads: dict[str, Callable[[_Params], object]] = {
            "status": self._status,
            "receivers": lambda _: [{"name": name} for name in self._receivers()],
            "alerts": self._list,
            "alerts/groups": self._groups,
            "silences": self._silences,
        }

    @property
    def names(self) -> tuple[str, ...]:
        """What is answered below ``PREFIX``."""
        return (*self._reads, f"{_SILENCE}ID")

    def answer(self, request: Request) -> Response:
        """Answer a request of which the path begins with ``PREFIX``; who may write has been looked at before."""
        path = request.path.removeprefix(PREFIX)
        try:
            if request.method == "POST":
                return self._post(path, request)
            if path.startswith(_SILENCE):
                return self._by_id(path.removeprefix(_SILENCE), request.method)
            if request.method == "DELETE":
                return _error(
                    HTTPStatus.METHOD_NOT_ALLOWED, f"{request.path}: DELETE {PREFIX}silence/ID ends a silence"
                )
            return self._read(path, request)
        except silencing.Unknown:
            return _error(HTTPStatus.NOT_FOUND, "there is no silence of this id")
        except (ValueError, QueryError) as error:
            return _error(HTTPStatus.BAD_REQUEST, str(error))

    def _read(self, path: str, request: Request) -> Response:
        found = self._reads.get(path)
        if found is None:
            there = ", ".join(f"{PREFIX}{name}" for name in self.names)
            return _error(HTTPStatus.NOT_FOUND, f"{request.path}: there is no such thing: there are {there}")
        return _json(found(_Params(request.query)))

    def _post(self, path: str, request: Request) -> Response:
        if path != "silences":
            what = "alerts come from the agent's own rules" if path == "alerts" else "POST makes silences only"
            return _error(HTTPStatus.METHOD_NOT_ALLOWED, f"{request.path}: {what}: POST {PREFIX}silences")
        now = self._clock.now()
        wanted = silencing.read(request.body(), now)
        made = self._silencer().silence(lambda connection: silencing.write(connection, wanted, now))
        warnings = silencing.warnings(made.conditions, [alert.labels for alert in self._alerts()], self._known)
        return _json({"silenceID": made.id, "warnings": warnings} if warnings else {"silenceID": made.id})

    def _by_id(self, params: str, method: str) -> Response:
        number, now = number_of(params), self._clock.now()
        if number is None:
            raise silencing.Unknown(params)
        if method == "DELETE":
            self._silencer().silence(lambda connection: silencing.end(connection, number, now))
            return Response(HTTPStatus.OK, b"", "application/json")
        for silence in self._silencer().silences(0.0):
            if silence.number == number:
                return _json(silencing.shown(silence, now))
        raise silencing.Unknown(params)

    def _silences(self, params: _Params) -> object:
        now, wanted = self._clock.now(), params.filter
        states = {state for state in _ORDER if params.flag(state)}
        found = [
            silence
            for silence in self._silencer().silences(now - _KEPT_SECONDS)
            if silence.state(now) in states and set(wanted) <= set(silence.conditions)
        ]

        def rank(one: Silence) -> tuple[int, float]:
            state = one.state(now)
            return _ORDER[state], {"active": one.until, "pending": one.starts, "expired": -one.until}[state]

        return [silencing.shown(one, now) for one in sorted(found, key=rank)]

    def _list(self, params: _Params) -> object:
        chosen = [standing for standing, _ in self._chosen(params)]
        chosen.sort(key=lambda standing: standing.alert.fingerprint)
        return [self._alert(standing, standing.muted_by, is_muted=standing.is_suppressed) for standing in chosen]

    def _groups(self, params: _Params) -> object:
        groups: dict[tuple[Labels, str], list[dict[str, Any]]] = {}
        for standing, routes in self._chosen(params):
            for route in routes:
                is_muted = bool(standing.silences or standing.inhibited_by or route.muted_by)
                alert = self._alert(standing, route.muted_by, is_muted=is_muted)
                groups.setdefault((route.group, route.channel), []).append(alert)
        with_muted = params.flag("muted")
        return [
            {
                "labels": dict(labels),
                "routeLabels": {},
                "receiver": {"name": receiver},
                "alerts": alerts,
            }
            for (labels, receiver), alerts in sorted(groups.items(), key=lambda item: item[0])
            if with_muted or any(alert["status"]["state"] == "active" for alert in alerts)
        ]

    def _chosen(self, params: _Params) -> list[tuple[Standing, list[RouteStanding]]]:
        """Return the alerts that a request asks for, and those of their routes that it asks for."""
        wanted, is_wanted = params.filter, params.receiver
        active, silenced, inhibited = (params.flag(name) for name in ("active", "silenced", "inhibited"))
        chosen = []
        for standing in self._silencer().standing(self._alerts()):
            routes = [route for route in standing.routes or (_NO_ROUTE,) if is_wanted(route.channel)]
            if not routes or not fulfil(wanted, standing.alert.labels):
                continue
            if (standing.silences and not silenced) or (standing.inhibited_by and not inhibited):
                continue
            if active or standing.silences or standing.inhibited_by:
                chosen.append((standing, routes))
        return chosen

    def _alert(self, standing: Standing, muted_by: Sequence[str], *, is_muted: bool) -> dict[str, Any]:
        alert, now = standing.alert, self._clock.now()
        receivers = dict.fromkeys(route.channel for route in standing.routes or (_NO_ROUTE,))
        return {
            "labels": dict(alert.labels),
            "annotations": annotations(alert),
            "receivers": [{"name": name} for name in receivers],
            "fingerprint": alert.fingerprint,
            "startsAt": rfc3339(alert.fired_at or alert.active_at),
            "updatedAt": rfc3339(now),
            "endsAt": rfc3339(now + _ENDS_SECONDS),
            "generatorURL": f"{self._agent()}/api/v1/rules",
            "status": {
                "state": "suppressed" if is_muted else "active",
                "silencedBy": [silence.id for silence in standing.silences],
                "inhibitedBy": list(standing.inhibited_by),
                "mutedBy": list(muted_by),
            },
        }

    def _receivers(self) -> list[str]:
        return sorted({*self._silencer().receivers, _NOBODY})

    def _status(self, _: _Params) -> object:
        names = self._receivers()
        config = {"route": {"receiver": names[0]}, "receivers": [{"name": name} for name in names]}
        build = {"revision": "", "branch": "", "buildUser": "StreamWatch", "buildDate": "", "goVersion": ""}
        return {
            "cluster": {"status": "disabled", "peers": []},
            "versionInfo": {"version": VERSION, **build},
            "config": {"original": json.dumps(config)},  # JSON is YAML
            "uptime": rfc3339(self._started_at),
        }


def _error(status: HTTPStatus, message: str) -> Response:
    """Return an error as Alertmanager does: a JSON text."""
    return _json(message, status)


def _json(what: object, status: HTTPStatus = HTTPStatus.OK) -> Response:
    body = json.dumps(what, separators=(",", ":"), allow_nan=False).encode()
    return Response(status, body, "application/json", (("Cache-Control", "no-store"),))
