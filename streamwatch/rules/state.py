"""What becomes of a rule's alerts from one evaluation to the next: as in Prometheus, and nothing but a function."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from streamwatch.core.errors import EvaluationError
from streamwatch.model.alert import Alert
from streamwatch.model.labels import Labels
from streamwatch.rules.rule import Pairs, Rule

RETENTION_SECONDS: Final = 900.0
"""So long is a resolved alert remembered, and notified of again."""

Active: TypeAlias = Mapping[Labels, Alert]
"""A rule's alerts, the resolved of late among them, by their labels."""


@dataclass(frozen=True, slots=True)
class Result:
    """One result of a rule's expression."""

    labels: Labels
    """The alert's."""
    value: float
    annotations: Pairs


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one alert."""

    labels: Labels
    before: Alert | None
    after: Alert | None
    """None where it is forgotten."""


def step(
    rule: Rule, active: Active, results: Iterable[Result], at: float, *, held: bool = False
) -> dict[Labels, Alert]:
    """Return the alerts after an evaluation.

    Args:
        rule: whose they are.
        active: those of before.
        results: the expression's results.
        at: the time of the evaluation, in seconds since 1970.
        held: whether what is not found is kept as it is: after a restart, when the past is not known yet.

    Raises:
        EvaluationError: two results make the same alert.

    """
    now: dict[Labels, Alert] = {}
    for result in results:
        if result.labels in now:
            why = "vector contains metrics with the same labelset after applying alert labels"
            raise EvaluationError(f"{why}: {result.labels}")
        now[result.labels] = _present(rule, active.get(result.labels), result, at)
    for labels, alert in active.items():
        if labels not in now and (
            remaining := alert if held and alert.state != "inactive" else _absent(rule, alert, at)
        ):
            now[labels] = remaining
    return now


def _present(rule: Rule, before: Alert | None, result: Result, at: float) -> Alert:
    if before is None or before.state == "inactive":
        alert = Alert(result.labels, "pending", result.value, at, result.annotations)
    else:
        alert = before.but(value=result.value, annotations=result.annotations, keep_firing_since=None)
    if alert.state == "pending" and _passed(alert.active_at, at, rule.for_seconds):
        return alert.but(state="firing", fired_at=at)
    return alert


def _absent(rule: Rule, alert: Alert, at: float) -> Alert | None:
    """Return what becomes of an alert whose condition does not hold; None where it is forgotten."""
    if alert.state == "pending":
        return None
    if alert.state == "inactive":
        gone = alert.resolved_at is None or at - alert.resolved_at > RETENTION_SECONDS
        return None if gone else alert
    since = at if alert.keep_firing_since is None else alert.keep_firing_since
    if rule.keep_firing_seconds and not _passed(since, at, rule.keep_firing_seconds):
        return alert.but(keep_firing_since=since)
    return alert.but(state="inactive", resolved_at=at, keep_firing_since=None)


def _passed(since: float, at: float, seconds: float) -> bool:
    """Say whether so many seconds have passed, to the millisecond."""
    return round((at - since) * 1000) >= round(seconds * 1000)


def changes(before: Active, after: Active) -> list[Change]:
    """Return what is worth remembering of an evaluation: not that a value is another."""
    found = [Change(labels, alert, None) for labels, alert in before.items() if labels not in after]
    for labels, alert in after.items():
        was = before.get(labels)
        if was is None or _times(was) != _times(alert):
            found.append(Change(labels, was, alert))
    return found


def _times(alert: Alert) -> tuple[object, ...]:
    return alert.state, alert.active_at, alert.fired_at, alert.resolved_at, alert.keep_firing_since
