"""Numbers and times as Prometheus's templates write them for people."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from streamwatch.promql.parse import duration_ms

_LARGE: Final = ("k", "M", "G", "T", "P", "E", "Z", "Y")
_BINARY: Final = ("ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi")
_SMALL: Final = ("m", "u", "n", "p", "f", "a", "z", "y")
_EXPONENT_FROM: Final = 1e6
_REPR_EXPONENT_FROM: Final = 1e16
"""From here, Python writes an exponent as Go does; and below 0.0001, as Go does, too."""
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def number(value: object) -> float:
    """Return what a template gives as a number.

    Raises:
        ValueError: it is none.

    """
    if isinstance(value, int | float | str):
        return float(value)
    raise ValueError(f"can't convert {value!r} to float")


def four_digits(value: float) -> str:
    """Return a number as Go's ``%.4g``."""
    if math.isnan(value):
        return "NaN"
    return f"{value:.4g}" if math.isfinite(value) else "+Inf" if value > 0 else "-Inf"


def fixed(value: object, digits: int) -> str:
    """Return a number as Go's ``%.2f``, with so many digits after the point.

    Raises:
        ValueError: it is none.

    """
    if not isinstance(value, float):
        raise ValueError(f"{value!r} is no number")  # noqa: TRY004 - as the others: gotpl says what is wrong
    return f"{value:.{digits}f}" if math.isfinite(value) else four_digits(value)


def plain(value: float) -> str:
    """Return a number as Go's ``%v``: the shortest text that is read as this number, large ones with an exponent."""
    if value == 0 or not math.isfinite(value) or not _EXPONENT_FROM <= abs(value) < _REPR_EXPONENT_FROM:
        return repr(value).removesuffix(".0") if math.isfinite(value) else four_digits(value)
    digits = repr(abs(value)).replace(".", "").strip("0")
    return f"{value:.{len(digits) - 1}e}"


def _scaled(value: float, base: float, prefixes: Sequence[str]) -> str:
    prefix = ""
    for each in prefixes:
        if abs(value) < base:
            break
        prefix, value = each, value / base
    return four_digits(value) + prefix


def _raised(value: float) -> tuple[float, str]:
    prefix = ""
    for each in _SMALL:
        if abs(value) >= 1:
            break
        prefix, value = each, value * 1000
    return value, prefix


def humanize(value: object) -> str:
    """Return ``1.235k`` and ``12.35m``."""
    value = number(value)
    if value == 0 or not math.isfinite(value):
        return four_digits(value)
    if abs(value) >= 1:
        return _scaled(value, 1000, _LARGE)
    small, prefix = _raised(value)
    return four_digits(small) + prefix


def humanize1024(value: object) -> str:
    """Return ``1.206ki``."""
    value = number(value)
    return four_digits(value) if abs(value) <= 1 or not math.isfinite(value) else _scaled(value, 1024, _BINARY)


def humanize_percentage(value: object) -> str:
    """Return ``12.35%``."""
    return four_digits(number(value) * 100) + "%"


def humanize_duration(value: object) -> str:
    """Return ``1d 2h 3m 4s``, ``12.35ms``."""
    value = number(value)
    if not math.isfinite(value):
        return four_digits(value)
    if value and abs(value) < 1:
        small, prefix = _raised(value)
        return f"{four_digits(small)}{prefix}s"
    sign, value = ("-" if value < 0 else ""), abs(value)
    whole = int(value)
    days, hours, minutes, seconds = whole // _DAY, whole // _HOUR % 24, whole // _MINUTE % 60, whole % 60
    if days:
        return f"{sign}{days}d {hours}h {minutes}m {seconds}s"
    if hours:
        return f"{sign}{hours}h {minutes}m {seconds}s"
    return f"{sign}{minutes}m {seconds}s" if minutes else f"{sign}{four_digits(value)}s"


def humanize_timestamp(value: object) -> str:
    """Return ``2026-11-24 08:00:00.5 +0000 UTC``."""
    value = number(value)
    if not math.isfinite(value):
        return four_digits(value)
    milliseconds = int(value * 1000)
    at = datetime.fromtimestamp(milliseconds // 1000, UTC)
    part = f".{milliseconds % 1000:03d}".rstrip("0").rstrip(".")
    return f"{at:%Y-%m-%d %H:%M:%S}{part} +0000 UTC"


def seconds(text: str) -> float:
    """Return a duration such as ``1h30m`` in seconds.

    Raises:
        QueryError: it is none.

    """
    return duration_ms(text) / 1000
