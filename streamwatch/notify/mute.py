"""Times at which nobody is notified of alerts: windows that come again, and silences by hand."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias
from zoneinfo import ZoneInfo

from streamwatch.notify.matchers import Matchers, matchers
from streamwatch.settings.types import Duration, refuse, setting, tried

Next: TypeAlias = Callable[[float], float]
"""Returns when a window begins next after a time; infinite where it never does. Seconds since 1970."""

_UUID: Final = "00000000-0000-4000-8000-"
_DIGITS: Final = 12
_FIELDS: Final = 5
_LONGEST: Final = 366 * 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MuteTimeInterval:
    """A window that comes again."""

    matchers: tuple[str, ...] = setting(
        "conditions on the labels of alerts that it mutes; none: all", default=(), formerly=("match",)
    )
    cron: str = setting("when it begins: minute, hour, day of the month, month, day of the week: `0 22 * * mon-fri`")
    duration: Duration = setting("how long it lasts", minimum=60.0, maximum=_LONGEST, formerly=("lasts",))
    location: str = setting("time zone, as in `Europe/Paris`", default="UTC", formerly=("zone",))

    def __post_init__(self) -> None:
        refuse(self.problems())

    def problems(self) -> Iterator[str]:
        """Yield every mistake."""
        yield from (f"matchers: {problem}" for problem in tried(matchers, self.matchers or ()))
        if self.cron and len(self.cron.split()) != _FIELDS:
            yield f"cron: {self.cron!r} has not five fields: write '0 22 * * mon-fri'"
        try:
            ZoneInfo(self.location)
        except (KeyError, ValueError, OSError):
            yield f"location: {self.location!r} is no time zone: write one like 'Europe/Paris'"


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


class MuteWindow:
    """A window of the configuration."""

    def __init__(self, config: MuteTimeInterval, following: Next) -> None:
        self._duration, self._following = config.duration, following
        self.name = f"{config.cron} {config.location}"
        self.conditions = matchers(config.matchers)

    def state(self, now: float) -> tuple[bool, float]:
        """Return whether it is open, and until when that stays so at least."""
        start = self._following(now - self._duration)
        return (False, start) if start > now else (True, start + self._duration)
