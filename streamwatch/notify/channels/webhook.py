"""A webhook in the shape of Alertmanager's (version 4): what reads that one reads this one. Signed, where wanted."""

import hashlib
import hmac
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from streamwatch.core.times import rfc3339
from streamwatch.http.client import check_url, has_login
from streamwatch.model.labels import Labels
from streamwatch.model.notification import Notification
from streamwatch.notify.channel import Channel, Integration, Tools
from streamwatch.notify.fit import fitted, worst_first
from streamwatch.notify.text import MOST_ANNOTATION, annotations, truncated
from streamwatch.settings.types import Secret, setting, tried

MOST_BYTES: Final = 1_000_000
"""Of a body: more than most servers take by default, nginx for one."""
_NEVER: Final = "0001-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(Channel):
    """Something that takes Alertmanager's webhook."""

    url: Secret = setting("where it is sent")
    token: Secret | None = setting("sent as `Authorization: Bearer …`", default=None)
    hmac_key: Secret | None = setting(
        "signs each request: `X-StreamWatch-Signature: sha256=…`, the HMAC of `X-StreamWatch-Timestamp`, a dot and the"
        " body",
        default=None,
    )

    def own_problems(self) -> Iterator[str]:
        """Yield the mistakes in what this kind of channel alone has."""
        yield from tried(check_url, "url", self.url)
        if self.token is not None and has_login(self.url):
            yield "token: the address has a name and a password, too: keep one of them"

    def integrations(self, tools: Tools) -> tuple[Integration, ...]:
        """Return what is notified."""
        return (Integration(self.name, self.name, Webhook(self, tools), rate=10.0, burst=50),)


class Webhook:
    """Posts groups of alerts."""

    def __init__(self, config: Config, tools: Tools) -> None:
        self._config, self._tools = config, tools

    def send(self, notifications: Sequence[Notification]) -> None:
        """Post them, one request each."""
        config = self._config
        secrets = [secret for secret in (config.token, config.hmac_key) if secret is not None]
        for notification in notifications:
            body = payload(notification, config.name, self._tools.agent)
            headers = {"Idempotency-Key": f"{notification.key}/{notification.status}/{notification.at:.3f}"}
            if config.token is not None:
                headers["Authorization"] = f"Bearer {config.token.reveal()}"
            if config.hmac_key is not None:
                moment = str(int(self._tools.clock.now()))
                signed = hmac.new(config.hmac_key.reveal().encode(), f"{moment}.".encode() + body, hashlib.sha256)
                headers |= {
                    "X-StreamWatch-Timestamp": moment,
                    "X-StreamWatch-Signature": f"sha256={signed.hexdigest()}",
                }
            self._tools.web.post(config.url.reveal(), body, headers, secrets)


def payload(notification: Notification, receiver: str, agent: str, most: int = MOST_BYTES) -> bytes:
    """Return a notification as JSON, in the shape of Alertmanager's webhook: as many alerts as fit, the worst first."""
    # Who an alert is stays, where its labels have to be cut.
    ordered, prints = worst_first(notification.alerts), list[str]()

    def body(part: Notification) -> bytes:
        prints.extend(alert.fingerprint for alert in ordered[len(prints) : len(part.alerts)])
        return json.dumps(_payload(part, prints, receiver, agent)).encode()

    none = replace(notification, alerts=(), group=Labels(), left_out=notification.left_out + len(notification.alerts))
    return fitted(notification, body, lambda candidate: len(candidate) <= most) or body(none)


def _payload(notification: Notification, prints: Sequence[str], receiver: str, agent: str) -> dict[str, Any]:
    common = {name: truncated(value, MOST_ANNOTATION) for name, value in notification.common_annotations.items()}
    return {
        "version": "4",
        "groupKey": notification.key,
        "truncatedAlerts": notification.left_out,
        "status": notification.status,
        "receiver": receiver,
        "groupLabels": dict(notification.group),
        "commonLabels": dict(notification.common_labels),
        "commonAnnotations": common,
        "externalURL": agent,
        "alerts": [
            {
                "status": "resolved" if alert.state == "inactive" else "firing",
                "labels": dict(alert.labels),
                "annotations": annotations(alert),
                "startsAt": rfc3339(alert.fired_at or alert.active_at),
                "endsAt": _NEVER if alert.resolved_at is None else rfc3339(alert.resolved_at),
                "generatorURL": f"{agent}/api/v1/rules",
                "fingerprint": fingerprint,
            }
            for alert, fingerprint in zip(notification.alerts, prints, strict=False)
        ],
        **({"incident": notification.incident} if notification.incident else {}),
        **({"test": True} if notification.is_test else {}),
    }
