"""Where an alert that fires is routed, and what mutes it."""

from dataclasses import dataclass

from streamwatch.model.alert import Alert
from streamwatch.model.labels import Labels
from streamwatch.notify.silence import Silence


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

    def reasons(self) -> list[str]:
        """Return in words what keeps it from which channel."""
        reasons = [f"muted by silence {silence.number}" for silence in self.silences]
        if self.inhibited_by:
            reasons.append(f"its cause fires too ({len(self.inhibited_by)})")
        muted = {route.channel: ", ".join(route.muted_by) for route in self.routes if route.muted_by}
        return [*reasons, *(f"{channel} is muted by {names}" for channel, names in muted.items())]
