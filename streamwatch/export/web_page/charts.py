"""Pictures of the hours before, as SVG that a browser draws without a script: a curve, its gaps, and what is marked."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final

import numpy as np

from streamwatch.archive.numbers import ArchivedNumber
from streamwatch.archive.rings import HIGH, LAST, LOW, Curve, Float32s
from streamwatch.export.web_page.words import amount

WIDTH: Final = 1000
HEIGHT: Final = 100
_SPARK_WIDTH: Final = 120
_SPARK_HEIGHT: Final = 24
_MOST_COLUMNS: Final = 360
_SPARK_COLUMNS: Final = 60
_TICKS: Final = 5
_DAY: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Window:
    """The time that is shown."""

    name: str
    """As in an address: ``1h``."""
    words: str
    seconds: float


WINDOWS: Final = (
    Window("1h", "the last hour", 3600.0),
    Window("24h", "the last day", _DAY),
    Window("7d", "the last week", 7 * _DAY),
)


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened."""

    at: float
    """In seconds since 1970."""
    style: str
    """``fires``, ``resolved`` or ``change``."""
    title: str


@dataclass(frozen=True, slots=True)
class DrawnMark:
    """It, at its place."""

    x: int
    style: str
    title: str


@dataclass(frozen=True, slots=True)
class Spark:
    """A small picture in a line of text."""

    line: str
    label: str
    """The same in words."""


@dataclass(frozen=True, slots=True)
class NamedSpark:
    """A small picture with its name."""

    title: str
    spark: Spark


@dataclass(frozen=True, slots=True)
class Chart:
    """One number over a time."""

    title: str
    now: str
    """Its value, in words."""
    highest: str
    top: str
    """The value at the upper edge."""
    label: str
    """The picture in words."""
    line: str
    band: str
    """Between the lowest and the highest of each step; empty where they are the same."""
    gaps: Sequence[tuple[int, int]]
    """Where nothing is known: place and width."""
    marks: Sequence[DrawnMark]
    ticks: Sequence[str]


def chart(number: ArchivedNumber, curve: Curve | None, window: Window, now: float, marks: Sequence[Mark]) -> Chart:
    """Return a picture.

    Args:
        number: what is shown.
        curve: it over a time; None where nothing is archived of it.
        window: which time is shown.
        now: its end, in seconds since 1970.
        marks: what is marked.

    """
    values = _columns(curve, window.seconds, now, _MOST_COLUMNS)
    known = values[HIGH][~np.isnan(values[HIGH])]
    top = _top(float(known.max()) if len(known) else 0.0)
    last = values[LAST][~np.isnan(values[LAST])]
    is_known_now = bool(len(last)) and not np.isnan(values[LAST][-2:]).all()
    shown_now = amount(float(last[-1]), number.unit) if is_known_now else "not known now"
    highest = amount(float(known.max()), number.unit) if len(known) else ""
    gaps = _gaps(values)
    return Chart(
        number.title,
        shown_now,
        highest,
        amount(top, number.unit),
        _words(number, window, values, shown_now, highest),
        _line(values[LAST], top, WIDTH, HEIGHT),
        _band(values, top),
        gaps,
        [_placed(mark, window, now) for mark in marks if now - window.seconds <= mark.at <= now],
        _ticks(window, now),
    )


def spark(number: ArchivedNumber, curve: Curve | None, now: float) -> Spark | None:
    """Return a small picture of the last hour; None where nothing is known of it."""
    values = _columns(curve, WINDOWS[0].seconds, now, _SPARK_COLUMNS)
    known = values[HIGH][~np.isnan(values[HIGH])]
    if not len(known):
        return None
    highest = float(known.max())
    words = f"{number.title} over the last hour: at most {amount(highest, number.unit)}"
    return Spark(_line(values[HIGH], highest or 1.0, _SPARK_WIDTH, _SPARK_HEIGHT), words)


def clock_time(at: float) -> str:
    """Return an instant as people read it, in UTC."""
    return f"{datetime.fromtimestamp(at, UTC):%b %d %H:%M:%S}"


def _columns(curve: Curve | None, seconds: float, now: float, most: int) -> Float32s:
    """Return the lowest, highest and last of equal parts of the time until now (3, columns); no more than ``most``."""
    if curve is None:
        return np.full((3, most), np.nan, dtype=np.float32)
    steps = round(seconds / curve.seconds)
    end = int(now // curve.seconds) - curve.first_step + 1
    values = np.full((3, steps), np.nan, dtype=np.float32)
    first = end - steps
    have = curve.values[:, max(0, first) : max(0, end)]
    values[:, max(0, -first) : max(0, -first) + have.shape[1]] = np.where(np.isfinite(have), have, np.nan)
    each = math.ceil(steps / most)
    if each == 1:
        return values
    pad = -steps % each
    parts = np.concatenate([np.full((3, pad), np.nan, dtype=np.float32), values], axis=1).reshape(3, -1, each)
    last = parts[LAST]
    place = each - 1 - np.argmax(~np.isnan(last[:, ::-1]), axis=1)
    lasts = np.take_along_axis(last, place[:, None], axis=1)[:, 0]
    return np.stack([np.fmin.reduce(parts[LOW], axis=1), np.fmax.reduce(parts[HIGH], axis=1), lasts])


def _runs(values: Float32s) -> list[tuple[int, int]]:
    """Return the parts in which something is known: first, and behind the last."""
    known = np.concatenate([[False], ~np.isnan(values), [False]])
    edges = np.flatnonzero(known[1:] != known[:-1]).tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))


def _line(values: Float32s, top: float, width: int, height: int) -> str:
    """Return the path of a curve: through the middle of each column, and across a column that stands alone."""
    count, parts = len(values), list[str]()
    for first, end in _runs(values):
        points = [
            f"{round((at + 0.5) * width / count)} {_y(float(values[at]), top, height)}" for at in range(first, end)
        ]
        start = f"{round(first * width / count)} {points[0].split()[1]}"
        stop = f"{round(end * width / count)} {points[-1].split()[1]}"
        parts.append("M" + "L".join([start, *points, stop]))
    return "".join(parts)


def _band(values: Float32s, top: float) -> str:
    """Return the path around what lies between the lowest and the highest."""
    if not np.nansum(values[HIGH] - values[LOW]) > 0:
        return ""
    count, parts = values.shape[1], list[str]()
    for first, end in _runs(values[HIGH]):
        across = [(round((at + 0.5) * WIDTH / count), at) for at in range(first, end)]
        upper = [f"{x} {_y(float(values[HIGH][at]), top, HEIGHT)}" for x, at in across]
        lower = [f"{x} {_y(float(values[LOW][at]), top, HEIGHT)}" for x, at in reversed(across)]
        parts.append("M" + "L".join([*upper, *lower]) + "Z")
    return "".join(parts)


def _y(value: float, top: float, height: int) -> str:
    """Return how far below the upper edge a value is; the line is not cut off there."""
    return f"{height - 1 - (height - 2) * max(0.0, min(1.0, value / top)):.1f}".rstrip("0").rstrip(".")


def _gaps(values: Float32s) -> list[tuple[int, int]]:
    count = values.shape[1]
    edges = [0, *(edge for run in _runs(values[LAST]) for edge in run), count]
    found = [(first, end) for first, end in list(pairwise(edges))[::2] if end > first]
    return [(round(first * WIDTH / count), round((end - first) * WIDTH / count)) for first, end in found]


def _top(highest: float) -> float:
    """Return a round number that is no lower."""
    if highest <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(highest))
    return next(step * power for step in (1.0, 2.0, 3.0, 5.0, 10.0) if step * power >= highest * (1 - 1e-6))


def _words(number: ArchivedNumber, window: Window, values: Float32s, now: str, highest: str) -> str:
    if not highest:
        return f"{number.title} over {window.words}: nothing is known"
    unknown = float(np.isnan(values[LAST]).mean())
    gaps = f"; not known for {unknown:.0%} of it" if unknown else ""
    return f"{number.title} over {window.words}: {now}, at most {highest}{gaps}"


def _placed(mark: Mark, window: Window, now: float) -> DrawnMark:
    return DrawnMark(round(WIDTH * (mark.at - now + window.seconds) / window.seconds), mark.style, mark.title)


def _ticks(window: Window, now: float) -> list[str]:
    """Return times at equal distances, from the left edge to the right one."""
    form = "%H:%M" if window.seconds <= _DAY else "%b %d"
    times = [now - window.seconds * (1 - at / (_TICKS - 1)) for at in range(_TICKS)]
    return [datetime.fromtimestamp(at, UTC).strftime(form) for at in times]
