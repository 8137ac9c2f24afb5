"""The same series, as several sources have it."""

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["equal", "explained", "differs"]


@dataclass(frozen=True, slots=True)
class Line:
    """One series, as each source has it."""

    name: str
    labels: dict[str, str]
    values: dict[str, float]
    """By kind of source; those that know it."""
    verdict: Verdict
    reason: str = ""
