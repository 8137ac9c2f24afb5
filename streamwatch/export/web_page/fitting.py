"""Texts cut to the room that a picture has for them."""

import unicodedata
from typing import Final

_NARROW: Final = frozenset("iljtfrI.,:;|!'()[]{}/ ")
_BROAD: Final = frozenset("mwMW@%")
_EM: Final = {"narrow": 0.36, "usual": 0.6, "capital": 0.72, "broad": 0.95, "wide": 1.1}
"""How wide a sign is at most, of the font's size, whatever the font."""


def fitted(text: str, pixels: float, size: float) -> str:
    """Return a text on one line, cut with an ellipsis where it is wider than this; signs that steer text are not kept.

    Args:
        text: whatever somebody called something.
        pixels: how much room there is.
        size: of the font.

    """
    shown = plain(text)
    if _width(shown, size) <= pixels:
        return shown
    room, count = pixels - size * _EM["broad"], 0
    for sign in shown:
        room -= _width(sign, size)
        if room < 0:
            break
        count += 1
    return f"{shown[:count]}…"


def plain(text: str) -> str:
    """Return a text without signs that steer how it is shown."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)


def _width(text: str, size: float) -> float:
    return sum(_EM[_kind(sign)] for sign in text) * size


def _kind(sign: str) -> str:
    if sign in _NARROW:
        return "narrow"
    if sign in _BROAD:
        return "broad"
    if ord(sign) > 0x2E7F or unicodedata.east_asian_width(sign) in "WF":  # noqa: PLR2004 - from here on they are wide
        return "wide"
    return "capital" if sign.isupper() else "usual"
