"""Incidents that were, and are: what pictures of the hours before mark."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from streamwatch.incidents.incident import Incident
from streamwatch.model.labels import Labels

MOST: Final = 500
"""So many that are over are remembered at most, and as many that go on."""
MOST_ALERTS: Final = 100
"""Of one incident."""
AGE_SECONDS: Final = 8 * 86_400.0
"""For so long after its end an incident is remembered."""


@dataclass(frozen=True, slots=True)
class PastIncident:
    """An incident of which an alert fires, or fired."""

    id: str
    since: float
    """When the first of its alerts became active, in seconds since 1970."""
    sentence: str
    """What was said of it last."""
    alerts: frozenset[Labels]
    """Labels of the alerts that hung below it, not too many."""
    ended: float | None = None
    """When none of its alerts fired any more, as far as somebody looked; None while one does."""

    def covers(self, labels: Mapping[str, str], at: float) -> bool:
        """Say whether an alert that began or ended to fire then hung below it."""
        return self.since <= at and (self.ended is None or at <= self.ended) and Labels(dict(labels)) in self.alerts


class PastIncidents:
    """The last of them. Not for several threads at once."""

    def __init__(self) -> None:
        self._going: dict[str, PastIncident] = {}
        self._over: list[PastIncident] = []
        self._ended: list[PastIncident] = []
        """Those that have ended since somebody asked for what has to be written."""
        self._written: dict[str, PastIncident] = {}
        """Those that go on, as they were then."""

    def restore(self, known: Iterable[PastIncident], firing: Collection[Labels], left_at: float) -> None:
        """Take those of before a restart: one of which an alert fires still goes on, the others are over.

        Args:
            known: the oldest first.
            firing: labels of the alerts that fire.
            left_at: until when alerts were decided before the restart, in seconds since 1970: an incident that nobody
                saw end had ended by then.

        """
        for each in known:
            if each.ended is not None:
                self._over.append(each)
            else:
                self._written[each.id] = each
        self._over = self._over[-MOST:]
        self._going = {name: each for name, each in self._written.items() if not each.alerts.isdisjoint(firing)}
        self._end([(each, max(each.since, left_at)) for name, each in self._written.items() if name not in self._going])

    def see(self, incidents: Iterable[Incident], now: float) -> None:
        """Take what is the matter now."""
        firing = [incident for incident in incidents if incident.is_firing][:MOST]
        going: dict[str, PastIncident] = {}
        for each in firing:
            before = self._going.get(each.id)
            alerts = frozenset(alert.labels for alert in each.alerts[:MOST_ALERTS] if alert.state == "firing")
            since = each.since if before is None else min(each.since, before.since)
            earlier = sorted(() if before is None else before.alerts - alerts, key=str)
            most = alerts | frozenset(earlier[: MOST_ALERTS - len(alerts)])
            going[each.id] = PastIncident(each.id, since, each.sentence.rstrip("."), most)
        self._end([(each, max(each.since, now)) for name, each in self._going.items() if name not in going])
        self._over = [each for each in self._over if each.ended is None or each.ended >= now - AGE_SECONDS]
        self._going = going

    def _end(self, some: Sequence[tuple[PastIncident, float]]) -> None:
        ended = [replace(each, ended=at) for each, at in some]
        for each in ended:
            self._written.pop(each.id, None)
        self._over = [*self._over, *ended][-MOST:]
        self._ended = [*self._ended, *ended][-MOST:]

    def news(self) -> list[PastIncident]:
        """Return what has to be written since this was asked before: what ended, and then what began or has grown.

        That a sentence is another by its numbers is not news: it is written with the rest.
        """
        grown = [each for name, each in self._going.items() if _grew(self._written.get(name), each)]
        found = [*self._ended, *grown]
        self._ended = []
        self._written |= {each.id: each for each in grown}
        return found

    def all(self) -> Sequence[PastIncident]:
        """Return those that are over, the oldest first, and then those that are not."""
        return [*self._over, *self._going.values()]


def _grew(before: PastIncident | None, now: PastIncident) -> bool:
    """Say whether an incident is new, or other alerts hung below it than before."""
    return before is None or (before.since, before.alerts) != (now.since, now.alerts)
