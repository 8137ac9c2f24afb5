"""What fits into one message: the worst alerts first, and no more of each than there is room for."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final, TypeVar

from streamwatch.model.alert import Alert
from streamwatch.model.labels import Labels
from streamwatch.model.notification import Notification
from streamwatch.notify.text import MOST_ANNOTATION, cleaned, truncated

T = TypeVar("T")

_RANKS: Final = {
    "critical": 0, "page": 0, "error": 1, "high": 1, "warning": 3, "warn": 3, "info": 4, "low": 4, "none": 5,
}  # fmt: skip
_UNKNOWN: Final = 2
_STEPS: Final = ((MOST_ANNOTATION, None), (1000, None), (250, 1000), (60, 60))
"""How many characters annotations may have, and labels: what is tried, one after the other."""
_MOST_LISTED: Final = 200
"""Alerts in one message, whatever room there is."""
_MOST_CHARACTERS: Final = 1_200_000
"""More than any service takes: it need not be tried."""
_MOST_NAMES: Final = 30
"""Labels and annotations of one alert, where there is no room for all of them."""


class TooLong(Exception):
    """A template makes more text than any message may have."""


def worst_first(alerts: Iterable[Alert]) -> list[Alert]:
    """Return alerts in the order of a list: what fires, by severity, the oldest first; then what is over.

    A severity that nobody knows comes between errors and warnings.
    """

    def place(alert: Alert) -> tuple[bool, int, float]:
        severity = alert.labels.get("severity", "").lower()
        return alert.state == "inactive", _RANKS.get(severity, _UNKNOWN), alert.fired_at or alert.active_at

    return sorted(alerts, key=place)


def fitted(notification: Notification, make: Callable[[Notification], T | None], fits: Callable[[T], bool]) -> T | None:
    """Return what is made of as many alerts as there is room for; None where not even one fits, however it is cut.

    Args:
        notification: the notification.
        make: makes a message of a part of it; None where it is too long by itself.
        fits: says whether the service takes that.

    """
    ordered = replace(notification, alerts=tuple(worst_first(notification.alerts)))
    for annotation, label in _STEPS:
        fitting = _most(ordered, make, fits, annotation, label)
        if fitting is not None:
            return fitting
    return None


def _most(
    notification: Notification, make: Callable[[Notification], T | None], fits: Callable[[T], bool], annotation: int,
    label: int | None,
) -> T | None:  # fmt: skip
    """Return what is made of the most alerts that fit, at this length of each."""

    def made(count: int) -> T | None:
        fitting = make(_part(notification, count, annotation, label))
        return fitting if fitting is not None and fits(fitting) else None

    most = _worth_trying(notification.alerts, annotation, label)
    fitting = made(most) if most or not notification.alerts else None
    if fitting is not None:
        return fitting
    # The most that fit is at least `low`, where it is one at all, and less than `high`.
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        tried = made(middle)
        low, high, fitting = (low, middle, fitting) if tried is None else (middle, high, tried)
    return fitting


def _worth_trying(alerts: Sequence[Alert], annotation: int, label: int | None) -> int:
    """Return how many alerts could fit into a message of any service."""
    size = 0
    for at, alert in enumerate(alerts[:_MOST_LISTED]):
        size += sum(min(len(value), annotation) for _, value in alert.annotations)
        size += sum(len(value) if label is None else min(len(value), label) for _, value in alert.labels.pairs)
        if size > _MOST_CHARACTERS:
            return at
    return min(len(alerts), _MOST_LISTED)


def _part(notification: Notification, count: int, annotation: int, label: int | None) -> Notification:
    """Return a notification of the first alerts, each as short as is asked for."""
    alerts = tuple(_short(alert, annotation, label) for alert in notification.alerts[:count])
    group = notification.group if label is None else _labels(notification.group, label)
    return replace(
        notification,
        alerts=alerts,
        group=group,
        left_out=notification.left_out + len(notification.alerts) - count,
        incident=truncated(notification.incident, annotation),
    )


def _short(alert: Alert, annotation: int, label: int | None) -> Alert:
    most = None if label is None else _MOST_NAMES
    shortened = tuple((name, cleaned(truncated(value, annotation))) for name, value in alert.annotations[:most])
    return alert.but(annotations=shortened, labels=alert.labels if label is None else _labels(alert.labels, label))


def _labels(labels: Labels, most: int) -> Labels:
    first = sorted(labels.pairs, key=lambda pair: pair[0] not in {"alertname", "severity"})[:_MOST_NAMES]
    return Labels((cleaned(truncated(name, most)), cleaned(truncated(value, most))) for name, value in first)
