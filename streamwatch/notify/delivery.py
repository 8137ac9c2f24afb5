"""Sends what is in the outbox: a thread an integration, so that one that hangs costs its own share only."""

import logging
import math
import random
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from streamwatch.core.backoff import Backoff
from streamwatch.core.clock import Clock
from streamwatch.core.errors import NotifyError, NotifyRefused, NotifyUnavailable
from streamwatch.core.worker import AtEnd, Worker
from streamwatch.notify import outbox
from streamwatch.notify.channel import Integration
from streamwatch.notify.gate import Alone, Gate
from streamwatch.notify.outbox import Entry
from streamwatch.state.statefile import StateFile

log = logging.getLogger(__name__)

_OF_MESSAGE: Final = Backoff(1.0, 300.0)
_OF_TARGET: Final = Backoff(1.0, 30.0)
_SHUT_SECONDS: Final = 1.0
"""Between two looks at a gate that is shut; who opens it wakes everybody."""


@dataclass(slots=True)
class DeliveryCounts:
    """What happened to the messages for one integration."""

    delivered: int = 0
    failed: int = 0
    """Attempts that may be made again."""
    parked: int = 0
    seconds: float = math.nan
    """From the decision to the delivery, the last time; NaN before the first."""


class Delivery:
    """Delivers to one integration. ``step`` is called by one thread at a time."""

    def __init__(
        self, integration: Integration, state: StateFile, clock: Clock, rng: random.Random, gate: Gate | None = None
    ) -> None:
        """Begin.

        Args:
            integration: to whom.
            state: where the outbox is.
            clock: what time it is.
            rng: spreads attempts over time.
            gate: says whether messages may leave.

        """
        self._gate = gate or Alone()
        self.integration = integration
        self._state, self._clock, self._rng = state, clock, rng
        self._failures = 0
        self._wait_until = -math.inf
        """Monotonic: until then, the service is left alone."""
        self._singly = 0
        """So many messages go one by one: a batch was refused, and one of them is why."""
        self._tokens, self._filled_at = float(integration.burst), clock.monotonic()
        self._why = ""
        self.counts = DeliveryCounts()

    def step(self) -> float:
        """Deliver what is due, as much as goes into one message; return how many seconds nothing is due."""
        if not self._gate.may_send():
            return _SHUT_SECONDS
        pause = max(self._wait_until - self._clock.monotonic(), self._short_of())
        if pause > 0:
            return pause
        name, most = self.integration.name, 1 if self._singly else self.integration.most
        # In the transaction: where the clock was set, the outbox's times are moved in another one.
        entries = self._state.write(lambda connection: outbox.take(connection, name, self._clock.now(), most))
        if not entries:
            return self._state.read(self._wait)
        self._tokens -= 1
        self._send(entries)
        return 0.0

    def _wait(self, connection: sqlite3.Connection) -> float:
        at = outbox.next_at(connection, self.integration.name)
        return math.inf if at is None else max(0.0, at - self._clock.now())

    def _send(self, entries: Sequence[Entry]) -> None:
        self._singly = max(0, self._singly - 1)
        try:
            self.integration.notifier.send([entry.content for entry in entries])
        except NotifyRefused as error:
            if len(entries) > 1:
                self._singly = len(entries)
            else:
                self._park(entries[0], str(error))
        except NotifyError as error:
            self._failed(entries, error)
        except Exception:
            log.exception("notifications: channel %r failed: please report this", self.integration.name)
            self._failed(entries, NotifyUnavailable("a bug: see the log", reached=True))
        else:
            self._done(entries)

    def _done(self, entries: Sequence[Entry]) -> None:
        def note(connection: sqlite3.Connection) -> float:
            at = self._clock.now()
            for entry in entries:
                outbox.delivered(connection, entry, at)
            return at

        at = self._state.write(note)
        self.counts.delivered += len(entries)
        self.counts.seconds = max(0.0, at - max(entry.row.next_at for entry in entries))
        if self._why:
            log.info("notifications are taken again", extra={"channel": self.integration.name})
        self._failures, self._why = 0, ""

    def _failed(self, entries: Sequence[Entry], error: NotifyError) -> None:
        self._failures += 1
        self.counts.failed += len(entries)
        # Of the service as a whole: so that an outage is not a storm; of each message: so that one that makes the
        # service fail lets others pass.
        pause = _OF_TARGET.pause(self._failures, self._rng)
        self._wait_until = self._clock.monotonic() + max(pause, error.retry_after or 0.0)
        waits = [_OF_MESSAGE.pause(entry.row.attempts + 1, self._rng) for entry in entries]

        def note(connection: sqlite3.Connection) -> None:
            now = self._clock.now()
            for entry, wait in zip(entries, waits, strict=True):
                outbox.failed(connection, entry, again_at=now + wait, reached=error.reached)

        self._state.write(note)
        if self._why != str(error):
            log.warning("notifications are not taken: %s", error, extra={"channel": self.integration.name})
        self._why = str(error)

    def _park(self, entry: Entry, why: str) -> None:
        self._state.write(lambda connection: outbox.park(connection, entry, why))
        self.counts.parked += 1
        log.error(
            "a notification was refused, and is given up: %s: mend the configuration, and reload it", why,
            extra={"channel": self.integration.name, "alert": entry.content.name},
        )  # fmt: skip

    def _short_of(self) -> float:
        """Return how long it takes until a message more is in order."""
        now = self._clock.monotonic()
        self._tokens = min(self.integration.burst, self._tokens + (now - self._filled_at) * self.integration.rate)
        self._filled_at = now
        return max(0.0, (1 - self._tokens) / self.integration.rate)


class Deliveries:
    """All integrations at work, from ``start`` to ``stop``."""

    def __init__(
        self, integrations: Sequence[Integration], state: StateFile, clock: Clock, gate: Gate | None = None
    ) -> None:
        rng = random.Random()  # noqa: S311 - spreads attempts
        self.all = [Delivery(integration, state, clock, rng, gate) for integration in integrations]
        # What is not due when the agent ends is kept for its next start.
        self._workers = [
            Worker(f"notify {delivery.integration.name}", delivery.step, clock, AtEnd.FINISH) for delivery in self.all
        ]

    @property
    def are_well(self) -> bool:
        """Whether every thread is alive."""
        return all(worker.is_alive for worker in self._workers)

    def start(self) -> None:
        """Begin to deliver."""
        for worker in self._workers:
            worker.start()

    def wake(self) -> None:
        """Look into the outbox: something was put into it."""
        for worker in self._workers:
            worker.wake()

    def stop(self, timeout_seconds: float) -> None:
        """Deliver what is due now, and end; what is not delivered by then is kept for the next start."""
        for worker in self._workers:
            worker.end(timeout_seconds)
        for worker in self._workers:
            worker.ended()
