"""Alerts when the wall clock jumps: their instants move with it, so that `for` is neither skipped nor starts anew."""

from collections.abc import Callable, Iterable, Mapping

from streamwatch.model.alert import Alert
from streamwatch.model.labels import Labels
from streamwatch.rules.group import RuleChange, RuleState
from streamwatch.rules.state import Change


def shift(rules: Iterable[RuleState], seconds: float) -> list[RuleChange]:
    """Move the instants of all alerts of these rules; return what is to be written because of it."""
    found: list[RuleChange] = []
    for rule in rules:
        before = rule.active
        rule.active = {labels: moved(alert, seconds) for labels, alert in before.items()}
        rule.held_until += seconds
        rule.unknown_until += seconds
        found += [RuleChange(rule, Change(labels, before[labels], after)) for labels, after in rule.active.items()]
    return found


def paused(rules: Iterable[RuleState], seconds: float) -> list[RuleChange]:
    """Let time in which nothing was looked at not count towards `for` and `keep_firing_for`; return what changed."""
    found: list[RuleChange] = []
    for rule in rules:
        before = rule.active
        rule.active = {labels: _without(alert, seconds) for labels, alert in before.items()}
        changed = [(labels, alert) for labels, alert in rule.active.items() if alert is not before[labels]]
        found += [RuleChange(rule, Change(labels, before[labels], alert)) for labels, alert in changed]
    return found


def _without(alert: Alert, seconds: float) -> Alert:
    if alert.state == "pending":
        return alert.but(active_at=alert.active_at + seconds)
    since = alert.keep_firing_since
    return alert if since is None else alert.but(keep_firing_since=since + seconds)


def moved(alert: Alert, seconds: float) -> Alert:
    """Return an alert of which every instant is another by so much."""
    return _with(alert, lambda at: at + seconds)


def restored(known: Mapping[str, Mapping[Labels, Alert]], seconds: float, now: float) -> dict[str, dict[Labels, Alert]]:
    """Return the alerts of before a restart after a jump of the wall clock in between; none lies ahead."""
    return {
        rule: {labels: _with(alert, lambda at: min(at + seconds, now)) for labels, alert in some.items()}
        for rule, some in known.items()
    }


def _with(alert: Alert, change: Callable[[float], float]) -> Alert:
    def maybe(at: float | None) -> float | None:
        return None if at is None else change(at)

    return alert.but(
        active_at=change(alert.active_at),
        fired_at=maybe(alert.fired_at),
        resolved_at=maybe(alert.resolved_at),
        keep_firing_since=maybe(alert.keep_firing_since),
    )
