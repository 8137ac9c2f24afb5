"""Notifications as a whole: channels, what is to be sent, its delivery, and the heartbeat."""

import json
import math
import sqlite3
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from streamwatch.catalogue import agent as c
from streamwatch.core.clock import Clock
from streamwatch.core.times import rfc3339
from streamwatch.http.client import HttpClient
from streamwatch.model.alert import Alert
from streamwatch.model.metric import Keys, Samples
from streamwatch.notify import outbox, silence_store
from streamwatch.notify.config import Config
from streamwatch.notify.delivery import Deliveries
from streamwatch.notify.dispatch import Dispatcher, Explain, unexplained
from streamwatch.notify.gate import Alone, Gate
from streamwatch.notify.heartbeat import HeartbeatSender
from streamwatch.notify.inhibit import shipped
from streamwatch.notify.integrations import integrations
from streamwatch.notify.silence import Silence
from streamwatch.notify.standing import Standing
from streamwatch.state.statefile import StateFile

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Waiting:
    """What waits in the outbox, after so many changes of it."""

    changes: int
    by_target: Mapping[str, tuple[int, int, float]]


@dataclass(frozen=True, slots=True)
class Channels:
    """What one configuration makes: who is notified of what, its delivery, and the heartbeat."""

    dispatcher: Dispatcher
    deliveries: Deliveries
    heartbeat: HeartbeatSender


class NotificationService:
    """Notifies people, from ``start`` to ``stop``; a reload gives it other channels."""

    def __init__(  # noqa: PLR0913, PLR0917 - wired in one place
        self,
        config: Config,
        folder: Path,
        state: StateFile,
        clock: Clock,
        agent: str,
        explain: Explain = unexplained,
        gate: Gate | None = None,
    ) -> None:
        """Begin; nothing is sent before ``start``.

        Args:
            config: who is notified, and how.
            folder: of the alerts that come with StreamWatch.
            state: where the outbox is.
            clock: what time it is.
            agent: where the agent can be asked, as in ``http://127.0.0.1:9308``.
            explain: gives the causes of alerts that are known.
            gate: says whether messages may leave, and what other agents see.

        Raises:
            ConfigError: the inhibitions that come with StreamWatch are wrong.

        """
        self._state, self._clock, self._folder, self._agent = state, clock, folder, agent
        self._explain, self._gate = explain, gate or Alone()
        self._waiting = _Waiting(-1, {})
        self._is_deciding: Callable[[], bool] = lambda: False
        self._now = self.prepare(config)

    def prepare(self, config: Config) -> Channels:
        """Return the channels of a configuration; nothing is sent before they are taken.

        Raises:
            ConfigError: the inhibitions that come with StreamWatch are wrong.

        """
        configured = integrations(config, self._clock, self._agent)
        inhibitions = [*config.inhibit_rules, *(shipped(self._folder) if config.inhibit_pack else ())]
        dispatcher = Dispatcher(config, configured, inhibitions, self._clock, self._explain, self._gate)
        deliveries = Deliveries(configured, self._state, dispatcher.clock, self._gate)
        client = HttpClient(config.http, self._clock)
        heartbeat = HeartbeatSender(config, client, lambda: self._is_deciding() and deliveries.are_well, self._clock)
        return Channels(dispatcher, deliveries, heartbeat)

    def start(self, is_deciding: Callable[[], bool]) -> None:
        """Begin to deliver what an agent before this one left, too.

        Args:
            is_deciding: says whether alerts are decided.

        """
        self._is_deciding = is_deciding
        self._state.write(self._now.dispatcher.begin)
        self._now.deliveries.start()
        self._now.heartbeat.start()

    def take(self, channels: Channels, timeout_seconds: float) -> None:
        """Use these channels from now on; those of before deliver what is due within the timeout."""
        self.stop(timeout_seconds)
        self._now = channels
        self.start(self._is_deciding)

    def stop(self, timeout_seconds: float) -> None:
        """Deliver what is due, and end."""
        self._now.heartbeat.stop()
        self._now.deliveries.stop(timeout_seconds)

    def plan(self, connection: sqlite3.Connection, alerts: Collection[Alert], *, changed: bool) -> None:
        """Write down what is to be sent, in the transaction of the decision."""
        self._now.dispatcher.plan(connection, alerts, changed=changed)

    def replan(self, connection: sqlite3.Connection) -> None:
        """Plan once more, in a transaction: other agents see something else, or notified of something."""
        self._now.dispatcher.replan(connection)

    def late_seconds(self) -> float:
        """Return for how long the oldest notification that waits has been due, in seconds; 0 where none is."""
        now = self._clock.now()
        return max((max(0.0, now - oldest) for _, _, oldest in self._by_target().values()), default=0.0)

    def wake(self) -> None:
        """Deliver: something may have been decided."""
        self._now.deliveries.wake()

    def collect(self) -> list[Samples]:
        """Return what there is to say about notifications."""
        now = self._clock.now()
        by_target = self._by_target()
        names = [delivery.integration.name for delivery in self._now.deliveries.all]
        keys = Keys(c.CHANNEL, [(name,) for name in names])
        states = [by_target.get(name, (0, 0, math.inf)) for name in names]
        columns = {
            c.NOTIFICATIONS_WAITING: [count for count, _, _ in states],
            c.NOTIFICATIONS_PARKED: [parked for _, parked, _ in states],
            c.NOTIFICATIONS_LATE: [max(0.0, now - oldest) for _, _, oldest in states],
        }
        samples = [metric.samples(keys, np.array(values, dtype=np.float64)) for metric, values in columns.items()]
        counts = [delivery.counts for delivery in self._now.deliveries.all]
        outcomes = [(name, what) for name in names for what in ("delivered", "failed", "parked")]
        totals = [float(value) for count in counts for value in (count.delivered, count.failed, count.parked)]
        samples.append(c.NOTIFICATIONS.samples(Keys(c.NOTIFICATIONS.labels, outcomes), np.array(totals)))
        took = [
            (name, count.seconds) for name, count in zip(names, counts, strict=True) if not math.isnan(count.seconds)
        ]
        samples.append(
            c.NOTIFICATION_SECONDS.samples(
                Keys(c.CHANNEL, [(name,) for name, _ in took]), np.array([seconds for _, seconds in took])
            )
        )
        samples.append(c.NOTIFICATIONS_COLLAPSED.sample(float(self._now.dispatcher.collapsed)))
        samples.append(c.NOTIFICATIONS_DROPPED.sample(float(self._now.dispatcher.dropped)))
        if self._now.heartbeat.is_up is not None:
            samples.append(c.HEARTBEAT_UP.sample(float(self._now.heartbeat.is_up)))
        return samples

    def _by_target(self) -> Mapping[str, tuple[int, int, float]]:
        """Return what waits for each integration: how many, parked, and since when the oldest is due."""
        self._waiting = self._state.glance(self._count) or self._waiting
        return self._waiting.by_target

    def _count(self, connection: sqlite3.Connection) -> _Waiting:
        """Return what waits in the outbox, counted anew only where something was written."""
        changes = connection.total_changes
        return self._waiting if changes == self._waiting.changes else _Waiting(changes, outbox.waiting(connection))

    @property
    def integrations(self) -> frozenset[str]:
        """What is notified, by name."""
        return frozenset(delivery.integration.name for delivery in self._now.deliveries.all)

    @property
    def channels(self) -> int:
        """How many there are to notify."""
        return len(self._now.deliveries.all)

    @property
    def receivers(self) -> list[str]:
        """The channels, by name."""
        return sorted({delivery.integration.channel for delivery in self._now.deliveries.all})

    def standing(self, alerts: Collection[Alert], of: Collection[Alert] | None = None) -> list[Standing]:
        """Return where each alert that fires is routed, or each of these of them, and what mutes it."""
        return self._state.read(lambda connection: self._now.dispatcher.standing(connection, alerts, of))

    def silences(self, ended_after: float) -> list[Silence]:
        """Return the silences that hold, that will, and that ended after a time."""
        return self._state.read(lambda connection: silence_store.ended_after(connection, ended_after))

    def silence(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Write silences; every group is looked at anew at the next decision."""
        return self._state.write(work)

    def alert_groups(self) -> list[dict[str, Any]]:
        """Return every alert group and what each channel was notified of, for the API."""
        return self._state.read(_alert_groups)


def _alert_groups(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    alert_groups = []
    for entry in outbox.entries(connection):
        row, content = entry.row, entry.content
        delivered = "" if row.delivered is None else "firing" if row.delivered else "resolved"
        alert_groups.append(
            {
                "channel": row.target,
                "key": row.key,
                "labels": dict(content.group),
                "alerts": [alert.fingerprint for alert in content.alerts],
                "notified": delivered,
                "notifiedAt": rfc3339(row.delivered_at) if delivered else None,
                "wanted": row.wanted,
                "attempts": row.attempts,
                "nextAt": rfc3339(row.next_at) if row.wanted and not row.parked_reason else None,
                "parked": row.parked_reason,
            }
        )
    return sorted(alert_groups, key=lambda group: json.dumps([group["labels"], group["channel"]]))
