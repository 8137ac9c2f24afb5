"""Rules over what the sources say: history, evaluator, notifications, and Prometheus's API over all of it."""

import logging
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from streamwatch.agent.self_target import SelfTarget
from streamwatch.agent.state import open_state
from streamwatch.catalogue import METRICS
from streamwatch.catalogue import agent as c
from streamwatch.core.clock import Clock, SteadyClock
from streamwatch.export.alertmanager_api import PREFIX as ALERTMANAGER
from streamwatch.export.alertmanager_api import AlertmanagerApi
from streamwatch.export.prometheus_api import Api
from streamwatch.http.message import Request, Response
from streamwatch.model.alert import Alert
from streamwatch.model.metric import Keys, Samples
from streamwatch.notify.config import Config as NotifyConfig
from streamwatch.notify.matchers import matchers
from streamwatch.notify.service import Notifying
from streamwatch.promql.evaluate import Options
from streamwatch.promql.match import Matcher
from streamwatch.rules import api
from streamwatch.rules.config import Config, pack_folder
from streamwatch.rules.evaluator import Evaluator
from streamwatch.rules.group import ALERTNAME, RuleChange
from streamwatch.rules.load import load
from streamwatch.rules.rule import Group
from streamwatch.rules.runbooks import linked
from streamwatch.rules.severities import renamed
from streamwatch.samples.history import History
from streamwatch.samples.hub import Hub, Part

log = logging.getLogger(__name__)

_TAKE_SECONDS: Final = 2.0


def groups(config: Config) -> tuple[Group, ...]:
    """Read the rules that are to be decided.

    Raises:
        RuleError: with every mistake in them.

    """
    return renamed(load(config.paths()), config.severities) if config.enabled else ()


def unheard(notify: NotifyConfig, wanted: Sequence[Group]) -> list[str]:
    """Return conditions on severities that no alert fulfils: where the words are others, nobody is told."""
    found = {dict(rule.labels).get("severity", "") for group in wanted for rule in group.rules if rule.alert}
    if not found or any("{{" in one for one in found):
        return []
    some = [(f"notify.routes[{at}]", one.matchers) for at, one in enumerate(notify.routes)]
    some += [(f"notify.mute_time_intervals[{at}]", one.matchers) for at, one in enumerate(notify.mute_time_intervals)]
    return [
        f"{where}: no alert has a severity that is {one.op} {one.value!r}: there are {', '.join(sorted(found - {''}))}"
        for where, texts in some
        for one in matchers(texts)
        if one.name == "severity" and not any(one.matches({"severity": severity}) for severity in found)
    ]


class Deciding:
    """Decides, from ``start`` to ``stop``. ``append`` and ``forget`` may be called from any thread."""

    def __init__(  # noqa: PLR0913, PLR0917 - wired in one place
        self,
        config: Config,
        notify: NotifyConfig,
        wanted: Sequence[Group],
        address: str,
        url: Callable[[], str],
        clock: Clock,
        hub: Hub,
        own: SelfTarget,
    ) -> None:
        """Begin.

        Args:
            config: how to decide.
            notify: who is told.
            wanted: what to decide.
            address: what the agent listens on.
            url: says where it can be asked, once it listens.
            clock: what time it is.
            hub: what the sources say now.
            own: what the agent says of itself.

        """
        self._config, self._clock, self._hub, self._own = config, SteadyClock(clock), hub, own
        self._outbox_clock = SteadyClock(clock)
        """Outlives a reload, as what waits in the outbox does."""
        self._history = History(
            {"job": config.job, "instance": config.instance or address}, round(config.history * 1000)
        )
        self._lock = threading.Lock()
        self._spoken: dict[str, frozenset[str]] = {}
        self._address, self._url, self._wanted, self._channels = address, url, wanted, notify
        self._state = open_state(None if config.state is None else Path(config.state), log.error, clock)
        self._evaluator = Evaluator(
            self._history,
            self._clock,
            self._state,
            refresh=self._refresh,
            plan=self._plan,
            decided=self._decided,
            is_warm=lambda: hub.is_warm,
            interval=config.evaluation_interval,
            options=Options(delayed_names=config.delayed_name_removal),
        )
        self._notifying = self._notify(notify)
        self._evaluator.take(wanted)
        self._api = Api(
            self._history,
            self._clock,
            METRICS,
            lambda: api.groups(self._evaluator.groups()),
            lambda: api.alerts(self._evaluator.groups()),
            lambda: self._notifying.told(),  # noqa: PLW0108 - a reload puts another in its place
            delayed_names=config.delayed_name_removal,
        )
        self._alertmanager = AlertmanagerApi(
            self._outbox_clock, lambda: self._notifying, self.alerts, self._values, self._url
        )

    def start(self) -> None:
        """Begin to decide, and to tell."""
        self._evaluator.take(self._linked(self._wanted))
        for doubt in unheard(self._channels, self._wanted):
            log.warning("%s", doubt)
        self._notifying.start()
        self._evaluator.start()

    def stop(self, timeout_seconds: float) -> None:
        """End: decide no more, and deliver what is due."""
        self._evaluator.stop(timeout_seconds / 4)
        self._notifying.stop(timeout_seconds * 3 / 4)
        self._state.close()

    def take(self, wanted: Sequence[Group], notify: NotifyConfig) -> None:
        """Take other rules and channels; alerts and incidents that stay go on."""
        fresh, old = self._notify(notify), self._notifying
        self._channels = notify
        self._evaluator.take(self._linked(wanted))
        for doubt in unheard(notify, wanted):
            log.warning("%s", doubt)
        old.stop(_TAKE_SECONDS)
        self._notifying = fresh
        fresh.start()

    def _linked(self, wanted: Sequence[Group]) -> Sequence[Group]:
        """Return the rules with the addresses of their runbooks: the agent's own, where no others are given."""
        return linked(wanted, self._channels.links.runbooks or self._url())

    def _notify(self, config: NotifyConfig) -> Notifying:
        agent = f"http://{self._address}"
        return Notifying(config, pack_folder(), self._state, self._outbox_clock, agent, lambda: self._evaluator.is_well)

    def _plan(self, connection: sqlite3.Connection, alerts: Collection[Alert], *, changed: bool) -> None:
        self._notifying.plan(connection, alerts, changed=changed)

    def _decided(self, changes: Sequence[RuleChange]) -> None:
        _tell(changes)
        self._notifying.wake()

    def alerts(self) -> list[Alert]:
        """Return the alerts that are pending or firing."""
        return [alert for group in self._evaluator.groups() for rule in group.rules for alert in rule.alerts]

    def notified(self) -> tuple[int, list[dict[str, Any]]]:
        """Return how many channels there are, and what each was told."""
        return self._notifying.channels, self._notifying.told()

    def answer(self, request: Request) -> Response:
        """Response a request of Prometheus's API, or of Alertmanager's."""
        return (self._alertmanager if request.path.startswith(ALERTMANAGER) else self._api).answer(request)

    def _values(self, name: str) -> frozenset[str]:
        """Return the values of a label: of rules, of alerts, and of the newest series."""
        rules = [rule.rule for group in self._evaluator.groups() for rule in group.rules if rule.rule.alert]
        found = {rule.name for rule in rules} if name == ALERTNAME else set[str]()
        found.update(text for rule in rules for label, text in rule.labels if label == name and "{{" not in text)
        found.update(alert.labels[name] for alert in self.alerts() if name in alert.labels)
        until = round(self._clock.now() * 1000)
        for block in self._history.blocks([Matcher(name, "!=", "")], 0, until, newest=True):
            found.update(labels[name] for labels in block.rows.labels())
        return frozenset(found)

    def append(self, name: str, part: Part, at: float) -> None:
        """Take what is known of a part of the configuration at a time; who reads it is decided at once."""
        with self._lock:
            self._spoken[name] = part.sources
            at_ms = self._history.append(name, part.samples, at)
        self._evaluator.mark_due(name, part.samples, at_ms)

    def forget(self, part: str) -> None:
        """End what a part of the configuration has said: it is no more."""
        with self._lock:
            self._spoken.pop(part, None)
            self._history.end(part, self._clock.now())

    def collect(self) -> list[Samples]:
        """Return what there is to say about deciding."""
        counts = self._evaluator.counts()
        keys = Keys(c.GROUP, [(name,) for name in counts])
        columns = {
            c.RULE_EVALUATIONS: [count.evaluations for count in counts.values()],
            c.RULE_FAILURES: [count.failures for count in counts.values()],
            c.RULE_MISSED: [count.missed for count in counts.values()],
            c.RULE_SECONDS: [count.seconds for count in counts.values()],
        }
        active = Counter(_row(alert) for alert in self.alerts())
        series, held = self._history.size()
        found = [metric.samples(keys, np.array(values, dtype=np.float64)) for metric, values in columns.items()]
        found.append(
            c.ALERTS.samples(Keys(c.ALERTS.labels, list(active)), np.array(list(active.values()), dtype=np.float64))
        )
        found += [c.HISTORY_SERIES.sample(float(series)), c.HISTORY_BYTES.sample(float(held))]
        found += self._notifying.collect()
        if self._config.state is not None:
            found.append(c.STATE_UP.sample(0.0 if self._state.problem else 1.0))
        return found

    def _refresh(self) -> None:
        """Bring in what nobody tells: that a source's time ran out, and the agent's own metrics."""
        now = self._clock.now()
        with self._lock:
            for name, part in self._hub.current().items():
                if name in self._spoken and self._spoken[name] != part.sources:
                    self._spoken[name] = part.sources
                    self._history.append(name, part.samples, now)
            self._history.append("", [c.UP.sample(1.0), *self._own.collect()], now)


def _row(alert: Alert) -> tuple[str, ...]:
    """Return what the page counts an alert by."""
    facts = {**alert.labels, "alertstate": alert.state}
    return tuple(facts.get(name, "") for name in c.ALERTS.labels)


def _tell(decided: Sequence[RuleChange]) -> None:
    """Log what became of alerts."""
    for one in decided:
        before, after = one.change.before, one.change.after
        if after is None or (before is not None and before.state == after.state):
            continue
        level = logging.WARNING if after.state == "firing" else logging.INFO
        if after.labels.get("severity") == "none":
            level = logging.DEBUG  # a watchdog: that it fires is no news
        word = "resolved" if after.state == "inactive" else after.state
        log.log(level, "alert %s", word, extra={"alert": str(after.labels), **dict(after.annotations)})
