"""Alertmanager, by its API v2: every alert by itself and again every minute, as Prometheus does; several at once."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from streamwatch.core.times import rfc3339
from streamwatch.http.client import check_url, has_login
from streamwatch.http.transport import basic
from streamwatch.model.alert import Alert
from streamwatch.model.notification import Notification
from streamwatch.notify.channel import Channel, Integration, Tools
from streamwatch.notify.plan import GroupTiming
from streamwatch.notify.text import Links, annotations, truncated
from streamwatch.settings.types import Duration, Secret, setting, tried

_MOST_ALERTS: Final = 64
_MOST_BYTES: Final = 1_000_000
"""Of a request's body: more than most servers before it take by default, nginx for one."""
_MOST_LABELS: Final = 60
_MOST_LABEL: Final = 500
"""Characters of a label, and labels, of an alert whose labels are too long for a request."""
_LINGER_SECONDS: Final = 300.0
_ENDS: Final = 4
"""An alert of which nothing is heard for so many times the interval has ended, for Alertmanager."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(Channel):
    """Alertmanagers, each of which gets every alert: a cluster of them, say."""

    urls: tuple[Secret, ...] = setting("their addresses, as in `http://alertmanager:9093`")
    username: str | None = setting("user name (basic authentication)", default=None)
    password: Secret | None = setting("its password", default=None)
    token: Secret | None = setting("sent as `Authorization: Bearer …`", default=None)
    resend_delay: Duration = setting(
        "how often what fires is sent again", default=60.0, minimum=1.0, maximum=3600.0, formerly=("resend",)
    )
    without: tuple[str, ...] = setting(
        "labels that are left out, so that two agents on one cluster say the same", default=("instance",)
    )

    def own_problems(self) -> Iterator[str]:
        """Yield the mistakes in what this kind of channel alone has."""
        urls = [url for url in self.urls or () if url is not None]
        for at, url in enumerate(urls):
            yield from tried(check_url, f"urls[{at}]", url)
        if not self.urls:
            yield "urls: at least one is wanted"
        if (self.token or self.username) and any(map(has_login, urls)):
            yield "urls: an address has a name and a password, and there are others: keep one of them"
        if (self.username is None) != (self.password is None):
            yield "username: it and `password` belong together"

    def integrations(self, tools: Tools) -> tuple[Integration, ...]:
        """Return what is notified: each Alertmanager by itself, so that one that fails does not hold up the others."""
        pace = GroupTiming(interval=0.0, repeat=self.resend_delay, linger=_LINGER_SECONDS)
        several = len(self.urls) > 1
        return tuple(
            Integration(
                f"{self.name}[{at}]" if several else self.name, self.name, Alertmanager(self, url, tools),
                most=_MOST_ALERTS, rate=20.0, burst=50, alone=True, pace=pace,
            )
            for at, url in enumerate(self.urls)
        )  # fmt: skip


class Alertmanager:
    """Posts alerts to one Alertmanager."""

    def __init__(self, config: Config, url: Secret, tools: Tools) -> None:
        self._config, self._tools = config, tools
        self._url = f"{url.reveal().rstrip('/')}/api/v2/alerts"

    def send(self, notifications: Sequence[Notification]) -> None:
        """Post the alerts of all notifications, in one request where they fit into one."""
        config = self._config
        headers: dict[str, str] = {}
        if config.token is not None:
            headers["Authorization"] = f"Bearer {config.token.reveal()}"
        elif config.password is not None:
            headers["Authorization"] = basic(config.username or "", config.password.reveal())
        ends = self._tools.clock.now() + _ENDS * config.resend_delay
        alerts: list[dict[str, Any]] = []
        for notification in notifications:
            shared = self._shared_annotations(notification)
            alerts += [self._alert(alert, shared, ends) for alert in notification.alerts]
        secrets = [secret for secret in (config.token, config.password) if secret is not None]
        for body in _bodies(alerts):
            self._tools.web.post(self._url, body, headers, secrets)

    def _shared_annotations(self, notification: Notification) -> dict[str, str]:
        """Return the annotations that all alerts of a notification have: of thousands, worked out once."""
        links: Links = self._tools.links
        links_by_name = {"runbook_url": links.runbook(notification), "dashboard_url": links.shown(notification)}
        found = {name: where for name, where in links_by_name.items() if "://" in where}
        return {**found, "test": "this is a test of StreamWatch"} if notification.is_test else found

    def _alert(self, alert: Alert, shared: Mapping[str, str], ends: float) -> dict[str, Any]:
        ended = ends if alert.resolved_at is None else alert.resolved_at
        return {
            "labels": dict(alert.labels.without(self._config.without)),
            "annotations": {**annotations(alert), **shared},
            # What was written down before the clock was set back may lie ahead: Alertmanager would refuse it.
            "startsAt": rfc3339(min(alert.fired_at or alert.active_at, ended)),
            "endsAt": rfc3339(ended),
            "generatorURL": f"{self._tools.agent}/api/v1/rules",
        }


def _bodies(alerts: list[dict[str, Any]]) -> Iterator[bytes]:
    """Yield requests' bodies: halves of what is too long; of one alert that is, the labels that identify it.

    Labels that are too long by themselves are cut; a hash of the whole keeps alerts apart.
    """
    body = json.dumps(alerts).encode()
    if len(body) <= _MOST_BYTES:
        yield body
    elif len(alerts) > 1:
        yield from _bodies(alerts[: len(alerts) // 2])
        yield from _bodies(alerts[len(alerts) // 2 :])
    elif alerts[0]["annotations"]:
        yield from _bodies([{**alerts[0], "annotations": {}}])
    else:
        yield json.dumps([{**alerts[0], "labels": _cut(alerts[0]["labels"])}]).encode()


def _cut(labels: Mapping[str, str]) -> dict[str, str]:
    first = sorted(labels, key=lambda name: (name not in {"alertname", "severity"}, len(name)))[:_MOST_LABELS]
    whole = sha256(json.dumps(sorted(labels.items())).encode()).hexdigest()
    return {name[:_MOST_LABEL]: truncated(labels[name], _MOST_LABEL) for name in first} | {"cut": whole}
