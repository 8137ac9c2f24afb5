"""How metrics are told, wherever they go."""

from dataclasses import dataclass
from typing import Literal

from streamwatch.settings.types import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """How metrics are told."""

    compatibility: tuple[Literal["kafka_exporter"], ...] = setting(
        "other exporters whose names are told besides: dashboards and rules for `kafka_exporter` keep working; it adds"
        " about nine series for each partition",
        default=(),
    )
