"""The whole screen as lines, for a width and a height."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from streamwatch.cli.top.poll import ALL_LISTINGS
from streamwatch.cli.top.queries import NAME, Selection
from streamwatch.cli.top.rows import Frame
from streamwatch.cli.top.state import TopState
from streamwatch.cli.top.table import MARKS, Fitted, Line, fitted, header, line, name_is_cut
from streamwatch.cli.top.units import cut, width_of, written
from streamwatch.cli.top.views import OVERVIEW, TABS, TEXT

HELP: Final = """\
 1 ... 8, Tab          the views
 Up Down PgUp PgDn     move; also j k, and Home End or g G
 Enter                 open: a cluster's brokers, who reads a topic, a group's
                       topics, a stream's shards, all numbers of a row, what an
                       alert or an incident says
 Esc                   back; where a filter is, without it first
 /                     only rows with this text (Enter takes it, Esc ends it)
 < >  or  Left Right   sort by another column; r turns it; w: the worst first
 Space                 freeze the picture, and let it go on
 u  ?  q               look now, this help, quit

 !  bad       ~  worth a look       ?  not known: that is never shown as 0

 STALE: the agent does not answer; the numbers are those from before.
 A source that has not been read for long is named in the overview.
 A table has its first 100 rows, by what it is sorted by, and says of how many.
 Columns without room are there in a wider window; Enter shows all numbers."""
_KEYS: Final = "Enter open  Esc back  / filter  <> sort  r turn  Space freeze  ? help  q quit"
_LEAST_WIDTH, _LEAST_HEIGHT = 40, 8
_UNDER: Final = 1
"""Lines under the rows."""
_LEAST_TARGETS: Final = 4
_UNSORTED: Final = Selection()


@dataclass(frozen=True, slots=True)
class Liveness:
    """How the picture came about."""

    agent: str
    interval: float
    stale_seconds: float | None = None
    """For how long the agent has not answered; None where it does."""
    why: str = ""


def picture(state: TopState, liveness: Liveness, width: int, height: int) -> list[Line]:
    """Return the lines of the screen, as many as it is high."""
    width, height = max(width, _LEAST_WIDTH), max(height, _LEAST_HEIGHT)
    body = _body(state, liveness, width, height - _UNDER - 2)
    lines = [_first(state, liveness, width), _tabs(state, width), *body]
    blank: Line = [(" " * width, "")]
    lines = [*lines[: height - _UNDER], *([blank] * max(0, height - _UNDER - len(lines)))]
    return [*lines, _last(state, width)]


def _body(state: TopState, liveness: Liveness, width: int, height: int) -> list[Line]:
    place, frame = state.place, state.frame
    if state.is_helping:
        return [_text(each, width) for each in ("", *HELP.splitlines())]
    if place.view == TEXT:
        text = _wrapped(place.text, width - 2)
        place.top = max(0, min(place.top, len(text) - (height - 2)))
        return [_text(f" {place.title}", width, "title"), *(_text(f" {each}", width) for each in text[place.top :])]
    if frame is None:
        return [_info(state, liveness, width, ""), _text("", width), _text("   reading ...", width, "dim")]
    return _tables(state, frame, liveness, width, height)


def _tables(state: TopState, frame: Frame, liveness: Liveness, width: int, height: int) -> list[Line]:
    place, listing = state.place, ALL_LISTINGS[state.place.view]
    columns = fitted(listing, frame.rows, width, place.request)
    state.columns = [each.column.title for each in columns if each.column.title in {c.title for c in listing.columns}]
    below = _below(frame, width, max(2, height - 2 - max(_LEAST_TARGETS, len(frame.rows)) - 1), place.view)
    state.height = max(1, height - 2 - len(below))
    place.top = max(place.cursor - state.height + 1, min(place.top, place.cursor), 0)
    shown = frame.rows[place.top : place.top + state.height]
    selected = frame.rows[place.cursor] if place.cursor < len(frame.rows) else None
    long_name = selected.key[-1] if selected is not None and name_is_cut(selected, columns) else ""
    rows = [line(row, columns, width, is_selected=row is selected) for row in shown]
    if not rows:
        rows = [_text("   nothing is here" + (" of that name" if place.request.filter else ""), width, "dim")]
    gap = [_text("", width)] * max(0, state.height - len(rows)) if below else []
    above = [_info(state, liveness, width, long_name), header(columns, listing, place.request, width)]
    return [*above, *rows, *gap, *below]


def _below(frame: Frame, width: int, height: int, view: str) -> list[Line]:
    """Return what the overview has besides: the incidents, or the alerts."""
    if view != OVERVIEW or not frame.below:
        return []
    listing = ALL_LISTINGS["incidents" if "what is the matter" in frame.below[0].cells else "alerts"]
    count = len(frame.below)
    rows = frame.below[: max(1, height - 2)]
    columns: Sequence[Fitted] = fitted(listing, rows, width, _UNSORTED)
    more = f", {count - len(rows)} more below {TABS.index(listing.title) + 1}" if count > len(rows) else ""
    title = _text(f" {count} {listing.title if count > 1 else listing.title[:-1]}{more}", width, "title")
    return [title, *(line(row, columns, width) for row in rows)]


def _first(state: TopState, liveness: Liveness, width: int) -> Line:
    frame = state.frame
    at = "" if frame is None else datetime.fromtimestamp(frame.at, UTC).strftime("%H:%M:%SZ")
    if liveness.stale_seconds is not None:
        word, style = f"STALE {written(liveness.stale_seconds, 'seconds')}", "bad"
    elif state.is_frozen:
        word, style = "FROZEN", "warn"
    else:
        word, style = f"every {written(liveness.interval, 'seconds')}", "dim"
    right = f"{at}  {word} "
    left = cut(f" streamwatch top  {liveness.agent}", max(0, width - width_of(right) - 1))
    blank = " " * max(0, width - width_of(left) - width_of(right))
    return [(left, "title"), (f"{blank}{at}  ", ""), (f"{word} ", style)]


def _tabs(state: TopState, width: int) -> Line:
    places = [place.view for place in state.places]
    current = next((view for view in reversed(places) if view in TABS), "")
    pieces: Line = []
    used = 0
    for at, view in enumerate(TABS):
        text = f"{at + 1} {view}"
        pieces.append((">" if view == current else " ", "title"))
        pieces.append((text, "title" if view == current else "dim"))
        used += len(text) + 1
    return [*pieces, (" " * max(0, width - used), "")] if used <= width else _text(f"> {current}", width, "title")


def _info(state: TopState, liveness: Liveness, width: int, long_name: str) -> Line:
    """Return the line that says what is shown of what there is."""
    if liveness.why:
        return _text(f" {liveness.why}", width, "bad")
    if long_name:
        return _text(f" {long_name}", width)
    frame, place = state.frame, state.place
    if place.view == OVERVIEW and frame is not None and not place.request.filter and not place.request.sort:
        return _text(f" {MARKS[frame.health]} {frame.headline}", width, frame.health if frame.health != "good" else "")
    words = [" > ".join(place.labels.values())] if place.labels else []
    if place.view not in TABS:
        words.append(place.view)
    sort = place.request.sort or "worst first"
    words.append(f"sorted by {'name' if sort == NAME else sort}" if place.request.sort else sort)
    if place.request.is_reversed:
        words[-1] += ", reversed"
    if place.request.filter:
        words.append(f"/{place.request.filter}")
    if frame is not None and frame.rows:
        first, last, count = place.top + 1, min(place.top + state.height, len(frame.rows)), len(frame.rows)
        words.append(f"{first}-{last} of {frame.total or count:,}")
    return _text(" " + "  |  ".join(words), width)


def _last(state: TopState, width: int) -> Line:
    if state.filter is not None:
        return _text(f" /{state.filter}_   Enter takes it, Esc ends it", width, "title")
    return _text(f" {_KEYS}", width, "dim")


def _text(text: str, width: int, style: str = "") -> Line:
    shown = cut(text, width)
    return [(shown + " " * max(0, width - width_of(shown)), style)]


def _wrapped(lines: Sequence[str], width: int) -> list[str]:
    return [part for each in lines for part in (textwrap.wrap(each, width) or [""])]
