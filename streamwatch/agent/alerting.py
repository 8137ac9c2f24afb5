"""Rules over what the sources say: history, evaluator, notifications, and Prometheus's API over all of it."""

import logging
from collections.abc import Callable, Collection, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from streamwatch.agent import past_incidents
from streamwatch.agent.config import Config as AgentConfig
from streamwatch.agent.incident_book import IncidentBook
from streamwatch.agent.incident_figures import IncidentFigures, alert_figures
from streamwatch.agent.state import open_state
from streamwatch.catalogue import METRICS, kafka_exporter
from streamwatch.catalogue import agent as c
from streamwatch.catalogue.kafka_connect import CHANGE_TIMESTAMP
from streamwatch.core.clock import Clock, SteadyClock
from streamwatch.export.alertmanager_api import PREFIX as ALERTMANAGER
from streamwatch.export.alertmanager_api import AlertmanagerApi
from streamwatch.export.prometheus_api import PrometheusApi
from streamwatch.http.message import Request, Response, text_response
from streamwatch.incidents.incident import ChangeNote
from streamwatch.incidents.known import PaceOf
from streamwatch.model.alert import WATCHDOG_SEVERITY, Alert
from streamwatch.model.metric import Keys, Samples
from streamwatch.notify.config import Config as NotifyConfig
from streamwatch.notify.matchers import matchers
from streamwatch.notify.service import NotificationService
from streamwatch.notify.text import Links
from streamwatch.promql.evaluate import Options
from streamwatch.promql.match import Matcher
from streamwatch.rules import api
from streamwatch.rules.config import Config, pack_folder, runbooks_folder
from streamwatch.rules.evaluator import Evaluator
from streamwatch.rules.group import ALERTNAME, RuleChange
from streamwatch.rules.lint import unknown_metrics
from streamwatch.rules.load import load
from streamwatch.rules.rule import RuleGroup
from streamwatch.rules.runbooks import linked
from streamwatch.rules.severities import renamed
from streamwatch.samples.history import MINUTE_MS, History
from streamwatch.samples.hub import Hub

if TYPE_CHECKING:
    from streamwatch.pair.pair import Pair

log = logging.getLogger(__name__)

_LOOKED_BACK_AT_MS: Final = {CHANGE_TIMESTAMP.name: 60 * MINUTE_MS}
"""What others than rules look back at: the map, at how far a source was when what is unread passed it."""
_TAKE_SECONDS: Final = 2.0


def groups(config: Config) -> tuple[RuleGroup, ...]:
    """Read the rules that are to be decided.

    Raises:
        RuleError: with every mistake in them.

    """
    return renamed(load(config.paths()), config.severities) if config.enabled else ()


def unmatched_severities(notify: NotifyConfig, wanted: Sequence[RuleGroup]) -> list[str]:
    """Return conditions on severities that no alert fulfils: where the words are others, nobody is notified."""
    severities = {dict(rule.labels).get("severity", "") for group in wanted for rule in group.rules if rule.alert}
    if not severities or any("{{" in severity for severity in severities):
        return []
    places = [(f"notify.routes[{at}]", route.matchers) for at, route in enumerate(notify.routes)]
    known = ", ".join(sorted(severities - {""}))
    return [
        f"{where}: no alert has a severity that is {matcher.op} {matcher.value!r}: there are {known}"
        for where, texts in places
        for matcher in matchers(texts)
        if matcher.name == "severity" and not any(matcher.matches({"severity": severity}) for severity in severities)
    ]


class Alerting:
    """Rules, notifications, and the APIs that answer about them, from ``start`` to ``stop``."""

    def __init__(  # noqa: PLR0913, PLR0917 - what it is made of, each by its name
        self,
        config: AgentConfig,
        wanted: Sequence[RuleGroup],
        hub: Hub,
        clock: Clock,
        changes: Callable[[], Sequence[ChangeNote]],
        note: Callable[[Sequence[RuleChange]], None] = lambda _: None,
        pace: PaceOf = lambda *_: None,
    ) -> None:
        """Begin.

        Args:
            config: the agent's.
            wanted: the rules.
            hub: what the sources say; it appends to the history of these rules from now on.
            clock: what time it is.
            changes: gives what changed of late, the newest first; it is asked of no disk.
            note: is called with what became of alerts.
            pace: tells how a group reads, by the hours before.

        """
        rules, address = config.rules, config.listen.address
        self._config, self._notify, self._wanted = rules, config.notify, wanted
        self._clock, outbox_clock = SteadyClock(clock), SteadyClock(clock)
        self._url = ""
        labels = {"job": rules.job, "instance": config.rules_instance}
        self._history = History(labels, round(rules.history * 1000), _LOOKED_BACK_AT_MS)
        hub.keep_in(self._history)
        self.state = open_state(None if rules.state is None else Path(rules.state), log.error, clock)
        self._pair = _pair(config, outbox_clock)
        service = NotificationService(
            config.notify, pack_folder(), self.state, outbox_clock, f"http://{address}", self._explain, self._pair
        )

        def decided(changes: Sequence[RuleChange]) -> None:
            _log_changes(changes)
            note(changes)
            service.wake()

        self.notifications = service
        self.evaluator = Evaluator(
            self._history,
            self._clock,
            self.state,
            refresh=hub.refresh,
            plan=service.plan,
            decided=decided,
            is_warm=lambda: hub.is_warm,
            forget_reads=hub.forget_reads,
            interval=rules.evaluation_interval,
            options=Options(delayed_names=rules.delayed_name_removal),
        )
        self.evaluator.take(wanted)
        self.book = IncidentBook(hub, clock, self.alerts, runbooks_folder(), changes, pace)
        self._incident_figures = IncidentFigures(self.book.latest, clock)
        self._api = PrometheusApi(
            self._history,
            self._clock,
            METRICS,
            lambda: api.groups(self.evaluator.groups()),
            lambda: api.alerts(self.evaluator.groups()),
            service.alert_groups,
            self.book.answer,
            delayed_names=rules.delayed_name_removal,
        )
        self._alertmanager = AlertmanagerApi(
            outbox_clock, lambda: service, self.alerts, self._values, lambda: self._url
        )

    def start(self, url: str) -> None:
        """Begin to evaluate, and to notify.

        Args:
            url: where the agent can be asked.

        """
        self._url = url
        self.evaluator.take(self._linked(self._wanted))
        self._warn()
        self.book.start(self.state.read(past_incidents.load), self.evaluator.left_at)
        self._write_incidents()
        self.notifications.start(lambda: self.evaluator.is_well)
        self.evaluator.start()
        if self._pair is not None:
            from streamwatch.pair.outbox import PairOutbox  # noqa: PLC0415 - who has a pair

            self._pair.start(PairOutbox(self.notifications, self.state), lambda: self.evaluator.is_well)

    def stop(self, timeout_seconds: float) -> None:
        """End: evaluate no more, and deliver what is due."""
        self.evaluator.stop(timeout_seconds / 4)
        self.notifications.stop(timeout_seconds / 2)
        if self._pair is not None:
            self._pair.stop(timeout_seconds / 4)
        self._write_incidents()
        self.state.close()

    def look_at_incidents(self) -> None:
        """See which incidents go on, and write down what became of them: a job's work, of which nobody waits for it."""
        self.book.incidents()
        self._write_incidents()

    def take(self, wanted: Sequence[RuleGroup], notify: NotifyConfig, url: str) -> None:
        """Take other rules and channels; alerts and their groups that stay go on."""
        channels = self.notifications.prepare(notify)
        self._notify, self._wanted, self._url = notify, wanted, url
        self.evaluator.take(self._linked(wanted))
        self._warn()
        self.notifications.take(channels, _TAKE_SECONDS)

    def _explain(self, alerts: Collection[Alert]) -> Callable[[Alert], str]:
        """Return what says of an alert, for a message, the cause that is known of it."""
        return self.book.explain(alerts, self._notify.links.runbooks or self._url)

    def _write_incidents(self) -> None:
        past_incidents.write_later(self.state, self.book.news(), self._clock.now())

    def _warn(self) -> None:
        unknown = unknown_metrics(self._wanted, (*METRICS, *kafka_exporter.METRICS))
        for warning in (*unmatched_severities(self._notify, self._wanted), *unknown):
            log.warning("%s", warning)

    def _linked(self, wanted: Sequence[RuleGroup]) -> Sequence[RuleGroup]:
        """Return the rules with the addresses of their runbooks: the agent's own, where no others are given."""
        return linked(wanted, self._notify.links.runbooks or self._url)

    @property
    def wanted(self) -> tuple[RuleGroup, ...]:
        """The rules, as they were read."""
        return tuple(self._wanted)

    @property
    def links(self) -> Links:
        """Where runbooks and dashboards are."""
        return self._notify.links

    def alerts(self) -> list[Alert]:
        """Return the alerts that are pending or firing."""
        return [alert for group in self.evaluator.groups() for rule in group.rules for alert in rule.alerts]

    def answer(self, request: Request) -> Response:
        """Answer a request of Prometheus's API, or of Alertmanager's."""
        return (self._alertmanager if request.path.startswith(ALERTMANAGER) else self._api).answer(request)

    def names(self, prefix: str) -> tuple[str, ...]:
        """Return what is answered below the prefix of one of these APIs."""
        return (self._alertmanager if prefix == ALERTMANAGER else self._api).names

    def answer_peer(self, request: Request) -> Response:
        """Answer another agent that acts as one with this."""
        if self._pair is None:
            return text_response(HTTPStatus.NOT_FOUND, "this agent has no peers: set `ha`")
        return self._pair.answer(request)

    def _values(self, name: str) -> frozenset[str]:
        """Return the values of a label: of rules, of alerts, and of the newest series."""
        rules = [rule.rule for group in self.evaluator.groups() for rule in group.rules if rule.rule.alert]
        values = {rule.name for rule in rules} if name == ALERTNAME else set[str]()
        values.update(text for rule in rules for label, text in rule.labels if label == name and "{{" not in text)
        values.update(alert.labels[name] for alert in self.alerts() if name in alert.labels)
        until = round(self._clock.now() * 1000)
        for block in self._history.blocks([Matcher(name, "!=", "")], 0, until, newest=True):
            values.update(labels[name] for labels in block.rows.labels())
        return frozenset(values)

    def collect(self) -> list[Samples]:
        """Return what there is to say about deciding."""
        counts = self.evaluator.counts()
        keys = Keys(c.GROUP, [(name,) for name in counts])
        columns = {
            c.RULE_EVALUATIONS: [count.evaluations for count in counts.values()],
            c.RULE_FAILURES: [count.failures for count in counts.values()],
            c.RULE_MISSED: [count.missed for count in counts.values()],
            c.RULE_SECONDS: [count.seconds for count in counts.values()],
        }
        series, held = self._history.size()
        samples = [metric.samples(keys, np.array(values, dtype=np.float64)) for metric, values in columns.items()]
        samples += [*alert_figures(self.alerts()), self._incident_figures.samples()]
        samples += [c.HISTORY_SERIES.sample(float(series)), c.HISTORY_BYTES.sample(float(held))]
        samples += self.notifications.collect()
        if self._pair is not None:
            from streamwatch.pair.figures import figures  # noqa: PLC0415 - who has a pair

            samples += figures(self._pair)
        if self._config.state is not None:
            samples.append(c.STATE_UP.sample(0.0 if self.state.problem else 1.0))
        return samples


def _pair(config: AgentConfig, clock: SteadyClock) -> "Pair | None":
    """Return the agent's part in a pair, where it is in one."""
    if config.ha is None:
        return None
    from streamwatch.pair.build import pair  # noqa: PLC0415 - who has a pair

    return pair(config.ha, config.kafka, clock)


def _log_changes(decided: Sequence[RuleChange]) -> None:
    """Log what became of alerts."""
    for decision in decided:
        before, after = decision.change.before, decision.change.after
        if after is None or (before is not None and before.state == after.state):
            continue
        level = logging.WARNING if after.state == "firing" else logging.INFO
        if after.labels.get("severity") == WATCHDOG_SEVERITY:
            level = logging.DEBUG  # a watchdog: that it fires is no news
        word = "resolved" if after.state == "inactive" else after.state
        log.log(level, "alert %s", word, extra={"alert": str(after.labels), **dict(after.annotations)})
