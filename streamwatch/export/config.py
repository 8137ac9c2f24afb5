"""How metrics are exported, wherever they go."""

from dataclasses import dataclass
from typing import Literal

from streamwatch.settings.types import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """How metrics are exported."""

    compatibility: tuple[Literal["kafka_exporter"], ...] = setting(
        "other exporters whose metric names are served, too: dashboards and rules for `kafka_exporter` keep working; it"
        " adds about nine series for each partition",
        default=(),
    )
