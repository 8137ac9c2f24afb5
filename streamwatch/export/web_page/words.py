"""How values are put into words for people, and how good or bad they are."""

import math
from collections.abc import Iterable
from typing import Final, Literal

Health = Literal["good", "warn", "bad", "unknown"]
WORST_FIRST: Final[tuple[Health, ...]] = ("bad", "unknown", "warn", "good")

_UNITS: Final = (
    (1.0, 0.001, "ms"),
    (120.0, 1.0, "s"),
    (7200.0, 60.0, "min"),
    (172_800.0, 3600.0, "h"),
    (math.inf, 86_400.0, "days"),
)
"""Below so many seconds a time is written in this unit."""

_SIZES: Final = ((1e12, "T", 1e12), (1e9, "G", 1e9), (1e6, "M", 1e6), (1e4, "k", 1e3))
"""From where a value is written with a sign, the sign, and what it stands for."""


def worst(healths: Iterable[Health]) -> Health:
    """Return the worst; good where there is none."""
    found = set(healths)
    return next((health for health in WORST_FIRST if health in found), "good")


def span(seconds: float | None) -> str:
    """Return a time in the unit that people would choose."""
    if seconds is None or math.isnan(seconds):
        return "not known"
    if math.isinf(seconds):
        return "never"
    if seconds < 0.0005:  # noqa: PLR2004 - nothing, in the smallest unit
        return "0 s"
    unit, word = next((unit, word) for below, unit, word in _UNITS if seconds < below)
    return f"{seconds / unit:.0f} {word}"


def ago(seconds: float) -> str:
    """Return how long ago something was."""
    return "never" if math.isinf(seconds) else "now" if seconds < 1 else f"{span(seconds)} ago"


def number(value: float | None) -> str:
    """Return a number with its thousands apart."""
    if value is None or math.isnan(value):
        return "not known"
    return f"{value:,.0f}" if value == round(value) else f"{value:,.1f}"


def share(value: float | None) -> str:
    """Return a ratio as a percentage."""
    return "not known" if value is None else f"{value:.0%}"


def amount(value: float | None, unit: str) -> str:
    """Return a value in its unit, as short as people would say it."""
    if value is None or math.isnan(value):
        return "not known"
    if unit == "seconds":
        return span(value)
    if unit == "ratio":
        return share(value)
    per = "/s" if unit.endswith("/s") else ""
    what = {"bytes": "B", "bytes/s": "B/s", "records": "", "records/s": "/s"}.get(unit, per)
    sign, size = next(((sign, size) for least, sign, size in _SIZES if abs(value) >= least), ("", 1.0))
    short = f"{value / size:.3g}" if size > 1 or value != round(value) else f"{value:.0f}"
    return f"{short} {sign}{what}".rstrip() if sign or what.startswith("B") else f"{short}{what}"


def counted(count: float, singular: str, plural: str = "") -> str:
    """Return a count with what is counted."""
    return f"{number(count)} {singular if count == 1 else plural or singular + 's'}"


def listed(names: list[str], most: int = 4) -> str:
    """Return names in a row, not too many of them."""
    shown = names[:most]
    if len(names) > most:
        return f"{', '.join(shown)} and {len(names) - most} more"
    return f"{', '.join(shown[:-1])} and {shown[-1]}" if len(shown) > 1 else "".join(shown)
