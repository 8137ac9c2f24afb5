"""Where an alert that fires is routed, and what mutes it."""

from dataclasses import dataclass

from streamwatch.model.alert import Alert
from streamwatch.model.labels import Labels
from streamwatch.notify.mute import Silence


@dataclass(frozen=True, slots=True)
class Standing:
    """One alert, its routes, and what mutes it."""

    alert: Alert
    route_targets: tuple[tuple[str, Labels], ...]
    """The channels, each with the labels of the alert's group there."""
    silences: tuple[Silence, ...]
    inhibited_by: tuple[str, ...]
    """Fingerprints of the alerts that inhibit it."""
    muted_by: tuple[str, ...]
    """Windows of the configuration that are open."""

    @property
    def is_suppressed(self) -> bool:
        """Whether nobody is notified of it now."""
        return bool(self.silences or self.inhibited_by or self.muted_by)
