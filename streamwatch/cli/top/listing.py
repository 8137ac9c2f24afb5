"""What a view is made of: columns, each an expression of PromQL, and which rows come first."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from streamwatch.cli.top.units import UNKNOWN, Unit
from streamwatch.export.web_page.words import Health
from streamwatch.model.metric import Metric

MATCHERS = "$m"
"""Where the conditions on labels come in an expression."""
ROWS = "$rows"
"""Where it is limited to the rows that are shown: before anything is added up for all that there is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopColumn:
    """One column."""

    title: str
    metric: Metric | None = None
    """Where it is the newest value of a metric, or one of its labels."""
    expr: str = ""
    """Where it is computed, for what ``ROWS`` leaves of it."""
    label: str = ""
    """The label of the metric that is shown; empty: its value."""
    unit: Unit = "count"
    rank: int = 0
    """Where not all have room, those of a lower rank stay; 0 stays always."""
    health: Callable[[float | None], Health] | None = None
    words: Mapping[float, str] = field(default_factory=dict)
    """What is written instead of these values."""
    word_health: Mapping[str, Health] = field(default_factory=dict)
    """How good the words of a label are."""
    is_text: bool = False
    """Whether it is aligned left, and cut where there is no room."""
    absent: str = UNKNOWN
    """What is written where there is no such series; empty where that says that nothing is the matter."""
    applies: Callable[[Mapping[str, str]], bool] | None = None
    """Of which rows, by their labels, there is such a number; None: of all."""
    least: int = 24
    """So wide a text must be to be worth its room."""

    @property
    def source(self) -> str:
        """The expression of its value."""
        return self.expr.replace(ROWS, "") or (f"{self.metric.name}{{{MATCHERS}}}" if self.metric is not None else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One view."""

    title: str
    keys: tuple[str, ...]
    """The labels that tell its rows apart, the name last."""
    columns: Sequence[TopColumn]
    """The names of the rows come before them."""
    there: Metric
    """What every row has."""
    worst: Sequence[str] = ()
    """Expressions, from the most important to the least: where one has a value, the row comes before others."""
    order: Sequence[str] = ()
    """The titles of the columns by which rows that are equally bad are ordered, the largest first."""
    opens: str = ""
    """What Enter opens."""
    most: int = 100
    """So many rows are read."""

    @property
    def name_label(self) -> str:
        """The label that is filtered by."""
        return self.keys[-1]

    def column(self, title: str) -> TopColumn | None:
        """Return the column of a title."""
        return next((column for column in self.columns if column.title == title), None)


def positive(health: Health) -> Callable[[float | None], Health]:
    """Return what finds every value above 0 as bad as this."""
    return lambda value: health if value is not None and value > 0 else "good"


def from_(warn: float, bad: float = float("inf")) -> Callable[[float | None], Health]:
    """Return what finds values of at least these worth a look, or bad."""
    return lambda value: "good" if value is None or value < warn else "bad" if value >= bad else "warn"


def below(least: float, health: Health) -> Callable[[float | None], Health]:
    """Return what finds values below this bad."""
    return lambda value: health if value is not None and value < least else "good"


def up(value: float | None) -> Health:
    """Return how good it is that something answers or not."""
    return "unknown" if value is None else "good" if value else "bad"
