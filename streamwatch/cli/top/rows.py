"""What is shown: rows of cells, each with how good or bad it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from streamwatch.export.web_page.words import WORST_FIRST, Health


@dataclass(frozen=True, slots=True)
class Cell:
    """One value as it is shown, and what it is sorted by."""

    text: str
    value: float | None = None
    """None where it is a text, or not known."""
    health: Health = "good"


@dataclass(frozen=True, slots=True)
class TopRow:
    """One line of a table."""

    key: tuple[str, ...]
    """What tells it from every other; the last part is its name."""
    cells: Mapping[str, Cell]
    """By the title of the column."""
    health: Health
    opens: str = ""
    """The view that Enter opens; empty where there is none."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """What that view is about."""
    text: Sequence[str] = ()
    """What there is to read about it, where it is no view of numbers."""

    @property
    def rank(self) -> int:
        """Its place among others, the worst first."""
        return WORST_FIRST.index(self.health)


@dataclass(frozen=True, slots=True)
class Frame:
    """What one poll saw of one view."""

    rows: Sequence[TopRow]
    at: float
    """When, by the agent's clock, in seconds since 1970."""
    total: int | None = None
    """How many there are, where only the first of them are here; None where that is not known."""
    headline: str = ""
    health: Health = "good"
    below: Sequence[TopRow] = ()
    """What a second, shorter table shows."""
