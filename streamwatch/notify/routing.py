"""Where an alert goes, under which key, and whether it is to be heard."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Final

from streamwatch.model.alert import WATCHDOG_SEVERITY, Alert
from streamwatch.model.labels import Labels
from streamwatch.notify.channel import Integration
from streamwatch.notify.config import Config, Inhibition
from streamwatch.notify.matchers import Matchers, fulfil, matchers
from streamwatch.notify.plan import GroupTiming

_EVERY: Final = "..."
_ALERTNAME: Final = "alertname"
_OWN: Final = ("job", "instance")
"""Labels that say which agent saw it: another one says the same under the same key."""


@dataclass(frozen=True, slots=True)
class RouteTimes:
    """The time intervals of one route, by name."""

    mute: tuple[str, ...] = ()
    active: tuple[str, ...] = ()

    def muted_by(self, current: AbstractSet[str]) -> tuple[str, ...]:
        """Return what mutes the route while these intervals last: the mutes; else the active ones, if none lasts."""
        mutes = tuple(name for name in self.mute if name in current)
        return mutes or (() if any(name in current for name in self.active) else self.active)


@dataclass(frozen=True, slots=True)
class RouteTarget:
    """One integration that an alert goes to, and how it is grouped there."""

    integration: Integration
    group_by: tuple[str, ...]
    pace: GroupTiming
    times: tuple[RouteTimes, ...] = (RouteTimes(),)
    """Of each route that leads there."""

    def muted_by(self, current: AbstractSet[str]) -> tuple[str, ...]:
        """Return the time intervals that mute every route that leads there, while these intervals last."""
        by_route = [times.muted_by(current) for times in self.times]
        return tuple(dict.fromkeys(name for names in by_route for name in names)) if all(by_route) else ()

    def group(self, labels: Labels) -> Labels:
        """Return what an alert with these labels has in common with those of its group."""
        if self.integration.alone or _EVERY in self.group_by:
            return labels.without(_OWN)
        return labels.only(self.group_by)


class Routing:
    """The routes of a configuration, and the integrations there are."""

    def __init__(self, config: Config, integrations: Sequence[Integration]) -> None:
        by_channel: dict[str, list[Integration]] = {}
        for integration in integrations:
            by_channel.setdefault(integration.channel, []).append(integration)

        def route_targets(
            channels: Sequence[str], group_by: tuple[str, ...], pace: GroupTiming, times: RouteTimes
        ) -> tuple[RouteTarget, ...]:
            return tuple(
                RouteTarget(integration, group_by, integration.pace or pace, (times,))
                for name in channels
                for integration in by_channel.get(name, ())
            )

        self._routes: list[tuple[Matchers, tuple[RouteTarget, ...], bool]] = []
        for route in config.routes:
            pace = GroupTiming(
                config.group_interval if route.group_interval is None else route.group_interval,
                config.repeat_interval if route.repeat_interval is None else route.repeat_interval,
            )
            group_by = config.group_by if route.group_by is None else route.group_by
            times = RouteTimes(route.mute_time_intervals, route.active_time_intervals)
            self._routes.append(
                (matchers(route.matchers), route_targets(route.channels, group_by, pace, times), route.continue_)
            )
        fallback = tuple(by_channel) if config.fallback is None else config.fallback
        self._fallback = route_targets(
            fallback, config.group_by, GroupTiming(config.group_interval, config.repeat_interval), RouteTimes()
        )

    def targets_of(self, labels: Mapping[str, str]) -> Sequence[RouteTarget]:
        """Return where an alert with these labels goes; once to each integration."""
        chosen: dict[str, RouteTarget] = {}
        taken = False
        for conditions, targets, is_continued in self._routes:
            if fulfil(conditions, labels):
                taken = True
                for target in targets:
                    name = target.integration.name
                    first = chosen.get(name)
                    chosen[name] = target if first is None else replace(first, times=(*first.times, *target.times))
                if not is_continued:
                    break
        if not taken and labels.get("severity") != WATCHDOG_SEVERITY:
            return self._fallback
        return list(chosen.values())


def key(group: Labels) -> str:
    """Return the identity of an alert group, the same for every agent that sees it: made of the labels alone."""
    return f"streamwatch/{hashlib.sha256(json.dumps(group.pairs).encode()).hexdigest()}"


class Causes:
    """One inhibition, its conditions read."""

    def __init__(self, config: Inhibition) -> None:
        self.source, self.target = matchers(config.source_matchers), matchers(config.target_matchers)
        self.equal = config.equal


class Inhibitor:
    """Knows which alerts are inhibited while their cause fires, as in Alertmanager."""

    def __init__(self, rules: Sequence[Causes], firing: Sequence[Alert]) -> None:
        self._firing = firing
        self._rules: list[tuple[Causes, dict[tuple[str, ...], set[bool]]]] = []
        by_name: dict[str, list[Alert]] = {}
        for alert in firing:
            by_name.setdefault(alert.name, []).append(alert)
        for rule in rules:
            effects: dict[tuple[str, ...], set[bool]] = {}
            of_names = tuple(matcher for matcher in rule.source if matcher.name == _ALERTNAME)
            names = [name for name in by_name if fulfil(of_names, {_ALERTNAME: name})]
            for alert in (each for name in names for each in by_name[name]):
                if fulfil(rule.source, alert.labels):
                    is_effect = fulfil(rule.target, alert.labels)
                    effects.setdefault(_values(alert.labels, rule.equal), set()).add(is_effect)
            if effects:
                self._rules.append((rule, effects))

    def causes(self, labels: Labels) -> tuple[str, ...]:
        """Return the fingerprints of the alerts that inhibit one with these labels."""
        causes: dict[str, None] = {}
        for rule, _ in self._rules:
            if fulfil(rule.target, labels):
                wanted = _values(labels, rule.equal)
                for alert in self._firing:
                    is_cause = fulfil(rule.source, alert.labels) and _values(alert.labels, rule.equal) == wanted
                    if is_cause and alert.labels != labels:
                        causes[alert.fingerprint] = None
        return tuple(causes)

    def inhibits(self, labels: Labels) -> bool:
        """Say whether another alert inhibits one with these labels."""
        for rule, causes in self._rules:
            if not fulfil(rule.target, labels):
                continue
            found = causes.get(_values(labels, rule.equal), ())
            # What is cause and effect at once is not silenced by its like, itself included.
            if False in found or (found and not fulfil(rule.source, labels)):
                return True
        return False


def _values(labels: Labels, names: Sequence[str]) -> tuple[str, ...]:
    return tuple(labels.get(name, "") for name in names)
