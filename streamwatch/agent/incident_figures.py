"""Incidents and alerts as samples: what is the matter and since when, for a dashboard to begin with."""

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import numpy as np

from streamwatch.catalogue import agent as c
from streamwatch.catalogue import incidents as i
from streamwatch.core.clock import Clock
from streamwatch.incidents.incident import Incident
from streamwatch.incidents.known import SCOPES
from streamwatch.model.alert import Alert
from streamwatch.model.metric import Keys, Samples

_MOST: Final = 20
_MOST_CHARACTERS: Final = 200
_WORDS_SECONDS: Final = 60.0
"""So long at least does a sentence stay of which nothing but amounts changes: each other one is another series."""
_AMOUNT: Final = r"(?<![\w.:/-])\d[\d.,]*(?:e[+-]?\d+)?[a-z%]{0,2}(?![\w:/-])"
"""A number by itself, with its unit: ``1,010``, ``53.2%``, ``5m``; not in a name, an address or the id of a shard."""
_NAME: Final = r"\b(?:brokers?|partition|offset) \d+(?:(?:, | and )\d+)*"
_NUMBERS: Final = re.compile(rf"(?P<name>{_NAME})|{_AMOUNT}(?: {_AMOUNT})*", re.IGNORECASE)
"""Numbers that are names, which say what is the matter, and amounts: of a span (``1h 2m 3s``) all together."""


class IncidentFigures:
    """The worst incidents, as samples. May be used from any thread."""

    def __init__(self, incidents: Callable[[], Sequence[Incident]], clock: Clock) -> None:
        """Begin.

        Args:
            incidents: gives those that there are, the worst first; it must not wait.
            clock: what time it is.

        """
        self._incidents, self._clock = incidents, clock
        self._lock = threading.Lock()
        self._sentences: dict[str, tuple[float, str]] = {}
        """By the incident, the sentence that it has as a label, and since when."""

    def samples(self) -> Samples:
        """Return since when each is as its sentence says, in seconds since 1970."""
        # What fires not yet, and has no known cause, tells nobody anything: most of it is over in a moment.
        shown = [one for one in self._incidents() if one.is_firing or one.cause is not None][:_MOST]
        now = self._clock.monotonic()
        with self._lock:
            self._sentences = {one.id: self._words(one, now) for one in shown}
            rows = {_row(one, self._sentences[one.id][1]): one.holds_since for one in shown}
        return i.START.samples(Keys(i.START.labels, list(rows)), np.array(list(rows.values()), dtype=np.float64))

    def _words(self, incident: Incident, now: float) -> tuple[float, str]:
        words = _sentence(incident)
        at, before = self._sentences.get(incident.id, (now, words))
        is_the_same = _without_amounts(before) == _without_amounts(words)
        return (at, before) if is_the_same and now - at < _WORDS_SECONDS else (now, words)


def _without_amounts(sentence: str) -> str:
    return _NUMBERS.sub(lambda found: found["name"] or "", sentence)


def alert_figures(alerts: Iterable[Alert]) -> list[Samples]:
    """Return how many alerts have the same labels, and when the oldest of these became active."""
    rows = [(_facts(alert), alert.active_at) for alert in alerts]
    counts = Counter(row for row, _ in rows)
    since: dict[tuple[str, ...], float] = {}
    for row, at in rows:
        since[row] = min(at, since.get(row, at))
    columns = ((c.ALERTS, list(counts.values())), (i.ALERTS_START, [since[row] for row in counts]))
    keys = Keys(c.ALERTS.labels, list(counts))
    return [metric.samples(keys, np.array(values, dtype=np.float64)) for metric, values in columns]


def _facts(alert: Alert) -> tuple[str, ...]:
    facts = {**alert.labels, "alertstate": alert.state}
    return tuple(facts.get(name, "") for name in c.ALERTS.labels)


def _row(incident: Incident, sentence: str) -> tuple[str, ...]:
    """Return the labels of an incident: what its cause is about; where that is not known, its worst alert."""
    worst, cause = incident.alerts[0].labels, incident.cause
    about = dict(worst) if cause is None else dict(zip(SCOPES.get(cause.scope[0], ()), cause.scope[1:], strict=False))
    facts = {**about, "incident": incident.id, "severity": _severity(incident), "sentence": sentence}
    return tuple(facts.get(name, "") for name in i.START.labels)


def _severity(incident: Incident) -> str:
    if incident.is_over:
        return i.OVER
    return incident.alerts[0].labels.get("severity", "") if incident.is_firing else i.PENDING


def _sentence(incident: Incident) -> str:
    """Return the cause; where it is not known, which alert fires: a summary would change with each number in it."""
    if incident.cause is not None:
        goes_on = incident.ended is not None and not incident.is_over  # else the severity says that it is over
        words = f"Over: {incident.cause.sentence}" if goes_on else incident.cause.sentence
    else:
        more = f" and {len(incident.alerts) - 1} more" if len(incident.alerts) > 1 else ""
        words = f"The cause is not known: {incident.alerts[0].name}{more}"
    return words if len(words) <= _MOST_CHARACTERS else f"{words[: _MOST_CHARACTERS - 1]}…"
