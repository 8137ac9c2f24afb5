"""From alerts to notifications: groups, mutes and inhibitions, in the transaction of the decision."""

import logging
import math
import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

from streamwatch.core.clock import Clock, steady
from streamwatch.model.alert import Alert
from streamwatch.model.labels import Labels
from streamwatch.model.notification import Notification
from streamwatch.notify import outbox, silence_store
from streamwatch.notify.channel import Integration
from streamwatch.notify.config import Config, Inhibition
from streamwatch.notify.gate import Alone, Gate
from streamwatch.notify.matchers import fulfil
from streamwatch.notify.plan import AlertGroup, MaybeDelivered, NotificationState, content, plan
from streamwatch.notify.routing import Causes, Inhibitor, Routing, key
from streamwatch.notify.silence import Silence
from streamwatch.notify.standing import RouteStanding, Standing
from streamwatch.notify.time_intervals import current
from streamwatch.state.marks import Marks

log = logging.getLogger(__name__)

Explain = Callable[[Collection[Alert]], Callable[[Alert], str]]
"""Gives, of the alerts that are active, what says of one of them its cause in a line; nothing where it is not known."""


def unexplained(_: Collection[Alert]) -> Callable[[Alert], str]:
    """Explain nothing."""
    return lambda _: ""


class Dispatcher:
    """Decides which notifications are to be delivered. ``plan`` is called by one thread at a time."""

    def __init__(  # noqa: PLR0913, PLR0917 - wired in one place
        self,
        config: Config,
        integrations: Sequence[Integration],
        inhibitions: Sequence[Inhibition],
        clock: Clock,
        explain: Explain = unexplained,
        gate: Gate | None = None,
    ) -> None:
        """Begin.

        Args:
            config: routes, paces and time intervals.
            integrations: what can be notified.
            inhibitions: causes and effects.
            clock: what time it is.
            explain: gives the causes of alerts that are known.
            gate: says whether messages may leave, and what other agents see.

        """
        self._explain, self._active = explain, tuple[Alert, ...]()
        self._gate = gate or Alone()
        self._own: Collection[Alert] | None = None
        """The alerts of this agent, as they were planned for last; None before."""
        self._others: AbstractSet[Labels] = frozenset()
        """Those that only others saw then."""
        self._explained: Callable[[Alert], str] | None = None
        """What ``explain`` gave of the alerts that are planned for now; None before it was asked."""
        self._routing = Routing(config, integrations)
        self._names = [integration.name for integration in integrations]
        self._time_intervals, self.clock = config.time_intervals, steady(clock)
        self._causes = [Causes(inhibition) for inhibition in inhibitions]
        self._groups: dict[tuple[str, str], AlertGroup] = {}
        """The alerts of each target's groups, at the last change."""
        self._full_at = -math.inf
        """When mutes change, so that every group is to be looked at."""
        self._silences: list[Silence] | None = None
        """Those that hold, and that will, at the last look at every group."""
        self._marks = Marks("notified", self.clock)
        self.collapsed = 0
        """Incidents that were over before anybody could be notified."""
        self.dropped = 0
        """Notifications for which there was no room, or no target any more."""

    def begin(self, connection: sqlite3.Connection) -> None:
        """Take what an agent before this one left."""
        outbox.interrupted(connection)
        outbox.shift(connection, self._marks.jump(connection), self.clock.now())
        self._marks.write(connection, at_once=True)
        self.dropped += outbox.keep_only(connection, self._names)

    def plan(self, connection: sqlite3.Connection, alerts: Collection[Alert], *, changed: bool) -> None:
        """Write the notifications that are to be delivered into the outbox.

        Args:
            connection: in a transaction.
            alerts: those that fire, and those that have resolved of late.
            changed: whether one of them is another than before; else, only what time brings is looked after.

        """
        self._own = alerts
        alerts = self._gate.together(alerts)
        others = {alert.labels for alert in alerts} - {alert.labels for alert in self._own}
        others |= {alert.labels for alert in alerts if alert.state == "firing"} & {
            alert.labels for alert in self._own if alert.state != "firing"
        }
        changed, self._others = changed or others != self._others, others
        self._active, self._explained = tuple(alerts), None
        self._follow(connection)
        now = self.clock.now()
        self._marks.write(connection, at_once=changed)
        due = outbox.rows_to_plan(connection, now)
        # What is sent again is sent as it is now, not as it was when it began.
        reminds = any(row.plan_again_at > 0 for row in due.values())
        every = silence_store.ended_after(connection, now)
        if changed or reminds or now >= self._full_at or every != self._silences:
            self._silences = every
            silences = [silence for silence in every if silence.state(now) == "active"]
            intervals, until = current(self._time_intervals, now)
            self._full_at = min(
                [until, *(silence.until if silence in silences else silence.starts for silence in every)]
            )
            self._groups = self._grouped(alerts, silences, intervals)
            self._plan_groups(connection, outbox.rows(connection), now, is_full=True)
        else:
            self._plan_groups(connection, due, now, is_full=False)

    def replan(self, connection: sqlite3.Connection) -> None:
        """Plan for the alerts of this agent as they are known: others see something else, or notified of something."""
        if self._own is not None:
            self.plan(connection, self._own, changed=True)

    def standing(
        self, connection: sqlite3.Connection, alerts: Collection[Alert], of: Collection[Alert] | None = None
    ) -> list[Standing]:
        """Return of each alert that fires, or of these of them, where it is routed, and what mutes it."""
        now = self.clock.now()
        silences = silence_store.active(connection, now)
        intervals, _ = current(self._time_intervals, now)
        firing = [alert for alert in alerts if alert.state == "firing"]
        inhibitor = Inhibitor(self._causes, firing)
        return [
            Standing(
                alert,
                tuple(
                    RouteStanding(to.integration.channel, to.group(alert.labels), to.muted_by(intervals))
                    for to in self._routing.targets_of(alert.labels)
                ),
                tuple(each for each in silences if fulfil(each.conditions, alert.labels)),
                inhibitor.causes(alert.labels) if inhibitor.inhibits(alert.labels) else (),
            )
            for alert in (firing if of is None else of)
        ]

    def _plan_groups(
        self,
        connection: sqlite3.Connection,
        rows: Mapping[tuple[str, str], NotificationState],
        now: float,
        *,
        is_full: bool,
    ) -> None:
        """Look at groups: all of them, or only at those of these rows."""
        counts = Counter(target for target, _ in rows)
        for where in dict.fromkeys([*rows, *self._groups]) if is_full else rows:
            before = rows.get(where)
            if before is None and counts[where[0]] >= outbox.MOST_ROWS:
                self.dropped += 1
                continue
            after = self._plan_group(
                connection, before or NotificationState(*where), self._groups.get(where), now, is_new=before is None
            )
            counts[where[0]] += before is None and after is not None

    def _plan_group(
        self,
        connection: sqlite3.Connection,
        before: NotificationState,
        group: AlertGroup | None,
        now: float,
        *,
        is_new: bool,
    ) -> NotificationState | None:
        after = plan(before, group, now)
        if after is not None and after.maybe_delivered is not before.maybe_delivered and not self._gate.may_send():
            # Nothing is under way here. Somebody else sends it; who cannot be asked may have done so.
            maybe = MaybeDelivered.YES if self._gate.may_be_sent_elsewhere() else before.maybe_delivered
            after = replace(after, maybe_delivered=maybe)
        if after is None:
            if not is_new:
                self.collapsed += before.delivered is None
                if before.delivered is not None:
                    self._gate.forgotten(before.target, before.key, before.delivered_at)
                outbox.drop(connection, before)
        elif after.wanted and after.seq != before.seq:
            last = None if is_new else outbox.content(connection, before)
            labels = group.labels if group is not None else last.group if last is not None else Labels()
            wanted = content(after, group, labels, last, now)
            outbox.put(connection, after, replace(wanted, incident=self._incident(wanted)))
        elif after != before:
            outbox.change(connection, after)
        return after

    def _incident(self, notification: Notification) -> str:
        """Return the cause of the first of its alerts of which one is known; whatever happens, it is notified of."""
        if notification.status != "firing":
            return ""
        try:
            if self._explained is None:
                self._explained = self._explain(self._active)
            explained = (self._explained(alert) for alert in notification.alerts if alert.state == "firing")
            return next((text for text in explained if text), "")
        except Exception:
            log.exception("notify: the cause of alerts could not be decided: messages are sent without it")
            self._explained = lambda _: ""
            return ""

    def _grouped(
        self, alerts: Collection[Alert], silences: Sequence[Silence], intervals: AbstractSet[str]
    ) -> dict[tuple[str, str], AlertGroup]:
        firing = [alert for alert in alerts if alert.state == "firing"]
        inhibitor = Inhibitor(self._causes, firing)
        keys: dict[Labels, str] = {}
        groups: dict[tuple[str, str], AlertGroup] = {}
        for alert in alerts:
            route_targets = self._routing.targets_of(alert.labels)
            if alert.state == "pending" or not route_targets:
                continue
            is_firing = alert.state == "firing"
            is_unmuted = is_firing and not any(fulfil(silence.conditions, alert.labels) for silence in silences)
            is_unmuted = is_unmuted and not inhibitor.inhibits(alert.labels)
            for to in route_targets:
                labels = to.group(alert.labels)
                if labels not in keys:
                    keys[labels] = key(labels)
                group = groups.setdefault((to.integration.name, keys[labels]), AlertGroup(labels, to.pace))
                (group.firing if is_firing else group.resolved).append(alert)
                if is_unmuted and not to.muted_by(intervals):
                    group.unmuted.append(alert)
        for group in groups.values():
            group.unmuted.sort(key=lambda each: (each.fired_at or each.active_at, each.labels))
        return groups

    def _follow(self, connection: sqlite3.Connection) -> None:
        """Where the wall clock was set, nothing waits for longer, or for less, because of that."""
        by = self.clock.ahead()
        if by:
            self.clock.follow(by)
            outbox.shift(connection, by, self.clock.now())
            self._marks.write(connection, at_once=True)
            self._full_at = -math.inf  # time intervals and silences go by the wall clock
