"""The page for browsers, and what it says for people with curl: made once a second, however many look."""

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from streamwatch import __version__
from streamwatch.agent.alerting import Alerting
from streamwatch.agent.target_runner import TargetRunner
from streamwatch.core.clock import Clock
from streamwatch.export.web_page.changes import changed
from streamwatch.export.web_page.incidents import chosen
from streamwatch.export.web_page.past import Past
from streamwatch.export.web_page.sample_index import Read
from streamwatch.export.web_page.view import PageView, view
from streamwatch.export.web_page.written import lines
from streamwatch.http.message import Response
from streamwatch.model.journal_entry import JournalEntry
from streamwatch.samples.hub import Hub

if TYPE_CHECKING:
    from streamwatch.export.web_page.render import Renderer

_FRESH_SECONDS: Final = 1.0
_MOST_CHANGES: Final = 12


class HomePage:
    """What ``/`` shows. May be used from any thread."""

    def __init__(
        self,
        hub: Hub,
        clock: Clock,
        changes: Callable[[], Sequence[JournalEntry]],
        past: Callable[[], Past | None] = lambda: None,
    ) -> None:
        self._hub, self._clock, self._changes, self._past = hub, clock, changes, past
        self._lock = threading.Lock()
        self._renderer: Renderer | None = None
        self._made: tuple[float, Response] | None = None
        """The page, and until when it is fresh."""
        self._lines: tuple[float, Sequence[str]] | None = None
        """The same of its lines."""

    def page(self, runners: Iterable[TargetRunner], alerting: Alerting, url: str) -> Response:
        """Return the page of these targets and alerts; one that was made less than a second ago, where there is."""
        with self._lock:
            if self._made is None or self._clock.monotonic() >= self._made[0]:
                self._made = self._clock.monotonic() + _FRESH_SECONDS, self._render(runners, alerting, url)
            return self._made[1]

    def lines(self, runners: Iterable[TargetRunner], alerting: Alerting, url: str) -> Sequence[str]:
        """Return the page's headline and incidents as lines; those made less than a second ago, where there are."""
        with self._lock:
            if self._lines is None or self._clock.monotonic() >= self._lines[0]:
                written = list(lines(self._view(runners, alerting, url)))
                self._lines = self._clock.monotonic() + _FRESH_SECONDS, written
            return self._lines[1]

    def _render(self, runners: Iterable[TargetRunner], alerting: Alerting, url: str) -> Response:
        from streamwatch.export.web_page.render import Renderer  # noqa: PLC0415 - only who is looked at pays for the templates

        if self._renderer is None:
            self._renderer = Renderer()
        shown, changes = self._view(runners, alerting, url), self._changes()[:_MOST_CHANGES]
        return self._renderer.render(replace(shown, changes=changed(changes, self._clock.now())))

    def _view(self, runners: Iterable[TargetRunner], alerting: Alerting, url: str) -> PageView:
        reads = [Read(runner.name, runner.config.name, runner.kind, runner.interval, runner.last) for runner in runners]
        samples = {name: part.samples for name, part in self._hub.current().items()}
        notified, channels = alerting.notifications.alert_groups(), alerting.notifications.channels
        alerts, now = alerting.alerts(), self._clock.now()
        book, known = alerting.book, alerting.book.incidents()
        standing = alerting.notifications.standing(alerts, chosen(known).alerts or None)
        names = {alert.fingerprint: alert.name for alert in alerts}
        reasons = {each.alert.fingerprint: each.reasons(names) for each in standing}
        return view(
            __version__, reads, samples, alerts, notified, channels, now, url, reasons, known, book.remedies,
            self._past(), alerting.links,
        )  # fmt: skip
