"""How counts, names, spans of time and sizes are put into sentences."""

from collections.abc import Sequence
from typing import Final

_MOST_NAMES: Final = 4
_SPANS: Final = (("d", 86_400.0), ("h", 3600.0), ("min", 60.0))
_KIBI: Final = 1024.0


def counted(count: float, singular: str, plural: str = "") -> str:
    """Return a count with what is counted."""
    return f"{count:,.0f} {singular if count == 1 else plural or singular + 's'}"


def rounded(number: float) -> str:
    """Return a number in three digits, as people write it: ``1,010``, ``7.5``; never as ``1.01e+03``."""
    return f"{float(f'{number:.3g}'):,.6f}".rstrip("0").rstrip(".")


def listed(names: Sequence[str]) -> str:
    """Return names in a row, not too many of them."""
    if len(names) > _MOST_NAMES:
        return f"{', '.join(names[:_MOST_NAMES])} and {len(names) - _MOST_NAMES} more"
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)


def span(seconds: float) -> str:
    """Return a span of time, about as long as it is: ``2.5 d``."""
    for unit, length in _SPANS:
        if seconds >= length:
            return f"{seconds / length:.1f} {unit}".replace(".0 ", " ")
    return f"{seconds:.0f} s"


def size(count: float) -> str:
    """Return a number of bytes, about as many as there are: ``1.5 GiB``."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < _KIBI:
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= _KIBI
    return f"{count:,.1f} TiB"


def printable(text: str) -> str:
    """Return a text in one line, in which nothing is left that a terminal would obey."""
    line = text.rstrip("\n").replace("\n", " ")
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in line)


def printable_lines(text: str) -> str:
    """Return the same of a text that may have several lines."""
    return "\n".join(map(printable, text.split("\n")))
