"""Where an alert that fires is routed, and what mutes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from streamwatch.core.times import rfc3339
from streamwatch.model.alert import Alert
from streamwatch.model.labels import Labels
from streamwatch.notify.silence import Silence

_MOST_CAUSES: Final = 3


@dataclass(frozen=True, slots=True)
class RouteStanding:
    """One channel that an alert goes to."""

    channel: str
    group: Labels
    """The labels of the alert's group there."""
    muted_by: tuple[str, ...]
    """Names of the time intervals that mute every route that leads there."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One alert, its routes, and what mutes it."""

    alert: Alert
    routes: tuple[RouteStanding, ...]
    silences: tuple[Silence, ...]
    inhibited_by: tuple[str, ...]
    """Fingerprints of the alerts that inhibit it."""

    @property
    def muted_by(self) -> tuple[str, ...]:
        """Names of the time intervals that mute a route of it."""
        return tuple(dict.fromkeys(name for route in self.routes for name in route.muted_by))

    @property
    def is_suppressed(self) -> bool:
        """Whether nobody is notified of it now."""
        is_muted = bool(self.routes) and all(route.muted_by for route in self.routes)
        return bool(self.silences or self.inhibited_by or is_muted)

    def reasons(self, names: Mapping[str, str] = MappingProxyType({})) -> list[str]:
        """Return in words what keeps it from which channel.

        Args:
            names: the names of alerts by their fingerprints; of those that are not there, only the number is said.

        """
        reasons = [_silenced(silence) for silence in self.silences]
        known = sorted({names[each] for each in self.inhibited_by if each in names})
        if known:
            more = [f"{len(known) - _MOST_CAUSES} more"] if len(known) > _MOST_CAUSES else []
            causes = [*known[:_MOST_CAUSES], *more]
            first, verb = ", ".join(causes[:-1]), "fires" if len(causes) == 1 else "fire"
            reasons.append(f"inhibited by {first}{' and ' if first else ''}{causes[-1]}, which {verb} too")
        elif self.inhibited_by:
            reasons.append(f"its cause fires too ({len(self.inhibited_by)})")
        muted = {route.channel: ", ".join(route.muted_by) for route in self.routes if route.muted_by}
        return [*reasons, *(f"{channel} is muted by {intervals}" for channel, intervals in muted.items())]


def _silenced(silence: Silence) -> str:
    by = f", by {silence.by}" if silence.by else ""
    why = f" ({silence.comment})" if silence.comment else ""
    return f"muted by silence {silence.number} until {rfc3339(silence.until, 'minutes')}{by}{why}"
