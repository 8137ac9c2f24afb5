"""A table in the width that there is: which columns have room, and its lines."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from streamwatch.cli.top.listing import Listing, TopColumn
from streamwatch.cli.top.queries import NAME, Selection
from streamwatch.cli.top.rows import Cell, TopRow
from streamwatch.cli.top.units import NONE, UNKNOWN, cut, cut_middle, width_of

Line = list[tuple[str, str]]
"""Pieces of text, each with the name of its style."""
CLUSTER: Final = "cluster"
MARKS: Final = {"bad": "!", "warn": "~", "unknown": "?", "good": " "}
"""What says without colour how a row is."""

_LEFT: Final = 3
"""The cursor, the mark, and a space."""
_GAP: Final = 2
_LEAST_NAME: Final = 12
_MOST_TEXT: Final = 120
_NARROW: Final = 80


@dataclass(frozen=True, slots=True)
class Fitted:
    """A column with its width."""

    column: TopColumn
    width: int


def fitted(listing: Listing, rows: Sequence[TopRow], width: int, request: Selection) -> list[Fitted]:
    """Return the columns that have room, the name first; those of the lowest rank have it before others."""
    columns = [_name_column(listing), *_cluster_column(listing, rows), *listing.columns]
    natural = [_natural(column, rows, title_of(column, listing)) for column in columns]
    needs = [
        min(wide, max(column.least, column.least * width // _NARROW)) if column.is_text and at else wide
        for at, (column, wide) in enumerate(zip(columns, natural, strict=True))
    ]
    room = width - _LEFT - needs[0]
    chosen = {0}
    by_rank = sorted(range(1, len(columns)), key=lambda at: (columns[at].title != request.sort, columns[at].rank, at))
    for at in by_rank:
        must = columns[at].rank == 0 or columns[at].title == request.sort
        if must or needs[at] + _GAP <= room:
            chosen.add(at)
            room -= needs[at] + _GAP
    widths = dict(zip(range(len(columns)), needs, strict=True))
    if room < 0:
        shorter = max(min(_LEAST_NAME, widths[0]), widths[0] + room)
        room += widths[0] - shorter
        widths[0] = shorter
    for at in sorted(chosen - {0}):
        if columns[at].is_text:
            least = min(widths[at], _LEAST_NAME)
            changed = max(least, min(natural[at], widths[at] + room))
            room -= changed - widths[at]
            widths[at] = changed
    return [Fitted(columns[at], widths[at]) for at in sorted(chosen)]


def header(columns: Sequence[Fitted], listing: Listing, request: Selection, width: int) -> Line:
    """Return the line of titles; the one that rows are sorted by has an arrow."""
    pieces = [" " * _LEFT]
    for at, each in enumerate(columns):
        title = title_of(each.column, listing)
        if each.column.title == request.sort:
            arrow = "^" if request.is_reversed != (each.column.is_text) else "v"
            title = f"{arrow}{title}"
        pieces.append(_aligned(title, each))
        pieces.append(" " * _GAP if at < len(columns) - 1 else "")
    return [(_padded("".join(pieces), width), "header")]


def line(row: TopRow, columns: Sequence[Fitted], width: int, *, is_selected: bool = False) -> Line:
    """Return the line of a row."""
    pieces: Line = [(">" if is_selected else " ", ""), (f"{MARKS[row.health]} ", row.health)]
    for at, each in enumerate(columns):
        cell = _cell_of(row, each.column)
        style = cell.health if cell.health != "good" else "dim" if cell.text in {UNKNOWN, NONE} else ""
        pieces.append((_aligned(cell.text, each), "name" if at == 0 and not style else style))
        pieces.append((" " * _GAP if at < len(columns) - 1 else "", ""))
    used = sum(width_of(text) for text, _ in pieces)
    pieces.append((" " * max(0, width - used), ""))
    return [(text, f"{style} selected".strip()) for text, style in pieces] if is_selected else pieces


def name_is_cut(row: TopRow, columns: Sequence[Fitted]) -> bool:
    """Say whether the name of a row has no room."""
    return width_of(row.key[-1]) > columns[0].width


def title_of(column: TopColumn, listing: Listing) -> str:
    """Return what stands above a column: above names, what they are the names of."""
    return listing.name_label if column.title == NAME else column.title


def _aligned(text: str, each: Fitted) -> str:
    shown = (cut_middle if each.column.title == NAME else cut)(text, each.width)
    blank = " " * (each.width - width_of(shown))
    return shown + blank if each.column.is_text else blank + shown


def _padded(text: str, width: int) -> str:
    return cut(text, width) + " " * max(0, width - width_of(text))


def _name_column(listing: Listing) -> TopColumn:
    return TopColumn(title=NAME, label=listing.name_label, is_text=True)


def _cluster_column(listing: Listing, rows: Sequence[TopRow]) -> list[TopColumn]:
    """Return a column of clusters, where there is more than one."""
    clusters = {row.labels.get("kafka_cluster", "") for row in rows}
    return [TopColumn(title=CLUSTER, is_text=True)] if "kafka_cluster" in listing.keys and len(clusters) > 1 else []


def _cell_of(row: TopRow, column: TopColumn) -> Cell:
    if column.title == NAME:
        return Cell(row.key[-1])
    if column.title == CLUSTER:
        return Cell(row.labels.get("kafka_cluster", ""))
    return row.cells[column.title]


def _natural(column: TopColumn, rows: Sequence[TopRow], title: str) -> int:
    longest = max((width_of(_cell_of(row, column).text) for row in rows), default=0)
    # One more than the title: the arrow of the column that is sorted by must not move the others.
    return min(max(longest, len(title) + 1), _MOST_TEXT)
