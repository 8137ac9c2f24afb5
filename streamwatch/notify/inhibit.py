"""The causes and effects that come with StreamWatch, in Alertmanager's own notation: ``alerts/inhibit/*.yml``."""

from dataclasses import dataclass
from pathlib import Path

from streamwatch.notify.config import Inhibition
from streamwatch.settings.reader import read_settings
from streamwatch.settings.types import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A part of Alertmanager's configuration."""

    inhibit_rules: tuple[Inhibition, ...] = setting("causes and effects")


def shipped(folder: Path) -> tuple[Inhibition, ...]:
    """Return the inhibitions in a folder of alerts.

    Raises:
        ConfigError: with every mistake.

    """
    inhibitions: list[Inhibition] = []
    for path in sorted((folder / "inhibit").glob("*.yml")):
        inhibitions += read_settings(File, path.read_text(encoding="utf-8"), str(path), path.parent, {}).inhibit_rules
    return tuple(inhibitions)
