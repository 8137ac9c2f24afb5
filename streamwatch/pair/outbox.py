"""The notifications as their pair uses them: what was sent, said to peers; what peers sent, written down."""

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Final

from streamwatch.model.notification import to_text
from streamwatch.notify import outbox, silence_store
from streamwatch.notify.plan import MaybeDelivered
from streamwatch.notify.service import NotificationService
from streamwatch.notify.silence import Silence
from streamwatch.pair import adopt
from streamwatch.pair.document import Notified
from streamwatch.state.statefile import StateFile

_KEPT_SECONDS: Final = 86_400.0
"""Silences that ended longer ago are of no peer's concern."""


class PairOutbox:
    """May be used from any thread."""

    def __init__(self, service: NotificationService, state: StateFile) -> None:
        self._service, self._state = service, state

    def begin(self) -> None:
        """Let silences have numbers that no peer has."""
        self._state.write(silence_store.share_numbers)

    def notified(self, now: float) -> tuple[list[Notified], list[Silence]]:
        """Return what was notified, of what is kept, and the silences."""
        entries = self._state.read(outbox.entries)
        silences = self._state.read(lambda connection: silence_store.ended_after(connection, now - _KEPT_SECONDS))
        rows = [
            Notified(
                each.row.target,
                each.row.key,
                each.row.delivered,
                each.row.delivered_at,
                each.row.maybe_delivered is not MaybeDelivered.NO,
                to_text(each.content),
            )
            for each in entries
            if not each.row.is_unknown_to_service
        ]
        return rows, silences

    def adopt(  # noqa: PLR0913 - what a peer says, and what is known here
        self,
        notified: Iterable[Notified],
        silences: Iterable[Silence],
        ahead: float,
        over: Mapping[tuple[str, str], float],
        now: float,
        *,
        sends: bool,
    ) -> None:
        """Take for one's own what a peer notified, and its silences.

        Args:
            notified: what it notified.
            silences: those that it has.
            ahead: seconds by which this agent's clock is ahead of the peer's.
            over: groups that are over, and forgotten here.
            now: seconds since 1970.
            sends: whether this agent is the one that notifies.

        """
        who, rows, others = adopt.Adopter(self._service.integrations, sends, over), list(notified), list(silences)

        def work(connection: sqlite3.Connection) -> None:
            adopt.adopt(connection, rows, who, ahead)
            adopt.adopt_silences(connection, others, now)
            self._service.replan(connection)

        self._state.write(work)
        self._service.wake()

    def mark_maybe_delivered(self) -> None:
        """Note that what is to be sent may have been: whoever notified is not heard any more."""
        self._state.write(adopt.mark_maybe_delivered)

    def late_seconds(self) -> float:
        """Return for how long the oldest notification that waits has been due; 0 where none is."""
        return self._service.late_seconds()

    def go_on(self) -> None:
        """Plan with what peers say now, and deliver what may leave."""
        self._state.write(self._service.replan)
        self._service.wake()
