"""Silences: matchers that mute alerts until an hour that a person chose."""

from dataclasses import dataclass, field
from typing import Final, Literal

from streamwatch.notify.matchers import Matchers, matchers

_UUID: Final = "00000000-0000-4000-8000-"
_DIGITS: Final = 12


@dataclass(frozen=True, slots=True)
class Silence:
    """A mute by hand. Instants are seconds since 1970."""

    number: int
    matchers: tuple[str, ...]
    until: float
    by: str = ""
    comment: str = ""
    starts: float = 0.0
    updated: float = 0.0
    """When it was written last."""
    conditions: Matchers = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "conditions", matchers(self.matchers))

    @property
    def id(self) -> str:
        """What Alertmanager's API knows it by: a UUID that ends in the number."""
        return f"{_UUID}{self.number:012d}"

    def state(self, now: float) -> Literal["pending", "active", "expired"]:
        """Return whether it holds already, and still, in Alertmanager's words."""
        return "expired" if self.until <= now else "pending" if self.starts > now else "active"


def number_of(text: str) -> int | None:
    """Return the number of a silence that is given by its id, or by its number; None where it is neither."""
    digits = text.removeprefix(_UUID)
    return int(digits) if digits.isdecimal() and len(digits) <= _DIGITS else None
