"""Incidents that were, and are: what pictures of the hours before mark."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from streamwatch.incidents.incident import Incident
from streamwatch.model.labels import Labels

_MOST: Final = 500
_MOST_ALERTS: Final = 100
_AGE_SECONDS: Final = 8 * 86_400.0


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
    """The last of them, since the agent started. Not for several threads at once."""

    def __init__(self) -> None:
        self._going: dict[str, PastIncident] = {}
        self._over: list[PastIncident] = []

    def see(self, incidents: Iterable[Incident], now: float) -> None:
        """Take what is the matter now."""
        firing = [incident for incident in incidents if incident.is_firing][:_MOST]
        going: dict[str, PastIncident] = {}
        for each in firing:
            before = self._going.get(each.id)
            alerts = frozenset(alert.labels for alert in each.alerts[:_MOST_ALERTS] if alert.state == "firing")
            since = each.since if before is None else min(each.since, before.since)
            earlier = sorted(() if before is None else before.alerts - alerts, key=str)
            most = alerts | frozenset(earlier[: _MOST_ALERTS - len(alerts)])
            going[each.id] = PastIncident(each.id, since, each.sentence.rstrip("."), most)
        ended = [replace(each, ended=now) for name, each in self._going.items() if name not in going]
        kept = [each for each in [*self._over, *ended] if each.ended is None or each.ended >= now - _AGE_SECONDS]
        self._going, self._over = going, kept[-_MOST:]

    def all(self) -> Sequence[PastIncident]:
        """Return those that are over, the oldest first, and then those that are not."""
        return [*self._over, *self._going.values()]
