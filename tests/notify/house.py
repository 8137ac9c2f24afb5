"""The way from alerts to a service, without threads: time passes when the test says so."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from streamwatch.agent.state import open_state
from streamwatch.core.clock import ManualClock
from streamwatch.core.errors import NotifyError
from streamwatch.model.alert import Alert
from streamwatch.model.labels import Labels
from streamwatch.model.notification import Notification
from streamwatch.notify.channel import Integration
from streamwatch.notify.channels.logged import Config as Logged
from streamwatch.notify.config import Config
from streamwatch.notify.delivery import Delivery
from streamwatch.notify.dispatch import Dispatcher
from streamwatch.notify.outbox import rows
from streamwatch.notify.plan import NotificationState
from streamwatch.state.statefile import StateFile


class Service:
    """Takes notifications, or fails as it is told."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self.failing: NotifyError | Exception | None = None
        self.poison: set[str] = set()
        """Names of alerts that it fails for, whatever else."""
        self.received: list[Notification] = []
        self.at: list[float] = []
        self.calls = 0

    def send(self, some: Sequence[Notification]) -> None:
        self.calls += 1
        if self.failing is not None and (not self.poison or {one.name for one in some} & self.poison):
            raise self.failing
        self.received += some
        self.at += [self._clock.now()] * len(some)

    @property
    def said(self) -> list[str]:
        """What was received, in words: the alert, and who of it fires."""
        return [
            f"{one.name} {one.status}"
            + "".join(f" {a.labels.get('broker', '')}" for a in one.alerts if a.state == "firing")
            for one in self.received
        ]


class House:
    def __init__(self, path: Path | None = None, names: Sequence[str] = ("pager",), **settings: Any) -> None:
        self.clock = ManualClock(1000.0)
        self.config = Config(log=tuple(Logged(name=name) for name in names), inhibit_pack=False, **settings)
        self.path, self.names = path, names
        self.services = {name: Service(self.clock) for name in names}
        self.firing: dict[Labels, Alert] = {}
        self.over: dict[Labels, Alert] = {}
        self.target: dict[str, Any] = {"rate": 1e6, "burst": 1000}
        self.problems: list[str] = []
        self._opened: list[StateFile] = []
        self.open()

    def open(self) -> None:
        """Begin, or begin again after the process died."""
        for one in self._opened:
            one.close()
        targets = [Integration(name, name, service, **self.target) for name, service in self.services.items()]
        self.state = open_state(self.path, self.problems.append, self.clock)
        self._opened.append(self.state)
        self.dispatcher = Dispatcher(self.config, targets, self.config.inhibit_rules, self.clock)
        dice = random.Random(1)
        self.deliveries = [Delivery(one, self.state, self.clock, dice) for one in targets]
        self.state.write(self.dispatcher.begin)

    @property
    def service(self) -> Service:
        return self.services[self.names[0]]

    def decide(self, *, changed: bool = True) -> None:
        alerts = [*self.firing.values(), *self.over.values()]
        self.state.write(lambda connection: self.dispatcher.plan(connection, alerts, changed=changed))

    def fire(self, *alerts: Alert) -> None:
        for one in alerts:
            self.firing[one.labels] = one.but(fired_at=self.clock.now())
            self.over.pop(one.labels, None)
        self.decide()

    def end(self, *alerts: Alert) -> None:
        for one in alerts:
            found = self.firing.pop(one.labels)
            self.over[one.labels] = found.but(state="inactive", resolved_at=self.clock.now())
        self.decide()

    def deliver(self) -> None:
        """Let every channel do what is due, and plan anew where something was delivered."""
        for one in self.deliveries:
            while one.step() == 0.0:
                pass
        self.decide(changed=False)

    def wait(self, seconds: float, step: float = 1.0) -> None:
        """Let time pass, and do what it brings."""
        ends = self.clock.now() + seconds
        while self.clock.now() < ends:
            self.clock.advance(min(step, ends - self.clock.now()))
            self.decide(changed=False)
            self.deliver()

    def rows(self) -> list[NotificationState]:
        return list(self.state.read(rows).values())
