"""From a view to one expression of PromQL, and from its answer to rows."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from streamwatch.cli.top.listing import MATCHERS, ROWS, Listing, TopColumn
from streamwatch.cli.top.rows import Cell, TopRow
from streamwatch.cli.top.units import NONE, plain, written
from streamwatch.export.web_page.words import WORST_FIRST, Health, worst

COLUMN: Final = "top_column"
"""The label that names the column of a computed value."""
NAME: Final = "name"
"""The title of the column of names: rows can be sorted by it, too."""
METRICS: Final = "metrics"
TOTAL: Final = "total"
"""What is asked besides computed columns."""
_STEP: Final = 1e12
"""What counts more is so much larger: of two rows the one with the more important trouble comes first."""
_LAST: Final = 1e300
_NAME: Final = "__name__"
_BLANK: Final = r"[^\p{L}\p{M}\p{N}\p{P}\p{S}]"
"""In RE2: whatever ``plain`` shows as a blank, characters that nobody has assigned among them."""

Series = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Selection:
    """What is wanted of a view."""

    labels: Mapping[str, str] = field(default_factory=dict)
    """Only what has these."""
    filter: str = ""
    """Only what has this in its name, in any case of letters."""
    sort: str = ""
    """The title of a column; empty: the worst first."""
    is_reversed: bool = False


def expressions(listing: Listing, request: Selection) -> dict[str, str]:
    """Return the expressions that a view asks, by what they give: each its rows at most, whatever there is.

    What is computed is asked apart: to name its column in one expression would take a label set for all that there is.
    """
    keys = ", ".join(listing.keys)
    first = _chosen(listing, request, keys).replace(MATCHERS, _matchers(listing, request))
    wanted, rows = _matchers(listing, Selection(request.labels)), f"and on ({keys}) {first}"
    names = "|".join(dict.fromkeys(c.metric.name for c in listing.columns if c.metric is not None))
    asked = {METRICS: f'{{{_NAME}=~"{names}", {MATCHERS}}} {rows}'}
    asked |= {c.title: c.expr.replace(ROWS, rows) for c in listing.columns if c.expr}
    asked = {name: expr.replace(MATCHERS, wanted) for name, expr in asked.items()}
    total = f"count({listing.there.name}{{{MATCHERS}}})"
    return {**asked, TOTAL: total.replace(MATCHERS, _matchers(listing, request))}


def union(exprs: Mapping[str, str]) -> str:
    """Return several expressions as one; each series has the name of its own in a label."""
    return " or ".join(_labelled(expr, name) for name, expr in exprs.items())


def quoted(text: str) -> str:
    """Return a text as PromQL writes it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def matchers_of(labels: Mapping[str, str]) -> str:
    """Return conditions on labels."""
    return ", ".join(_condition(name, value) for name, value in labels.items())


def _condition(name: str, value: str) -> str:
    """Return a condition on a label by its value as it is shown, where blanks may be what cannot be printed."""
    if " " not in value:
        return f"{name}={quoted(value)}"
    return f"{name}=~{quoted(_BLANK.join(map(re.escape, value.split(' '))))}"


def number(text: str) -> float | None:
    """Return a value of the API; None where it is not known."""
    value = float(text)
    return None if math.isnan(value) else value


def rows(listing: Listing, answers: Mapping[str, Series]) -> list[TopRow]:
    """Return the rows that the answers make, by what was asked."""
    by_key: dict[tuple[str, ...], dict[str, list[Mapping[str, Any]]]] = {}
    for name, answer in answers.items():
        for each in answer if name != TOTAL else ():
            labels = each["metric"]
            key = tuple(plain(labels.get(label, "")) for label in listing.keys)
            column = labels[_NAME] if name == METRICS else name
            by_key.setdefault(key, {}).setdefault(column, []).append(each)
    return [_row(listing, key, values) for key, values in by_key.items()]


def total(answers: Mapping[str, Series]) -> int | None:
    """Return how many there are in all; None where that is not known."""
    value = number(answers[TOTAL][0]["value"][1]) if answers.get(TOTAL) else 0.0
    return None if value is None else round(value)


def ordered(listing: Listing, unordered: Iterable[TopRow], request: Selection) -> list[TopRow]:
    """Return rows in the order that is wanted; what is not known comes last."""
    if request.sort == NAME:
        return sorted(unordered, key=lambda row: _natural(row.key[-1]), reverse=request.is_reversed)
    column = listing.column(request.sort)
    by_name = sorted(unordered, key=lambda row: [_natural(part) for part in (row.key[-1], *row.key)])
    if column is None:
        worst_first = [(row.rank, [-_roughly(_value(row, title)) for title in listing.order]) for row in by_name]
        by_worst = [by_name[at] for at in sorted(range(len(by_name)), key=worst_first.__getitem__)]
        return by_worst[::-1] if request.is_reversed else by_worst
    if column.label:
        return sorted(by_name, key=lambda row: row.cells[column.title].text, reverse=request.is_reversed)
    known = [row for row in by_name if row.cells[column.title].value is not None]
    known.sort(key=lambda row: _value(row, column.title), reverse=not request.is_reversed)
    return [*known, *(row for row in by_name if row.cells[column.title].value is None)]


def _value(row: TopRow, title: str) -> float:
    value = row.cells[title].value
    return -math.inf if value is None else value


def _roughly(value: float) -> float:
    """Return a value to one digit: rows that are about the same do not change places at every look."""
    return float(f"{value:.0e}")


def _natural(text: str) -> list[tuple[int, str]]:
    """Return what names are sorted by: numbers in them as numbers."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", text) if part]


def _matchers(listing: Listing, request: Selection) -> str:
    wanted = {name: value for name, value in request.labels.items() if name in listing.keys}
    conditions = [matchers_of(wanted)] if wanted else []
    if request.filter:
        pattern = f"(?i).*{re.escape(request.filter)}.*"
        conditions.append(f"{listing.name_label}=~{quoted(pattern)}")
    return ", ".join(conditions)


def _chosen(listing: Listing, request: Selection, keys: str) -> str:
    """Return which rows are read: the worst, or the first by a column; then those of which that is not known."""
    column = listing.column(request.sort)
    there = f"{listing.there.name}{{{MATCHERS}}}"
    if column is not None and not column.label:
        first, last = ("bottomk", _LAST) if request.is_reversed else ("topk", -_LAST)
        return f"{first}({listing.most}, ({column.source}) or on ({keys}) {there} * 0 + {last:g})"
    steps = range(len(listing.worst) - 1, -1, -1)
    terms = [f"({expr}) * {_STEP**step:g}" for step, expr in zip(steps, listing.worst, strict=True)]
    return f"topk({listing.most}, {f' or on ({keys}) '.join([*terms, f'{there} * 0 - 1'])})".replace(ROWS, "")


def _labelled(expr: str, column: str) -> str:
    return f'label_replace({expr}, "{COLUMN}", {quoted(column)}, "", "")'


def _row(listing: Listing, key: tuple[str, ...], values: Mapping[str, list[Mapping[str, Any]]]) -> TopRow:
    labels = {name: value for name, value in zip(listing.keys, key, strict=True) if value}
    cells = {
        column.title: Cell(NONE) if column.applies and not column.applies(labels) else _cell(column, values)
        for column in listing.columns
    }
    health: Health = worst(cell.health for cell in cells.values())
    return TopRow(key, cells, health, listing.opens, labels)


def _cell(column: TopColumn, values: Mapping[str, list[Mapping[str, Any]]]) -> Cell:
    source = column.metric.name if column.metric is not None else column.title
    series = values.get(source, [])
    if column.label:
        words = sorted({plain(one["metric"].get(column.label, "")) for one in series})
        word = ", ".join(words) if series else column.absent
        known = [column.word_health[word] for word in words if word in column.word_health]
        return Cell(word, None, min(known, key=WORST_FIRST.index, default="good"))
    value = number(series[0]["value"][1]) if series else None
    text = written(value, column.unit) if value is None else column.words.get(value, written(value, column.unit))
    return Cell(text, value, "good" if column.health is None else column.health(value))
