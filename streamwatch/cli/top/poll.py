"""One look at an agent: what a view asks, and what it shows of the answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import urlencode

from streamwatch.catalogue import METRICS
from streamwatch.cli.top import overview, queries
from streamwatch.cli.top.alert_rows import ALERTS, INCIDENTS, alert_rows, for_headline, incident_rows, over_last
from streamwatch.cli.top.listing import Listing, TopColumn
from streamwatch.cli.top.queries import Selection
from streamwatch.cli.top.rows import Cell, Frame, TopRow
from streamwatch.cli.top.units import Unit, plain, written
from streamwatch.cli.top.views import LISTINGS, NUMBERS, NUMBERS_OF

_NAME: Final = "__name__"
_FIXED: Final = frozenset({_NAME, "job", "instance"})
_MOST_NUMBERS: Final = 300
_UNITS: Final[Mapping[str, Unit]] = {
    metric.name: "ratio" if metric.unit == "ratio" else "seconds" if metric.unit == "seconds" else
    "bytes" if metric.unit == "bytes" else "records"
    for metric in METRICS
}  # fmt: skip
NUMBERS_LISTING: Final = Listing(
    title=NUMBERS,
    keys=("labels", "metric"),
    there=METRICS[0],
    columns=(TopColumn(title="value"), TopColumn(title="labels", is_text=True)),
)
ALL_LISTINGS: Final = {
    **LISTINGS,
    **{listing.title: listing for listing in (overview.OVERVIEW, ALERTS, INCIDENTS, NUMBERS_LISTING)},
}


class Agent(Protocol):
    """Whom is asked."""

    @property
    def name(self) -> str:
        """What a person calls it."""

    def get(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """Return what it answers.

        Raises:
            click.ClickException: it does not answer, or refuses.

        """


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be shown: a view, and of it what."""

    view: str
    request: Selection
    parent: str = ""
    """Of a row's numbers: the view that the row is in."""


def poll(agent: Agent, wanted: Wanted) -> Frame:
    """Return what a view shows now; blocks until the agent has answered.

    Raises:
        click.ClickException: it does not answer, or refuses.

    """
    if wanted.view == overview.OVERVIEW.title:
        return _overview(agent, wanted.request)
    if wanted.view in {ALERTS.title, INCIDENTS.title}:
        return _alerts(agent, wanted)
    if wanted.view == NUMBERS:
        return _numbers(agent, wanted)
    listing = LISTINGS[wanted.view]
    answers, at = _ask(agent, queries.expressions(listing, wanted.request))
    rows = queries.ordered(listing, queries.rows(listing, answers), wanted.request)[: listing.most]
    total = queries.total(answers)
    return Frame(rows, at, None if total is None else max(total, len(rows)))


def _overview(agent: Agent, request: Selection) -> Frame:
    answers, at = _ask(agent, overview.questions())
    targets = overview.targets(answers)
    incidents = _incidents(agent)
    below = alert_rows(_active(agent), at) if incidents is None else incident_rows(incidents, at)
    below = over_last(queries.ordered(ALERTS if incidents is None else INCIDENTS, below, Selection()))
    health, headline = overview.headline(targets, for_headline(below))
    rows = [row for row in targets if _has(row, request.filter)]
    if request.sort or request.is_reversed:
        rows = queries.ordered(overview.OVERVIEW, rows, request)
    return Frame(rows, at, len(rows), headline, health, below)


def _alerts(agent: Agent, wanted: Wanted) -> Frame:
    at = _now(agent)
    if wanted.view == ALERTS.title:
        listing, rows = ALERTS, alert_rows(_active(agent), at)
    else:
        listing, rows = INCIDENTS, incident_rows(_incidents(agent) or [], at)
    rows = [row for row in rows if _has(row, wanted.request.filter)]
    shown = queries.ordered(listing, rows, wanted.request)
    if not (wanted.request.sort or wanted.request.is_reversed):
        shown = over_last(shown)
    return Frame(shown[: listing.most], at, len(shown))


def _has(row: TopRow, text: str) -> bool:
    """Say whether a text is anywhere in a row."""
    return text.lower() in " ".join([*row.key, *(cell.text for cell in row.cells.values())]).lower()


def _numbers(agent: Agent, wanted: Wanted) -> Frame:
    matchers = queries.matchers_of(wanted.request.labels)
    names = queries.quoted(NUMBERS_OF[wanted.parent])
    answers, at = _ask(agent, {NUMBERS: f"topk({_MOST_NUMBERS}, {{{_NAME}=~{names}, {matchers}}})"})
    rows = [_number(each, wanted.request.labels) for each in answers[NUMBERS]]
    rows = [row for row in rows if _has(row, wanted.request.filter)]
    return Frame(queries.ordered(NUMBERS_LISTING, rows, wanted.request), at, len(rows))


def _number(series: Mapping[str, Any], known: Mapping[str, str]) -> TopRow:
    labels = {name: plain(value) for name, value in series["metric"].items()}
    name, value = labels[_NAME], queries.number(series["value"][1])
    others = " ".join(f"{label}={text}" for label, text in labels.items() if label not in {*_FIXED, *known})
    cells = {"value": Cell(written(value, _UNITS.get(name, "number")), value), "labels": Cell(others)}
    return TopRow((others, name), cells, "good")


def _ask(agent: Agent, expressions: Mapping[str, str]) -> tuple[dict[str, queries.Series], float]:
    """Return the answers, and when they were made, by the agent's clock."""
    answers: dict[str, queries.Series] = {}
    at = _now(agent) if not expressions else 0.0
    for name, expr in expressions.items():
        answers[name] = _query(agent, expr)
        at = next((float(each["value"][0]) for each in answers[name]), at)
    return answers, at or _now(agent)


def _now(agent: Agent) -> float:
    """Return what time it is there: clocks of two machines differ."""
    return float(agent.get(f"/api/v1/query?{urlencode({'query': 'time()'})}")["data"]["result"][0])


def _query(agent: Agent, expr: str) -> queries.Series:
    answer: queries.Series = agent.get(f"/api/v1/query?{urlencode({'query': expr})}")["data"]["result"]
    return answer


def _active(agent: Agent) -> Sequence[Mapping[str, Any]]:
    alerts: Sequence[Mapping[str, Any]] = agent.get("/api/v1/alerts")["data"]["alerts"]
    return alerts


def _incidents(agent: Agent) -> Sequence[Mapping[str, Any]] | None:
    """Return the incidents; None where the agent is of a version that has none."""
    answer = agent.get("/api/v1/incidents")
    if answer is None:
        return None
    incidents: Sequence[Mapping[str, Any]] = answer["data"]["incidents"]
    return incidents
