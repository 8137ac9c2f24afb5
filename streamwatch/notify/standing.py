"""How an alert that fires stands with those who are to be told."""

from dataclasses import dataclass

from streamwatch.model.alert import Alert
from streamwatch.model.labels import Labels
from streamwatch.notify.mute import Silence


@dataclass(frozen=True, slots=True)
class Standing:
    """One alert, whom it goes to, and what keeps it from being told."""

    alert: Alert
    ways: tuple[tuple[str, Labels], ...]
    """The channels, each with the labels of the alert's group there."""
    silences: tuple[Silence, ...]
    inhibited_by: tuple[str, ...]
    """Fingerprints of the alerts that are told instead."""
    muted_by: tuple[str, ...]
    """Windows of the configuration that are open."""

    @property
    def is_suppressed(self) -> bool:
        """Whether nobody is told of it now."""
        return bool(self.silences or self.inhibited_by or self.muted_by)
