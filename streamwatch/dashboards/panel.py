"""What a dashboard is made of."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from streamwatch.catalogue.agent import ALERTS
from streamwatch.model.metric import Metric, Tier

Shape = Literal["timeseries", "state-timeline", "stat", "table", "bargauge", "nodeGraph"]

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
    """An expression, and what its series are called: in a table, its column; without a name it has none."""

    expr: str
    legend: str = ""
    metric: Metric | None = None
    """Whose unit the panel has."""
    is_rate: bool = False
    red_above: float | None = None
    """From above this on it is red; up to this, green."""
    red_below: float | None = None
    words: tuple[str, str] | None = None
    """What 0, which is red, and 1 are called; None for what is more than yes and no."""

    @property
    def unit(self) -> str:
        """Return Grafana's unit of its values."""
        if self.metric is None:
            return "short"
        return (_RATES if self.is_rate else _UNITS).get(self.metric.unit, "cps" if self.is_rate else "short")

    def red(self, *, above: float | None = None, below: float | None = None) -> "Query":
        """Return the query with what is wrong in red."""
        return replace(self, red_above=above, red_below=below)

    def in_words(self, no: str, yes: str) -> "Query":
        """Return the query with its 0, which is wrong, and its 1 in words."""
        return replace(self, words=(no, yes), red_below=1)


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel; the first query decides the unit, and what is red outside of tables."""

    title: str
    asks: str
    """The question that it answers."""
    queries: Sequence[Query]
    shape: Shape = "timeseries"
    width: int = 8
    """Of 24."""
    height: int = 7
    link: tuple[str, str] | None = None
    """Of a table: a label, and the uid of the dashboard where a click on its value chooses it."""


@dataclass(frozen=True, slots=True)
class Row:
    """Panels under a title."""

    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A dashboard. Each variable is a label, chosen among the values that a metric has where those before it are so."""

    uid: str
    title: str
    description: str
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


def dedup(metric: Metric, text: str) -> str:
    """Return an expression of a metric with each series once, however many agents watch the same.

    What agents say of themselves stays apart.
    """
    return text if metric.name.startswith("streamwatch_") else f"max by ({', '.join(metric.labels)}) ({text})"


def firing(*more: str) -> str:
    """Return a selector of the alerts that somebody should know of: not of those that fire to show that they can."""
    matchers = ", ".join(('alertstate="firing"', 'severity!="none"', *more))
    return f"{ALERTS.name}{{{matchers}}}"


class On:
    """Writes the queries of one dashboard. Several agents may watch the same, as sidecars of brokers do."""

    def __init__(self, *variables: str) -> None:
        self._variables = variables

    def _dedup(self, metric: Metric, **fixed: str) -> str:
        return dedup(metric, series(metric, self._variables, **fixed))

    def now(self, metric: Metric, legend: str = "", how: str = "", **fixed: str) -> Query:
        """Return what a metric is now; ``how`` aggregates it, as in ``sum by (topic)``."""
        text = self._dedup(metric, **fixed)
        return Query(f"{how} ({text})" if how else text, legend, metric)

    def rate(self, metric: Metric, legend: str = "", how: str = "", **fixed: str) -> Query:
        """Return how fast a counter grows, a second."""
        text = dedup(metric, f"rate({series(metric, self._variables, **fixed)}[{RATE}])")
        return Query(f"{how} ({text})" if how else text, legend, metric, is_rate=True)

    def per_day(self, metric: Metric, legend: str = "") -> Query:
        """Return how fast a counter grows, a day."""
        return Query(f"86400 * rate({series(metric, self._variables)}[{RATE}])", legend, metric)

    def most(self, by: str, legend: str, *metrics: Metric) -> Query:
        """Return the largest of what several metrics say of the same."""
        some = " or ".join(self._dedup(one) for one in metrics)
        return Query(f"max by ({by}) ({some})", legend, metrics[0])

    def growth(self, metric: Metric, legend: str = "", how: str = "") -> Query:
        """Return how fast a gauge that only grows does so, a second: offsets."""
        text = dedup(metric, f"deriv({series(metric, self._variables)}[5m])")
        return Query(f"{how} ({text})" if how else text, legend, metric, is_rate=True)

    def down(self, metric: Metric, by: str, legend: str = "") -> Query:
        """Return how many are not 1."""
        text = self._dedup(metric)
        return Query(f"count by ({by}) ({text} == 0) or 0 * sum by ({by}) ({text})", legend, metric)

    def firing(self, by: str, of: Metric, legend: str) -> Query:
        """Return how many alerts fire, by labels of which the last must be there; 0 where another metric is known."""
        there = f'{by.rpartition(", ")[2]}!=""'
        each = f"max by (alertname, severity, {by}) ({firing(there)})"
        return Query(f"sum by ({by}) ({each}) or 0 * max by ({by}) ({of.name})", legend)

    def only_1(self, metric: Metric, legend: str = "") -> Query:
        """Return only what is 1: of states, the one that it is in."""
        return Query(f"{self._dedup(metric)} == 1", legend, metric)

    def ratio(self, metric: Metric, of: Metric, legend: str = "") -> Query:
        """Return a metric as a share of another with the same labels."""
        return Query(f"{self._dedup(metric)} / {self._dedup(of)}", legend, RATIO)

    def until_caught_up(self, metric: Metric, legend: str = "") -> Query:
        """Return in how many seconds a lag is gone, if it goes on as in the last minutes; nothing where it grows."""
        text = series(metric, self._variables)
        return Query(f"{dedup(metric, text)} / {dedup(metric, f'(-deriv({text}[5m]) > 0)')}", legend, SECONDS)

    def until_full(self, metric: Metric, legend: str) -> Query:
        """Return in how many seconds a ratio reaches 1, if it goes on as in the last six hours."""
        text = series(metric, self._variables)
        return Query(f"(1 - {dedup(metric, text)}) / {dedup(metric, f'(deriv({text}[6h]) > 0)')}", legend, SECONDS)

    def top(self, count: int, query: Query) -> Query:
        """Return only the largest series of a query."""
        return replace(query, expr=f"topk({count}, {query.expr})")
