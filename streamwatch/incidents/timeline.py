"""What happened when in an incident: what changed before it, and when each of its alerts became active and fired."""

from dataclasses import dataclass
from typing import Final

from streamwatch.core.words import counted
from streamwatch.incidents.incident import Incident

_MOST: Final = 20


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened."""

    at: float
    """In seconds since 1970."""
    words: str


def timeline(incident: Incident) -> list[Moment]:
    """Return what happened, the oldest first; alerts of one name at one second are counted."""
    counts: dict[tuple[int, str, str], int] = {}
    for alert in incident.alerts:
        active = round(alert.active_at), alert.name, "holds"
        counts[active] = counts.get(active, 0) + 1
        if alert.fired_at is not None:
            fires = round(alert.fired_at), alert.name, "fires"
            counts[fires] = counts.get(fires, 0) + 1
    moments = [
        Moment(at, f"{name} {verb}" if count == 1 else f"{counted(count, 'alert')} {name}: {verb}")
        for (at, name, verb), count in counts.items()
    ]
    moments += [Moment(change.at, change.sentence.rstrip(".")) for change in incident.changes]
    moments.sort(key=lambda moment: moment.at)
    return moments if len(moments) <= _MOST else [*moments[: _MOST - 1], moments[-1]]
