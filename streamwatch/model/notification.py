"""A notification: what is sent about a group of alerts, and how it is stored as text."""

import json
import math
from dataclasses import dataclass
from typing import Any, Literal

from streamwatch.core.times import is_instant
from streamwatch.model.alert import Alert
from streamwatch.model.labels import Labels

Status = Literal["firing", "resolved"]


@dataclass(frozen=True, slots=True)
class Notification:
    """What is sent. Instants are seconds since 1970."""

    key: str
    """What identifies the incident: a function of the group's labels alone."""
    group: Labels
    """What the alerts have in common, and are grouped by."""
    status: Status
    alerts: tuple[Alert, ...]
    """Those that fire, the worst first; then those that have resolved since the last message."""
    at: float
    """When it was decided."""
    left_out: int = 0
    """How many alerts more there are than are listed."""
    is_test: bool = False
    incident: str = ""
    """What is the matter, whom it concerns and what to do first, in a line; empty where the cause is not known."""

    @property
    def name(self) -> str:
        """The alert's name; of several, those of the first."""
        return self.group.get("alertname") or next((alert.name for alert in self.alerts), "")

    @property
    def severity(self) -> str:
        """The severity of the first alert; empty where it has none."""
        return next((alert.labels.get("severity", "") for alert in self.alerts), "")

    @property
    def common_labels(self) -> Labels:
        """The labels that all alerts have."""
        return Labels(_common([alert.labels.pairs for alert in self.alerts]))

    @property
    def common_annotations(self) -> dict[str, str]:
        """The annotations that all alerts have."""
        return dict(_common([alert.annotations for alert in self.alerts]))


def _common(some: list[tuple[tuple[str, str], ...]]) -> list[tuple[str, str]]:
    return [pair for pair in some[0] if all(pair in other for other in some[1:])] if some else []


def to_text(notification: Notification) -> str:
    """Return a notification as JSON."""
    text = json.dumps(
        {
            "key": notification.key,
            "group": notification.group.pairs,
            "status": notification.status,
            "at": notification.at,
            "left_out": notification.left_out,
            "incident": notification.incident,
            "alerts": [
                {
                    "labels": alert.labels.pairs,
                    "state": alert.state,
                    "value": None if math.isnan(alert.value) else alert.value,
                    "active_at": alert.active_at,
                    "annotations": alert.annotations,
                    "fired_at": alert.fired_at,
                    "resolved_at": alert.resolved_at,
                }
                for alert in notification.alerts
            ],
        },
        ensure_ascii=False,
    )
    return text.encode("utf-8", "replace").decode()  # halves of a character cannot be kept


def from_text(text: str) -> Notification:
    """Return the notification that a text of ``to_text`` says.

    Raises:
        ValueError: it says none; or TypeError, KeyError.

    """
    content: dict[str, Any] = json.loads(text)
    times = [one[name] for one in content["alerts"] for name in ("active_at", "fired_at", "resolved_at")]
    if not all(is_instant(at) for at in (content["at"], *times) if at is not None):
        raise ValueError("a time that is none")
    return Notification(
        content["key"],
        _labels(content["group"]),
        content["status"],
        tuple(
            Alert(
                _labels(one["labels"]),
                one["state"],
                math.nan if one["value"] is None else one["value"],
                one["active_at"],
                tuple((str(name), str(value)) for name, value in one["annotations"]),
                one["fired_at"],
                one["resolved_at"],
            )
            for one in content["alerts"]
        ),
        content["at"],
        content["left_out"],
        incident=content.get("incident", ""),  # what waited before an agent had it
    )


def _labels(pairs: list[list[str]]) -> Labels:
    return Labels((name, value) for name, value in pairs)
