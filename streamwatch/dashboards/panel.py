"""What a dashboard is made of."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from streamwatch.catalogue.agent import ALERTS
from streamwatch.model.metric import Metric, Tier

Shape = Literal["timeseries", "state-timeline", "stat", "table", "bargauge", "nodeGraph"]

SECONDS: Final = Metric(name="seconds", kind="gauge", unit="seconds", labels=(), tier=Tier.AGENT, help="", question="")
"""For what is computed."""
RATIO: Final = Metric(name="ratio", kind="gauge", unit="ratio", labels=(), tier=Tier.AGENT, help="", question="")
"""The same, of a share."""
_NEVER_SECONDS: Final = 10_000_000
"""A time that is left of more than so much (115 days) is nobody's worry."""
RATE: Final = "$__rate_interval"
"""Grafana's: at least four scrapes."""
SPAN: Final = "$__range"
"""Grafana's: the time that is shown."""
UNITS: Final = {"seconds": "s", "bytes": "bytes", "ratio": "percentunit", "dollars": "currencyUSD"}
"""Grafana's unit of what a metric is now, by the metric's."""
RATES: Final = {
    "bytes": "Bps", "dollars": "currencyUSD", "seconds": "percentunit", "records": "recps", "calls": "reqps"
}  # fmt: skip
"""Grafana's unit of how fast a metric grows."""
RATES_BY_NAME: Final = {"_requests_total": "reqps", "_packets_total": "pps"}
"""The same, where the metric's name says more than its unit."""
DURATION: Final = "dtdurations"
"""Grafana's unit of a time that is left, in words: of days and hours, where a number would be of weeks."""
SEVERITIES: Final = {"critical": (3, "red"), "warning": (2, "orange"), "info": (1, "blue")}
"""Of each severity how bad it is, and its colour."""


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
    words: Mapping[int, tuple[str, str]] | None = None
    """What its values are called, and their colours; None for what is a number."""
    is_exact: bool = False
    """Whether every digit counts."""
    is_left: bool = False
    """Whether it is a time that is left: less is worse, and in words it is read at once."""

    @property
    def unit(self) -> str:
        """Return Grafana's unit of its values."""
        if self.metric is None:
            return "short"
        if self.is_left:
            return DURATION
        if self.is_exact:
            return "none"
        if not self.is_rate:
            return UNITS.get(self.metric.unit, "short")
        named = (unit for name, unit in RATES_BY_NAME.items() if self.metric.name.endswith(name))
        return next(named, RATES.get(self.metric.unit, "cps"))

    def red(self, *, above: float | None = None, below: float | None = None) -> "Query":
        """Return the query with what is wrong in red."""
        return replace(self, red_above=above, red_below=below)

    def in_words(self, no: str, yes: str) -> "Query":
        """Return the query with its 0, which is wrong, and its 1 in words."""
        return replace(self, words={0: (no, "red"), 1: (yes, "green")}, red_below=1)

    def exact(self) -> "Query":
        """Return the query as one of positions, of which every digit counts."""
        return replace(self, is_exact=True)

    def left(self) -> "Query":
        """Return the query as one of a time that is left, without those that never end."""
        return replace(self, expr=f"{self.expr} < {_NEVER_SECONDS}", is_left=True)

    def lasting(self) -> "Query":
        """Return the query as one of how long something lasts."""
        return replace(self, is_left=True)


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
    labels: tuple[str, ...] = ()
    """Of a table: the labels that have a column, in their order."""
    links: Mapping[str, str] = field(default_factory=dict)
    """Of a table: labels, and the uid of the dashboard where a click on its value chooses it; of others: what it leads
    to, by the empty label."""
    sort: tuple[str, ...] = ()
    """Of a table: the columns that it is sorted by, with ``-`` before them where the largest is first."""
    nothing: str = ""
    """Of a table: what stands there where it has no row."""


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


def union(expressions: Mapping[Metric, str], words: Mapping[Metric, str] | None = None) -> str:
    """Return expressions of metrics as one; the label ``limit`` says of which, or the first would stand for all."""
    named = {one: (words or {}).get(one, one.name) for one in expressions}
    return " or ".join(f'label_replace({text}, "limit", "{named[one]}", "", "")' for one, text in expressions.items())


def firing(*more: str, of: Metric = ALERTS) -> str:
    """Return a selector of the alerts that somebody should know of: not of those that fire to show that they can."""
    matchers = ", ".join(('alertstate="firing"', 'severity!="none"', *more))
    return f"{of.name}{{{matchers}}}"


def ranked(each: str, selector: Callable[[str], str], ranks: Mapping[str, tuple[int, str]]) -> Query:
    """Return how bad something is, by the severity that it has as a label; ``each`` aggregates what has one severity.

    Args:
        each: as in ``max by (topic)``.
        selector: gives what has a severity, by its name.
        ranks: of each severity how bad it is, and its colour.

    """
    some = (f"0 * {each} ({selector(name)}) + {rank}" for name, (rank, _) in ranks.items())
    words = {rank: (name, colour) for name, (rank, colour) in ranks.items()}
    return Query(" or ".join(some), "severity", ALERTS, words=words)


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
        return Query(f"max by ({by}) ({union({one: self._dedup(one) for one in metrics})})", legend, metrics[0])

    def growth(self, metric: Metric, legend: str = "", how: str = "") -> Query:
        """Return how fast a gauge that only grows does so, a second: offsets."""
        text = dedup(metric, f"deriv({series(metric, self._variables)}[5m])")
        return Query(f"{how} ({text})" if how else text, legend, metric, is_rate=True)

    def down(self, metric: Metric, by: str, legend: str = "") -> Query:
        """Return how many are not 1."""
        text = self._dedup(metric)
        return Query(f"count by ({by}) ({text} == 0) or 0 * sum by ({by}) ({text})", legend, metric)

    def severities(self, *by: str) -> Query:
        """Return the alerts that fire, each as bad as its severity says, by labels."""
        return ranked(f"max by ({', '.join(by)})", lambda name: firing(f'severity="{name}"'), SEVERITIES)

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

    def lost(self, attempts: Metric, successes: Metric, legend: str = "") -> Query:
        """Return which share of what was tried did not succeed, of late."""
        tried, done = (series(metric, self._variables) for metric in (attempts, successes))
        return Query(dedup(attempts, f"1 - rate({done}[{RATE}]) / rate({tried}[{RATE}])"), legend, RATIO)

    def quantile(self, quantile: float, bucket: Metric, legend: str = "") -> Query:
        """Return a quantile of a histogram."""
        text = dedup(bucket, f"rate({series(bucket, self._variables)}[{RATE}])")
        return Query(f"histogram_quantile({quantile:g}, {text})", legend, SECONDS)

    def until_caught_up(self, metric: Metric, legend: str = "") -> Query:
        """Return in how many seconds a lag is gone, if it goes on as in the last minutes; nothing where it grows."""
        text = series(metric, self._variables)
        return Query(f"{dedup(metric, text)} / {dedup(metric, f'(-deriv({text}[5m]) > 0)')}", legend, SECONDS).left()

    def until_full(self, metric: Metric, legend: str) -> Query:
        """Return in how many seconds a ratio reaches 1, if it goes on as in the last six hours."""
        text = series(metric, self._variables)
        return Query(
            f"(1 - {dedup(metric, text)}) / {dedup(metric, f'(deriv({text}[6h]) > 0)')}", legend, SECONDS
        ).left()

    def among(self, query: Query, chosen: Query, *by: str) -> Query:
        """Return of a query only the series that another one has."""
        return replace(query, expr=f"{query.expr} and on ({', '.join(by)}) ({chosen.expr})")

    def top(self, count: int, query: Query) -> Query:
        """Return only the largest series of a query."""
        return replace(query, expr=f"topk({count}, {query.expr})")
