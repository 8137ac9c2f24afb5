"""What is decided, and how."""

import glob
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from streamwatch.settings.types import Duration, Place, setting

_HERE: Final = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Alert rules, as Prometheus reads them, decided in the agent."""

    enabled: bool = setting(
        "decide rules in the agent; switch it off where a Prometheus has the same rules", default=True
    )
    pack: bool = setting("decide the alerts that come with StreamWatch (`alerts/`)", default=True)
    files: tuple[Place, ...] = setting("rule files besides those; `*` stands for any part of a name", default=())
    evaluation_interval: Duration = setting(
        "how often groups are evaluated that give no interval; they are when data arrive, too",
        default=15.0,
        minimum=0.1,
        maximum=3600.0,
        formerly=("interval",),
    )
    state: Place | None = setting(
        "SQLite file in which alerts outlive the agent; without it a restart forgets them", default=None
    )
    history: Duration = setting(
        "how long to keep samples that no rule looks back to, for queries", default=60.0, minimum=0.0, maximum=86_400.0
    )
    severities: Mapping[str, str] = setting(
        "for the label `severity` of alerts: what rule files call it, and what it is called instead, as in"
        " `{P1: critical, P2: warning}`; routes and messages know `critical`, `warning`, `info` and `none`",
        default_factory=dict,
    )
    delayed_name_removal: bool = setting(
        "drop metric names at the end of a query only, as a Prometheus with the feature `promql-delayed-name-removal`",
        default=False,
    )
    job: str = setting("the label `job` that rules see, as from a scrape", default="streamwatch")
    instance: str | None = setting(
        "the label `instance` that rules see; by default `listen.address`, and `streamwatch` with `ha`: agents that act"
        " as one decide alerts of the same labels",
        default=None,
    )

    def paths(self) -> list[Path]:
        """Return the files to read, the pack's first."""
        found = sorted(pack_folder().glob("*.yml")) if self.pack else []
        for text in self.files:
            path = Path(text)
            found += matching(path.parent, path.name) if "*" in path.name else [path]
        return found


def runbooks_folder() -> Path:
    """Return the folder of the alerts' runbooks: in the package, or in the documentation of a checkout."""
    inside = _HERE / "runbooks"
    return inside if inside.is_dir() else _HERE.parent / "docs" / "runbooks"


def pack_folder() -> Path:
    """Return the folder of the alerts that come with StreamWatch: in the package, or beside it in a checkout."""
    inside = _HERE / "alerts"
    return inside if inside.is_dir() else _HERE.parent / "alerts"


def matching(folder: Path, pattern: str) -> list[Path]:
    """Return the files that a pattern means, as Go's ``filepath.Glob`` does; itself, where there are none.

    Args:
        folder: what a pattern that is not absolute counts from.
        pattern: a path in which ``*``, ``?`` and ``[...]`` stand for parts of names.

    """
    found = glob.glob(pattern, root_dir=folder, include_hidden=True)  # noqa: PTH207 - Path's does not take absolute ones
    return [folder / one for one in sorted(found)] or [folder / pattern]
