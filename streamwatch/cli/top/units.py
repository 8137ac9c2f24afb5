"""Values as a terminal shows them: short, with their unit; what is not known is a question mark."""

import math
from collections.abc import Callable, Mapping
from typing import Final, Literal

from rich.cells import cell_len, chop_cells

UNKNOWN: Final = "?"
NONE: Final = "-"
"""Where there is no such number, as of workers of what AWS runs."""
Unit = Literal["count", "records", "bytes", "ratio", "seconds", "per second", "bytes per second", "number"]

_EXACT: Final = 100_000
"""Counts below are written in full."""
_TENTHS: Final = 10
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_MOST_TEXT: Final = 2_000


def written(value: float | None, unit: Unit) -> str:
    """Return a value with its unit."""
    if value is None or math.isnan(value):
        return UNKNOWN
    if math.isinf(value):
        return "no limit" if value > 0 else "-no limit"
    return _WRITERS[unit](value)


def plain(text: str) -> str:
    """Return a text in one line without anything that a terminal would obey."""
    return "".join(char if char.isprintable() else " " for char in text[:_MOST_TEXT])


def width_of(text: str) -> int:
    """Return how many columns a text takes."""
    return len(text) if text.isascii() else cell_len(text)


def cut(text: str, width: int) -> str:
    """Return a text that fits, with a sign where its end is missing."""
    if width_of(text) <= width:
        return text
    return _first(text, width - 1) + "…" if width > 0 else ""


def cut_middle(text: str, width: int) -> str:
    """Return a name that fits: names differ at their ends."""
    if width_of(text) <= width:
        return text
    head = (width - 1) // 2
    return _first(text, head) + "…" + text[-(width - 1 - head) :] if width > _TENTHS else cut(text, width)


def _first(text: str, width: int) -> str:
    return next(iter(chop_cells(text, width)), "") if width > 0 else ""


def _count(value: float) -> str:
    return f"{value:,.0f}" if abs(value) < _EXACT else _scaled(value, 1000, ("", "k", "M", "G", "T", "P"))


def _share(value: float) -> str:
    return f"{value:.0%}" if value >= 1 / _TENTHS or value == 0 else f"{value:.1%}"


def _scaled(value: float, step: int, units: tuple[str, ...]) -> str:
    size, at = abs(value), 0
    while size >= step and at < len(units) - 1:
        size /= step
        at += 1
    sign = "-" if value < 0 else ""
    is_whole = (at == 0 and size == round(size)) or size >= _TENTHS
    return f"{sign}{size:,.0f}{units[at]}" if is_whole else f"{sign}{size:.1f}{units[at]}"


def _span(seconds: float) -> str:
    if seconds < 0:
        return f"-{_span(-seconds)}"
    if seconds < _TENTHS:
        return f"{seconds:.1f}s".replace(".0s", "s")
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole}s"
    if whole < _HOUR:
        return f"{whole // _MINUTE}m{whole % _MINUTE:02}s"
    if whole < _DAY:
        return f"{whole // _HOUR}h{whole % _HOUR // _MINUTE:02}m"
    return f"{whole // _DAY}d{whole % _DAY // _HOUR:02}h"


_WRITERS: Final[Mapping[Unit, Callable[[float], str]]] = {
    "count": _count,
    "records": _count,
    "number": lambda value: f"{value:g}",
    "ratio": _share,
    "seconds": _span,
    "bytes": lambda value: _scaled(value, 1024, ("B", "KiB", "MiB", "GiB", "TiB", "PiB")),
    "bytes per second": lambda value: _scaled(value, 1024, ("B/s", "KiB/s", "MiB/s", "GiB/s", "TiB/s")),
    "per second": lambda value: _scaled(value, 1000, ("/s", "k/s", "M/s", "G/s")),
}
