"""PagerDuty, by its Events API v2: one incident a group, opened, and resolved under the same key."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from streamwatch.core.times import rfc3339
from streamwatch.http.client import check_url
from streamwatch.model.notification import Notification
from streamwatch.notify.channel import Integration, TitledChannel, Tools
from streamwatch.notify.fit import fitted, worst_first
from streamwatch.notify.text import annotations, cleaned, named_links, truncated
from streamwatch.notify.writer import Writer
from streamwatch.settings.types import Secret, setting, tried

_HOSTS: Final = {"us": "https://events.pagerduty.com", "eu": "https://events.eu.pagerduty.com"}
_SEVERITIES: Final = {
    "critical": "critical", "page": "critical", "error": "error", "warning": "warning", "warn": "warning",
    "info": "info", "none": "info",
}  # fmt: skip
_MOST_SUMMARY: Final = 1024
_MOST_KEY: Final = 255
_MOST_FACT: Final = 255
_MOST_BYTES: Final = 500_000
"""Of the request's body: the service takes 512 KB."""
_MOST_DETAILS: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(TitledChannel):
    """A service of PagerDuty's."""

    routing_key: Secret = setting("the integration key of Events API v2")
    region: Literal["us", "eu"] = setting("where the account is", default="us")
    url: Secret | None = setting("another endpoint, that speaks the same", default=None)

    def own_problems(self) -> Iterator[str]:
        """Yield the mistakes in what this kind of channel alone has."""
        yield from tried(check_url, "url", self.url)

    def integrations(self, tools: Tools) -> tuple[Integration, ...]:
        """Return what is notified."""
        return (Integration(self.name, self.name, PagerDuty(self, tools), rate=2.0, burst=20),)


class PagerDuty:
    """Sends events."""

    def __init__(self, config: Config, tools: Tools) -> None:
        self._config, self._tools = config, tools
        self._writer = Writer(tools, config.name, title=config.title)
        base = config.url.reveal().rstrip("/") if config.url is not None else _HOSTS[config.region]
        self._url = base if base.endswith("/enqueue") else f"{base}/v2/enqueue"

    def send(self, notifications: Sequence[Notification]) -> None:
        """Open or resolve incidents."""
        for notification in notifications:
            self._tools.web.post(self._url, self._body(notification), secrets=[self._config.routing_key])

    def _body(self, notification: Notification) -> bytes:
        """Return an event as JSON: with the details of as many alerts as fit, the worst first."""

        def body(part: Notification) -> bytes:
            return json.dumps(self._event(notification, part)).encode()

        ordered = worst_first(notification.alerts)
        listed = replace(
            notification,
            alerts=tuple(ordered[:_MOST_DETAILS]),
            left_out=notification.left_out + len(ordered[_MOST_DETAILS:]),
        )
        none = replace(notification, alerts=(), left_out=notification.left_out + len(ordered))
        return fitted(listed, body, lambda candidate: len(candidate) <= _MOST_BYTES) or body(none)

    def _event(self, notification: Notification, listed: Notification) -> dict[str, Any]:
        event: dict[str, Any] = {
            "routing_key": self._config.routing_key.reveal(),
            "event_action": "trigger" if notification.status == "firing" else "resolve",
            "dedup_key": notification.key[:_MOST_KEY],
        }
        if notification.status == "resolved":
            return event
        first = notification.alerts[0].labels if notification.alerts else notification.group
        where = "/".join(v for n, v in first.pairs if n in {"kafka_cluster", "stream", "broker", "topic", "source"})
        return event | {
            "client": "StreamWatch",
            "client_url": self._tools.agent,
            "links": [
                {"href": where, "text": what}
                for what, where in named_links(notification, self._tools.links).items()
                if where.startswith(("http://", "https://"))
            ],
            "payload": {
                "summary": self._writer.title(notification, _MOST_SUMMARY),
                "source": _fact(where) or "streamwatch",
                "severity": _SEVERITIES.get(notification.severity.lower(), "error"),
                "timestamp": rfc3339(
                    min((a.fired_at or a.active_at for a in notification.alerts), default=notification.at)
                ),
                "group": _fact(first.get("kafka_cluster") or first.get("stream") or first.get("source") or ""),
                "class": _fact(notification.name),
                "component": "kinesis" if "stream" in first else "kafka" if "kafka_cluster" in first else "streamwatch",
                "custom_details": {
                    "alerts": [
                        {"labels": dict(alert.labels), "annotations": annotations(alert)} for alert in listed.alerts
                    ],
                    "more": listed.left_out,
                    **({"incident": listed.incident} if listed.incident else {}),
                },
            },
        }


def _fact(text: str) -> str:
    return cleaned(truncated(text, _MOST_FACT))
