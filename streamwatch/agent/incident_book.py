"""The incidents of a running agent: decided when somebody asks, of the alerts and the samples that there are."""

import math
import re
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from streamwatch.core.clock import Clock
from streamwatch.incidents.answer import answer
from streamwatch.incidents.decide import decide
from streamwatch.incidents.incident import Cause, ChangeNote, Incident
from streamwatch.incidents.known import Known, PaceOf
from streamwatch.incidents.message import message
from streamwatch.incidents.past import PastIncident, PastIncidents
from streamwatch.model.alert import Alert
from streamwatch.model.labels import Labels
from streamwatch.samples.hub import Hub

_FRESH_SECONDS: Final = 1.0
_SHARE: Final = 10.0
"""What took long to decide stays for so many times as long: deciding takes a tenth of a processor at most."""
_WAIT_SECONDS: Final = 0.05
"""So long at most does who notifies wait for who looks."""
_REMEMBERED_SECONDS: Final = 900.0
_MOST_REMEMBERED: Final = 1_000
_BLIND_SECONDS: Final = 300.0
"""After a start it is waited for so long until every source was read: before, alerts of before have no cause."""
_REMEDY: Final = re.compile(r"^## What to do\n+(?:1\. |- )?(.+(?:\n[ \t]+(?![ \t]|- |\d+\. ).+)*)$", re.MULTILINE)
"""The first item with the lines that go on with it, which are indented: a line may end within a sentence."""


def remedies(folder: Path) -> Mapping[str, str]:
    """Return the first thing to do of each runbook in a folder, by its name."""
    texts = {path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.md"))}
    return {
        name: " ".join(match[1].replace("`", "").split())
        for name, text in texts.items()
        if (match := _REMEDY.search(text)) is not None
    }


class IncidentBook:
    """What is the matter now; and, for a quarter of an hour, which causes were known. May be used from any thread."""

    def __init__(  # noqa: PLR0913, PLR0917 - what it is made of
        self,
        hub: Hub,
        clock: Clock,
        alerts: Callable[[], Sequence[Alert]],
        runbooks: Path,
        changes: Callable[[], Sequence[ChangeNote]],
        pace: PaceOf = lambda *_: None,
    ) -> None:
        """Begin.

        Args:
            hub: has the newest samples.
            clock: what time it is.
            alerts: gives those that are pending or firing.
            runbooks: the folder in which they are.
            changes: gives what changed of late, in any order.
            pace: tells how a group reads, by the hours before.

        """
        self._pace = pace
        self._hub, self._clock, self._alerts, self._changes = hub, clock, alerts, changes
        self.remedies = remedies(runbooks)
        self._lock = threading.Lock()
        self._fresh_until, self._incidents = 0.0, tuple[Incident, ...]()
        self._explained_until, self._by_labels = 0.0, dict[Labels, Incident]()
        self._seen: dict[str, tuple[float, Cause]] = {}
        """Causes, and when each was known last."""
        self._past = PastIncidents()
        self._blind_until = math.inf
        """Monotonic: until then, and until every source was read, nothing begins or ends."""

    def start(self, known: Sequence[PastIncident], left_at: float | None) -> None:
        """Begin: sources are read from now on.

        Args:
            known: incidents of before a restart, the oldest first.
            left_at: until when alerts were decided before it, in seconds since 1970; None where that is not known.

        """
        firing = frozenset(alert.labels for alert in self._alerts() if alert.state == "firing")
        now = self._clock.now()
        with self._lock:
            self._past.restore(known, firing, now if left_at is None else min(left_at, now))
            self._blind_until = self._clock.monotonic() + _BLIND_SECONDS

    def incidents(self) -> tuple[Incident, ...]:
        """Return what is the matter, as it was a moment ago at most."""
        alerts = self._alerts()  # not while the lock is held: it is wanted where alerts are decided
        with self._lock:
            started = self._clock.monotonic()
            if started >= self._fresh_until:
                is_blind = self._is_blind(started)  # before it is decided: a source may be read meanwhile
                self._incidents = tuple(self._decided(alerts, started))
                if not is_blind:
                    self._past.see(self._incidents, self._clock.now())
                ended = self._clock.monotonic()
                self._fresh_until = ended + max(_FRESH_SECONDS, _SHARE * (ended - started))
            return self._incidents

    def latest(self) -> tuple[Incident, ...]:
        """Return what was decided last, without deciding it anew or waiting for whoever does: for who is scraped."""
        return self._incidents

    def past(self) -> Sequence[PastIncident]:
        """Return the incidents that were, and are, the newest last."""
        self.incidents()
        with self._lock:
            return self._past.all()

    def news(self) -> list[PastIncident]:
        """Return what became of incidents since this was asked before: for the state file."""
        with self._lock:
            return self._past.news()

    def explain(self, alerts: Collection[Alert], runbooks: str) -> Callable[[Alert], str]:
        """Return what says of an alert, in a line for a message, the cause that is known of it; else nothing.

        It is called where alerts are decided: what took long is used again for ten times as long, and an alert that has
        come since then is not explained.

        Args:
            alerts: those that are pending or firing now.
            runbooks: the address below which runbooks are.

        """
        if self._lock.acquire(timeout=_WAIT_SECONDS):
            try:
                self._decide_for_messages(alerts)
            finally:
                self._lock.release()
        by_labels = self._by_labels

        def explained(alert: Alert) -> str:
            incident = by_labels.get(alert.labels)
            return "" if incident is None else message(incident, self.remedies, runbooks)

        return explained

    def _decide_for_messages(self, alerts: Collection[Alert]) -> None:
        started = self._clock.monotonic()
        if started >= self._explained_until:
            incidents = self._decided(alerts, started)
            self._by_labels = {alert.labels: incident for incident in incidents for alert in incident.alerts}
            ended = self._clock.monotonic()
            self._explained_until = ended + _SHARE * (ended - started)

    def answer(self) -> dict[str, Any]:
        """Return the same as JSON."""
        return answer(self.incidents(), self.remedies)

    def _is_blind(self, now: float) -> bool:
        """Say whether sources have still to be read since the start."""
        if now >= self._blind_until or (self._blind_until < math.inf and self._hub.is_warm):
            self._blind_until = -math.inf
        return now < self._blind_until

    def _decided(self, alerts: Collection[Alert], now: float) -> list[Incident]:
        if not alerts:
            return []
        self._seen = {name: (at, cause) for name, (at, cause) in self._seen.items() if now - at <= _REMEMBERED_SECONDS}
        before = [cause for _, cause in self._seen.values()]
        incidents = decide(Known(alerts, self._hub.chosen(), self._changes(), before, self._pace))
        for incident in incidents[:_MOST_REMEMBERED]:
            cause = incident.cause
            if cause is not None and (cause.is_remembered or incident.id in self._seen):
                self._seen[incident.id] = now if cause.is_remembered else self._seen[incident.id][0], cause
        return incidents
