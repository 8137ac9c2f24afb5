"""What a dashboard is made of."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from streamwatch.model.metric import Metric, Tier

Shape = Literal["timeseries", "stat", "table", "bargauge"]

SECONDS: Final = Metric(name="seconds", kind="gauge", unit="seconds", labels=(), tier=Tier.AGENT, help="", question="")
"""For what is computed."""
RATIO: Final = Metric(name="ratio", kind="gauge", unit="ratio", labels=(), tier=Tier.AGENT, help="", question="")
"""The same, of a share."""
RATE: Final = "$__rate_interval"
"""Grafana's: at least four scrapes."""
_UNITS: Final = {"seconds": "s", "bytes": "bytes", "ratio": "percentunit", "dollars": "currencyUSD"}
_RATES: Final = {"bytes": "Bps", "dollars": "currencyUSD", "seconds": "percentunit"}


@dataclass(frozen=True, slots=True)
class Query:
    """An expression, and what its series are called."""

    expr: str
    legend: str = ""
    metric: Metric | None = None
    """Whose unit the panel has."""
    is_rate: bool = False

    @property
    def unit(self) -> str:
        """Return Grafana's unit of its values."""
        if self.metric is None:
            return "short"
        return (_RATES if self.is_rate else _UNITS).get(self.metric.unit, "cps" if self.is_rate else "short")


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel; the first query decides the unit."""

    title: str
    asks: str
    """The question that it answers."""
    queries: Sequence[Query]
    shape: Shape = "timeseries"
    width: int = 8
    """Of 24."""
    height: int = 7
    red_above: float | None = None
    """From above this on it is red; up to this, green."""
    red_below: float | None = None
    link: tuple[str, str] | None = None
    """Of a table: a label, and the uid of the dashboard where a click on its value chooses it."""


@dataclass(frozen=True, slots=True)
class Row:
    """Panels under a title."""

    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A dashboard. Each variable is a label, chosen among the values that a metric has."""

    uid: str
    title: str
    tells: str
    rows: Sequence[Row]
    variables: Sequence[tuple[str, Metric]] = field(default=())

    @property
    def panels(self) -> list[Panel]:
        """All panels, in order."""
        return [one for row in self.rows for one in row.panels]


def series(metric: Metric, variables: Sequence[str], **fixed: str) -> str:
    """Return a selector of a metric, narrowed by the variables of the dashboard that are labels of it."""
    chosen = [f'{name}=~"${name}"' for name in variables if name in metric.labels]
    chosen += [f'{name}="{value}"' for name, value in fixed.items()]
    return f"{metric.name}{{{', '.join(chosen)}}}" if chosen else metric.name


class On:
    """Writes the queries of one dashboard."""

    def __init__(self, *variables: str) -> None:
        self._variables = variables

    def now(self, metric: Metric, legend: str = "", how: str = "", **fixed: str) -> Query:
        """Return what a metric is now; ``how`` aggregates it, as in ``sum by (topic)``."""
        text = series(metric, self._variables, **fixed)
        return Query(f"{how} ({text})" if how else text, legend, metric)

    def rate(self, metric: Metric, legend: str = "", how: str = "", **fixed: str) -> Query:
        """Return how fast a counter grows, a second."""
        text = f"rate({series(metric, self._variables, **fixed)}[{RATE}])"
        return Query(f"{how} ({text})" if how else text, legend, metric, is_rate=True)

    def growth(self, metric: Metric, legend: str = "", how: str = "") -> Query:
        """Return how fast a gauge that only grows does so, a second: offsets."""
        text = f"deriv({series(metric, self._variables)}[5m])"
        return Query(f"{how} ({text})" if how else text, legend, metric, is_rate=True)

    def down(self, metric: Metric, by: str) -> Query:
        """Return how many are not 1."""
        return Query(
            f"count by ({by}) ({series(metric, self._variables)} == 0) or 0 * sum by ({by}) ("
            f"{series(metric, self._variables)})",
            "",
            metric,
        )

    def ones(self, metric: Metric, legend: str) -> Query:
        """Return only what is 1: of states, the one that it is in."""
        return Query(f"{series(metric, self._variables)} == 1", legend, metric)

    def ratio(self, metric: Metric, of: Metric, legend: str = "") -> Query:
        """Return a metric as a share of another with the same labels."""
        return Query(f"{series(metric, self._variables)} / {series(of, self._variables)}", legend, RATIO)

    def until_caught_up(self, metric: Metric, legend: str = "") -> Query:
        """Return in how many seconds a lag is gone, if it goes on as in the last minutes; nothing where it grows."""
        text = series(metric, self._variables)
        return Query(f"{text} / (-deriv({text}[5m]) > 0)", legend, SECONDS)

    def until_full(self, metric: Metric, legend: str) -> Query:
        """Return in how many seconds a ratio reaches 1, if it goes on as in the last six hours."""
        text = series(metric, self._variables)
        return Query(f"(1 - {text}) / (deriv({text}[6h]) > 0)", legend, SECONDS)

    def top(self, count: int, query: Query) -> Query:
        """Return only the largest series of a query."""
        return Query(f"topk({count}, {query.expr})", query.legend, query.metric, query.is_rate)
